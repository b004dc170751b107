"""Did the system answer: how often, with which gaps, and again after everything was healed?

Only the last is judged. While faults are in force a system may refuse to answer, and the details say how long it did.
After the heal it must come back: if operations are tried for long enough and not one succeeds, it hasn't.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.faults import SKIPPED, Heal, faults_of, heal_of
from keelhaul.checkers.history import History, Operation
from keelhaul.checkers.verdict import Result, Verdict

SECOND_NS = 1_000_000_000
PATIENCE_NS = 5 * SECOND_NS
"""A system that has not answered so long after the heal is not just slow: it is some ten election timeouts."""
WINDOWS_MAX = 100_000
"""One-second windows that are counted; times come from files, and a wrong one must not fill the memory."""


class Availability:
    """Invalid if operations were tried after the heal, for `patience_ns` or longer, and none of them succeeded.

    The operations that count are those invoked after the heal, of the evidence's `final_functions` if it names any. If
    they were tried for a shorter time, or the heal itself is in doubt, it is unknown. So it is if `final_functions` are
    named and none was tried; without them a history that has nothing after a heal claims nothing here.
    """

    def __init__(self, patience_ns: int = PATIENCE_NS) -> None:
        self._patience_ns = patience_ns

    def check(self, evidence: Evidence) -> Result:
        """Measure, and judge the part after the heal."""
        heal = heal_of(evidence.history)
        verdict, reason = self._judged(evidence, heal)
        return Result(verdict, reason, measure(evidence.history))

    def _judged(self, evidence: Evidence, heal: Heal | None) -> tuple[Verdict, str]:
        if heal is None or heal.over_ns is None:
            if evidence.final_functions:
                return Verdict.UNKNOWN, "the history ends before everything was healed"
            return Verdict.VALID, ""
        tried = _tried_after(evidence, heal.over_ns)
        if not tried:
            if evidence.final_functions:
                return Verdict.UNKNOWN, "nothing was tried after the heal"
            return Verdict.VALID, ""
        if any(operation.outcome == "ok" for operation in tried):
            return Verdict.VALID, ""
        end_ns = evidence.history.rows[-1].time
        lasted_ns = max(operation.completed_ns or end_ns for operation in tried) - heal.over_ns
        nothing = f"no operation succeeded in the {lasted_ns / SECOND_NS:.1f} s after the heal (tried: {len(tried)})"
        if not heal.confirmed:
            return Verdict.UNKNOWN, f"{nothing}, but it isn't certain that everything was healed: {heal.reason}"
        if lasted_ns < self._patience_ns:
            return Verdict.UNKNOWN, f"{nothing}, but {self._patience_ns / SECOND_NS:.1f} s must be given"
        return Verdict.INVALID, nothing


def _tried_after(evidence: Evidence, heal_ns: int) -> list[Operation]:
    return [
        operation
        for operation in evidence.history.operations
        if operation.invoked_ns >= heal_ns and (not evidence.final_functions or operation.f in evidence.final_functions)
    ]


def measure(history: History) -> dict[str, Any]:
    """Measure availability, for the report. Times in ns since the run began; the main phase ends with the heal.

    `ok_per_second` and `longest_gap` (without a success) are of the main phase, `ok_by_second` counts successes in each
    second of the whole history, `faults` holds each fault's longest gap, `heal_to_first_ok_ns` is None if there was
    neither.
    """
    heal = heal_of(history)
    end_ns = history.rows[-1].time if history.rows else 0
    main_ns = end_ns if heal is None else heal.begun_ns
    oks = sorted(
        operation.completed_ns
        for operation in history.operations
        if operation.outcome == "ok" and operation.completed_ns is not None
    )
    gap_ns, gap_from_ns = longest_gap(oks, 0, main_ns)
    in_main = bisect_right(oks, main_ns)
    return {
        "ok": len(oks),
        "main_phase_ns": main_ns,
        "ok_per_second": round(in_main * SECOND_NS / main_ns, 1) if main_ns else 0.0,
        "ok_by_second": _by_second(oks, end_ns),
        "longest_gap": {"ns": gap_ns, "from_ns": gap_from_ns},
        "faults": _gaps_by_fault(history, oks, end_ns),
        "heal_to_first_ok_ns": _recovery_ns(oks, heal),
    }


def longest_gap(moments: Sequence[int], start_ns: int, end_ns: int) -> tuple[int, int]:
    """Return the longest stretch between `start_ns` and `end_ns` without any of the moments (sorted), and where it
    starts."""
    inside = moments[bisect_left(moments, start_ns) : bisect_right(moments, end_ns)]
    bounds = [start_ns, *inside, max(start_ns, end_ns)]
    gaps = ((after - before, before) for before, after in pairwise(bounds))
    return max(gaps, key=lambda gap: gap[0])


def _by_second(oks: Sequence[int], end_ns: int) -> list[int]:
    windows = [0] * min(end_ns // SECOND_NS + 1, WINDOWS_MAX)
    for ok_ns in oks:
        if ok_ns // SECOND_NS < len(windows):
            windows[ok_ns // SECOND_NS] += 1
    return windows


def _gaps_by_fault(history: History, oks: Sequence[int], end_ns: int) -> list[dict[str, Any]]:
    found = []
    for fault in faults_of(history):
        if fault.outcome != SKIPPED:
            ended_ns = end_ns if fault.ended_ns is None else fault.ended_ns
            gap_ns, _ = longest_gap(oks, fault.started_ns, ended_ns)
            found.append({"fault": fault.id, "kind": fault.kind, "from_ns": fault.started_ns, "gap_ns": gap_ns})
    return found


def _recovery_ns(oks: Sequence[int], heal: Heal | None) -> int | None:
    if heal is None or heal.over_ns is None:
        return None
    after = bisect_left(oks, heal.over_ns)
    return oks[after] - heal.over_ns if after < len(oks) else None
