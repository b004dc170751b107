"""Which operations the checkers name: those that a verdict rests on, and those that were going on around them.

A checker names an operation in its result's details as an object with `invoked`, the number of the invocation's row;
what it has to do with the verdict is the name that the object stands under (`operation`, `pending`, `prefix`, …).
Numbers of rows in a list `operations` or `rows` do as well. Where details have a list `violations`, each of them names
its own operations, and what stands beside the list only repeats them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from keelhaul.checkers.history import History, Operation
from keelhaul.checkers.verdict import Result
from keelhaul.harness.report.wording import shown

ROLES = {
    "operation": "can't be explained",
    "operations": "named",
    "rows": "named",
    "pending": "open meanwhile",
    "prefix": "explained before it",
    "source": "put in what it could have met",
}
"""What an operation has to do with the verdict, in words; a name that isn't here is shown as it is."""

_CENTRAL = ("operation", "operations", "rows")
_DEPTH_MAX = 6


class Named(NamedTuple):
    """One operation and its role; `central` if the verdict is about it, not only around it."""

    operation: Operation
    role: str
    central: bool


@dataclass(frozen=True, slots=True)
class NamedGroup:
    """What one checker names in one violation, in the order of the history."""

    title: str
    members: tuple[Named, ...]


def named_groups(history: History, results: Mapping[str, Result]) -> tuple[NamedGroup, ...]:
    """Return what the checkers name; those that name nothing are left out."""
    by_row = _by_row(history)
    groups: list[NamedGroup] = []
    for checker, result in results.items():
        violations = [_group(checker, violation, by_row) for violation in _violations(result.details)]
        found = [group for group in violations if group.members] or [_group(checker, result.details, by_row)]
        groups += [group for group in found if group.members]
    return tuple(groups)


def _violations(details: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    listed = details.get("violations")
    return [item for item in listed if isinstance(item, Mapping)] if isinstance(listed, list) else []


def _group(checker: str, source: Mapping[str, Any], by_row: Mapping[int, Operation]) -> NamedGroup:
    found: dict[int, Named] = {}
    for row, role in _references(source, "", 0):
        if row in by_row:
            operation = by_row[row]
            found.setdefault(operation.invoked, Named(operation, ROLES.get(role, role), role in _CENTRAL))
    title = f"{checker}, key {shown(source['key'])}" if "key" in source else checker
    return NamedGroup(title, tuple(found[row] for row in sorted(found)))


def _by_row(history: History) -> dict[int, Operation]:
    """Return each operation by the numbers of its rows, the completion's too."""
    starts = {operation.invoked: operation for operation in history.operations}
    latest: dict[int | str, Operation] = {}
    by_row: dict[int, Operation] = {}
    for row in history.rows:
        if row.type == "invoke":
            latest[row.process] = starts[row.index]
        if row.process in latest:
            by_row[row.index] = latest[row.process]
    return by_row


def _references(value: Any, role: str, depth: int) -> Iterator[tuple[int, str]]:
    if depth > _DEPTH_MAX:
        return
    if isinstance(value, Mapping):
        if type(value.get("invoked")) is int:
            yield value["invoked"], role
            return
        for name, item in value.items():
            yield from _references(item, str(name), depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            if type(item) is int and role in ("operations", "rows"):
                yield item, role
            elif isinstance(item, Mapping | list | tuple):
                yield from _references(item, role, depth + 1)
