"""The table of operations by function: how many ended how, and how long those took that succeeded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keelhaul.checkers.history import History, Operation
from keelhaul.harness.report.markup import Markup, element, table
from keelhaul.harness.report.wording import duration

_OUTCOMES = ("ok", "fail", "info")
_QUANTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))


def stats_section(history: History) -> Markup:
    """Return the table, one row for each function and one for all."""
    names = ("f", "invoke", *_OUTCOMES, *(name for name, _ in _QUANTILES))
    columns = [(name, "" if name == "f" else "number") for name in names]
    by_f: dict[str, list[Operation]] = {}
    for operation in history.operations:
        by_f.setdefault(operation.f, []).append(operation)
    rows = [_row(f, by_f[f]) for f in sorted(by_f)]
    if len(rows) > 1:
        rows.append(_row("all", history.operations))
    parts = [element("h2", "Statistics"), table(columns, rows, "No operations.")]
    if rows:
        parts.append(element("p", "Latencies are those of operations that ended ok.", class_="note"))
    return element("section", *parts)


def _row(f: str, operations: Sequence[Operation]) -> list[Any]:
    outcomes = [operation.outcome for operation in operations]
    latencies = sorted(
        operation.completed_ns - operation.invoked_ns
        for operation in operations
        if operation.outcome == "ok" and operation.completed_ns is not None
    )
    counts = [len(outcomes), *(outcomes.count(outcome) for outcome in _OUTCOMES)]
    quantiles = [duration(_quantile(latencies, share)) if latencies else "–" for _, share in _QUANTILES]
    return [f, *counts, *quantiles]


def _quantile(ordered: Sequence[int], share: float) -> int:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
