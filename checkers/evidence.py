"""The gate before `valid`: did the run exercise the system at all?

A run in which next to nothing succeeded, or in which a fault that was asked for never took effect, proves nothing. It
is `unknown: not exercised`, with everything that was missing, all at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.faults import INDETERMINATE, SKIPPED, Heal, faults_of, heal_of, summarise
from keelhaul.checkers.stats import functions_without_ok
from keelhaul.checkers.verdict import Result, Verdict

SECOND_NS = 1_000_000_000
OK_MIN = 10
"""Operations that must succeed in the main phase, however short; above that, one for each second of it."""
MAIN_PHASE_PERCENT_MIN = 95
"""How much of the main phase must have passed before the heal. Not all: its last operations may end a bit early."""


class Exercised:
    """Unknown if something was missing that a valid verdict needs; never invalid."""

    def check(self, evidence: Evidence) -> Result:
        """List what was missing."""
        heal = heal_of(evidence.history)
        ok = _ok_in_main_phase(evidence, heal)
        missing = [
            *_too_few(evidence, ok),
            *(f"no {f} ever succeeded" for f in functions_without_ok(evidence.history)),
            *_faults_missing(evidence),
            *_cut_short(evidence, heal),
        ]
        details: dict[str, Any] = {"ok_in_main_phase": ok, "ok_needed": _ok_needed(evidence), "missing": missing}
        if missing:
            return Result(Verdict.UNKNOWN, f"not exercised: {'; '.join(missing)}", details)
        return Result(Verdict.VALID, "", details)


def _ok_in_main_phase(evidence: Evidence, heal: Heal | None) -> int:
    """Count successes before the heal: those of the final phase say nothing of what happened under faults."""
    return sum(
        operation.outcome == "ok" and (heal is None or operation.invoked_ns < heal.begun_ns)
        for operation in evidence.history.operations
    )


def _ok_needed(evidence: Evidence) -> int:
    return max(OK_MIN, (evidence.main_phase_ns or 0) // SECOND_NS)


def _too_few(evidence: Evidence, ok: int) -> Iterator[str]:
    needed = _ok_needed(evidence)
    if ok < needed:
        yield f"successful operations in the main phase: {ok}, at least {needed} are needed"


def _faults_missing(evidence: Evidence) -> Iterator[str]:
    faults = faults_of(evidence.history)
    for row in summarise(evidence.history, evidence.faults_requested):
        kind, requested = row["kind"], row["requested"]
        if kind not in evidence.faults_requested or not requested or row["in_force"]:
            continue
        of_kind = [fault for fault in faults if fault.kind == kind]
        became = [
            f"{count} {outcome}"
            for outcome in (SKIPPED, INDETERMINATE)
            if (count := sum(fault.outcome == outcome for fault in of_kind))
        ]
        reasons = dict.fromkeys(str(fault.detail["reason"]) for fault in of_kind if "reason" in fault.detail)
        why = f": {', '.join(became)}" if became else ""
        yield f"{kind} was never in force ({requested} requested{why}{''.join(f'; {text}' for text in reasons)})"


def _cut_short(evidence: Evidence, heal: Heal | None) -> Iterator[str]:
    planned_ns = evidence.main_phase_ns
    if planned_ns is None:
        return
    rows = evidence.history.rows
    lasted_ns = heal.begun_ns if heal is not None else rows[-1].time if rows else 0
    if lasted_ns * 100 < planned_ns * MAIN_PHASE_PERCENT_MIN:
        yield f"the main phase was cut short: {lasted_ns / SECOND_NS:.1f} s of {planned_ns / SECOND_NS:.1f} s"
    elif heal is None:
        yield "the history ends before the final heal"
