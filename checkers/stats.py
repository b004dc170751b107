"""How many operations there were, and how they ended, overall and by function."""

from __future__ import annotations

from collections import Counter
from typing import Any

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.history import History
from keelhaul.checkers.verdict import Result, Verdict

OUTCOMES = ("ok", "fail", "info")
SECOND_NS = 1_000_000_000


def count_operations(history: History) -> dict[str, dict[str, int]]:
    """Count by function, and under the name "" for all together: {invoke, ok, fail, info}. An operation without a
    completion counts as info."""
    counts: Counter[tuple[str, str]] = Counter()
    for operation in history.operations:
        counts[operation.f, operation.outcome] += 1
    by_function: dict[str, dict[str, int]] = {"": _row(0, 0, 0)}
    for f in sorted({f for f, _ in counts}):
        by_function[f] = _row(*(counts[f, outcome] for outcome in OUTCOMES))
        by_function[""] = {name: by_function[""][name] + count for name, count in by_function[f].items()}
    return by_function


def _row(ok: int, fail: int, info: int) -> dict[str, int]:
    return {"invoke": ok + fail + info, "ok": ok, "fail": fail, "info": info}


def functions_without_ok(history: History) -> list[str]:
    """List the functions that were tried and never succeeded."""
    return [f for f, counts in count_operations(history).items() if f and not counts["ok"]]


class Stats:
    """Counts, and rates over the length of the history; unknown if a function was tried and never succeeded, or if
    there was no operation at all."""

    def check(self, evidence: Evidence) -> Result:
        """Count. Rates are per second, to a tenth."""
        history = evidence.history
        by_function = count_operations(history)
        length_ns = history.rows[-1].time if history.rows else 0
        overall = by_function.pop("")
        details: dict[str, Any] = {
            **overall,
            "seconds": round(length_ns / SECOND_NS, 3),
            "per_second": {name: _rate(overall[name], length_ns) for name in OUTCOMES},
            "by_function": by_function,
        }
        if not overall["invoke"]:
            return Result(Verdict.UNKNOWN, "not exercised: no operation was invoked", details)
        idle = functions_without_ok(history)
        if idle:
            return Result(Verdict.UNKNOWN, f"not exercised: no {' and no '.join(idle)} ever succeeded", details)
        return Result(Verdict.VALID, "", details)


def _rate(count: int, length_ns: int) -> float:
    return round(count * SECOND_NS / length_ns, 1) if length_ns else 0.0
