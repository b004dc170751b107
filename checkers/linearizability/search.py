"""The search: is there one order of the operations that explains every answer?

**The question.** An operation that returned took effect at one moment between its invocation and its return. A history
is linearizable if moments can be chosen so that the operations, one after the other in that order, are a legal run of
the model. Intervals are closed and are compared by row in the history, never by time: one recorder writes the rows,
while clocks tie and drift. An operation of unknown outcome ("open") took effect at some moment after its invocation, or
never. Parts that do not touch each other (the keys of a store) are judged one by one, because a history is linearizable
exactly if each part is (Herlihy and Wing); here one part is searched.

**Just in time** (after Lowe, 2016). Rows are walked in order. Nothing is decided until an operation returns; only then
must it have taken effect. A *configuration* is what can be known by then: the state, which of the operations that have
not yet returned have taken effect (`mask`), and how many open ones were used (`used`). At each return, every
configuration that lacks the operation is extended by every sequence of pending operations that ends with it. Complete:
in any linearization, whatever stands before the returning operation and has not been placed yet is placed now, and what
stands behind it can wait for the return that needs it. None left: no order exists. Some left at the end: the path that
led to one is a linearization.

**What keeps it small**, each without losing a verdict:

* *Observers at once.* A step that never changes any state is placed as soon as the state allows it. Moving it forward
  from wherever it stood in a linearization to the first moment that allows it disturbs nobody.
* *Open steps are counted.* Those with the same action are interchangeable, and have no deadline: which one was used
  doesn't matter, only how many are left. One field of the integer `used` counts one such *supply*.
* *Dominance.* Of two configurations with equal state and mask, one that used no more of any supply can do all that the
  other can. Only the minimal ones are kept.
* *Expiry.* A supply that no later return can notice is no longer drawn from, and no longer compared (the model says
  from when on; models/register.py argues it).

**Bounded by work, not by time**, so that the same history gives the same answer everywhere: every step that is tried
and every configuration that is compared costs one unit. When the allowance is spent the answer is `Exhausted`, with the
row it got to. The problem is NP-complete, so for some histories that is the best there is.

All containers are lists and dicts: iteration follows insertion, never hashes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from keelhaul.checkers.models.model import ILLEGAL, Model, Step

Path: TypeAlias = "tuple[int, Path] | None"
"""What has been placed, last first, by position in the list of steps; shared between configurations."""

Front: TypeAlias = dict[tuple[Hashable, int], list[tuple[int, Path]]]
"""Configurations: (state, mask) → the minimal (used, path) pairs."""


@dataclass(frozen=True, slots=True)
class Linearized:
    """An order exists: positions in the list of steps. Open steps that are not in it need not have taken effect."""

    order: tuple[int, ...]
    work: int


@dataclass(frozen=True, slots=True)
class Stuck:
    """No order exists. `step` is the first whose return can't be explained; all that returned earlier can be, and
    `before` holds the configurations that do so: state and path."""

    step: int
    before: tuple[tuple[Hashable, Path], ...]
    work: int


@dataclass(frozen=True, slots=True)
class Exhausted:
    """Undecided: the allowance was spent at the return of `step`, after `returned` of the steps that return."""

    step: int
    returned: int
    work: int


class _Pending(NamedTuple):
    """A step that was invoked and will return."""

    number: int
    bit: int
    action: Hashable


@dataclass(slots=True)
class _Supply:
    """Open steps with one action: `numbers` were invoked so far, in that order, and are used in that order."""

    action: Hashable
    expires: int
    shift: int
    field_mask: int
    numbers: list[int] = field(default_factory=list)


class Spent(Exception):
    """The allowance is spent."""


def search(model: Model, steps: Sequence[Step], work_max: int) -> Linearized | Stuck | Exhausted:
    """Look for an order of `steps` (one part, by invocation) that the model allows; spend `work_max` at most."""
    returns = returns_of(steps)
    run = Search(model, steps, work_max)
    for count, (row, number) in enumerate(returns):
        before = run.front
        try:
            run.pass_return(row, number)
        except Spent:
            return Exhausted(number, count, run.work)
        if not run.front:
            return Stuck(number, _listed(before), run.work)
    path = next(iter(run.front.values()))[0][1]
    return Linearized(tuple(reversed(unrolled(path))), run.work)


def returns_of(steps: Sequence[Step]) -> list[tuple[int, int]]:
    """List (row, position of the step) for the steps that return, by row."""
    return sorted((step.returns, number) for number, step in enumerate(steps) if step.returns is not None)


def _listed(front: Front) -> tuple[tuple[Hashable, Path], ...]:
    return tuple((state, path) for (state, _), kept in front.items() for _, path in kept)


def unrolled(path: Path) -> list[int]:
    """List a path's steps, last placed first."""
    numbers = []
    while path is not None:
        numbers.append(path[0])
        path = path[1]
    return numbers


class Search:
    """The walk over one part. `front` holds the configurations after the last return that was passed."""

    def __init__(self, model: Model, steps: Sequence[Step], work_max: int) -> None:
        self.work = 0
        self.front: Front = {(model.initial, 0): [(0, None)]}
        self._step = model.step
        self._steps = steps
        self._work_max = work_max
        self._invoked = 0
        self._updates: dict[int, _Pending] = {}
        self._observers: dict[int, _Pending] = {}
        self._bits_free: list[int] = []
        self._bits_made = 0
        self._supplies, self._guards = _supplies(steps)
        self._drawable: list[_Supply] = []
        self._last_row = max((step.returns or 0 for step in steps), default=0)
        self._first_expiry = self._last_row
        # While a return is passed: its step's bit, the configurations that have it, those that lack it, and of the
        # latter those that are still to be extended.
        self._goal = 0
        self._reached: Front = {}
        self._unfinished: Front = {}
        self._todo: deque[tuple[Hashable, int, int, Path]] = deque()

    def pass_return(self, row: int, number: int) -> None:
        """Let step `number` return at `row`: keep the configurations, extended as needed, in which it took effect."""
        self._invoke_before(row)
        self._expire_before(row)
        pending = self._updates.get(number) or self._observers[number]
        self._goal, self._reached, self._unfinished = pending.bit, {}, {}
        for (state, mask), kept in self.front.items():
            for used, path in kept:
                self._reach(state, mask, used, path)
        while self._todo:
            self._extend(*self._todo.popleft())
        self.front = {(state, mask & ~pending.bit): kept for (state, mask), kept in self._reached.items()}
        self._updates.pop(number, None)
        self._observers.pop(number, None)
        self._bits_free.append(pending.bit)

    def _extend(self, state: Hashable, mask: int, used: int, path: Path) -> None:
        """Reach every configuration that is one step further."""
        self.work += len(self._updates) + len(self._drawable)
        step = self._step
        for number, bit, action in self._updates.values():
            if not mask & bit:
                after = step(state, action)
                if after is not ILLEGAL:
                    self._reach(after, mask | bit, used, (number, path))
        for supply in self._drawable:
            count = used >> supply.shift & supply.field_mask
            if count < len(supply.numbers):
                after = step(state, supply.action)
                if after is not ILLEGAL and after != state:
                    self._reach(after, mask, used + (1 << supply.shift), (supply.numbers[count], path))

    def _reach(self, state: Hashable, mask: int, used: int, path: Path) -> None:
        """Take in a configuration, unless one that is already there can do as much; place the observers it allows."""
        self.work += len(self._observers)
        for number, bit, action in self._observers.values():
            if not mask & bit and self._step(state, action) is not ILLEGAL:
                mask |= bit
                path = (number, path)
        if mask & self._goal:
            self._admit(self._reached, (state, mask), used, path)
        elif self._admit(self._unfinished, (state, mask), used, path):
            self._todo.append((state, mask, used, path))

    def _admit(self, front: Front, key: tuple[Hashable, int], used: int, path: Path) -> bool:
        """Put (used, path) under `key` if nothing there dominates it, in place of what it dominates; say whether."""
        kept = front.get(key)
        self.work += 1 if kept is None else 1 + len(kept)
        if self.work > self._work_max:
            raise Spent
        if kept is None:
            front[key] = [(used, path)]
            return True
        guards = self._guards
        # A guard bit above each field: it survives the subtraction exactly where that field needed no more.
        if any((used | guards) - other & guards == guards for other, _ in kept):
            return False
        kept[:] = [pair for pair in kept if (pair[0] | guards) - used & guards != guards]
        kept.append((used, path))
        return True

    def _invoke_before(self, row: int) -> None:
        """Make pending whatever was invoked before `row`."""
        steps = self._steps
        while self._invoked < len(steps) and steps[self._invoked].operation.invoked < row:
            number, step = self._invoked, steps[self._invoked]
            self._invoked += 1
            if step.returns is not None:
                pending = self._observers if step.observes else self._updates
                pending[number] = _Pending(number, self._bit(), step.action)
            elif step.expires >= row and not step.observes:
                supply = self._supplies[step.action, step.expires]
                if not supply.numbers:
                    self._drawable.append(supply)
                    self._first_expiry = min(self._first_expiry, supply.expires)
                supply.numbers.append(number)

    def _bit(self) -> int:
        """Take a bit of the mask that no pending step has."""
        if self._bits_free:
            return self._bits_free.pop()
        self._bits_made += 1
        return 1 << (self._bits_made - 1)

    def _expire_before(self, row: int) -> None:
        """Stop drawing from, and comparing, supplies that nothing from `row` on can notice."""
        if row <= self._first_expiry:
            return
        expired = [supply for supply in self._drawable if supply.expires < row]
        self._drawable = [supply for supply in self._drawable if supply.expires >= row]
        self._first_expiry = min((supply.expires for supply in self._drawable), default=self._last_row)
        forgotten = sum(supply.field_mask << supply.shift for supply in expired)
        front: Front = {}
        for key, kept in self.front.items():
            for used, path in kept:
                self._admit(front, key, used & ~forgotten, path)
        self.front = front


def _supplies(steps: Sequence[Step]) -> tuple[dict[tuple[Hashable, int], _Supply], int]:
    """Lay out one field of `used` per kind of open step, wide enough for all of that kind, and a guard bit above it.

    Return the supplies, still empty, and all guard bits.
    """
    sizes: dict[tuple[Hashable, int], int] = {}
    for step in steps:
        if step.returns is None and not step.observes:
            sizes[step.action, step.expires] = sizes.get((step.action, step.expires), 0) + 1
    supplies, guards, shift = {}, 0, 0
    for (action, expires), size in sizes.items():
        width = size.bit_length()
        supplies[action, expires] = _Supply(action, expires, shift, (1 << width) - 1)
        guards |= 1 << (shift + width)
        shift += width + 1
    return supplies, guards
