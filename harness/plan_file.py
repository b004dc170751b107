"""`plan.json`: a plan as a file. What is read may have been written by anyone, so every fault is looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keelhaul.harness import codec
from keelhaul.harness.store import PLAN, write_whole
from keelhaul.harness.validation import (
    Problems,
    UsageError,
    many_of,
    one_of,
    optional,
    shown,
    table,
    tables,
    text,
    whole,
)
from keelhaul.nemesis.plan import Plan, TimedFault
from keelhaul.nemesis.planner import KINDS
from keelhaul.nemesis.topology import SHAPES
from keelhaul.nodes.clock import JUMP_MS_MAX, RATE_PPM_MAX

_TIME = whole(0, 2**62)
_FAULT = {
    "id": whole(0, 10**9),
    "kind": one_of(KINDS, "fault"),
    "start_ns": _TIME,
    "stop_ns": _TIME,
    "target": optional(text()),
    "shape": optional(one_of(tuple(SHAPES), "shape")),
    "rate_ppm": optional(whole(-RATE_PPM_MAX, RATE_PPM_MAX)),
    "jump_ms": optional(whole(-JUMP_MS_MAX, JUMP_MS_MAX)),
}
_NEEDED = {"partition": ("shape",), "clock-rate": ("target", "rate_ppm"), "clock-offset": ("target", "jump_ms")}
_read = table(
    {
        "requested": many_of(tuple(KINDS), "fault", least=0),
        "faults": tables(_FAULT, ("id", "kind", "start_ns", "stop_ns")),
    },
    ("requested", "faults"),
)


def write_plan(folder: Path, plan: Plan) -> None:
    """Write `plan.json`."""
    faults = [{name: getattr(fault, name) for name in TimedFault.__slots__} for fault in plan.faults]
    write_whole(folder / PLAN, codec.encode_pretty({"requested": list(plan.requested), "faults": faults}))


def read_plan(folder: Path) -> Plan:
    """Read `plan.json`; UsageError if it isn't one, or asks for what can't be done."""
    path = folder / PLAN
    problems: Problems = []
    try:
        found = _read(codec.decode(path.read_bytes()), "", problems)
    except OSError as error:
        raise UsageError([f"{path}: can't be read: {error.strerror}"]) from None
    except ValueError as error:
        raise UsageError([f"{path}: not a plan: {error}"]) from None
    if not problems:
        problems = _problems_of(found["faults"])
    if problems:
        raise UsageError([f"{path}: {problem}" for problem in problems])
    return Plan(tuple(TimedFault(**fault) for fault in found["faults"]), found["requested"])


def _problems_of(faults: tuple[dict[str, Any], ...]) -> Problems:
    """Say what is wrong with faults whose fields are each for itself in order."""
    problems = []
    seen: set[int] = set()
    for at, fault in enumerate(faults):
        needed = _NEEDED.get(fault["kind"], ("target",))
        problems += [f"faults[{at}].{name}: is missing" for name in needed if fault.get(name) is None]
        if fault["stop_ns"] < fault["start_ns"]:
            problems.append(f"faults[{at}].stop_ns: {shown(fault['stop_ns'])} lies before its start_ns")
        if fault["id"] in seen:
            problems.append(f"faults[{at}].id: {fault['id']} is another fault's too")
        seen.add(fault["id"])
    return problems
