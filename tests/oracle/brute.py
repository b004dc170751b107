"""The oracle: try every order that real time allows, from a specification written as plainly as possible."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from keelhaul.checkers.linearizability.operations import OPEN, Operations
from tests.oracle.specifications import ACKNOWLEDGED, FAILED, Specification


def linearizable(specification: Specification, operations: Operations) -> bool:
    """Say whether each key's operations have a legal order."""
    if operations.key is None:
        return order_of(specification, operations) is not None
    keys = operations.key
    parts = ([at for at, found in enumerate(keys) if found == key] for key in dict.fromkeys(keys))
    return all(order_of(specification, operations.select(part)) is not None for part in parts)


def order_of(specification: Specification, operations: Operations) -> list[int] | None:
    """Find a legal order of the operations on one object: everything that returned, and what is open at will."""
    count = len(operations)
    earlier = [_returned_before(operations, at) for at in range(count)]
    required = sum(1 << at for at in range(count) if operations.returned[at] != OPEN)
    tried: set[tuple[int, Hashable]] = set()
    todo: list[tuple[int, Hashable, Any]] = [(0, specification.initial, None)]
    while todo:
        placed, state, path = todo.pop()
        if placed & required == required:
            return _unrolled(path)
        for at in range(count):
            if not placed >> at & 1 and earlier[at] & ~placed == 0:
                for after in next_states(specification, state, operations, at):
                    found = placed | 1 << at, after
                    if found not in tried:
                        tried.add(found)
                        todo.append((*found, (at, path)))
    return None


def extensible(specification: Specification, operations: Operations, core: Sequence[int]) -> bool:
    """Say whether the core, together with some of the other operations or none, has a legal order. (No keys.)"""
    count = len(operations)
    required = sum(1 << at for at in core if operations.returned[at] != OPEN)
    later = [
        sum(1 << other for other in range(count) if operations.returned[at] < operations.invoked[other])
        for at in range(count)
    ]
    tried: set[tuple[int, Hashable]] = set()
    todo: list[tuple[int, Hashable]] = [(0, specification.initial)]
    while todo:
        placed, state = todo.pop()
        if placed & required == required:
            return True
        for at in range(count):
            if not placed >> at & 1 and not placed & later[at]:
                for after in next_states(specification, state, operations, at):
                    if (placed | 1 << at, after) not in tried:
                        tried.add((placed | 1 << at, after))
                        todo.append((placed | 1 << at, after))
    return False


COUNTED = ("mutex", "semaphore")
"""Where acquires and releases make up for each other."""


def refutes(specification: Specification, operations: Operations, core: Sequence[int]) -> bool:
    """Say whether the core shows that there is no linearization: none of it alone, whatever of the rest happened
    besides; or, of what is counted, none of it alone, and none of all. (No keys.)"""
    if not extensible(specification, operations, core):
        return True
    histories = operations.select(core), operations
    return specification.name in COUNTED and all(order_of(specification, history) is None for history in histories)


def next_states(specification: Specification, state: Hashable, operations: Operations, at: int) -> Iterator[Hashable]:
    """List the states that the operation may lead to, given what it claims to have answered."""
    failed = operations.failed is not None and operations.failed[at]
    for result, after in specification.outcomes(state, operations.f[at], operations.argument[at]):
        if (result is FAILED) is not failed:
            continue
        if failed or result is ACKNOWLEDGED or operations.returned[at] == OPEN or result == operations.result[at]:
            yield after


def _returned_before(operations: Operations, at: int) -> int:
    returned: Sequence[int] = operations.returned
    return sum(1 << other for other in range(len(operations)) if returned[other] < operations.invoked[at])


def _unrolled(path: Any) -> list[int]:
    order = []
    while path is not None:
        at, path = path
        order.append(at)
    return order[::-1]
