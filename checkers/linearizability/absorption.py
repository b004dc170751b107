"""Registers with repeated values: a search that leaves out what nobody can notice.

Zones (zones.py) need every value to be written once. Where values repeat, a read has a choice of writes, and deciding
is NP-complete (Gibbons and Korach, 1997). What makes it quick all the same is to choose as late and as little as
possible, and never to fail twice for the same reason.

**Just in time** (after Lowe, 2016). Returns are passed in order; nothing is placed before a return needs it. A
*configuration* is what the beginning of an order comes to: the value that the register holds, which pending operations
were *used* (their effect is in the value), which are *done* (they have room somewhere), and how many open operations of
each kind were drawn on. At a return, an operation that is done goes; one that is not has to get its room now.

**Absorption.** Most room is free, and given at once. A read has it as soon as the register holds what it read: moving
it there changes nothing. A write of the value that is there already changes nothing either. And in front of a write
that is used, there is room for all pending writes: nobody sees what they wrote. What is done without having been used
may still be used later, and then stands there instead; if it isn't, it returns unused.

**What need not be tried.** Each rule is an exchange: of any order that is left out there is another, still to be tried,
that can do as much.

* *Likes.* Of pending operations that do the same, the first to return is used: whoever used another one may swap the
  two. Open ones have no deadline: they come after those, and are counted, for it is no matter which of them it was.
* *Idle visits.* At a return, a value is passed through on the way only if somebody who is pending is waiting for it: a
  read of it, or a cas from it. What comes later can't have seen it. (Denials, cas that failed as observations, never
  ask for a visit: any way on leaves the value that they deny. Only one that returns itself, or a write that is put back
  where it was, needs that it is left.)
* *Unseen values.* A write that was free to stay unused, and whose value nobody saw, isn't followed by another write:
  the second may stand in the first one's place, or the first needn't be used. (One that had no room when it returned
  is free of that, for it has no choice.)
* *Writing what is there* is a step only where a pending write has no room yet: it gives room.

**Failures are remembered by their reason** (reasons.py), so what failed once fails at once wherever the reason holds.
This is dominance, made stronger: it is not the whole configuration that is compared but what mattered of it.

**Depth first**, one step at a time, best first: steps that give the returning operation its room come before visits on
the way, and a write that is about to return unused is used if its value is what comes up next (`_comes_next`). A step
is made when it is asked for; on most histories, nearly none but the first of each configuration ever is. All that was
left is come back to, so the search is complete.

Where open operations are scarce it may take very long to come back far enough. So after a while it pauses, and all ways
are followed side by side for once (breadth.py); it goes on if that decides nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import suppress
from math import inf
from typing import Final, TypeAlias

from keelhaul.checkers.linearizability import breadth
from keelhaul.checkers.linearizability.budget import Budget, BudgetSpent
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.placing import Path, Prefixes, placed
from keelhaul.checkers.linearizability.reasons import Reasons
from keelhaul.checkers.linearizability.result import Answer, Invalid, NotApplicable, Unknown, Valid
from keelhaul.checkers.linearizability.timeline import CAS, DENIAL, READ, WRITE, Supply, Timeline
from keelhaul.checkers.models.model import Model

PREFIXES_MAX: Final = 10
"""Partial linearizations that are kept."""
CONFIGURATION_BYTES: Final = 700
"""What a configuration that may be come back to takes, about, and what is remembered of it when it failed."""
OPERATION_BYTES: Final = 380
"""What a timeline takes for each operation, while it is made."""
UNITS: Final = 5
"""Of work, for a configuration."""
STRIDE: Final = 4096
"""Returns after which the budget is asked, where there are so many without a choice."""
AHEAD_MAX: Final = 16
"""Returns that are looked at for what comes up next."""
DEPTH_UNITS: Final = 20
"""Of work for a return, after which breadth is tried. Nearly all searches take less than ten."""
BREADTH_UNITS: Final = 300
"""The same for that."""


Configuration: TypeAlias = tuple[int, int, int, int, int, bool, int, int, int, Path]
"""One beginning of an order, just before a return. In this order:

* `turn`, `value`, `used`, `done`; sets have a bit per pending operation;
* `drawn`: how many open operations of each kind were used, a field for each;
* `seen`: whether another write may follow: somebody saw the value, or there was no choice;
* `writes`, `denied`, `pending`: which pending operations are writes, which are denials, and all of them; these are the
  same for all configurations at a turn;
* `path`: what was used."""

Move: TypeAlias = tuple[int, int, int, int, bool]
"""One step: the value that it leaves, the bit of the operation that is used (0 if that is open), its number, what it
adds to `drawn`, whether it is a write."""
STAY: Final[Move] = (-1, 0, -1, 0, False)
"""The returning write stays unused."""


class Choice:
    """A configuration that can't go on without a choice, what may be chosen, and why what was tried has failed."""

    __slots__ = ("at", "drawn", "move", "moves", "undone", "used")

    def __init__(self, at: Configuration) -> None:
        self.at = at
        self.moves: Iterator[Move] | None = None
        """What is left to be tried; None while it is the first."""
        self.move = STAY
        """The one that is being tried."""
        self.used = self.undone = self.drawn = 0
        """The reason so far; see reasons.py."""


def decide(model: Model, operations: Operations, budget: Budget) -> Answer:
    """Decide one register."""
    if model.family != "register":
        return NotApplicable("it is no register")
    held = budget.held
    budget.hold(OPERATION_BYTES * len(operations))
    try:
        return _decided(Timeline(model.initial, operations, budget), budget)
    finally:
        budget.held = held


def _decided(timeline: Timeline, budget: Budget) -> Answer:
    if not timeline.returns:
        return Valid([])
    search = _Search(timeline, budget)
    try:
        return search.run()
    except BudgetSpent as error:
        return search.unknown(f"the budget of {error.limit} was spent")
    finally:
        search.close()


class _Search:
    """The walk. The timeline's window always stands at the turn of the configuration that is being looked at."""

    def __init__(self, timeline: Timeline, budget: Budget) -> None:
        self._timeline = timeline
        self._budget = budget
        self._held_before = budget.held
        self._reasons = Reasons(timeline)
        self._left_by_open = {*timeline.open_writes, *(put for _, put in timeline.open_cas)}
        self._stack: list[Choice] = []
        self._furthest = -1
        self._paths: list[Path] = []

    def run(self) -> Answer:
        """Search until it is decided; BudgetSpent otherwise."""
        reasons, stack, timeline, budget = self._reasons, self._stack, self._timeline, self._budget
        turns = len(timeline.returns)
        pause: float = budget.spent + DEPTH_UNITS * turns
        at = self._walk(self._beginning())
        while at[0] < turns:
            budget.left -= UNITS
            if budget.left < 0:
                budget.look()
                if budget.spent > pause:
                    answer = self._by_breadth()
                    if answer is not None:
                        return answer
                    timeline.move_to(at[0])
                    pause = inf
            turn = at[0]
            failed = reasons.known(at, budget)
            move = None
            if failed is None:
                choice = Choice(at)
                choice.moves = self._moves(choice)
                stack.append(choice)
                budget.held += CONFIGURATION_BYTES
                move = next(choice.moves, None)
            while move is None:
                if failed is None:
                    turn, failed = at[0], reasons.learn(stack.pop(), budget)
                if not stack:
                    return self._invalid()
                choice = stack[-1]
                at = choice.at
                timeline.move_to(at[0])
                reasons.blame(choice, turn, failed)
                failed = None
                if choice.moves is None:
                    choice.moves = self._moves(choice)
                    next(choice.moves)  # which was tried
                move = next(choice.moves, None)
            choice.move = move
            at = self._walk(self._after(at, move))
        return Valid(placed(timeline, at[-1], turns, budget.spend))

    def close(self) -> None:
        """Let go of all that was kept. Choices and their moves hold on to each other, so they are told to."""
        for choice in self._stack:
            choice.moves = None
        self._stack.clear()
        self._budget.held = self._held_before

    def _by_breadth(self) -> Answer | None:
        """Follow all ways side by side; None if that decides nothing."""
        units = BREADTH_UNITS * len(self._timeline.returns)
        with self._budget.attempt(units) as part, suppress(BudgetSpent):
            return breadth.decide(self._timeline, part)
        return None

    def _beginning(self) -> Configuration:
        self._timeline.move_to(0)
        arrived = self._timeline.arrived[0]
        done = sum(step.bit for step in arrived if step.finds_room_in(0))
        writes = sum(step.bit for step in arrived if step.kind == WRITE)
        denied = sum(step.bit for step in arrived if step.kind == DENIAL)
        return 0, 0, 0, done, 0, True, writes, denied, sum(step.bit for step in arrived), None

    def _walk(self, at: Configuration) -> Configuration:
        """Go on from return to return until there is a choice, or nothing left."""
        turn, value, used, done, drawn, seen, writes, denied, pending, path = at
        timeline = self._timeline
        returns, arrived, masks, owner = timeline.returns, timeline.arrived, timeline.masks, timeline.owner
        left_by_open, turns, failed = self._left_by_open, len(returns), self._reasons.found
        pause = turn + STRIDE
        while True:
            bit, kind, _, place, group, about, put, number = returns[turn]
            if not done & bit:
                if kind == WRITE:
                    if not seen:
                        break
                elif kind != CAS or value != about:
                    break
                # It has to be used now. That was no choice where nobody waits for a visit, and, before a cas, where
                # writing what is there gives nobody room.
                room = masks[3 * put + 1] | denied & ~masks[3 * put + 3]
                if pending & ~done & ~writes & ~bit or (
                    kind == CAS and writes & ~done and (value in left_by_open or masks[3 * value + 2] & ~used)
                ):
                    if (turn, value) in failed:
                        break
                    self._put_off((turn, value, used, done, drawn, seen, writes, denied, pending, path))
                value, seen, path = put, True, (turn, number, path)
                done |= room | writes if kind == WRITE else room
            elif kind == WRITE and not used & bit:
                if value != put or pending & ~done & ~writes:
                    break
                done |= writes
                seen = True
            turn += 1
            if turn == turns:
                break
            if turn == pause:
                self._budget.spend(STRIDE)
                pause += STRIDE
            stays = ~bit
            used &= stays
            done &= stays
            writes &= stays
            denied &= stays
            pending ^= bit
            masks[place] ^= bit
            masks[group] ^= bit
            for step in arrived[turn]:
                bit, kind, room, place, group, _, _, _ = step
                masks[place] ^= bit
                masks[group] ^= bit
                owner[bit] = step
                pending |= bit
                if kind == WRITE:
                    writes |= bit
                    if room == value:
                        done |= bit
                elif kind == DENIAL:
                    denied |= bit
                    if room != -2 - value:
                        done |= bit
                        seen = True
                elif room == value:
                    done |= bit
                    seen = True
        timeline.turn = turn if turn < turns else turns - 1
        if turn > self._furthest:
            self._furthest, self._paths = turn, [path]
        elif turn == self._furthest and len(self._paths) < PREFIXES_MAX:
            self._paths.append(path)
        return turn, value, used, done, drawn, seen, writes, denied, pending, path

    def _put_off(self, at: Configuration) -> None:
        """Come back, if need be, to a configuration in which the returning operation is used first."""
        self._budget.spend(UNITS)
        self._budget.held += CONFIGURATION_BYTES
        self._stack.append(Choice(at))

    def _after(self, at: Configuration, move: Move) -> Configuration:
        """Return the configuration that a step leads to."""
        turn, held, used, done, drawn, seen, writes, denied, pending, path = at
        value, bit, number, draw, blind = move
        masks, returning = self._timeline.masks, self._timeline.returns[turn]
        if move is STAY:
            if returning.put == held:
                # What it writes is there already, so it costs nothing to let others stand in front of it.
                done, seen = done | writes, True
            return turn, held, used | returning.bit, done, drawn, seen, writes, denied, pending, path
        room = masks[3 * value + 1] | denied & ~masks[3 * value + 3]
        seen = bool(room & ~writes & ~done)
        if bit and not (seen or (blind and (bit != returning.bit or done & bit))):
            seen = True  # there was no choice: it had no room, or is a cas that returned
        done |= room | bit
        if blind:
            done |= writes
        return turn, value, used | bit, done, drawn + draw, seen, writes, denied, pending, (turn, number, path)

    def _moves(self, choice: Choice) -> Iterator[Move]:
        """Yield the steps that may be made, the most promising first. What can't be done for lack of operations is put
        into the reason."""
        turn, value, _, done, _, seen, writes, denied, pending, _ = choice.at
        timeline = self._timeline
        returning = timeline.returns[turn]
        own, kind, _, _, _, about, put, number = returning
        goal = value
        if done & own:
            # A write that has room: it stays unused, or is used right now, perhaps after visits.
            done ^= own
            if not seen or put == value:
                yield STAY
            elif self._comes_next(choice.at, put):
                yield put, own, number, 0, True
                yield STAY
            else:
                yield STAY
                yield put, own, number, 0, True
        else:
            choice.undone |= own
            if kind == WRITE:
                if seen:
                    yield put, own, number, 0, True
            elif kind != DENIAL:
                goal = about
                if goal == value:
                    yield put, own, number, 0, False
        if goal != value:
            place = timeline.classes.get((value, goal))
            if place is not None and (move := self._cas(choice, goal, place)):
                yield move
            if seen and (move := self._write(choice, goal)):
                yield move
        waiting = pending & ~done & ~writes
        wanted = self._wanted(waiting & ~denied)
        if kind == DENIAL or (put == value and waiting & denied):
            wanted |= self._all(writes, value)
        for other, place in timeline.onward.get(value, ()):
            if other == goal and goal != value:
                continue
            # A cas that returned has to be used anyway; an open one only for somebody.
            move = self._cas(choice, other, place)
            if move and move[1] != own and (move[1] or other in wanted):
                yield move
        if seen:
            for other in wanted:
                if other != goal and other != value and (move := self._write(choice, other)):
                    yield move
            if writes & ~done and (move := self._write(choice, value)) and move[1] != own:
                yield move

    def _wanted(self, waiting: int) -> dict[int, None]:
        """List the values that somebody waits for: pending reads, and whoever is to compare with it."""
        owner = self._timeline.owner
        wanted: dict[int, None] = {}
        while waiting:
            bit = waiting & -waiting
            waiting ^= bit
            wanted[owner[bit].value] = None
        for expected, _ in self._timeline.open_cas:
            wanted[expected] = None
        return wanted

    def _all(self, free: int, value: int) -> dict[int, None]:
        """List all values that there may be a step to: of writes that are free, open writes, and cas."""
        owner = self._timeline.owner
        found: dict[int, None] = {}
        while free:
            bit = free & -free
            free ^= bit
            found[owner[bit].put] = None
        found |= dict.fromkeys(self._timeline.open_writes)
        return found | {put: None for put, _ in self._timeline.onward.get(value, ())}

    def _write(self, choice: Choice, put: int) -> Move | None:
        """Return the one write of a value to be used, None if there is none."""
        return self._like(choice, put, 3 * put + 2, self._timeline.open_writes.get(put), True)

    def _cas(self, choice: Choice, put: int, place: int) -> Move | None:
        """Return the one cas to a value to be used, None if there is none."""
        return self._like(choice, put, place, self._timeline.open_cas.get((choice.at[1], put)), False)

    def _like(self, choice: Choice, put: int, place: int, supply: Supply | None, blind: bool) -> Move | None:
        timeline, at = self._timeline, choice.at
        likes, used = timeline.masks[place], at[2]
        choice.used |= likes & used
        free = likes & ~used
        if free:
            step = timeline.first_to_return(free)
            return put, step.bit, step.number, 0, blind
        if supply is None:
            return None
        drawn = at[4] >> supply.shift & supply.field
        if drawn < timeline.available(supply, at[0]):
            return put, 0, supply.numbers[drawn], 1 << supply.shift, blind
        choice.drawn = self._reasons.more(choice.drawn, drawn << supply.shift)
        return None

    def _comes_next(self, at: Configuration, put: int) -> bool:
        """Say whether the value of the returning write is needed before what is there now."""
        turn, value, done = at[0], at[1], at[3]
        timeline, row = self._timeline, self._timeline.row(turn)
        invoked = timeline.operations.invoked
        for bit, kind, _, _, _, about, _, number in timeline.returns[turn + 1 : turn + 1 + AHEAD_MAX]:
            if about in (value, put) and kind in (READ, CAS) and (not done & bit or invoked[number] > row):
                return about == put
        return False

    def _invalid(self) -> Invalid:
        timeline, operations = self._timeline, self._timeline.operations
        stuck = timeline.returns[self._furthest].number
        core = bisect_left(operations.invoked, operations.returned[stuck])
        return Invalid(range(core), stuck, Prefixes(timeline, self._paths, self._furthest))

    def unknown(self, reason: str) -> Unknown:
        """Say how far it came."""
        timeline, operations = self._timeline, self._timeline.operations
        turn = max(self._furthest, 0)
        if turn == len(timeline.returns):
            return Unknown(reason, turn, turn)
        timeline.move_to(turn)
        row = timeline.row(turn)
        first = next(at for at, returned in enumerate(operations.returned) if row <= returned < OPEN)
        return Unknown(reason, turn, len(timeline.returns), (operations.invoked[first], row))
