"""Which operations the checkers name: those that a verdict rests on.

A checker names operations in its result's details, under `operations` or `rows`, as numbers of history rows (the
invocation's or the completion's) or as objects that hold such a number as `invoked`, `row` or `index`. Anything else
there is left to the details' own listing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from keelhaul.checkers.history import History, Operation
from keelhaul.checkers.verdict import Result

_LISTS = ("operations", "rows")
_NUMBERS = ("invoked", "row", "index")


def named_operations(history: History, results: Mapping[str, Result]) -> dict[str, tuple[Operation, ...]]:
    """Return, by checker, the operations that it names, in the order of the history; checkers that name none are left
    out."""
    by_row = _by_row(history)
    named: dict[str, tuple[Operation, ...]] = {}
    for checker, result in results.items():
        found = {by_row[row].invoked: by_row[row] for row in _rows(result.details) if row in by_row}
        if found:
            named[checker] = tuple(found[invoked] for invoked in sorted(found))
    return named


def _by_row(history: History) -> dict[int, Operation]:
    open_operations: dict[int | str, Operation] = {}
    starts = {operation.invoked: operation for operation in history.operations}
    by_row: dict[int, Operation] = {}
    for row in history.rows:
        if row.type == "invoke":
            open_operations[row.process] = starts[row.index]
        if row.process in open_operations:
            by_row[row.index] = open_operations[row.process]
    return by_row


def _rows(details: Mapping[str, Any]) -> Iterator[int]:
    for key in _LISTS:
        listed = details.get(key)
        for item in listed if isinstance(listed, list | tuple) else ():
            numbers = [item.get(name) for name in _NUMBERS] if isinstance(item, Mapping) else [item]
            yield from (number for number in numbers if type(number) is int)
