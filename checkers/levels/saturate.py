"""Saturating an order by what claims say of it; see arrange.py for the rules and where they come from.

Every rule is forced: whatever legal order there is obeys it. So a cycle shows that there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from keelhaul.checkers.linearizability.budget import Budget

if TYPE_CHECKING:
    from keelhaul.checkers.levels.arrange import Scene

SATURATED_MAX: Final = 3000
"""Operations of a view that is saturated: it takes their square in bits, several times."""


def saturated(
    scene: Scene, positions: Sequence[int], before: Sequence[Sequence[int]], budget: Budget
) -> Sequence[Sequence[int]] | None:
    """Return what has to stand before each; None if that has a cycle, or a claim has no source. Larger views come back
    as they are, but for the latter."""
    claims = _claims(scene, positions, budget)
    if claims is None:
        return None
    if len(positions) > SATURATED_MAX:
        return before
    order = _Order(before)
    if not order.close():
        return None
    grew = True
    while grew:
        grew = False
        for claim, source, others in claims:
            budget.spend(len(positions) // 64 + 1)
            grew |= order.apart(claim, source, others)
        if grew:
            budget.spend(len(positions))
            if not order.close():
                return None
    return [list(earlier) for earlier in order.direct]


def _claims(scene: Scene, positions: Sequence[int], budget: Budget) -> list[tuple[int, int | None, int]] | None:
    """List, by place, the claims that have one source at most: (claim, source, the other changes of that object, as a
    mask). None if a claim has nothing at all to be legal after."""
    changes: dict[int, dict[int, int]] = {}
    whole: dict[int, int] = {}
    for place, at in enumerate(positions):
        if scene.changes(at):
            part, action = scene.part[at], scene.action[at]
            by_action = changes.setdefault(part, {})
            by_action[action] = by_action.get(action, 0) | 1 << place
            whole[part] = whole.get(part, 0) | 1 << place
    found: list[tuple[int, int | None, int]] = []
    masks: dict[tuple[int, int], int] = {}
    for place, at in enumerate(positions):
        if not scene.claims(at) or scene.is_open(at):
            continue
        part, claim = scene.part[at], scene.action[at]
        by_action = changes.get(part, {})
        if (part, claim) not in masks:
            budget.spend(len(by_action) + 1)
            serving = (mask for action, mask in by_action.items() if scene.serves(action, claim))
            masks[part, claim] = sum(serving)
        sources = masks[part, claim] & ~(1 << place)
        others = whole.get(part, 0) & ~(1 << place)
        if scene.at_first[claim]:
            if not sources:
                found.append((place, None, others))
        elif not sources:
            return None
        elif not sources & (sources - 1):
            found.append((place, sources.bit_length() - 1, others & ~sources))
    return found


class _Order:
    """An order that grows: direct predecessors, and the closure both ways as masks."""

    def __init__(self, before: Sequence[Sequence[int]]) -> None:
        self.direct = [dict.fromkeys(earlier) for earlier in before]
        self._before = [0] * len(before)
        self._behind = [0] * len(before)

    def apart(self, claim: int, source: int | None, others: int) -> bool:
        """Keep the other changes from between a claim and its source (None: the beginning); say whether that is new."""
        grew = False
        if source is None:
            return self._put(claim, others & ~self._behind[claim])
        if not self._before[claim] >> source & 1:
            self.direct[claim][source] = None
            self._before[claim] |= 1 << source
            self._behind[source] |= 1 << claim
            grew = True
        between = others & self._before[claim] & ~self._before[source]
        for other in _places(between):
            if not self._behind[other] & between:  # the others come before these anyway
                self.direct[source][other] = None
            self._before[source] |= 1 << other
            grew = True
        return self._put(claim, others & self._behind[source] & ~self._behind[claim]) or grew

    def _put(self, earlier: int, later: int) -> bool:
        """Put one operation before several."""
        for other in _places(later):
            if not self._before[other] & later:
                self.direct[other][earlier] = None
        self._behind[earlier] |= later
        return bool(later)

    def close(self) -> bool:
        """Close the order under "before what is before"; False if there is a cycle."""
        count = len(self.direct)
        lacks = [len(earlier) for earlier in self.direct]
        behind: list[list[int]] = [[] for _ in range(count)]
        for place, earlier in enumerate(self.direct):
            for other in earlier:
                behind[other].append(place)
        ready = [place for place in range(count) if not lacks[place]]
        self._before = [0] * count
        for place in ready:
            for later in behind[place]:
                self._before[later] |= self._before[place] | 1 << place
                lacks[later] -= 1
                if not lacks[later]:
                    ready.append(later)
        self._behind = [0] * count
        for place in reversed(ready):
            for later in behind[place]:
                self._behind[place] |= self._behind[later] | 1 << later
        return len(ready) == count


def _places(mask: int) -> list[int]:
    found = []
    while mask:
        lowest = mask & -mask
        found.append(lowest.bit_length() - 1)
        mask ^= lowest
    return found
