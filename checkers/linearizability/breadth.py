"""Registers with repeated values where open operations are scarce: all ways at once, the thriftiest of each.

absorption.py looks for one way through a history. Open operations mislead it: each may be drawn on once, however late,
and what was drawn on lightly is missed thousands of operations later, with as many choices in between to come back to.
Here all ways are kept side by side, return by return: for each value that the register may hold, the *ways* to it,
each with what it used, what has room and what it drew on. absorption.py explains these words, *absorption* and *likes*,
front.py *idle overwrites*; which keep the ways few here as well.

**Thrift.** One way is as good as another one with the same value if it has used no more, and given no less room, and
drawn no more from any kind of open operation. There may be very many of which none is as good as another, for one drew
on a write of 1, the other on a write of 2. So they are compared by how many they drew on altogether, and only the
thriftier one is kept. What is found thereby is a linearization all the same. If nothing is, it shows something only if
all that was left out was as good as nothing, which is remembered (`_is_complete`).

**A write that returns unused** can do what it could, with the other steps after its return; so whoever goes on before
it does so to use it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final, TypeAlias

from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.placing import Path, Prefixes, placed
from keelhaul.checkers.linearizability.result import Invalid, Valid
from keelhaul.checkers.linearizability.timeline import DENIAL, NO_VALUE, WRITE, Step, Supply, Timeline

WAYS_MAX: Final = 2_000
"""Ways that may be met at a return; with more, they are looked for one by one again."""
WAY_BYTES: Final = 400
"""What one takes, about."""
TURN_BYTES: Final = 200
"""What is remembered of a return, about: the beginning that all ways have in common."""
UNITS: Final = 8
"""Of work, for a way."""
PREFIXES_MAX: Final = 10
"""Partial linearizations that are told of."""

Way: TypeAlias = tuple[int, int, int, int, Path]
"""`used`, `done`: a bit per pending operation; how many open operations were drawn on, altogether and (a field for
each) by kind; and what was used."""
Ways: TypeAlias = dict[int, list[Way]]
"""By value; none of a value is as good as another."""
Move: TypeAlias = tuple[int, int, int, int, int, Supply, int]
"""At a turn, from a value: the value that it leaves, the pending operations that leave it so, what has room there and
which observers of it, who needs that it is made (unless they were used), open operations that leave it so, and how many
of them there are by now."""
NONE: Final = Supply()
ALL_BITS: Final = -1


def decide(timeline: Timeline, budget: Budget) -> Valid | Invalid | None:
    """Decide what the timeline lays out; None if thrift doesn't. BudgetSpent if it takes too much."""
    held = budget.held
    try:
        return _Walk(timeline, budget).run()
    finally:
        budget.held = held


class _Walk:
    """From return to return. The timeline's window is at the turn."""

    def __init__(self, timeline: Timeline, budget: Budget) -> None:
        self._timeline = timeline
        self._budget = budget
        self._turn = 0
        self._returning = timeline.returns[0]
        self._pending = self._writes = self._denied = 0
        self._moves: dict[tuple[int, bool], list[Move]] = {}
        """The moves of this turn from a value, and whether a denial waits."""
        self._is_complete = True
        self._met = 0

    def run(self) -> Valid | Invalid | None:
        """Decide."""
        timeline, budget = self._timeline, self._budget
        ways: Ways = {0: [(0, 0, 0, 0, None)]}
        held = budget.held
        for turn in range(len(timeline.returns)):
            self._arrive(turn, ways)
            passed = self._passed(ways)
            if passed is None:
                return None
            if not passed:
                return self._stuck(ways)
            ways = passed
            budget.held = held + turn * TURN_BYTES + WAY_BYTES * sum(map(len, ways.values()))
            bit = self._returning.bit
            self._pending &= ~bit
            self._writes &= ~bit
            self._denied &= ~bit
        path = next(iter(ways.values()))[0][-1]
        return Valid(placed(timeline, path, len(timeline.returns), budget.spend))

    def _arrive(self, turn: int, ways: Ways) -> None:
        """Go to a turn, and give what arrives there its room."""
        timeline = self._timeline
        timeline.move_to(turn)
        self._turn, self._returning, self._moves = turn, timeline.returns[turn], {}
        arrived = timeline.arrived[turn]
        if not arrived:
            return
        for step in arrived:
            self._pending |= step.bit
            if step.kind == WRITE:
                self._writes |= step.bit
            elif step.kind == DENIAL:
                self._denied |= step.bit
        for value, found in ways.items():
            room = sum(step.bit for step in arrived if step.finds_room_in(value))
            if room:
                found[:] = [(used, done | room, count, drawn, path) for used, done, count, drawn, path in found]

    def _passed(self, ways: Ways) -> Ways | None:
        """Return the ways behind the return; None if there are too many."""
        bit, kind = self._returning.bit, self._returning.kind
        passed: Ways = {}
        late: list[tuple[int, Way]] = []
        todo: list[tuple[int, Way]] = []
        for value, found in ways.items():
            for way in found:
                if not way[1] & bit:
                    todo.append((value, way))
                    continue
                self._let_pass(passed, value, way)
                if kind == WRITE and not way[0] & bit:
                    late.append((value, way))
        self._met = 0
        self._budget.spend(1 + len(todo) + len(late))
        is_done = self._followed(todo, passed, late, must_use=False) and self._followed(late, passed, [], must_use=True)
        return passed if is_done else None

    def _followed(
        self, todo: list[tuple[int, Way]], passed: Ways, late: list[tuple[int, Way]], *, must_use: bool
    ) -> bool:
        """Make steps until the returning operation has room, or was used. False if there are too many ways."""
        bit, kind = self._returning.bit, self._returning.kind
        met: Ways = {}
        for value, way in todo:
            met.setdefault(value, []).append(way)
        while todo:
            self._met += 1
            if self._met > WAYS_MAX:
                return False
            self._budget.spend(UNITS)
            value, way = todo.pop()
            for put, after in self._steps(value, way):
                if after[0] & bit or (after[1] & bit and not must_use):
                    self._let_pass(passed, put, after)
                    if kind == WRITE and not after[0] & bit:
                        late.append((put, after))
                elif self._keep(met, put, after):
                    todo.append((put, after))
        return True

    def _let_pass(self, passed: Ways, value: int, way: Way) -> None:
        used, done, count, drawn, path = way
        stays = ~self._returning.bit
        self._keep(passed, value, (used & stays, done & stays, count, drawn, path))

    def _keep(self, kept: Ways, value: int, way: Way) -> bool:
        """Put a way in, and out what it is as good as; False if another one is as good."""
        others = kept.get(value)
        if others is None:
            kept[value] = [way]
            return True
        used, done, count, drawn, _ = way
        guards = self._timeline.guards
        for other in others:
            if other[2] <= count and not other[0] & ~used and not done & ~other[1]:
                if ((drawn | guards) - other[3]) & guards != guards:
                    self._is_complete = False
                return False
        left = []
        for other in others:
            if other[2] < count or used & ~other[0] or other[1] & ~done:
                left.append(other)
            elif ((other[3] | guards) - drawn) & guards != guards:
                self._is_complete = False
        left.append(way)
        kept[value] = left
        return True

    def _steps(self, value: int, way: Way) -> Iterator[tuple[int, Way]]:
        """Yield the values that one more step may leave, with the way there."""
        timeline, turn = self._timeline, self._turn
        used, done, count, drawn, path = way
        unused, undone = ~used, ~done
        key = value, bool(self._denied & undone)
        moves = self._moves.get(key)
        if moves is None:
            moves = self._moves[key] = [*self._swaps(value), *self._visits(*key)]
        for put, likes, room, seen_by, needed_by, supply, available in moves:
            if not (seen_by & undone or needed_by & unused):
                continue
            free = likes & unused
            if free:
                bit, _, _, _, _, _, _, number = timeline.first_to_return(free)
                yield put, (used | bit, done | bit | room, count, drawn, (turn, number, path))
            elif available:
                taken = drawn >> supply.shift & supply.field
                if taken < available:
                    following = turn, supply.numbers[taken], path
                    yield put, (used, done | room, count + 1, drawn + (1 << supply.shift), following)

    def _swaps(self, value: int) -> Iterator[Move]:
        """Yield the moves by cas: of those that return, for they have to be used; of open ones, for somebody."""
        timeline = self._timeline
        for put, place in timeline.onward.get(value, ()):
            likes, room = timeline.masks[place], self._room(put)
            supply = timeline.open_cas.get((value, put), NONE)
            available = timeline.available(supply, self._turn)
            yield put, likes, room, room & ~self._writes, likes | self._needed_by(put), supply, available

    def _visits(self, value: int, is_denied: bool) -> Iterator[Move]:
        """Yield the moves by writes: of the returning one, for somebody, and of what is there: it gives writes room."""
        timeline, returning, writes = self._timeline, self._returning, self._writes
        wanted = {value: None} | self._wanted()
        own = returning.put if returning.kind == WRITE else NO_VALUE
        if own != NO_VALUE:
            wanted[own] = None
        if is_denied:
            wanted |= self._all()
        for put in wanted:
            room = self._room(put)
            seen_by, needed_by = (writes, 0) if put == value else (room & ~writes, self._needed_by(put))
            if put == own:
                needed_by |= returning.bit
            supply = timeline.open_writes.get(put, NONE)
            available = timeline.available(supply, self._turn)
            yield put, timeline.masks[3 * put + 2], room | writes, seen_by, needed_by, supply, available

    def _needed_by(self, value: int) -> int:
        """Return the pending cas that expect a value; all bits, if an open one does."""
        timeline, found = self._timeline, 0
        for put, place in timeline.onward.get(value, ()):
            if (value, put) in timeline.open_cas:
                return ALL_BITS
            found |= timeline.masks[place]
        return found

    def _room(self, value: int) -> int:
        """Return the pending operations that may stand where the register holds the value."""
        masks = self._timeline.masks
        return masks[3 * value + 1] | self._denied & ~masks[3 * value + 3]

    def _wanted(self) -> dict[int, None]:
        """List the values of pending reads, and what cas expect."""
        found = {step.value: None for step in self._owners(self._pending & ~self._writes & ~self._denied)}
        return found | {expected: None for expected, _ in self._timeline.open_cas}

    def _all(self) -> dict[int, None]:
        """List all values that a write may leave."""
        return {step.put: None for step in self._owners(self._writes)} | dict.fromkeys(self._timeline.open_writes)

    def _owners(self, bits: int) -> Iterator[Step]:
        owner = self._timeline.owner
        while bits:
            bit = bits & -bits
            bits ^= bit
            yield owner[bit]

    def _stuck(self, ways: Ways) -> Invalid | None:
        """Tell of a return that no way leads past; None if one might that was left out."""
        if not self._is_complete:
            return None
        timeline, operations = self._timeline, self._timeline.operations
        stuck = self._returning.number
        core = bisect_left(operations.invoked, operations.returned[stuck])
        paths = [way[-1] for found in ways.values() for way in found]
        return Invalid(range(core), stuck, Prefixes(timeline, paths[:PREFIXES_MAX], self._turn))
