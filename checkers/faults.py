"""What the nemesis' rows mean: which faults there were, from when to when, and what became of each.

This is the only place that reads them. A row's f is `start-KIND`, `stop-KIND` or `heal`; each comes twice, with
`value["phase"]` "invoke" (about to) and "done" (what became of it). `value["fault"]` is the fault's id, and a done row
has `outcome`: in_force, lifted, skipped or indeterminate, the last two with a `reason`. Rows of any other shape are
passed over: a history may come from elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from keelhaul.checkers.history import History, Row

START, STOP, HEAL = "start-", "stop-", "heal"
IN_FORCE, LIFTED, SKIPPED, INDETERMINATE = "in_force", "lifted", "skipped", "indeterminate"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultInterval:
    """One fault. `requested` is what was asked for, `detail` what was done (nodes or grudge, reason).

    `started_ns` is when it was in force or, if it never certainly was, when it was asked for. `ended_ns` is when it was
    lifted, by its own end or the final heal; None if it was not. `outcome` says how it began: in_force, skipped (then
    `ended_ns` equals `started_ns`) or indeterminate.
    """

    id: Any
    kind: str
    requested: Mapping[str, Any]
    started_ns: int
    ended_ns: int | None = None
    outcome: str = INDETERMINATE
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heal:
    """The final heal: begun at, over at (None: never), `confirmed` if everything certainly was lifted, else why not."""

    begun_ns: int
    over_ns: int | None = None
    confirmed: bool = False
    reason: str = "it was never reported as done"


def faults_of(history: History) -> tuple[FaultInterval, ...]:
    """Return the faults, in the order in which they were asked for."""
    found: list[FaultInterval] = []
    latest: dict[str, int] = {}
    for row in history.nemesis:
        value = row.value if isinstance(row.value, dict) else {}
        name = repr(value.get("fault"))
        done = value.get("phase") == "done"
        if row.f.startswith(START) and not done:
            latest[name] = len(found)
            kind = row.f.removeprefix(START)
            found.append(FaultInterval(id=value.get("fault"), kind=kind, requested=_said(value), started_ns=row.time))
        elif row.f.startswith(START) and name in latest:
            found[latest[name]] = _begun(found[latest[name]], row)
        elif done and value.get("outcome") == LIFTED:
            lifted = [latest[name]] if row.f.startswith(STOP) and name in latest else []
            for at in range(len(found)) if row.f == HEAL else lifted:
                if found[at].ended_ns is None:
                    found[at] = replace(found[at], ended_ns=row.time)
    return tuple(found)


def _begun(fault: FaultInterval, row: Row) -> FaultInterval:
    outcome = row.value.get("outcome")
    fault = replace(fault, detail=_said(row.value))
    if outcome == IN_FORCE:
        return replace(fault, outcome=IN_FORCE, started_ns=row.time)
    if outcome == SKIPPED:
        return replace(fault, outcome=SKIPPED, ended_ns=fault.started_ns)
    return fault


def _said(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in value.items() if name not in ("fault", "phase", "outcome")}


def heal_of(history: History) -> Heal | None:
    """Return the final heal; None if the history ends before it."""
    heal: Heal | None = None
    for row in history.nemesis:
        if row.f != HEAL or not isinstance(row.value, dict):
            continue
        if row.value.get("phase") != "done":
            heal = Heal(begun_ns=row.time)
        elif heal is not None:
            confirmed = row.value.get("outcome") == LIFTED
            reason = "" if confirmed else str(row.value.get("reason", "nobody knows why"))
            heal = replace(heal, over_ns=row.time, confirmed=confirmed, reason=reason)
    return heal


def summarise(history: History, faults_requested: Mapping[str, int]) -> list[dict[str, Any]]:
    """Count faults by kind: {kind, requested, in_force, skipped}; requested kinds first, in their order.

    `requested` is what the plan holds; for kinds that it doesn't name, how many the history shows. What is neither in
    force nor skipped was indeterminate, or never came up.
    """
    faults = faults_of(history)
    kinds = dict.fromkeys([*faults_requested, *(fault.kind for fault in faults)])
    summary = []
    for kind in kinds:
        outcomes = [fault.outcome for fault in faults if fault.kind == kind]
        summary.append(
            {
                "kind": kind,
                "requested": faults_requested.get(kind, len(outcomes)),
                "in_force": outcomes.count(IN_FORCE),
                "skipped": outcomes.count(SKIPPED),
            }
        )
    return summary
