"""Large values of a register, one object for each: hashed once, and compared by being the same.

A tuple's hash takes as long as it is large, each time that it is asked for, and whoever decides, refutes or explains
asks for it many times an operation: a value of 100,000 items for a millisecond each. So where a history has large
values, they are replaced by equal ones that know their hash; this asks the budget for each. Nobody else notices.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any, Final

from keelhaul.checkers.linearizability.budget import Budget, BudgetSpent
from keelhaul.checkers.linearizability.operations import Operations

LARGE_ITEMS: Final = 64
"""Items from which on a value is large."""
SAMPLES: Final = 8
"""Operations that are looked at, to see whether there are large values at all."""


class Large(tuple[Any, ...]):
    """A tuple that remembers its hash; equal to others as ever."""

    _hash: int | None = None

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = super().__hash__()
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return self is not other and super().__ne__(other)

    def __reduce__(self) -> tuple[type[Large], tuple[tuple[Any, ...]]]:
        """Leave the hash behind: another process may have another one."""
        return Large, (tuple(self),)


def with_large_values_once(operations: Operations, budget: Budget) -> Operations:
    """Return the operations of a register; where large values are seen, with one object for all that are equal, unless
    that takes more than the budget: then whoever decides will meet its limit, too."""
    columns = operations.argument, operations.result
    if not (_has_large(columns[0]) or _has_large(columns[1])):
        return operations
    known: dict[Hashable, Hashable] = {}
    try:
        argument, result = ([_once(value, known, budget) for value in column] for column in columns)
    except BudgetSpent:
        return operations
    return replace(operations, argument=argument, result=result)


def _has_large(column: Sequence[Hashable]) -> bool:
    """Say whether large values are seen at a glance. Nearly always there are none, which is to cost next to nothing."""
    some = [
        value
        for value in column[:: len(column) // SAMPLES + 1]
        if isinstance(value, tuple) and value and (len(value) > LARGE_ITEMS or isinstance(value[-1], tuple))
    ]
    return bool(some) and any(map(_is_large, some))


def _is_large(value: tuple[Hashable, ...]) -> bool:
    """Say whether it is large itself, or what it consists of, as a cas."""
    if len(value) > LARGE_ITEMS:
        return True
    return bool([item for item in value if isinstance(item, tuple) and len(item) > LARGE_ITEMS])


def _once(value: Hashable, known: dict[Hashable, Hashable], budget: Budget) -> Hashable:
    """Return the one object for a value."""
    if not isinstance(value, tuple):
        budget.spend()
        return value
    budget.spend(1 + len(value) // LARGE_ITEMS)
    if len(value) > LARGE_ITEMS:
        found = known.get(value)
        if found is None:
            # What it was made of is the key: it is met again, and being the same costs least to see.
            found = known[value] = value if isinstance(value, Large) else Large(value)
        return found
    if _is_large(value):
        return tuple(_once(item, known, budget) for item in value)
    return value
