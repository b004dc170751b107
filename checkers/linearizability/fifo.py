"""Queues in which no value is put in twice: first in, first out, in O(n log n).

**The order of values.** A value goes in, and later it comes out, or it stays. Say that a comes before b if a's enqueue
returned before b's was invoked, or a's dequeue before b's. In a linearization a then really stands before b, at both
ends. So if a comes before b at one end, and b before a at the other, there is none.

Otherwise there is one. First narrow the intervals: a value that came out had gone in by then, so its enqueue returned,
as it were, no later than its dequeue. (If that leaves an enqueue that returns before it is invoked, its value can't be
taken away below.) What stays comes out after all others.
Then take away values one after the other, always one before which none of those left comes, at either end. If there is
none, let a be the value whose enqueue returns first and b the one whose dequeue does: b's enqueue doesn't come first,
so it was invoked after a's had returned; a's dequeue doesn't, so it was invoked after b's had returned: a contradiction
as above. The order in which they were taken away serves both ends: each enqueue is put at the latest invocation of an
enqueue up to itself, each dequeue at the earliest return of a dequeue from itself on. Both lie in their intervals,
because no value comes before an earlier one. And a's enqueue lies before its dequeue: were the dequeue of some c at or
behind a returned before the enqueue of some b at or in front of a was invoked, then by the narrowing c's enqueue would
have returned before b's was invoked, and c would come before b.

**Dequeues that found nothing** need a moment at which nothing has to be in the queue: no value whose enqueue returned
before and whose dequeue is invoked after it (intervals narrowed). One such moment for each is enough: what went in for
sure by then came out by then or could have. Those are the values in front of the moment; nothing that has to be behind
it comes before one of them, so both parts are ordered each by itself.

**Open operations.** An enqueue that nobody is seen to have taken out is left out. An open dequeue may have taken any
value that stays. A value that stays needs that if it comes before one that came out; then at the latest by the return
of that dequeue. Dequeues in order of invocation are given to values in order of that deadline; if that fails, there is
no way (whatever suits an early deadline suits a later one). Values that stay and need no dequeue lose nothing by
staying: what comes before a value in need is in need as well, with no later deadline. If there are dequeues of both
kinds, open ones that may be needed and ones that found nothing, the algorithm isn't applicable.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.result import Answer, Invalid, NotApplicable, Valid
from keelhaul.checkers.models.model import Model

LAST: Final = OPEN + 1
"""Where the dequeue of a value that stays is thought to be: behind everything."""
EASY: Final = 4
"""Values that are sorted, or put into a list, for a unit of work."""


@dataclass(slots=True)
class Value:
    """What happened to one value; intervals are narrowed. `dequeue` is None where it stays."""

    enqueue: int
    dequeue: int | None
    in_from: int
    in_by: int
    out_from: int
    out_by: int

    @property
    def core(self) -> list[int]:
        """Its operations."""
        return [self.enqueue] if self.dequeue is None else [self.enqueue, self.dequeue]


def decide(model: Model, operations: Operations, budget: Budget) -> Answer:
    """Decide a history of a queue, empty at first, in which no value is put in twice."""
    if model.family != "fifo-queue" or model.initial:
        return NotApplicable("it is about queues that are empty at first")
    found = _Queue(operations, budget)
    if found.repeated is not None:
        return NotApplicable(f"operation {operations.index[found.repeated]} puts in a value for the second time")
    if found.contradiction is not None:
        return Invalid(sorted(found.contradiction))
    if found.nothing and found.open_dequeues and found.staying:
        return NotApplicable("open dequeues may be needed, and some dequeues found nothing")
    lacking = found.give_out(budget)
    if lacking is not None:
        return Invalid(sorted(lacking))
    moments = _moments(found, budget)
    if isinstance(moments, Invalid):
        return moments
    return _ordered(found, moments, budget)


class _Queue:
    """A history sorted by value. `staying` are the values that nobody is seen to have taken out, `nothing` the dequeues
    that found nothing."""

    def __init__(self, operations: Operations, budget: Budget) -> None:
        self.operations = operations
        self.repeated: int | None = None
        self.contradiction: list[int] | None = None
        self.nothing: list[int] = []
        self.open_dequeues: list[int] = []
        self.taken: list[Value] = []
        self.staying: list[Value] = []
        enqueues, dequeues = self._by_value(budget)
        self._join(enqueues, dequeues, budget)

    def _by_value(self, budget: Budget) -> tuple[dict[Hashable, int], dict[Hashable, int]]:
        enqueues: dict[Hashable, int] = {}
        dequeues: dict[Hashable, int] = {}
        twice: list[int] = []
        rows = enumerate(zip(self.operations.f, self.operations.argument, self.operations.result, strict=True))
        for at, (f, argument, result) in budget.over(rows, len(self.operations)):
            if f == "enqueue":
                if enqueues.setdefault(argument, at) != at:
                    self.repeated = at
            elif self.operations.returned[at] == OPEN:
                self.open_dequeues.append(at)
            elif result is None:
                self.nothing.append(at)
            elif dequeues.setdefault(result, at) != at:
                twice = twice or [dequeues[result], at]
        if twice:
            value = self.operations.result[twice[0]]
            self.contradiction = [*twice, *([enqueues[value]] if value in enqueues else [])]
        return enqueues, dequeues

    def _join(self, enqueues: dict[Hashable, int], dequeues: dict[Hashable, int], budget: Budget) -> None:
        invoked, returned = self.operations.invoked, self.operations.returned
        for value, enqueue in budget.over(enqueues.items(), len(enqueues), EASY):
            dequeue = dequeues.pop(value, None)
            in_from, in_by = invoked[enqueue], returned[enqueue]
            if dequeue is not None:
                out_from, out_by = invoked[dequeue], returned[dequeue]
                self.taken.append(Value(enqueue, dequeue, in_from, min(in_by, out_by), out_from, out_by))
            elif in_by != OPEN:
                self.staying.append(Value(enqueue, None, in_from, in_by, LAST, LAST))
        if dequeues:
            self.contradiction = [min(dequeues.values())]

    def give_out(self, budget: Budget) -> list[int] | None:
        """Give open dequeues to the values that need one; return what shows that they are too few, None if it goes."""
        deadlines = self._deadlines(budget)
        dequeues = self.open_dequeues
        invoked = self.operations.invoked
        for place, (deadline, _, value) in enumerate(deadlines):
            if place >= len(dequeues) or invoked[dequeues[place]] > deadline:
                short = [number for late, taken, one in deadlines[: place + 1] for number in one.core + taken.core]
                return [*dict.fromkeys([*short, *dequeues])]
            value.dequeue = dequeues[place]
            value.out_from, value.out_by = invoked[value.dequeue], OPEN
        return None

    def _deadlines(self, budget: Budget) -> list[tuple[int, Value, Value]]:
        """List, for the values that stay and need a dequeue, by when, the value taken out that says so, and the one in
        need; by deadline."""
        budget.spend(len(self.taken) // EASY)
        later = sorted(self.taken, key=lambda value: value.in_from)
        budget.spend(len(later) // EASY)
        starts = [value.in_from for value in later]
        first_out: list[Value] = []
        for value in reversed(later):
            first_out.append(value if not first_out or value.out_by < first_out[-1].out_by else first_out[-1])
        first_out.reverse()
        found = []
        for value in self.staying:
            place = bisect_right(starts, value.in_by)
            if place < len(later):
                found.append((first_out[place].out_by, first_out[place], value))
        return sorted(found, key=lambda item: (item[0], item[2].enqueue))


def _moments(found: _Queue, budget: Budget) -> list[int] | Invalid:
    """Return for each dequeue in `nothing` a moment, just after an event's position, at which nothing has to be in the
    queue; Invalid if there is one for which there is none."""
    if not found.nothing:
        return []
    # What may have come out before it was in covers nothing: it ends before it starts.
    values = sorted(found.taken + found.staying, key=lambda value: value.in_by)
    starts: list[int] = []
    ends: list[int] = []
    for value in values:
        if ends and value.in_by <= ends[-1]:
            ends[-1] = max(ends[-1], value.out_from)
        else:
            starts.append(value.in_by)
            ends.append(value.out_from)
    moments = []
    for at in found.nothing:
        budget.spend()
        moment, until = found.operations.invoked[at], found.operations.returned[at]
        place = bisect_right(starts, moment) - 1
        if place >= 0 and moment < ends[place]:
            moment = ends[place]
        if moment >= until:
            return Invalid(sorted([at, *_cover(values, found.operations.invoked[at], until)]))
        moments.append(moment)
    return moments


def _cover(values: Sequence[Value], start: int, end: int) -> list[int]:
    """Return the operations of values, sorted by `in_by`, that keep the queue from being empty in between."""
    core: list[int] = []
    while start < end:
        best = max((value for value in values if value.in_by <= start), key=lambda value: value.out_from)
        core += best.core
        start = best.out_from
    return core


def _ordered(found: _Queue, moments: list[int], budget: Budget) -> Answer:
    """Put everything in order: sort by a place, four of which lie between two neighbouring events (see `_places`)."""
    cuts = sorted(set(moments))
    segments: list[list[Value]] = [[] for _ in range(len(cuts) + 1)]
    every = found.taken + found.staying
    for value in budget.over(every, len(every), EASY):
        segments[bisect_left(cuts, value.in_by)].append(value)
    places = [(4 * moment + 2, at) for moment, at in zip(moments, found.nothing, strict=True)]
    for number, values in enumerate(segments):
        order = _taken_away(values, budget)
        if isinstance(order, Invalid):
            return order
        start = 4 * cuts[number - 1] + 3 if number else 0
        end = 4 * cuts[number] + 1 if number < len(cuts) else 4 * LAST
        places += _places(order, start, end, budget)
    # Stable: where several have one place, their order is that of their values.
    budget.spend(len(places) // EASY)
    places.sort(key=itemgetter(0))
    return Valid([at for _, at in places])


def _places(order: Sequence[Value], start: int, end: int, budget: Budget) -> list[tuple[int, int]]:
    """Return the places of these values' operations: an event at position p has place 4p, and just after it lie the
    last dequeues before a moment (4p + 1), the dequeues that found nothing (4p + 2), the first enqueues after (4p + 3).
    """
    places: list[tuple[int, int]] = []
    budget.spend(len(order) // EASY)
    for value in order:
        start = max(start, 4 * value.in_from)
        places.append((start, value.enqueue))
    taken_out: list[tuple[int, int]] = []
    budget.spend(len(order) // EASY)
    for value in reversed(order):
        if value.dequeue is not None:
            end = min(end, 4 * value.out_by)
            taken_out.append((end, value.dequeue))
    return places + taken_out[::-1]


def _taken_away(values: Sequence[Value], budget: Budget) -> list[Value] | Invalid:
    """Return the values in an order that serves both ends; Invalid with two that have none."""
    count = len(values)
    budget.spend(count)
    enqueues = _End([value.in_from for value in values], [value.in_by for value in values])
    budget.spend(count // EASY)
    dequeues = _End([value.out_from for value in values], [value.out_by for value in values])
    ends = enqueues, dequeues
    free = [0] * count
    ready: list[int] = []
    gone = [False] * count
    order: list[Value] = []
    while len(order) < count:
        budget.spend()
        for end in ends:
            for number in end.freed(gone):
                free[number] += 1
                if free[number] == len(ends):
                    ready.append(number)
        if not ready:
            clash = [values[end.first_over(gone)] for end in ends]
            return Invalid(sorted({*clash[0].core, *clash[1].core}))
        number = ready.pop()
        gone[number] = True
        order.append(values[number])
    return order


class _End:
    """One end of the queue: intervals by number, of those that are not gone yet."""

    def __init__(self, starts: list[int], over: list[int]) -> None:
        self._starts, self._over = starts, over
        self._by_start = sorted(range(len(starts)), key=starts.__getitem__)
        self._by_over = sorted(range(len(over)), key=over.__getitem__)
        self._started = self._passed = 0

    def first_over(self, gone: Sequence[bool]) -> int:
        """Return whose interval is over first."""
        while gone[self._by_over[self._passed]]:
            self._passed += 1
        return self._by_over[self._passed]

    def freed(self, gone: Sequence[bool]) -> Iterator[int]:
        """Yield what nothing comes before, each number once."""
        limit = self._over[self.first_over(gone)]
        while self._started < len(self._by_start) and self._starts[self._by_start[self._started]] <= limit:
            self._started += 1
            yield self._by_start[self._started - 1]
