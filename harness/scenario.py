"""The scenario: a TOML file that says what to run. Reading, overriding, and writing it back as it was resolved.

A resolved scenario also says seed, environment, mutant and whether the first violation ends the run, so that the file
in a run's folder is all that a replay needs.
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from keelhaul.harness.environments.environment import ENVIRONMENTS
from keelhaul.harness.systems import SYSTEMS
from keelhaul.harness.validation import (
    Problems,
    UsageError,
    flag,
    folder_name,
    many_of,
    number,
    one_of,
    table,
    tables,
    unknown_name,
    whole,
    word,
)
from keelhaul.nemesis.planner import KINDS, FaultSetting, PlannerSettings
from keelhaul.nemesis.targets import SYMBOLS
from keelhaul.nemesis.topology import SHAPES
from keelhaul.nodes.clock import JUMP_MS_MAX, RATE_PPM_MAX
from keelhaul.nodes.mutants import MUTANTS
from keelhaul.workloads.registry import WORKLOADS

SECOND = 1_000_000_000
NODES_MAX = 31
HOURS_MAX_S = 7 * 24 * 3600
OPTION_MAX = 10**9
RUN_SETTINGS = ("seed", "environment", "mutant", "fail_fast")


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """The simulated world: one-way latency is `latency_ms` and a long tail of mean `jitter_ms`; losses in percent. Each
    node's clock is too fast or too slow by up to `clock_drift_percent`."""

    latency_ms: float = 1.0
    jitter_ms: float = 1.0
    loss_percent: float = 0.1
    duplicate_percent: float = 0.1
    fsync_ms: float = 1.0
    clock_drift_percent: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What to run. `rate` is operations a second over all clients together, but for the administrator's, one of which
    comes every `administrator_every_s` (0: none)."""

    name: str
    system: str
    workload: str
    nodes: int = 5
    system_options: dict[str, Any] = field(default_factory=dict)
    workload_options: dict[str, int] = field(default_factory=dict)
    time_limit_s: float = 30.0
    rate: float = 100.0
    concurrency: int = 10
    timeout_ms: int = 1000
    faults: tuple[FaultSetting, ...] = ()
    first_s: float = 1.0
    duration_s: float = 1.5
    gap_s: float = 1.0
    quiet_s: float = 2.0
    recovery_s: float = 10.0
    administrator_every_s: float = 0.0
    simulation: Simulation = field(default_factory=Simulation)
    seed: int = 1
    environment: str = "simulation"
    mutant: str | None = None
    fail_fast: bool = False
    """Whether the run ends as soon as its history can't be made valid any more."""

    @property
    def members(self) -> tuple[str, ...]:
        """The nodes' names: n1, n2, …"""
        return tuple(f"n{number}" for number in range(1, self.nodes + 1))

    @property
    def time_limit_ns(self) -> int:
        """How long the main phase lasts."""
        return int(self.time_limit_s * SECOND)

    def planner_settings(self) -> PlannerSettings:
        """Return what the planner needs."""
        return PlannerSettings(
            faults=self.faults,
            first_ns=int(self.first_s * SECOND),
            duration_ns=int(self.duration_s * SECOND),
            gap_ns=int(self.gap_s * SECOND),
        )


_SETTINGS = {
    "nodes": whole(1, NODES_MAX),
    "time_limit_s": number(0.001, HOURS_MAX_S),
    "rate": number(0.01, 1e6),
    "concurrency": whole(1, 10_000),
    "seed": whole(0, 2**63 - 1),
    "environment": one_of(ENVIRONMENTS, "environment"),
    "mutant": one_of(tuple(MUTANTS), "mutant"),
    "fail_fast": flag(),
}
"""What a command line may say too, under the names of Scenario's fields."""
_OPTION = whole(0, OPTION_MAX)
_TARGETS = (*SYMBOLS, *(f"n{number}" for number in range(1, NODES_MAX + 1)))
_SYSTEM_OPTIONS = {
    name: word if isinstance(default, str) else _OPTION
    for system in SYSTEMS.values()
    for name, default in system.options.items()
}
_BOUNDS_BY_UNIT = {"percent": whole(0, 100), "ms": whole(0, 600_000)}
_WORKLOAD_OPTIONS = {
    name: _BOUNDS_BY_UNIT.get(name.rpartition("_")[2], whole(1, 1000))
    for kind in WORKLOADS.values()
    for name in kind.options
}
_FAULT = {
    "kind": one_of(KINDS, "fault"),
    "shapes": many_of(tuple(SHAPES), "shape"),
    "targets": many_of(_TARGETS, "target"),
    "percent_max": number(0.001, RATE_PPM_MAX / 10_000),
    "ms_max": whole(1, JUMP_MS_MAX),
}
_ONLY_FOR = {"percent_max": "clock-rate", "ms_max": "clock-offset"}
_TABLES = {
    "name": folder_name(reserved=("latest", "current")),
    "nodes": _SETTINGS["nodes"],
    "time_limit_s": _SETTINGS["time_limit_s"],
    "system": table({"name": one_of(tuple(SYSTEMS), "system"), **_SYSTEM_OPTIONS}, ("name",)),
    "workload": table(
        {
            "name": one_of(tuple(WORKLOADS), "workload"),
            "rate": _SETTINGS["rate"],
            "concurrency": _SETTINGS["concurrency"],
            "timeout_ms": whole(1, 600_000),
            **_WORKLOAD_OPTIONS,
        },
        ("name",),
    ),
    "nemesis": table(
        {
            "first_s": number(0, HOURS_MAX_S),
            "duration_s": number(0.001, HOURS_MAX_S),
            "gap_s": number(0, HOURS_MAX_S),
            "faults": tables(_FAULT, ("kind",)),
        }
    ),
    "administrator": table({"every_s": number(0.1, HOURS_MAX_S)}, ("every_s",)),
    "final": table({"quiet_s": number(0, HOURS_MAX_S), "recovery_s": number(0.1, HOURS_MAX_S)}),
    "simulation": table(
        {
            "latency_ms": number(0, 60_000),
            "jitter_ms": number(0, 60_000),
            "loss_percent": number(0, 100),
            "duplicate_percent": number(0, 100),
            "fsync_ms": number(0, 60_000),
            "clock_drift_percent": number(0, 50),
        }
    ),
    "run": table({name: _SETTINGS[name] for name in RUN_SETTINGS}),
}
_read = table(_TABLES, ("name", "system", "workload"))


def load(path: Path) -> Scenario:
    """Read a scenario file; UsageError with every problem in it, each with its path."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError([_unreadable(path, error)]) from None
    try:
        document = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:  # also a number of more digits than Python reads
        raise UsageError([f"{path}: not TOML: {error}"]) from None
    problems: Problems = []
    found = _read(document, "", problems)
    problems = problems or _misplaced(found.get("nemesis", {}).get("faults", ()))
    if problems:
        raise UsageError([f"{path}: {problem}" for problem in problems])
    scenario = _scenario(found)
    if more := problems_of(scenario):
        raise UsageError([f"{path}: {problem}" for problem in more])
    return scenario


def _misplaced(faults: tuple[dict[str, Any], ...]) -> Problems:
    return [
        f"nemesis.faults[{at}].{name}: is a setting of {kind}, not of {fault['kind']}"
        for at, fault in enumerate(faults)
        for name, kind in _ONLY_FOR.items()
        if name in fault and fault["kind"] != kind
    ]


def _unreadable(path: Path, error: OSError) -> str:
    beside = sorted(other.name for other in path.parent.glob("*.toml")) if path.parent.is_dir() else []
    if isinstance(error, FileNotFoundError) and beside:
        return unknown_name(str(path), path.name, beside, "scenario")
    return f"{path}: can't be read: {error.strerror}"


def _scenario(found: dict[str, Any]) -> Scenario:
    system, workload = dict(found["system"]), dict(found["workload"])
    nemesis = dict(found.get("nemesis", {}))
    faults = tuple(FaultSetting(**fault) for fault in nemesis.pop("faults", ()))
    names = {"system": system.pop("name"), "workload": workload.pop("name")}
    general = {name: workload.pop(name) for name in ("rate", "concurrency", "timeout_ms") if name in workload}
    top = {name: found[name] for name in ("name", "nodes", "time_limit_s") if name in found}
    return Scenario(
        **top,
        **names,
        **general,
        **nemesis,
        **found.get("final", {}),
        **found.get("run", {}),
        administrator_every_s=found.get("administrator", {}).get("every_s", 0.0),
        faults=faults,
        system_options=system,
        workload_options={**WORKLOADS[names["workload"]].options, **workload},
        simulation=Simulation(**found.get("simulation", {})),
    )


def problems_of(scenario: Scenario) -> Problems:
    """Return what doesn't go together; nothing if the scenario can run."""
    problems = []
    kind = WORKLOADS[scenario.workload]
    if scenario.system not in kind.systems:
        problems.append(f"workload {kind.name} runs on {', '.join(kind.systems)}, not on {scenario.system}")
    foreign = [name for name in scenario.workload_options if name not in kind.options]
    problems += [unknown_name(f"workload.{name}", name, kind.options, "setting") for name in foreign]
    try:
        SYSTEMS[scenario.system].check(scenario.system_options)
        SYSTEMS[scenario.system].fits(scenario.system_options, scenario.members)
    except ValueError as error:
        problems.append(f"system: {error}")
    if scenario.mutant is not None and MUTANTS[scenario.mutant].system != scenario.system:
        problems.append(
            f"mutant {scenario.mutant} is one of {MUTANTS[scenario.mutant].system}'s, not {scenario.system}'s"
        )
    if scenario.administrator_every_s and not SYSTEMS[scenario.system].administration:
        problems.append(f"administrator: {scenario.system} can't be reconfigured, and knows no transfer")
    for setting in scenario.faults:
        known = {*SYMBOLS, *scenario.members}
        problems += [f"fault {setting.kind}: no node {target}" for target in setting.targets if target not in known]
    if len({setting.kind for setting in scenario.faults}) < len(scenario.faults):
        problems.append("nemesis.faults: each kind at most once; give it several shapes or targets instead")
    return problems


def override(scenario: Scenario, **changes: Any) -> Scenario:
    """Return the scenario with what the command line says; None leaves a value alone. UsageError if it can't run so.

    The bounds are those of the file: what is run must be readable again from the run's folder.
    """
    problems: Problems = []
    given = {
        name: _SETTINGS[name](value, _option(name), problems) for name, value in changes.items() if value is not None
    }
    changed = replace(scenario, **given)
    if problems := problems or problems_of(changed):
        raise UsageError(problems)
    return changed


def _option(name: str) -> str:
    return "--" + {"time_limit_s": "time-limit", "environment": "env", "fail_fast": "fail-fast"}.get(name, name)


def chosen_by(path: Path, changes: dict[str, Any]) -> Scenario:
    """Read a scenario file and apply the command line."""
    return override(load(path), **changes)


def dump(scenario: Scenario) -> str:
    """Write a scenario as TOML that `load` reads back to an equal one."""
    import tomli_w

    flat = asdict(scenario)
    run = {name: flat[name] for name in RUN_SETTINGS if flat[name] is not None}
    document = {
        **{name: flat[name] for name in ("name", "nodes", "time_limit_s")},
        "system": {"name": scenario.system, **scenario.system_options},
        "workload": {
            "name": scenario.workload,
            **{name: flat[name] for name in ("rate", "concurrency", "timeout_ms")},
            **scenario.workload_options,
        },
        "nemesis": {
            **{name: flat[name] for name in ("first_s", "duration_s", "gap_s")},
            "faults": [_listed(fault) for fault in flat["faults"]],
        },
        **({"administrator": {"every_s": flat["administrator_every_s"]}} if flat["administrator_every_s"] else {}),
        "final": {name: flat[name] for name in ("quiet_s", "recovery_s")},
        "simulation": flat["simulation"],
        "run": run,
    }
    return tomli_w.dumps(document)


def _listed(fault: dict[str, Any]) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in fault.items()
        if _ONLY_FOR.get(name, fault["kind"]) == fault["kind"]
    }
