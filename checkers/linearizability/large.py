"""Large values of a register, one object for each: hashed once, and compared by being the same.

A tuple's hash takes as long as it is large, each time that it is asked for, and whoever decides, refutes or explains
asks for it many times an operation: a value of 100,000 items for a millisecond each. So where a history has large
values, they are replaced by equal ones that know their hash; this asks the budget for each. Nobody else notices.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any, Final

from keelhaul.checkers.linearizability.budget import Budget
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
    """Return the operations of a register; where large values are seen, with one object for all that are equal.
    BudgetSpent if that takes too much."""
    columns = operations.argument, operations.result
    step = max(1, len(operations) // SAMPLES)
    if not any(_is_large(value) for column in columns for value in column[::step]):
        return operations
    known: dict[Hashable, Hashable] = {}
    argument, result = ([_once(value, known, budget) for value in column] for column in columns)
    return replace(operations, argument=argument, result=result)


def _is_large(value: Hashable) -> bool:
    """Say whether it is large itself, or what it consists of, as a cas."""
    if not isinstance(value, tuple):
        return False
    return len(value) > LARGE_ITEMS or any(isinstance(item, tuple) and len(item) > LARGE_ITEMS for item in value)


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
