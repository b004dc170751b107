"""Histories that tell their own order: is that order one that real time allows?

Some answers say where an operation stood: a token, the length of a list, the elements of a set that only grows. Then
the operations come in *blocks* whose order is known, and within a block any order will do, for all orders of it are
legal. It is left to see whether time agrees: no operation may have returned before one of an earlier block was invoked.
That is enough. Put each block in order of invocation: within a block, what returned before another was invoked was
invoked before it. Across blocks, real time was just looked at.

One pass: while going through the blocks, keep the latest invocation of all blocks before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import Operations


def clash_of(operations: Operations, blocks: Iterable[Sequence[int]], budget: Budget) -> tuple[int, int] | None:
    """Return two positions, an earlier block's first, of which the second returned before the first was invoked; None
    if time agrees with the order of the blocks."""
    invoked, returned = operations.invoked, operations.returned
    latest, latest_at = -1, -1
    for block in blocks:
        budget.spend(len(block))
        for at in block:
            if returned[at] < latest:
                return latest_at, at
        for at in block:
            if invoked[at] > latest:
                latest, latest_at = invoked[at], at
    return None
