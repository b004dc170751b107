"""What consensus promises, asked of the clients' history, key by key: agreement, validity, stability.

    agreement    no two answers show different values
    validity     every value shown had been proposed before the answer came
    stability    no read finds a register undecided after an answer that showed its value

Linearizability of the write-once model implies all three. These say in one sentence what went wrong, and look at every
answer; the search stops at the first that it can't place.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.history import Operation
from keelhaul.checkers.linearizability.operations import MalformedOperation
from keelhaul.checkers.values import freeze, show
from keelhaul.checkers.verdict import Result, Verdict

SHOWN_MAX = 10
"""Violations that go into the details."""


class Consensus:
    """Invalid if one of the three is violated on some key; unknown if the history can't be read or shows nothing."""

    def check(self, evidence: Evidence) -> Result:
        """Judge every answer."""
        try:
            keys = _by_key(evidence.history.operations)
        except (MalformedOperation, TypeError) as error:
            return Result(Verdict.UNKNOWN, f"the history can't be read as proposals and reads: {error}")
        found = [sentence for key, operations in keys.items() for sentence in _violations(key, operations)]
        answers = sum(len(_answers(operations)) for operations in keys.values())
        decided = sum(any(value is not None for _, value in _answers(operations)) for operations in keys.values())
        details = {"keys": len(keys), "decided": decided, "answers": answers, "violations": found[:SHOWN_MAX]}
        if found:
            more = f" ({len(found)} violations in all)" if len(found) > 1 else ""
            return Result(Verdict.INVALID, f"{found[0]}{more}", details)
        if not decided:
            return Result(Verdict.UNKNOWN, "no answer shows a value: there is nothing to judge", details)
        return Result(Verdict.VALID, "", details)


def _by_key(operations: Iterable[Operation]) -> dict[Hashable, list[Operation]]:
    keys: dict[Hashable, list[Operation]] = {}
    for operation in operations:
        key, _ = _pair_of(operation.value, operation.invoked)
        keys.setdefault(key, []).append(operation)
    return keys


def _pair_of(value: Any, row: int | None) -> tuple[Hashable, Any]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise MalformedOperation(f"row {row}: the value of a write-once register's operation is [key, value]")
    return freeze(value[0]), value[1]


def _answers(operations: Iterable[Operation]) -> list[tuple[Operation, Hashable]]:
    """List what was answered, null for undecided, in the order in which the answers came."""
    answered = [operation for operation in operations if operation.outcome == "ok"]
    answered.sort(key=lambda operation: operation.completed or 0)
    return [(operation, freeze(_pair_of(operation.result, operation.completed)[1])) for operation in answered]


def _violations(key: Hashable, operations: list[Operation]) -> Iterator[str]:
    name = f"key {show(key)}"
    first: tuple[Operation, Hashable] | None = None
    for operation, value in _answers(operations):
        if value is None:
            if operation.f != "read":
                yield f"validity: {name}: {operation.named()} was told that null is chosen"
            elif first is not None and _precedes(first[0], operation):
                yield (
                    f"stability: {name}: {operation.named()} found it undecided, after "
                    f"{first[0].named()} had been told that {show(first[1])} is chosen"
                )
            continue
        if not any(_proposes(other, value) and other.invoked < _end(operation) for other in operations):
            yield f"validity: {name}: {operation.named()} was told {show(value)}, which nobody had proposed"
        if first is None:
            first = (operation, value)
        elif value != first[1]:
            yield (
                f"agreement: {name}: {first[0].named()} was told that {show(first[1])} is chosen, and "
                f"{operation.named()} that {show(value)} is"
            )


def _proposes(operation: Operation, value: Hashable) -> bool:
    return (
        operation.f == "propose"
        and operation.outcome != "fail"
        and freeze(_pair_of(operation.value, operation.invoked)[1]) == value
    )


def _precedes(one: Operation, other: Operation) -> bool:
    return _end(one) < other.invoked


def _end(operation: Operation) -> int:
    assert operation.completed is not None
    return operation.completed
