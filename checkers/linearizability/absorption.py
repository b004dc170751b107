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
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final, NamedTuple

from keelhaul.checkers.linearizability.budget import Budget, BudgetSpent
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.placing import Path, placed
from keelhaul.checkers.linearizability.reasons import Reason, Reasons
from keelhaul.checkers.linearizability.result import Answer, Invalid, NotApplicable, Unknown, Valid
from keelhaul.checkers.linearizability.timeline import CAS, DENIAL, READ, WRITE, Step, Supply, Timeline
from keelhaul.checkers.models.model import Model

PREFIXES_MAX: Final = 10
"""Partial linearizations that are kept."""
CONFIGURATION_BYTES: Final = 700
"""What a configuration that may be come back to takes, about, and what is remembered of it when it failed."""
AHEAD_MAX: Final = 16
"""Returns that are looked at for what comes up next."""


class Configuration(NamedTuple):
    """One beginning of an order, just before the return at `turn`. Sets have a bit per pending operation."""

    turn: int
    value: int
    used: int
    done: int
    drawn: int
    """How many open operations of each kind were used, a field for each."""
    seen: bool
    """Whether another write may follow: somebody saw the value, or there was no choice."""
    writes: int
    """The writes that are pending; this and the next two are the same for all configurations at a turn."""
    denied: int
    """The denials that are pending."""
    pending: int
    path: Path


class Move(NamedTuple):
    """One step: an operation is used."""

    value: int
    """What it leaves."""
    bit: int
    """0 if it is open."""
    number: int
    draw: int
    """What it adds to `drawn`."""
    blind: bool


STAY: Final = Move(-1, 0, -1, 0, False)
"""The returning write stays unused."""


class Choice:
    """A configuration that can't go on without a choice, what may be chosen, and why what was tried has failed."""

    __slots__ = ("at", "drawn", "move", "moves", "undone", "used")

    def __init__(self, at: Configuration) -> None:
        self.at = at
        self.moves: Iterator[Move] = iter(())
        self.move = STAY
        """The one that is being tried."""
        self.used = self.undone = self.drawn = 0
        """The reason so far; see reasons.py."""


def decide(model: Model, operations: Operations, budget: Budget) -> Answer:
    """Decide one register."""
    if model.family != "register":
        return NotApplicable("it is no register")
    timeline = Timeline(model.initial, operations)
    if not timeline.returns:
        return Valid([])
    search = _Search(timeline, budget)
    try:
        return search.run()
    except BudgetSpent as error:
        return search.unknown(f"the budget of {error.limit} was spent")
    finally:
        budget.hold(-search.held)


class _Search:
    """The walk. The timeline's window always stands at the turn of the configuration that is being looked at."""

    def __init__(self, timeline: Timeline, budget: Budget) -> None:
        self.held = 0
        self._timeline = timeline
        self._budget = budget
        self._reasons = Reasons(timeline)
        self._stack: list[Choice] = []
        self._furthest = -1
        self._paths: list[Path] = []

    def run(self) -> Answer:
        """Search until it is decided; BudgetSpent otherwise."""
        reasons, stack = self._reasons, self._stack
        at = self._walk(self._beginning())
        while at.turn < len(self._timeline.returns):
            failed = reasons.known(at)
            self._budget.spend(5 + reasons.compared)
            turn = at.turn
            if failed is None:
                stack.append(self._choice(at))
            move = None
            while move is None:
                if not stack:
                    return self._invalid()
                choice = stack[-1]
                self._timeline.move_to(choice.at.turn)
                if failed is not None:
                    reasons.blame(choice, turn, failed)
                move = next(choice.moves, None)
                if move is None:
                    stack.pop()
                    self._hold(-CONFIGURATION_BYTES)
                    turn, failed = choice.at.turn, self._learned(choice)
            choice.move = move
            at = self._walk(self._after(choice.at, move))
        return Valid(placed(self._timeline, at.path, len(self._timeline.returns)))

    def _beginning(self) -> Configuration:
        self._timeline.move_to(0)
        arrived = self._timeline.arrived[0]
        return Configuration(
            0,
            0,
            used=0,
            done=sum(step.bit for step in arrived if step.room == 0 or step.room < -2),
            drawn=0,
            seen=True,
            writes=sum(step.bit for step in arrived if step.kind == WRITE),
            denied=sum(step.bit for step in arrived if step.kind == DENIAL),
            pending=sum(step.bit for step in arrived),
            path=None,
        )

    def _walk(self, at: Configuration) -> Configuration:
        """Go on from return to return until there is a choice, or nothing left."""
        turn, value, used, done, drawn, seen, writes, denied, pending, path = at
        timeline = self._timeline
        returns, arrived, masks, owner = timeline.returns, timeline.arrived, timeline.masks, timeline.owner
        open_writes = timeline.open_writes
        while True:
            bit, kind, _, place, group, about, put, number = returns[turn]
            if not done & bit:
                # It has to be used. That is no choice where nobody waits for a visit, and nothing else gives it room.
                if kind in (READ, DENIAL) or pending & ~done & ~writes & ~bit:
                    break
                if kind == WRITE:
                    if not seen or masks[3 * value + 2] & ~used or value in open_writes:
                        break
                    done |= writes
                elif value != about or (writes & ~done and (masks[3 * value + 2] & ~used or value in open_writes)):
                    break
                value = put
                done |= masks[3 * put + 1] | denied & ~masks[3 * put + 3]
                path = turn, number, path
                seen = True
            elif kind == WRITE and not used & bit:
                if value != put or pending & ~done & ~writes:
                    break
                done |= writes
                seen = True
            turn += 1
            if turn == len(returns):
                break
            used &= ~bit
            done &= ~bit
            writes &= ~bit
            denied &= ~bit
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
        timeline.turn = min(turn, len(returns) - 1)
        if turn >= self._furthest:
            self._note(turn, path)
        return Configuration(turn, value, used, done, drawn, seen, writes, denied, pending, path)

    def _after(self, at: Configuration, move: Move) -> Configuration:
        """Return the configuration that a step leads to."""
        turn, held, used, done, drawn, seen, writes, denied, pending, path = at
        value, bit, number, draw, blind = move
        masks, returning = self._timeline.masks, self._timeline.returns[turn]
        if move is STAY:
            if returning.put == held:
                # What it writes is there already, so it costs nothing to let others stand in front of it.
                done, seen = done | writes, True
            return Configuration(turn, held, used | returning.bit, done, drawn, seen, writes, denied, pending, path)
        room = masks[3 * value + 1] | denied & ~masks[3 * value + 3]
        forced = not blind if bit != returning.bit else not done & bit
        seen = bool(room & ~writes & ~done) or (bit != 0 and forced)
        done |= room | bit | (writes if blind else 0)
        path = turn, number, path
        return Configuration(turn, value, used | bit, done, drawn + draw, seen, writes, denied, pending, path)

    def _choice(self, at: Configuration) -> Choice:
        self._hold(CONFIGURATION_BYTES)
        choice = Choice(at)
        choice.moves = self._moves(choice)
        return choice

    def _moves(self, choice: Choice) -> Iterator[Move]:
        """Yield the steps that may be made, the most promising first. What can't be done for lack of operations is put
        into the reason."""
        at = choice.at
        returning = self._timeline.returns[at.turn]
        kind, value, done = returning.kind, at.value, at.done
        if done & returning.bit:
            # A write that has room: it stays unused, or is used right now, perhaps after visits.
            use = at.seen and returning.put != value
            if use and self._comes_next(at, returning.put):
                yield self._use(returning)
                use = False
            yield STAY
            if use:
                yield self._use(returning)
            done ^= returning.bit
        else:
            choice.undone = returning.bit
            if (kind == WRITE and at.seen) or (kind == CAS and value == returning.value):
                yield self._use(returning)
        goal = returning.value if kind in (READ, CAS) else value
        if goal != value:
            yield from self._to(choice, goal)
        wanted = self._wanted(at, done)
        if kind == DENIAL or (returning.put == value and at.denied & ~done):
            wanted |= self._all(at)
        yield from self._visits(choice, {**wanted, goal: None}, goal)
        if at.seen and at.writes & ~done:
            yield from self._write(choice, value)

    def _use(self, step: Step) -> Move:
        return Move(step.put, step.bit, step.number, 0, step.kind == WRITE)

    def _to(self, choice: Choice, goal: int) -> Iterator[Move]:
        """Yield the steps to a value."""
        place = self._timeline.classes.get((choice.at.value, goal))
        if place is not None:
            yield from self._cas(choice, goal, place)
        if choice.at.seen:
            yield from self._write(choice, goal)

    def _visits(self, choice: Choice, wanted: dict[int, None], goal: int) -> Iterator[Move]:
        """Yield the steps to other values than the goal."""
        at = choice.at
        for put, place in self._timeline.onward.get(at.value, ()):
            if put != goal or goal == at.value:
                for move in self._cas(choice, put, place):
                    # A cas that returned has to be used anyway; an open one only for somebody.
                    if move.bit != self._timeline.returns[at.turn].bit and (move.bit or put in wanted):
                        yield move
        if at.seen:
            for put in wanted:
                if put != goal and put != at.value:
                    yield from self._write(choice, put)

    def _wanted(self, at: Configuration, done: int) -> dict[int, None]:
        """List the values that somebody waits for: pending reads, and whoever is to compare with it."""
        owner, waiting = self._timeline.owner, at.pending & ~done & ~at.writes & ~at.denied
        wanted: dict[int, None] = {}
        while waiting:
            bit = waiting & -waiting
            waiting ^= bit
            wanted[owner[bit].value] = None
        for expected, _ in self._timeline.open_cas:
            wanted[expected] = None
        return wanted

    def _all(self, at: Configuration) -> dict[int, None]:
        """List all values that there may be a step to."""
        owner, free = self._timeline.owner, at.writes & ~at.used
        found: dict[int, None] = {}
        while free:
            bit = free & -free
            free ^= bit
            found[owner[bit].put] = None
        found |= dict.fromkeys(self._timeline.open_writes)
        return found | {put: None for put, _ in self._timeline.onward.get(at.value, ())}

    def _write(self, choice: Choice, put: int) -> Iterator[Move]:
        return self._like(choice, put, 3 * put + 2, self._timeline.open_writes.get(put), True)

    def _cas(self, choice: Choice, put: int, place: int) -> Iterator[Move]:
        return self._like(choice, put, place, self._timeline.open_cas.get((choice.at.value, put)), False)

    def _like(self, choice: Choice, put: int, place: int, supply: Supply | None, blind: bool) -> Iterator[Move]:
        """Yield the one operation to be used of those that do the same, if there is one."""
        timeline, at = self._timeline, choice.at
        likes = timeline.masks[place]
        choice.used |= likes & at.used
        free = likes & ~at.used
        if free:
            step = timeline.first_to_return(free)
            yield Move(put, step.bit, step.number, 0, blind)
        elif supply is not None:
            drawn = at.drawn >> supply.shift & supply.field
            if drawn < timeline.available(supply, at.turn):
                yield Move(put, 0, supply.numbers[drawn], 1 << supply.shift, blind)
            else:
                choice.drawn = self._reasons.more(choice.drawn, drawn << supply.shift)

    def _comes_next(self, at: Configuration, put: int) -> bool:
        """Say whether the value of the returning write is needed before what is there now."""
        timeline, row = self._timeline, self._timeline.row(at.turn)
        invoked = timeline.operations.invoked
        for step in timeline.returns[at.turn + 1 : at.turn + 1 + AHEAD_MAX]:
            if step.kind in (READ, CAS) and (invoked[step.number] > row or not at.done & step.bit):
                if step.value == at.value:
                    return False
                if step.value == put:
                    return True
        return False

    def _learned(self, choice: Choice) -> Reason:
        reason = Reason(choice.used, choice.undone, choice.drawn, choice.at.seen)
        self._reasons.learn(choice.at, reason)
        self._hold(CONFIGURATION_BYTES)
        return reason

    def _hold(self, size: int) -> None:
        self.held += size
        self._budget.hold(size)

    def _note(self, turn: int, path: Path) -> None:
        if turn > self._furthest:
            self._furthest = turn
            self._paths = [path]
        elif len(self._paths) < PREFIXES_MAX:
            self._paths.append(path)

    def _invalid(self) -> Invalid:
        timeline, operations = self._timeline, self._timeline.operations
        stuck = timeline.returns[self._furthest].number
        core = bisect_left(operations.invoked, operations.returned[stuck])
        prefixes = [placed(timeline, path, self._furthest) for path in self._paths]
        return Invalid(range(core), stuck, sorted(prefixes, key=len, reverse=True))

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
