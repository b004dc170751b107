"""Why a configuration failed, in as few words as possible: what absorption.py remembers.

A configuration that has no way to the end fails with everything that could do as much or less: what has used more, has
done less, has drawn on more. But most of what it has used, or not done, had no part in it. A *reason* is what had: such
that whatever holds the same value at the same turn, and has used at least `used`, has none of `undone` done, and has
drawn at least `drawn`, fails too.

How it is found. Take the best configuration that the reason covers: only `used` used, all but `undone` done. It has to
fail like the one that was seen to, step by step:

* A return without room: the operation is in `undone`.
* A step that couldn't be made for lack of operations: those that would have done are in `used`, or counted in `drawn`.
  So are, where a step was made, those likes of its operation that were used before it; so the best configuration
  would have chosen the same one. And if that was a cas, and the step failed for want of room for another one like it,
  it must not be done: whoever had used it before would have used the other one instead.
* A step that led to a configuration that failed in turn: that one's reason, in terms of what was pending before it.
  What arrived on the way is left out, for it arrives the same way everywhere. Of writes and cas that returned on the
  way, those that were used have to be, for otherwise they might have been used then; and those that were not done must
  not be, for otherwise they might not have been used.
* A visit that wasn't made because nobody waited: nobody waits in the best configuration either, if the cas that were
  used are in `used`. One that wasn't would wait for the value that it expects.

A reason found where no other write may follow (`Configuration.seen`) is none where it may.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, TypeAlias

from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.timeline import CAS, WRITE, Supply, Timeline

if TYPE_CHECKING:
    from keelhaul.checkers.linearizability.absorption import Choice, Configuration

COMPARED_MAX: Final = 200
"""Reasons of the same turn and value that a configuration is compared with, the latest."""


REASON_BYTES: Final = 300
"""What it takes to remember one, about."""

Reason: TypeAlias = tuple[int, int, int, bool]
"""`used`, `undone`, `drawn`, `seen`: what is enough to fail; see above."""


class Reasons:
    """All that was learned so far."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self.found: dict[tuple[int, int], deque[Reason]] = {}
        """By turn and value, the latest first."""
        self._supplies: list[Supply] = [*timeline.open_writes.values(), *timeline.open_cas.values()]

    def known(self, at: Configuration, budget: Budget) -> Reason | None:
        """Return a reason that holds for the configuration."""
        turn, value, used, done, drawn, seen, _, _, _, _ = at
        reasons = self.found.get((turn, value))
        if reasons is None:
            return None
        budget.left -= len(reasons)
        guards, unused = self._timeline.guards, ~used
        drawn |= guards
        for reason in reasons:
            needs_used, needs_undone, needs_drawn, any_segment = reason
            # A guard bit above each field survives the subtraction exactly where at least as much was drawn.
            if (
                not needs_used & unused
                and not needs_undone & done
                and (any_segment or not seen)
                and (drawn - needs_drawn) & guards == guards
            ):
                return reason
        return None

    def learn(self, choice: Choice, budget: Budget) -> Reason:
        """Remember why a choice failed for good."""
        at = choice.at
        _, _, used, _, _, seen, writes, _, _, _ = at
        reason = choice.used | used & ~writes, choice.undone, choice.drawn, seen
        reasons = self.found.get(at[:2])
        if reasons is None:
            reasons = self.found[at[:2]] = deque(maxlen=COMPARED_MAX)
        reasons.appendleft(reason)
        budget.held += REASON_BYTES
        return reason

    def blame(self, choice: Choice, turn: int, failed: Reason) -> None:
        """Take the reason for which the step that is being tried failed, found at `turn`, into the reason why all of
        the choice does."""
        here, _, used, done, _, _, _, _, pending, _ = choice.at
        needs_used, needs_undone, needs_drawn, _ = failed
        timeline = self._timeline
        if turn > here:
            arrived = passed = 0
            for later in timeline.arrived[here + 1 : turn + 1]:
                for step in later:
                    arrived |= step[0]
            for step in timeline.returns[here:turn]:
                if step[1] == WRITE or step[1] == CAS:
                    passed |= step[0]
            needs_used = needs_used & ~arrived | passed
            needs_undone = needs_undone & ~arrived | passed
        choice.used |= needs_used & used
        choice.undone |= needs_undone & pending & ~done
        _, bit, _, _, blind = choice.move
        if bit and not blind and needs_undone & timeline.masks[timeline.owner[bit].place] & ~bit:
            choice.undone |= bit
        if needs_drawn:
            choice.drawn = self.more(choice.drawn, self._before(needs_drawn, choice.move[3]))

    def more(self, one: int, other: int) -> int:
        """Return, field by field, the larger count."""
        if not one or not other or one == other:
            return one | other
        found = 0
        for supply in self._supplies:
            field = supply.field << supply.shift
            found |= max(one & field, other & field)
        return found

    def _before(self, drawn: int, draw: int) -> int:
        """Return what had to be drawn before one more was."""
        if not draw:
            return drawn
        supply = next(supply for supply in self._supplies if draw == 1 << supply.shift)
        return drawn - draw if drawn >> supply.shift & supply.field else drawn
