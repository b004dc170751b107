"""Registers with repeated values where open operations are scarce: all ways at once, the thriftiest of each.

absorption.py looks for one way through a history. Open operations mislead it: each may be drawn on once, however late,
and what was drawn on lightly is missed thousands of operations later, with as many choices in between to come back to.
Here all ways are kept side by side, return by return: for each value that the register may hold, the *ways* to it,
each with what it used, what has no room yet and what it drew on. absorption.py explains these words, *absorption* and
*likes*, front.py *idle overwrites*; which keep the ways few here as well.

**Thrift.** One way is as good as another one with the same value if it has used no more, and left no more without room,
and drawn no more from any kind of open operation. (The first two are one set, what it has `spent`.) There may be very
many of which none is as good as another, for one drew on a write of 1, the other on a write of 2. So they are compared
by how many they drew on altogether, and only the thriftier one is kept. What is found thereby is a linearization all
the same. If nothing is, it shows something only if all that was left out was as good as nothing, which is remembered
(`_is_complete`).

**Haste.** With many clients there are many ways, and mostly a few of them do. So at first only the thriftiest few are
followed, and few detours made; if that shows nothing, it begins anew and follows all.

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
from keelhaul.checkers.linearizability.timeline import DENIAL, WRITE, Step, Supply, Timeline

WAYS_MAX: Final = 2_000
"""Ways that may be met at a return; with more, they are looked for one by one again."""
HASTY_WAYS: Final = 4
"""Ways to a value that are followed in haste."""
HASTY_DETOURS: Final = 2, 10
"""Ways that may be met at a return in haste: so many for each that it needs a step for, and so many besides."""
WAY_BYTES: Final = 400
"""What one takes, about."""
TURN_BYTES: Final = 200
"""What is remembered of a return, about: the beginning that all ways have in common."""
UNITS: Final = 8
"""Of work, for a way."""
PREFIXES_MAX: Final = 10
"""Partial linearizations that are told of."""

Way: TypeAlias = tuple[int, int, int, Path]
"""`spent`: a bit per pending operation that was used, and above these one per operation that has no room; how many open
operations were drawn on, altogether and (a field for each) by kind; and what was used."""
Ways: TypeAlias = dict[int, list[Way]]
"""By value; none of a value is as good as another."""
Kept: TypeAlias = dict[int, dict[int, Way]]
"""The same, each by what it has spent."""
Move: TypeAlias = tuple[int, int, int, int, int, Supply, int]
"""At a turn, from a value: the value that it leaves, the pending operations that leave it so, what stays spent (all but
what has room there), who needs that it is made (unless they were used), these and who sees it (unless they have room),
open operations that leave it so, and how many of them there are by now."""
NONE: Final = Supply()


def decide(timeline: Timeline, budget: Budget) -> Valid | Invalid | None:
    """Decide what the timeline lays out; None if thrift doesn't. BudgetSpent if it takes too much."""
    held = budget.held
    try:
        for in_haste in (True, False):
            budget.held = held
            found = _Walk(timeline, budget, in_haste=in_haste).run()
            if found is not None:
                return found
        return None
    finally:
        budget.held = held


class _Walk:
    """From return to return. The timeline's window is at the turn."""

    def __init__(self, timeline: Timeline, budget: Budget, *, in_haste: bool) -> None:
        self._timeline = timeline
        self._in_haste = in_haste
        self._budget = budget
        self._bits = max(step.bit for step in timeline.returns).bit_length()
        self._pending = self._writes = self._denied = 0
        self._returning = timeline.returns[0]
        self._here = _Turn(timeline, 0, self._bits, 0, 0, 0)
        self._is_complete = True
        self._met = 0

    def run(self) -> Valid | Invalid | None:
        """Decide."""
        timeline, budget = self._timeline, self._budget
        ways: Ways = {0: [(0, 0, 0, None)]}
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
        """Go to a turn; what arrives there has no room, unless it finds it where the register is."""
        timeline = self._timeline
        timeline.move_to(turn)
        arrived = timeline.arrived[turn]
        for step in arrived:
            self._pending |= step.bit
            if step.kind == WRITE:
                self._writes |= step.bit
            elif step.kind == DENIAL:
                self._denied |= step.bit
        self._returning = timeline.returns[turn]
        self._here = _Turn(timeline, turn, self._bits, self._pending, self._writes, self._denied)
        if not arrived:
            return
        for value, found in ways.items():
            lack = sum(step.bit for step in arrived if not step.finds_room_in(value)) << self._bits
            if lack:
                found[:] = [(spent | lack, count, drawn, path) for spent, count, drawn, path in found]

    def _passed(self, ways: Ways) -> Ways | None:
        """Return the ways behind the return; None if there are too many."""
        bit, may_be_late = self._returning.bit, self._returning.kind == WRITE
        lacks_room = bit << self._bits
        passed: Kept = {}
        late: list[tuple[int, Way]] = []
        todo: list[tuple[int, Way]] = []
        for value, found in ways.items():
            for way in found:
                if way[0] & lacks_room:
                    todo.append((value, way))
                    continue
                self._let_pass(passed, value, way)
                if may_be_late and not way[0] & bit:
                    late.append((value, way))
        self._met = 0
        self._budget.spend(1 + len(todo) + len(late))
        if not self._followed(todo, passed, late, must_use=False):
            return None
        if not self._followed(late, passed, [], must_use=True):
            return None
        return {value: self._thriftiest([*kept.values()]) for value, kept in passed.items()}

    def _thriftiest(self, ways: list[Way]) -> list[Way]:
        """Return all, or in haste the few that have drawn and spent least."""
        if not self._in_haste or len(ways) <= HASTY_WAYS:
            return ways
        self._is_complete = False
        ways.sort(key=lambda way: (way[1], way[0].bit_count()))
        return ways[:HASTY_WAYS]

    def _followed(
        self, todo: list[tuple[int, Way]], passed: Kept, late: list[tuple[int, Way]], *, must_use: bool
    ) -> bool:
        """Make steps until the returning operation has room, or was used. False if there are too many ways."""
        bit, may_be_late = self._returning.bit, self._returning.kind == WRITE
        lacks_room = bit << self._bits
        met: Kept = {}
        ahead = [(value, way) for value, way in todo if self._keep(met, value, way)]
        each, besides = HASTY_DETOURS
        most = self._met + each * len(ahead) + besides if self._in_haste else WAYS_MAX
        for value, way in ahead:
            if met[value].get(way[0]) is not way:
                continue  # one as good was met since
            self._met += 1
            if self._met > most:
                self._is_complete = False
                return self._in_haste
            self._budget.spend(UNITS)
            for put, after in self._steps(value, way):
                spent = after[0]
                if spent & bit:
                    self._let_pass(passed, put, after)
                elif not (must_use or spent & lacks_room):
                    self._let_pass(passed, put, after)
                    if may_be_late:
                        late.append((put, after))
                elif self._keep(met, put, after):
                    ahead.append((put, after))
        return True

    def _let_pass(self, passed: Kept, value: int, way: Way) -> None:
        spent, count, drawn, path = way
        self._keep(passed, value, (spent & ~self._returning.bit, count, drawn, path))

    def _keep(self, kept: Kept, value: int, way: Way) -> bool:
        """Put a way in, and out what it is as good as; False if another one is as good."""
        spent, count, drawn, _ = way
        others = kept.get(value)
        if others is None:
            kept[value] = {spent: way}
            return True
        other = others.get(spent)
        if other is not None and other[1] <= count:
            self._leave_out(drawn, other)
            return False
        for less, other in others.items():
            if less & spent == less and other[1] <= count:
                self._leave_out(drawn, other)
                return False
        for more in [more for more in others if more & spent == spent and others[more][1] >= count]:
            self._leave_out(others.pop(more)[2], way)
        others[spent] = way
        return True

    def _leave_out(self, drawn: int, better: Way) -> None:
        """Note if what is left out for a thriftier way, and has drawn so much, may do what that can't."""
        guards = self._timeline.guards
        if ((drawn | guards) - better[2]) & guards != guards:
            self._is_complete = False

    def _steps(self, value: int, way: Way) -> Iterator[tuple[int, Way]]:
        """Yield the values that one more step may leave, with the way there."""
        spent, count, drawn, path = way
        here, turn, bits = self._here, self._here.turn, self._bits
        firsts = here.firsts
        moves = here.moves(value, is_denied=bool(self._denied << bits & spent))
        for put, likes, stays, needed_by, asked_by, supply, available in moves:
            if not (spent ^ needed_by) & asked_by:
                continue
            free = likes & ~spent
            if free:
                bit, number = firsts.get(free) or here.first(free)
                yield put, (spent & stays & ~(bit << bits) | bit, count, drawn, (turn, number, path))
            elif available:
                taken = drawn >> supply.shift & supply.field
                if taken < available:
                    following = turn, supply.numbers[taken], path
                    yield put, (spent & stays, count + 1, drawn + (1 << supply.shift), following)

    def _stuck(self, ways: Ways) -> Invalid | None:
        """Tell of a return that no way leads past; None if one might that was left out."""
        if not self._is_complete:
            return None
        timeline, operations = self._timeline, self._timeline.operations
        stuck = self._returning.number
        core = bisect_left(operations.invoked, operations.returned[stuck])
        paths = [way[-1] for found in ways.values() for way in found]
        return Invalid(range(core), stuck, Prefixes(timeline, paths[:PREFIXES_MAX], self._here.turn))


class _Turn:
    """What may be done just before a return. Much of it is asked for again and again."""

    __slots__ = (
        "_bits",
        "_denied",
        "_known",
        "_needs",
        "_pending",
        "_returning",
        "_row",
        "_timeline",
        "_visited",
        "_writes",
        "firsts",
        "turn",
    )

    def __init__(self, timeline: Timeline, turn: int, bits: int, pending: int, writes: int, denied: int) -> None:
        """Take what is pending, of that what writes and what is denied; `bits` is how many there are at most."""
        self.turn = turn
        self.firsts: dict[int, tuple[int, int]] = {}
        """Of these pending operations, the one that returns first: its bit and number."""
        self._known: dict[tuple[int, bool], list[Move]] = {}
        self._timeline, self._bits = timeline, bits
        self._pending, self._writes, self._denied = pending, writes, denied
        self._returning, self._row = timeline.returns[turn], timeline.row(turn)
        self._visited: dict[int, Move | None] = {}
        self._needs: dict[int, tuple[int, int]] = {}

    def moves(self, value: int, *, is_denied: bool) -> list[Move]:
        """List the moves from a value, for a way on which a denial waits or none does."""
        found = self._known.get((value, is_denied))
        if found is None:
            moves = *self._swaps(value), *self._visits(value, is_denied)
            found = self._known[value, is_denied] = [move for move in moves if move is not None]
        return found

    def first(self, bits: int) -> tuple[int, int]:
        """Find it, for `firsts`."""
        step = self._timeline.first_to_return(bits)
        found = self.firsts[bits] = step.bit, step.number
        return found

    def _swaps(self, value: int) -> Iterator[Move | None]:
        """Yield the moves by cas: of those that return, for they have to be used; of open ones, for somebody."""
        timeline = self._timeline
        for put, place in timeline.onward.get(value, ()):
            likes, supply = timeline.masks[place], timeline.open_cas.get((value, put), NONE)
            if likes or supply is not NONE:
                room, needed_by = self._around(put)
                yield self._move(put, likes, room, room & ~self._writes, likes | needed_by, supply)

    def _visits(self, value: int, is_denied: bool) -> Iterator[Move | None]:
        """Yield the moves by writes: of the returning one, for somebody, and of what is there: it gives writes room."""
        wanted = self._wanted()
        if self._returning.kind == WRITE:
            wanted[self._returning.put] = None
        if is_denied:
            wanted |= self._all()
        yield self._visit(value, self._writes, 0)
        for put in wanted:
            if put == value:
                continue
            if put not in self._visited:
                room, needed_by = self._around(put)
                self._visited[put] = self._visit(put, room & ~self._writes, needed_by)
            yield self._visited[put]

    def _visit(self, put: int, seen_by: int, needed_by: int) -> Move | None:
        timeline, returning = self._timeline, self._returning
        if returning.kind == WRITE and returning.put == put:
            needed_by |= returning.bit
        likes, supply = timeline.masks[3 * put + 2], timeline.open_writes.get(put, NONE)
        return self._move(put, likes, self._around(put)[0] | self._writes, seen_by, needed_by, supply)

    def _move(self, put: int, likes: int, room: int, seen_by: int, needed_by: int, supply: Supply) -> Move | None:
        """Return the move, given what has room, which of these see it, and who needs it; None if nobody makes it."""
        available = bisect_left(supply.rows, self._row)
        if not (likes or available):
            return None
        return put, likes, ~(room << self._bits), needed_by, seen_by << self._bits | needed_by, supply, available

    def _around(self, value: int) -> tuple[int, int]:
        """Return the pending operations that may stand where the register holds the value; and the cas that expect it,
        or the bit of somebody who always needs it, which no way ever spends, if an open one does."""
        known = self._needs.get(value)
        if known is not None:
            return known
        timeline, expected_by = self._timeline, 0
        masks = timeline.masks
        for put, place in timeline.onward.get(value, ()):
            if (value, put) in timeline.open_cas:
                expected_by = 1 << 2 * self._bits
                break
            expected_by |= masks[place]
        room = masks[3 * value + 1] | self._denied & ~masks[3 * value + 3]
        found = self._needs[value] = room, expected_by
        return found

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
