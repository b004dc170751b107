"""The search for one legal order of operations that are ordered only in part. It is what every level asks, each with
an order of its own (views.py).

**Depth first**, one operation at a time, with what was tried remembered: what is placed, and the state of each object.
Three things need not be tried:

* *Observers* are placed as soon as they are ready and legal. Wherever a legal order has one later, it may as well have
  it here: it changes nothing, and all that has to stand before it does.
* *The last source.* Where changes leave a state of their own (`Model.leaves`), an operation is legal only right after
  one of its *sources*, the changes that leave a state for it, or at first. A change may not be placed on top of a state
  that an operation still waits for and that nothing left could bring about again.
* *Open operations* that leave the state as it is need not take effect.

**Before the search**, where changes leave states of their own, the order is *saturated*: a claim with one source w is
behind w; a change that has to stand before the claim stands before w, too, for it can't stand in between; and one that
has to stand behind w stands behind the claim. (Gibbons and Korach, 1997, of registers; Bouajjani et al., 2017, use the
same rules for causal memory.) An order that has a cycle then is none, and most of what has no order ends here.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Hashable, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Final, NamedTuple

from keelhaul.checkers.levels.saturate import saturated
from keelhaul.checkers.linearizability.actions import numbered_actions
from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.split import split
from keelhaul.checkers.models.model import Kind, Model
from keelhaul.checkers.models.transitions import Transitions

STATE_BITS: Final = 32
"""Bits of a state's number where the states of all objects are put into one."""
TRIED_BYTES: Final = 200
"""What it costs to remember what was tried, about."""


class Scene:
    """A history with what every view of it needs. Operations are named by their position."""

    def __init__(self, model: Model, operations: Operations) -> None:
        self.model, self.operations = model, operations
        self.actions, self.action = numbered_actions(model, operations)
        self.transitions = Transitions(model, self.actions)
        self.kinds = [self.transitions.kinds[number] for number in self.action]
        self.keys: list[Hashable] = []
        """The independent objects, by number."""
        self.part = [0] * len(operations)
        """Which object each operation is of."""
        for number, (key, positions) in enumerate(split(model, operations)):
            self.keys.append(key)
            for at in positions:
                self.part[at] = number
        self._serves: dict[tuple[int, int], bool] = {}

    def changes(self, at: int) -> bool:
        """Say whether it may change something."""
        return self.kinds[at] is not Kind.OBSERVER

    def claims(self, at: int) -> bool:
        """Say whether it can be illegal."""
        return self.kinds[at] not in (Kind.TOTAL, Kind.BLIND)

    def is_open(self, at: int) -> bool:
        """Say whether it need not take effect."""
        return self.operations.returned[at] == OPEN

    @cached_property
    def at_first(self) -> list[bool]:
        """Whether each action is legal in the initial state."""
        return [bool(self.model.successors(self.model.initial, action)) for action in self.actions]

    def serves(self, change: int, claim: int) -> bool:
        """Say whether the action `claim` is legal in the state that the action `change` leaves."""
        known = self._serves.get((change, claim))
        if known is None:
            assert self.model.leaves is not None, "the caller looked"
            state = self.model.leaves(self.actions[change])
            known = self._serves[change, claim] = bool(self.model.successors(state, self.actions[claim]))
        return known


class Cycle(NamedTuple):
    """Operations, by position, each of which has to stand before the next, and the last before the first."""

    positions: Sequence[int]


class View(NamedTuple):
    """Operations, by position and ascending, and what has to stand before each: places in `positions`."""

    positions: Sequence[int]
    before: Sequence[Sequence[int]]

    def without(self, left_out: set[int]) -> View:
        """Leave out some positions; what stood before something because of them still does. The view has no cycle."""
        gone = [position in left_out for position in self.positions]
        through: dict[int, dict[int, None]] = {}
        for place in in_turn(self.before):
            reached = through[place] = {}
            for earlier in self.before[place]:
                reached.update(through[earlier] if gone[earlier] else {earlier: None})
        new = [*accumulate((not is_gone for is_gone in gone), initial=0)]
        kept = [place for place, is_gone in enumerate(gone) if not is_gone]
        before = [[new[earlier] for earlier in through[place]] for place in kept]
        return View([self.positions[place] for place in kept], before)


def in_turn(before: Sequence[Sequence[int]]) -> list[int]:
    """List all places so that what has to stand before one comes before it; fewer than all if there is a cycle."""
    behind: list[list[int]] = [[] for _ in before]
    for place, earlier in enumerate(before):
        for other in earlier:
            behind[other].append(place)
    lacks = [len(earlier) for earlier in before]
    ready = [place for place, count in enumerate(lacks) if not count]
    for place in ready:
        for later in behind[place]:
            lacks[later] -= 1
            if not lacks[later]:
                ready.append(later)
    return ready


def arrange(scene: Scene, view: View, budget: Budget) -> list[int] | None:
    """Return positions in an order that is legal for each object, with all that returned in it; None if there is none.

    BudgetSpent if it isn't found out.
    """
    before: Sequence[Sequence[int]] | None = view.before
    if scene.model.leaves is not None:
        before = saturated(scene, view.positions, view.before, budget)
    if before is None:
        return None
    search = _Search(scene, view.positions, before, budget)
    try:
        return search.run()
    finally:
        budget.hold(-search.held)


class _Placed(NamedTuple):
    """What has to be known to take an operation back."""

    place: int
    state: int
    holder: int
    low: int
    high: int


class _Search:
    """The walk. Operations are named by their place in the view."""

    def __init__(self, scene: Scene, positions: Sequence[int], before: Sequence[Sequence[int]], budget: Budget) -> None:
        self.held = 0
        self._scene, self._positions, self._budget = scene, positions, budget
        self._action = [scene.action[at] for at in positions]
        self._part = [scene.part[at] for at in positions]
        self._observes = [not scene.changes(at) for at in positions]
        self._open = [scene.is_open(at) for at in positions]
        self._behind: list[list[int]] = [[] for _ in positions]
        self._lacks = [len(earlier) for earlier in before]
        for place, earlier in enumerate(before):
            for other in earlier:
                self._behind[other].append(place)
        self._ready = [place for place, lacks in enumerate(self._lacks) if not lacks]
        self._rank = [*accumulate((not is_open for is_open in self._open), initial=0)]
        self._left = self._rank[-1]
        self._states = [scene.transitions.initial] * len(scene.keys)
        self._holders = [-1] * len(scene.keys)
        self._low = self._high = self._opened = 0
        self._packed = 0
        self._trail: list[_Placed] = []
        self._tried: set[tuple[int, int, int, int]] = set()
        self._count_claims()

    def _count_claims(self) -> None:
        """Count, by object and action, the claims to be placed and the changes that can serve them."""
        scene = self._scene
        self._waiting: Counter[tuple[int, int]] = Counter()
        self._sources: Counter[tuple[int, int]] = Counter()
        self._served: dict[tuple[int, int], list[int]] = {}
        if scene.model.leaves is None:
            return
        claimed: dict[int, dict[int, None]] = {}
        for place, at in enumerate(self._positions):
            if scene.claims(at) and not self._open[place]:
                self._waiting[self._part[place], self._action[place]] += 1
                claimed.setdefault(self._part[place], {})[self._action[place]] = None
        for place, at in enumerate(self._positions):
            if scene.changes(at):
                part, action = self._part[place], self._action[place]
                if (part, action) not in self._served:
                    claims = claimed.get(part, {})
                    self._budget.spend(len(claims))
                    self._served[part, action] = [claim for claim in claims if scene.serves(action, claim)]
                for claim in self._served[part, action]:
                    self._sources[part, claim] += 1
        for part, claims in claimed.items():
            self._served[part, -1] = [claim for claim in claims if scene.at_first[claim]]

    def run(self) -> list[int] | None:
        """Search until it is decided."""
        stack: list[tuple[int, list[tuple[int, int]]]] = []
        while True:
            self._settle()
            if not self._left:
                return [self._positions[placed.place] for placed in self._trail]
            choices = self._choices() if self._is_new() else []
            stack.append((len(self._trail), choices[::-1]))
            while stack and not stack[-1][1]:
                stack.pop()
            if not stack:
                return None
            self._take_back(stack[-1][0])
            self._place(*stack[-1][1].pop())

    def _is_new(self) -> bool:
        state = self._low, self._high, self._opened, self._packed
        if state in self._tried:
            return False
        self._tried.add(state)
        size = TRIED_BYTES + (self._high.bit_length() + self._opened.bit_length() + self._packed.bit_length()) // 8
        self._budget.hold(size)
        self.held += size
        return True

    def _settle(self) -> None:
        """Place the observers that are ready and legal, and what they make ready."""
        after, progress = self._scene.transitions.after, True
        while progress:
            progress = False
            self._budget.spend(len(self._ready) + 1)
            for place in [place for place in self._ready if self._observes[place]]:
                state = self._states[self._part[place]]
                if after(state, self._action[place]):
                    self._place(place, state)
                    progress = True

    def _choices(self) -> list[tuple[int, int]]:
        """List what may come next and the state that it leaves: first what an observer waits for, open ones last."""
        after, found = self._scene.transitions.after, []
        waiting: dict[int, list[int]] = {}
        for place in self._ready:
            if self._observes[place]:
                waiting.setdefault(self._part[place], []).append(self._action[place])
        for place in self._ready:
            if self._observes[place] or self._strands(place):
                continue
            part = self._part[place]
            self._budget.spend(1 + len(waiting.get(part, ())))
            for reached in after(self._states[part], self._action[place]):
                if self._open[place] and reached == self._states[part]:
                    continue
                awaited = any(after(reached, claim) for claim in waiting.get(part, ()))
                found.append((not awaited, self._open[place], place, reached))
        return [(place, reached) for _, _, place, reached in sorted(found)]

    def _strands(self, place: int) -> bool:
        """Say whether something waits for the state of now that could never come about again."""
        part = self._part[place]
        holder = self._holders[part]
        for claim in self._served.get((part, self._action[holder] if holder >= 0 else -1), ()):
            waiting = self._waiting[part, claim] - (claim == self._action[place] and not self._open[place])
            if waiting > 0 and not self._sources[part, claim]:
                return True
        return False

    def _place(self, place: int, reached: int) -> None:
        part, action = self._part[place], self._action[place]
        self._trail.append(_Placed(place, self._states[part], self._holders[part], self._low, self._high))
        self._packed += (reached - self._states[part]) << (STATE_BITS * part)
        self._states[part] = reached
        self._ready.remove(place)
        for other in self._behind[place]:
            self._lacks[other] -= 1
            if not self._lacks[other]:
                insort(self._ready, other)
        if not self._observes[place]:
            self._holders[part] = place
            for claim in self._served.get((part, action), ()):
                self._sources[part, claim] -= 1
        if self._open[place]:
            self._opened |= 1 << place
            return
        self._left -= 1
        self._waiting[part, action] -= 1
        self._high |= 1 << (self._rank[place] - self._low)
        full = (~self._high & (self._high + 1)).bit_length() - 1  # what is placed without a gap goes into `low`
        self._low, self._high = self._low + full, self._high >> full

    def _take_back(self, length: int) -> None:
        while len(self._trail) > length:
            place, state, holder, self._low, self._high = self._trail.pop()
            part, action = self._part[place], self._action[place]
            self._packed += (state - self._states[part]) << (STATE_BITS * part)
            self._states[part], self._holders[part] = state, holder
            for other in self._behind[place]:
                if not self._lacks[other]:
                    self._ready.remove(other)
                self._lacks[other] += 1
            insort(self._ready, place)
            if not self._observes[place]:
                for claim in self._served.get((part, action), ()):
                    self._sources[part, claim] += 1
            if self._open[place]:
                self._opened &= ~(1 << place)
            else:
                self._left += 1
                self._waiting[part, action] += 1
