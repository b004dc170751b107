"""The faults of a run as people see them: what was hit, from when to when, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keelhaul.checkers.faults import SKIPPED, FaultInterval, faults_of
from keelhaul.checkers.history import History
from keelhaul.harness.report.wording import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One fault. `start_ns` is None if it was skipped, `end_ns` if nothing ended it before the run did; `outcome` is
    in force, skipped or indeterminate, `reason` says why if it is not in force."""

    kind: str
    start_ns: int | None
    end_ns: int | None
    what: str
    outcome: str
    reason: str = ""


def bands_of(history: History) -> tuple[Band, ...]:
    """Return the faults, in the order in which they were asked for."""
    return tuple(_band(fault) for fault in faults_of(history))


def _band(fault: FaultInterval) -> Band:
    skipped = fault.outcome == SKIPPED
    return Band(
        kind=printable(fault.kind),
        start_ns=None if skipped else fault.started_ns,
        end_ns=None if skipped else fault.ended_ns,
        what=_what({**fault.requested, **fault.detail}),
        outcome=fault.outcome.replace("_", " "),
        reason=printable(str(fault.detail.get("reason", ""))),
    )


def _what(value: Mapping[str, Any]) -> str:
    hit = ""
    if isinstance(value.get("grudge"), dict):
        hit = grudge_words(value["grudge"])
    elif isinstance(value.get("nodes"), list):
        hit = _names(value["nodes"])
    asked = [str(value[key]) for key in ("shape", "target") if value.get(key) and value[key] != hit]
    return printable(" ".join([*_wrong_by(value), *asked, hit]).strip())


def _wrong_by(value: Mapping[str, Any]) -> list[str]:
    """Say how wrong a clock was: `+1.5 %`, `-20 ms`."""
    rate, jump = value.get("rate_ppm"), value.get("jump_ms")
    said = [f"{rate / 10_000:+g} %"] if type(rate) is int else []
    return [*said, f"{jump:+d} ms"] if type(jump) is int else said


def grudge_words(grudge: Mapping[str, Sequence[str]]) -> str:
    """Return a grudge (receiver → the senders that it drops) in words: `n1,n3 | n2,n4,n5` for a clean split, else who
    doesn't hear whom."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for receiver, dropped in grudge.items():
        groups.setdefault(tuple(map(str, dropped)), []).append(str(receiver))
    members = sorted({name for dropped, group in groups.items() for name in (*dropped, *group)})
    if all(sorted([*dropped, *group]) == members for dropped, group in groups.items()) and len(groups) > 1:
        return " | ".join(_names(group) for group in groups.values())
    return "; ".join(f"{_names(group)} not hearing {_names(dropped)}" for dropped, group in groups.items())


def _names(names: Sequence[Any]) -> str:
    return ",".join(map(str, names))
