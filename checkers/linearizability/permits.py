"""Locks and semaphores without an owner: all acquires are alike, and so are all releases.

Returns are passed in order, and nothing is placed before it has to be. An acquire that returns and isn't placed yet
needs a permit. If none is left, a release has to come first: of those pending, the one that returns first, and open
ones last of all. For a release that finds nothing taken, it is the other way round. If there is none: no order.

*Why waiting is right.* What is pending can be placed at any later moment up to its own return, so an order that places
more than one operation at a return may place the others later. *Why the one that returns first.* If an order uses
another one x here, and this one, y, later: swap them. They do the same; x is still pending where y stood, for y returns
before x.

That needs permits that are taken one by one; elsewhere the algorithm isn't applicable.
"""

from __future__ import annotations

from bisect import bisect_left
from heapq import heappop, heappush
from typing import Final

from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.result import Answer, Invalid, NotApplicable, Valid
from keelhaul.checkers.models.model import Model

FAMILIES: Final = ("mutex", "semaphore")


def decide(model: Model, operations: Operations, budget: Budget) -> Answer:
    """Decide a history of a mutex or a semaphore whose permits are taken one by one, in O(n log n)."""
    if model.family not in FAMILIES:
        return NotApplicable("it is about locks and semaphores without an owner")
    if any(count not in (None, 1) for count in operations.argument) and model.family == "semaphore":
        return NotApplicable("some take or give back several permits at once")
    permits = 1 if model.family == "mutex" else int(str(model.initial))
    return _decide(operations, permits, budget)


def _decide(operations: Operations, permits: int, budget: Budget) -> Answer:
    takes = [f == "acquire" for f in operations.f]
    invoked, returned = operations.invoked, operations.returned
    pending: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
    placed = [False] * len(operations)
    order: list[int] = []
    left, arrived = permits, 0
    for row, at in sorted((row, at) for at, row in enumerate(returned) if row != OPEN):
        budget.spend()
        while arrived < len(operations) and invoked[arrived] < row:
            heappush(pending[takes[arrived]], (returned[arrived], arrived))
            arrived += 1
        if placed[at]:
            continue
        possible = left > 0 if takes[at] else left < permits
        if not possible:
            opposite = pending[not takes[at]]
            if not opposite:
                return Invalid(range(bisect_left(invoked, row)), at, [order])
            _, other = heappop(opposite)
            placed[other] = True
            order.append(other)
            left += 1 if takes[at] else -1
        # It is the first of its kind to return, so it stands at the top of its heap.
        _, same = heappop(pending[takes[at]])
        assert same == at, "earlier ones were placed when they returned"
        order.append(at)
        left -= 1 if takes[at] else -1
    return Valid(order)
