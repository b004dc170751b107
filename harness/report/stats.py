"""The table of operations by function: how many ended how, and how long those took that succeeded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keelhaul.checkers.history import History
from keelhaul.checkers.latency import QUANTILES, latencies, quantile
from keelhaul.checkers.stats import count_operations
from keelhaul.harness.report.markup import Markup, element, table
from keelhaul.harness.report.wording import duration

_COUNTS = ("invoke", "ok", "fail", "info")
_SHOWN = tuple((name, share) for name, share in QUANTILES if name != "min")


def stats_section(history: History) -> Markup:
    """Return the table, one row for each function and one for all."""
    columns = [("f", ""), *((name, "number") for name in (*_COUNTS, *(name for name, _ in _SHOWN)))]
    counts = count_operations(history)
    overall = counts.pop("")
    taken = latencies(history)
    rows = [_row(f, counted, taken.get(f, {}).get("ok", {})) for f, counted in counts.items()]
    if len(rows) > 1:
        rows.append(_row("all", overall, _overall(history)))
    parts = [element("h2", "Statistics"), table(columns, rows, "No operations.")]
    if rows:
        parts.append(element("p", "Latencies are those of operations that ended ok.", class_="note"))
    return element("section", *parts)


def _row(f: str, counted: Mapping[str, int], taken: Mapping[str, int]) -> list[Any]:
    lengths = [duration(taken[name]) if name in taken else "–" for name, _ in _SHOWN]
    return [f, *(counted[name] for name in _COUNTS), *lengths]


def _overall(history: History) -> dict[str, int]:
    """Quantiles of quantiles would be wrong: take them over all operations."""
    ordered = sorted(
        operation.completed_ns - operation.invoked_ns
        for operation in history.operations
        if operation.outcome == "ok" and operation.completed_ns is not None
    )
    return {name: quantile(ordered, share) for name, share in _SHOWN} if ordered else {}
