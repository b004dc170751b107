"""The holds of a history: each lock that a client was told it has, and from when to when it believed so.

Read from operations of the workload `lock` (workloads/lock/generator.py says what their values mean). A hold's
stretches are what its client told when it was over. If it never told (it crashed, or the run ended), what is certain is
used: it believed from the grant's row until the end of its lease as of then, or until its process did something that
ends every belief. So what is reported as an overlap was one; some may be missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from keelhaul.checkers.history import History, Operation

ACQUIRES = ("acquire", "try-acquire")
EXCLUSIVE = "exclusive"


class MalformedHold(ValueError):
    """An operation whose value isn't one of the workload's; the message names it."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A lock that a process was told it holds by `granted`. `token` is None where the service has none.

    `stretches`: [from_ns, to_ns] of belief, within the run. `told` says whether the client told them itself.
    """

    process: int
    lock: str
    mode: str
    token: int | None
    granted: Operation
    stretches: tuple[tuple[int, int], ...]
    told: bool

    def named(self) -> str:
        """Name it in a sentence."""
        number = "" if self.token is None else f", token {self.token}"
        return f"process {self.granted.process} (granted at row {self.granted.completed}{number})"


def compatible(one: str, other: str) -> bool:
    """LK-A: only shared goes with shared."""
    return one != EXCLUSIVE and other != EXCLUSIVE


def holds_of(history: History) -> list[Hold]:
    """Return all holds, in order of their grants; MalformedHold if a value can't be read."""
    by_process: dict[int, list[Operation]] = {}
    for operation in history.operations:
        by_process.setdefault(operation.process, []).append(operation)
    end_ns = history.rows[-1].time if history.rows else 0
    values = completions(history)
    found = [hold for one in by_process.values() for hold in _holds_of_process(one, values, end_ns)]
    return sorted(found, key=lambda hold: hold.granted.completed or 0)


def completions(history: History) -> dict[int, Any]:
    """Return the completed value of each operation by its invocation's row, that of an info included."""
    opened: dict[int | str, int] = {}
    values: dict[int, Any] = {}
    for row in history.rows:
        if row.type == "invoke":
            opened[row.process] = row.index
        elif row.process in opened:
            values[opened.pop(row.process)] = row.value
    return values


def details_of(value: Any, operation: Operation) -> dict[str, Any]:
    """Return the second part of a value [lock, details]."""
    if isinstance(value, list | tuple) and len(value) == 2 and isinstance(value[1], dict):
        return value[1]
    raise MalformedHold(f"{operation.named()} has no value [lock, details]")


def _holds_of_process(operations: list[Operation], values: dict[int, Any], end_ns: int) -> Iterator[Hold]:
    """Pair each grant with the end that its client told, else with what is certain."""
    told: list[list[Any]] = []
    for operation in operations:
        if operation.invoked in values:
            told += details_of(values[operation.invoked], operation).get("ended", [])
    for position, operation in enumerate(operations):
        if operation.f not in ACQUIRES or operation.outcome != "ok":
            continue
        details = details_of(operation.result, operation)
        lock, mode, token = operation.result[0], details["mode"], details["token"]
        end = next((one for one in told if one[:3] == [lock, mode, token]), None)
        if end is not None:
            told.remove(end)
            stretches = tuple((from_ns, to_ns) for from_ns, to_ns in end[3])
        else:
            stretches = _certain(operation, details["until_ns"], operations[position + 1 :], end_ns)
        yield Hold(operation.process, lock, mode, token, operation, stretches, end is not None)


def _certain(
    granted: Operation, until_ns: int | None, later: list[Operation], end_ns: int
) -> tuple[tuple[int, int], ...]:
    """Return for how long a client that never told certainly believed."""
    lock = granted.result[0]
    assert granted.completed_ns is not None
    ends = [end_ns if until_ns is None else min(until_ns, end_ns)]
    # It may have crashed in the operation that never came back, and gives a lock back when it begins to release it.
    ends += [one.invoked_ns for one in later if one.outcome == "info" or one.f == "close" or one.value[0] == lock][:1]
    return ((granted.completed_ns, min(ends)),) if min(ends) > granted.completed_ns else ()
