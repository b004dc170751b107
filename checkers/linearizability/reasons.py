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
  would have chosen the same one.
* A step that led to a configuration that failed in turn: that one's reason, in terms of what was pending before it.
  What arrived on the way is left out, for it arrives the same way everywhere. Of writes and cas that returned on the
  way, those that were used have to be, for otherwise they might have been used then; and those that were not done must
  not be, for otherwise they might not have been used.
* A visit that wasn't made because nobody waited: nobody waits in the best configuration either.

A reason found where no other write may follow (`Configuration.seen`) is none where it may.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from keelhaul.checkers.linearizability.timeline import CAS, WRITE, Supply, Timeline

if TYPE_CHECKING:
    from keelhaul.checkers.linearizability.absorption import Choice, Configuration

COMPARED_MAX: Final = 200
"""Reasons of the same turn and value that a configuration is compared with, the latest."""


class Reason(NamedTuple):
    """What is enough to fail; see above."""

    used: int
    undone: int
    drawn: int
    seen: bool


class Reasons:
    """All that was learned so far."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._known: dict[tuple[int, int], deque[Reason]] = {}
        self._supplies: list[Supply] = [*timeline.open_writes.values(), *timeline.open_cas.values()]
        self.compared = 0
        """How many were compared with the last time."""

    def known(self, at: Configuration) -> Reason | None:
        """Return a reason that holds for the configuration."""
        reasons = self._known.get((at.turn, at.value))
        if reasons is None:
            self.compared = 0
            return None
        self.compared = len(reasons)
        guards, unused, done = self._timeline.guards, ~at.used, at.done
        drawn = at.drawn | guards
        for reason in reasons:
            # A guard bit above each field survives the subtraction exactly where at least as much was drawn.
            if (
                not reason.used & unused
                and not reason.undone & done
                and (reason.seen or not at.seen)
                and (drawn - reason.drawn) & guards == guards
            ):
                return reason
        return None

    def learn(self, at: Configuration, reason: Reason) -> None:
        """Remember why a configuration failed."""
        reasons = self._known.get((at.turn, at.value))
        if reasons is None:
            reasons = self._known[at.turn, at.value] = deque(maxlen=COMPARED_MAX)
        reasons.appendleft(reason)

    def blame(self, choice: Choice, turn: int, failed: Reason) -> None:
        """Take the reason for which the step that is being tried failed, found at `turn`, into the reason why all of
        the choice does."""
        at, timeline = choice.at, self._timeline
        arrived = passed = 0
        for later in timeline.arrived[at.turn + 1 : turn + 1]:
            for step in later:
                arrived |= step.bit
        for step in timeline.returns[at.turn : turn]:
            if step.kind in (WRITE, CAS):
                passed |= step.bit
        choice.used |= (failed.used & ~arrived | passed) & at.used
        choice.undone |= (failed.undone & ~arrived | passed) & at.pending & ~at.done
        choice.drawn = self.more(choice.drawn, self._before(failed.drawn, choice.move.draw))

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
