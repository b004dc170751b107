"""What an operation certainly saw: the changes without which it could not have happened.

A read of 5 saw the only write of 5, and if that was a cas of 4, what put the 4 there. A read of a counter's 3 saw no
one of four increments for sure. So *causality* is known as far as answers tell it, and no further: whatever is not
certain orders nothing, and a level that rests on it is never denied by a guess.

Where changes leave states of their own (`Model.leaves`), they are a graph with an arrow to each change or claim from
its sources, and from the beginning to what is legal at first. What certainly was seen is what every path from the
beginning goes through: the *dominators* of a claim.

Elsewhere all runs of the changes that matter are tried, as long as they are few. Where they are many, `complete` is
False: there may be more that was certainly seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Final

from keelhaul.checkers.levels.arrange import Scene
from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.models.model import Action, Kind

RUNS_MAX: Final = 2000
"""Beginnings of runs that are tried for one claim."""


class Seen:
    """What each operation of a history certainly saw; found out when it is asked for."""

    def __init__(self, scene: Scene, budget: Budget) -> None:
        self.complete = True
        self._scene, self.budget = scene, budget
        self._known: dict[tuple[int, int], Sequence[int]] = {}
        self._changes: dict[int, dict[int, list[int]]] = {}
        """By object and action: the changes."""
        for at, part in enumerate(scene.part):
            if scene.changes(at):
                self._changes.setdefault(part, {}).setdefault(scene.action[at], []).append(at)
        self._dominators: dict[int, dict[int, int]] = {}

    def by(self, at: int) -> Sequence[int]:
        """Return the changes that it certainly saw, positions."""
        scene = self._scene
        if not scene.claims(at) or scene.is_open(at) or scene.at_first[scene.action[at]]:
            return ()
        alike = scene.part[at], -1 - at if scene.changes(at) else scene.action[at]
        if alike not in self._known:
            search = self._by_runs if scene.model.leaves is None else self._by_dominators
            self._known[alike] = search(at)
        return self._known[alike]

    def _by_dominators(self, at: int) -> Sequence[int]:
        part, claim = self._scene.part[at], self._scene.action[at]
        changes = self._changes.get(part, {})
        actions = list(changes)
        if part not in self._dominators:
            self._dominators[part] = self._dominated(actions)
        dominators = self._dominators[part]
        common = -1
        for action in actions:
            if action != claim and self._scene.serves(action, claim):
                common &= dominators[action]
        if common < 0:
            return ()  # nothing brings it about, so no view has it
        return [
            changes[action][0]
            for number, action in enumerate(actions)
            if common >> number & 1 and len(changes[action]) == 1 and action != claim
        ]

    def _dominated(self, actions: Sequence[int]) -> dict[int, int]:
        """Map each action to what is on every path to it, as a mask of places in `actions`; -1 if there is no path."""
        scene, found = self._scene, dict.fromkeys(actions, -1)
        sources = {}
        for number, action in enumerate(actions):
            if scene.at_first[action] or scene.transitions.kinds[action] in (Kind.TOTAL, Kind.BLIND):
                found[action] = 1 << number
            else:
                self.budget.spend(len(actions))
                sources[action] = [other for other in actions if other != action and scene.serves(other, action)]
        moving = True
        while moving:
            moving = False
            for number, action in enumerate(actions):
                common = -1
                for other in sources.get(action, ()):
                    common &= found[other]
                self.budget.spend(1 + len(sources.get(action, ())))
                if common >= 0 and common | 1 << number != found[action]:
                    found[action] = common | 1 << number
                    moving = True
        return found

    def _by_runs(self, at: int) -> Sequence[int]:
        """Try all runs of what matters; what all have that end well was seen."""
        scene, action = self._scene, self._scene.actions[self._scene.action[at]]
        matter = [other for others in self._changes.get(scene.part[at], {}).values() for other in others if other != at]
        if scene.model.rests_on is not None:
            needed = scene.model.rests_on(action)
            if needed is not None:
                return self._by_promise(needed, matter)
        if scene.model.about is not None and scene.model.about(action) is not None:
            about = scene.model.about
            matter = [other for other in matter if about(scene.actions[scene.action[other]]) == about(action)]
        elif scene.model.notices is not None:
            matter = self._noticed(action, matter, scene.model.notices)
        common = -1
        start: tuple[int, Hashable] = 0, scene.model.initial
        todo, tried = [start], {start}
        while todo:
            used, state = todo.pop()
            self.budget.spend(len(matter) + 1)
            if scene.model.successors(state, action):
                common &= used  # longer runs have these, too
                continue
            for number, other in enumerate(matter):
                if not used >> number & 1:
                    for reached in scene.model.successors(state, scene.actions[scene.action[other]]):
                        run = used | 1 << number, reached
                        if run not in tried:
                            tried.add(run)
                            todo.append(run)
            if len(tried) > RUNS_MAX:
                self.complete = False
                return ()
        return [] if common < 0 else [other for number, other in enumerate(matter) if common >> number & 1]

    def _noticed(self, claim: Action, changes: list[int], notices: Callable[[Action, Action], bool]) -> list[int]:
        """List the changes that may matter to the claim, or to one that does: it has to be legal as well."""
        found: dict[int, None] = {}
        todo = [claim]
        while todo:
            needed = todo.pop()
            self.budget.spend(len(changes))
            more = [at for at in changes if at not in found and notices(needed, self._action(at))]
            found |= dict.fromkeys(more)
            todo += map(self._action, more)
        return [at for at in changes if at in found]

    def _action(self, at: int) -> Action:
        return self._scene.actions[self._scene.action[at]]

    def _by_promise(self, needed: Sequence[tuple[str, Hashable]], changes: Sequence[int]) -> Sequence[int]:
        """Find what the model says that it rests on; where more are alike than it takes, none is certain."""
        scene, wanted = self._scene, Counter(needed)
        named: dict[tuple[str, Hashable], list[int]] = {name: [] for name in wanted}
        for other in changes:
            found = scene.actions[scene.action[other]]
            if (found.f, found.argument) in named:
                named[found.f, found.argument].append(other)
        if any(len(found) < wanted[name] for name, found in named.items()):
            return ()  # nothing brings it about
        return [other for name, found in named.items() if len(found) == wanted[name] for other in found]
