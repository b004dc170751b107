"""A register's history, turn by turn: what absorption.py walks along. Made in one pass.

A *turn* is just before a return. Values, and kinds of operations, are numbered; a pending operation has a bit, given
out again once it has returned, so that sets of pending operations are small integers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable
from itertools import repeat
from typing import Any, Final, NamedTuple, TypeAlias

from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.models.shapes import items

READ: Final = 0
WRITE: Final = 1
CAS: Final = 2
DENIAL: Final = 3
"""A cas that failed, as an observation. (A cas from a value to the same is a read; open, it is nothing.)"""

NO_VALUE: Final = -1
BLOCK: Final = 1023
"""The budget is asked at the last of each 1024 operations that are laid out."""

Shape: TypeAlias = tuple[int, int, int, int, int, int]
"""What `Step` says between bit and number."""


class Step(NamedTuple):
    """An operation that returns."""

    bit: int
    kind: int
    room: int
    """The value in which it finds room: what it reads or writes. A denial of v has -2 - v and finds room in any value
    but v; a cas finds none."""
    place: int
    """Where `Timeline.masks` has it: 3v + 1 for reads and writes of v, 3v + 3 for denials of v, below 0 for cas."""
    group: int
    """For writes of v also 3v + 2; otherwise 0, where nobody looks."""
    value: int
    """For a read, what it needs; for a cas or denial, what it expects; for a write, what it puts."""
    put: int
    """The value that a write or cas leaves; NO_VALUE for observers."""
    number: int
    """Its position in the operations."""

    def finds_room_in(self, value: int) -> bool:
        """Say whether it may stand where the register holds the value, leaving it there."""
        return self.room == value or (self.room < NO_VALUE and self.room != -2 - value)


class Supply:
    """Open operations that do the same. `rows` tell when they were invoked, `numbers` which they are; they are used in
    that order, and counted in a field of a configuration's `drawn`."""

    __slots__ = ("field", "numbers", "rows", "shift")

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.numbers: list[int] = []
        self.shift = self.field = 0


class Timeline:
    """What arrives and returns at each turn, and the window of what is pending at one of them; it moves to and fro."""

    def __init__(self, initial: Hashable, operations: Operations, budget: Budget) -> None:
        """Lay out the operations; BudgetSpent if they are too many for the budget."""
        self.operations = operations
        self.returns: list[Step] = []
        self.arrived: list[list[Step]] = []
        """What was invoked between this turn's return and the one before, and will return."""
        self.values: dict[Hashable, int] = {initial: 0}
        self.classes: dict[tuple[int, int], int] = {}
        """Place of the cas from one value to another: they count down from -1."""
        self.onward: dict[int, list[tuple[int, int]]] = {}
        """For each value the (put, place) of cas that expect it."""
        self.open_writes: dict[int, Supply] = {}
        self.open_cas: dict[tuple[int, int], Supply] = {}
        shapes = self._shapes(budget)
        self._lay_out(shapes, budget)
        budget.spend((len(shapes) & BLOCK) // 5)
        self.guards = self._fields()
        self.masks = [0] * (3 * len(self.values) + len(self.classes) + 1)
        self.owner: dict[int, Step] = {}
        """Whose bit it is, among those pending."""
        self.turn = -1
        """The window's; what arrived at it is in."""

    def _shapes(self, budget: Budget) -> list[Shape | None]:
        """Say of each operation what it is; None if it makes no difference."""
        operations = self.operations
        reads: dict[Hashable, Shape] = {}
        writes: dict[Hashable, Shape] = {}
        swaps: dict[Hashable, Shape | None] = {}
        denials: dict[Hashable, Shape | None] = {}
        attempts: dict[Hashable, Shape | None] = {}
        shapes: list[Shape | None] = []
        add = shapes.append
        failed = operations.failed or repeat(False)
        rows = zip(operations.f, operations.argument, operations.result, operations.returned, failed, strict=False)
        for at, (f, argument, result, returned, denies) in enumerate(rows):
            if at & BLOCK == BLOCK:
                budget.spend(BLOCK // 10)
            if f == "read":
                if returned == OPEN:
                    add(None)
                    continue
                shape = reads.get(result)
                if shape is None:
                    shape = reads[result] = self._read(result)
            elif f == "write":
                shape = writes.get(argument)
                if shape is None:
                    value = self._value(argument)
                    shape = writes[argument] = WRITE, value, 3 * value + 1, 3 * value + 2, value, value
            else:
                known = attempts if returned == OPEN else denials if denies else swaps
                if argument in known:
                    add(known[argument])
                    continue
                expected, new = items(argument)
                shape = known[argument] = self._compared(expected, new, known is denials, known is attempts)
            add(shape)
        return shapes

    def _read(self, found: Hashable) -> Shape:
        value = self._value(found)
        return READ, value, 3 * value + 1, 0, value, NO_VALUE

    def _compared(self, expected: Hashable, new: Hashable, denies: bool, is_open: bool) -> Shape | None:
        """Say what a cas is. One that leaves what it found is a read."""
        value = self._value(expected)
        if denies:
            return DENIAL, -2 - value, 3 * value + 3, 0, value, NO_VALUE
        if expected == new:
            return None if is_open else self._read(expected)
        put = self._value(new)
        place = self.classes.get((value, put))
        if place is None:
            place = self.classes[value, put] = -1 - len(self.classes)
            self.onward.setdefault(value, []).append((put, place))
        return CAS, NO_VALUE, place, 0, value, put

    def _value(self, value: Hashable) -> int:
        return self.values.setdefault(value, len(self.values))

    def _lay_out(self, shapes: list[Shape | None], budget: Budget) -> None:
        """Give out bits, and sort what arrives and returns into turns."""
        invoked, returned = self.operations.invoked, [*self.operations.returned]  # which are read again and again
        by_return = [at for at, shape in enumerate(shapes) if shape is not None and returned[at] != OPEN]
        by_return.sort(key=returned.__getitem__)
        steps: list[Any] = [None] * len(shapes)
        free: list[int] = []
        made, coming, calls = 1, 0, [*invoked, OPEN]
        new, step_class = tuple.__new__, Step
        for turn, at in enumerate(by_return):
            if turn & BLOCK == BLOCK:
                budget.spend(BLOCK // 10)
            row = returned[at]
            arrived = []
            while calls[coming] < row:
                shape = shapes[coming]
                if shape is not None:
                    if returned[coming] == OPEN:
                        self._supply(shape, coming)
                    else:
                        if free:
                            bit = free.pop()
                        else:
                            bit, made = made, made << 1
                        step = steps[coming] = new(step_class, (bit, *shape, coming))
                        arrived.append(step)
                coming += 1
            self.arrived.append(arrived)
            step = steps[at]
            self.returns.append(step)
            free.append(step[0])

    def _supply(self, shape: Shape, number: int) -> None:
        kind, value, put = shape[0], shape[4], shape[5]
        if kind == WRITE:
            supply = self.open_writes.setdefault(value, Supply())
        else:
            supply = self.open_cas.setdefault((value, put), Supply())
        supply.rows.append(self.operations.invoked[number])
        supply.numbers.append(number)

    def _fields(self) -> int:
        """Give each supply a field to count what is drawn; return a guard bit above each."""
        guards = shift = 0
        for supply in (*self.open_writes.values(), *self.open_cas.values()):
            width = len(supply.rows).bit_length()
            supply.shift, supply.field = shift, (1 << width) - 1
            guards |= 1 << (shift + width)
            shift += width + 1
        return guards

    def available(self, supply: Supply, turn: int) -> int:
        """Count what had been invoked by this turn."""
        return bisect_left(supply.rows, self.row(turn))

    def first_to_return(self, bits: int) -> Step:
        """Return that one of some pending operations."""
        first = bits & -bits
        best = self.owner[first]
        bits ^= first
        if bits:
            returned = self.operations.returned
            while bits:
                bit = bits & -bits
                bits ^= bit
                other = self.owner[bit]
                if returned[other.number] < returned[best.number]:
                    best = other
        return best

    def row(self, turn: int) -> int:
        """Return the row of the return at this turn."""
        return self.operations.returned[self.returns[turn].number]

    def move_to(self, turn: int) -> None:
        """Make pending what is pending at `turn`."""
        masks, owner = self.masks, self.owner
        while self.turn < turn:
            if self.turn >= 0:
                leaving = self.returns[self.turn]
                masks[leaving.place] ^= leaving.bit
                masks[leaving.group] ^= leaving.bit
            self.turn += 1
            for step in self.arrived[self.turn]:
                masks[step.place] ^= step.bit
                masks[step.group] ^= step.bit
                owner[step.bit] = step
        while self.turn > turn:
            for step in self.arrived[self.turn]:
                masks[step.place] ^= step.bit
                masks[step.group] ^= step.bit
            self.turn -= 1
            back = self.returns[self.turn]
            masks[back.place] ^= back.bit
            masks[back.group] ^= back.bit
            owner[back.bit] = back
