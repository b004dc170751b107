"""Numbers within bounds: a few operations that lead out of them, by the moment at which no order is left.

Permits are such a number: acquires add to those that are taken, releases take away. Look at the time from one moment to
another. What was invoked and returned in it has happened in it, and what only overlaps it may have. At its beginning
the number was within its bounds (at the beginning of all, it was 0). So at its end it is at least the least that it may
have been, with all that was surely added and less all that may have been taken away; if that is too much, there is no
order. Likewise the other way round.

What shows it is chosen such that the others add up to nothing, or more: sparing.py, rule 5. The latest are taken first,
and of those the last ones of their processes: who took a permit and hasn't given it back says most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from keelhaul.checkers.linearizability.budget import Spend
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.models.model import Action, Bounded

AT_FIRST = -1
"""The moment before all, at which the number is 0."""


def counted(
    bounded: Bounded, operations: Operations, actions: Sequence[Action], end: int, spend: Spend
) -> Sequence[int]:
    """Return the fewest operations found that lead out of the bounds by the event `end`, ascending; none if none do."""
    spend(2 * len(operations))
    amounts = [bounded.amount(action) for action in actions]
    found: list[Sequence[int]] = []
    for sign, room in ((1, bounded.most), (-1, -bounded.least)):
        signed = [sign * amount for amount in amounts]
        width = bounded.most - bounded.least
        for since, total in _totals(operations, signed, end, spend):
            limit = room if since == AT_FIRST else width
            if total > limit:
                spend(len(operations))
                if chosen := _chosen(operations, signed, (since, end), total, limit):
                    found.append(chosen)
                    break
    return min(found, key=len, default=())


def _totals(operations: Operations, amounts: Sequence[int], end: int, spend: Spend) -> Iterator[tuple[int, int]]:
    """Yield moments before the end, the latest first, and what is added at least between it and the end."""
    invoked, returned = operations.invoked, operations.returned
    before = [at for at, row in enumerate(invoked) if row < end]
    certain = [at for at in before if amounts[at] > 0 and returned[at] <= end]
    against = sorted((at for at in before if amounts[at] < 0), key=returned.__getitem__)
    total = 0
    while certain:
        spend(1)
        at = certain.pop()
        while against and returned[against[-1]] > invoked[at]:
            total += amounts[against.pop()]
        total += amounts[at]
        yield invoked[at], total
    yield AT_FIRST, total + sum(map(amounts.__getitem__, against))


def _chosen(
    operations: Operations, amounts: Sequence[int], within: tuple[int, int], total: int, limit: int
) -> Sequence[int]:
    """Return some that surely add up to more than the limit, but not to more than all do; none if that isn't found.
    Among them are those at which it begins and ends."""
    invoked, returned = operations.invoked, operations.returned
    since, end = within
    last = {operations.process[at]: at for at, row in enumerate(invoked) if row < end}
    certain = [at for at, row in enumerate(returned) if amounts[at] > 0 and since <= invoked[at] and row <= end]
    certain.sort(key=lambda at: (returned[at] == end, invoked[at] == since, last[operations.process[at]] == at, at))
    chosen: list[int] = []
    number = 0
    while certain and number <= limit:
        at = certain.pop()
        if number + amounts[at] <= total:
            number += amounts[at]
            chosen.append(at)
        elif returned[at] == end or invoked[at] == since:
            return ()
    return sorted(chosen) if number > limit else ()


def in_words(
    bounded: Bounded, operations: Operations, actions: Sequence[Action], core: Sequence[int], spend: Spend
) -> str | None:
    """Say by how much a core shows that bounds are left; None if it doesn't."""
    spend(4 * len(operations))
    end = max((operations.returned[at] for at in core if operations.returned[at] != OPEN), default=AT_FIRST)
    begun = min((operations.invoked[at] for at in core), default=AT_FIRST)
    width = bounded.most - bounded.least
    for sign, room in ((1, bounded.most), (-1, -bounded.least)):
        amounts = [sign * bounded.amount(action) for action in actions]
        totals = dict(_totals(operations, amounts, end, spend))
        for since, limit in ((AT_FIRST, room), (begun, width)):
            total = totals.get(since, 0)
            if total > limit:
                when = f"by row {end}" if since == AT_FIRST else f"from row {since} to row {end}"
                more, less = (bounded.up, bounded.down)[::sign]
                units = f"{bounded.unit} was" if total == 1 else f"{bounded.unit}s were"
                return f"{when}, at least {total} more {units} {more} than {less}, of {width}"
    return None
