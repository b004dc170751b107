"""How long operations took: exact quantiles, by function and outcome."""

from __future__ import annotations

from collections.abc import Sequence

from keelhaul.checkers.history import History

QUANTILES = (("min", 0), ("p50", 500), ("p95", 950), ("p99", 990), ("max", 1000))
"""Name → the share of operations that took at most this long, in thousandths: whole numbers, to keep ranks exact."""


def quantile(ordered: Sequence[int], thousandths: int) -> int:
    """Return the smallest of the values, which are sorted and at least one, that this share of them doesn't exceed."""
    rank = -(-len(ordered) * thousandths // 1000)
    return ordered[max(rank, 1) - 1]


def latencies(history: History) -> dict[str, dict[str, dict[str, int]]]:
    """Return function → outcome → {count, min, p50, p95, p99, max}, in ns from invocation to completion.

    Functions by name, outcomes in the order ok, fail, info, only where there are any. Operations without a completion
    have no length and are left out.
    """
    taken: dict[str, dict[str, list[int]]] = {}
    for operation in history.operations:
        if operation.completed_ns is not None:
            by_outcome = taken.setdefault(operation.f, {"ok": [], "fail": [], "info": []})
            by_outcome[operation.outcome].append(operation.completed_ns - operation.invoked_ns)
    return {
        f: {outcome: _summary(sorted(values)) for outcome, values in taken[f].items() if values} for f in sorted(taken)
    }


def _summary(ordered: Sequence[int]) -> dict[str, int]:
    return {"count": len(ordered), **{name: quantile(ordered, share) for name, share in QUANTILES}}
