"""Trying every order of a few operations that real time allows, with what is loose beside them at will.

Walked by how much is placed of what has to be there, and first where least is placed of what is loose. What need not be
tried, and why:

* *More of the loose*, to the same state: whoever has placed less can go on in all ways of the other.
* *Observers that are legal here*, if nothing loose has to stand before them: they have to stand somewhere, and here
  they change nothing.
* *Likes.* Of loose operations that do the same, the one that returns first will do, and of others that are free to come
  next: if an order uses it later, they may be swapped.
* *What is lost*: a state from which something that has to come can't be legal any more, as the model tells (`reaches`).
  And what is loose but helps nothing.
* *Other beginnings*, where all that has to be legal rests on one change: it may come first (`rests_on`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final, NamedTuple

from keelhaul.checkers.linearizability.budget import Spend
from keelhaul.checkers.linearizability.operations import OPEN
from keelhaul.checkers.linearizability.sparing import Whole, told_by
from keelhaul.checkers.models.model import Kind, Model

BEGINNING_WORK: Final = 16
"""Units of work that each beginning costs at least."""


class TooManyOrders(Exception):
    """There are more orders than were to be tried."""


class Order(NamedTuple):
    """A legal order: the state that it begins with, and what stands there from then on. Of a core with an anchor, that
    is what stands behind it."""

    state: Hashable
    positions: Sequence[int]


def has_legal_order(
    whole: Whole,
    kept: Sequence[int],
    work_max: int,
    spend: Spend = lambda units: None,
    anchor: int | None = None,
    loose: Sequence[int] = (),
) -> bool | None:
    """Say whether `legal_order` finds one; None if there are too many to try."""
    try:
        return legal_order(whole, kept, work_max, spend, anchor, loose) is not None
    except TooManyOrders:
        return None


def legal_order(
    whole: Whole, kept: Sequence[int], work_max: int, spend: Spend, anchor: int | None, loose: Sequence[int]
) -> Order | None:
    """Try every order of what is kept, from `anchor` on, if there is one, and with what is `loose` at will; None if
    none is legal. TooManyOrders if that takes more than `work_max` units of work, of which `spend` is told."""
    model, line, spend = whole.model, _Line(whole, kept, loose), _limited(spend, work_max)
    # By how much is placed of what has to be: what lies behind is forgotten.
    levels: dict[int, dict[tuple[int, int | None, Hashable], _Way]] = {}
    for placed, state in _begun(model, line, anchor, work_max):
        begun = _Way(placed, None, state, None)
        levels.setdefault((placed & line.required).bit_count(), {})[begun[:3]] = begun
    last_size = line.required.bit_count()
    for size in range(last_size + 1):
        known: dict[tuple[int, Hashable], list[int]] = {}
        ticks = count()
        todo = [(way.placed.bit_count(), next(ticks), way) for way in levels.pop(size, {}).values()]
        heapify(todo)
        while todo:
            _, _, way = heappop(todo)
            placed, last = way.placed, way.last
            for state in (way.before,) if last is None else model.successors(way.before, line.actions[last]):
                if size == last_size:
                    return way.unrolled(line.every)
                # Whoever has used less of what needn't be there can go on in all ways of this one, and came first.
                others = known.setdefault((placed & line.required, state), [])
                spend(1 + len(others) // 8)
                if any(less & ~placed == 0 for less in others):
                    continue
                spend(1 + len(line.every) // 4)
                if not _may_go_on(model, line, placed, last, state):
                    continue
                others.append(placed)
                for at in _next(model, line, placed, state, spend):
                    further = _Way(placed | 1 << at, at, state, way)
                    if line.required >> at & 1:
                        levels.setdefault(size + 1, {}).setdefault(further[:3], further)
                    else:
                        heappush(todo, (further.placed.bit_count(), next(ticks), further))
    return None


def _limited(spend: Spend, work_max: int) -> Spend:
    """Return what tells of the work, too, and raises TooManyOrders when it is more than that."""
    left = work_max

    def limited(units: int) -> None:
        nonlocal left
        left -= units
        if left < 0:
            raise TooManyOrders
        spend(units)

    return limited


def _begun(model: Model, line: _Line, anchor: int | None, work_max: int) -> list[tuple[int, Hashable]]:
    """List what may be placed at first, and the state then."""
    if anchor is None:
        return [(0, model.initial)]
    place = line.every.index(anchor)
    told = told_by(model, line.actions, place, [at for at in range(len(line.every)) if at != place])
    if told is None or not len(told):
        raise TooManyOrders
    most = work_max // (BEGINNING_WORK * len(told))
    choices = line.beginnings(place, most)
    if len(choices) > most:
        raise TooManyOrders
    return [(placed, state) for placed in choices for state in told]


def _may_go_on(model: Model, line: _Line, placed: int, last: int | None, state: Hashable) -> bool:
    """Say whether this state may still be of use: where nothing blind comes any more, all that has to come must be
    legal some day; elsewhere, what was loose must have helped something, or it may be left out."""
    if model.reaches is None:
        return True
    if not line.blind & ~placed:
        return all(model.reaches(state, line.actions[at]) for at in line.needy(placed))
    if last is None or not line.loose >> last & 1:
        return True
    return any(model.reaches(state, line.actions[at]) for at in line.bits(line.choosy & ~placed))


class _Way(NamedTuple):
    """What is placed, the last of it, and the state before that: the one behind it is made when it is needed, for many
    are not, and states may be large. And the way to there."""

    placed: int
    last: int | None
    before: Hashable
    came: _Way | None

    def unrolled(self, every: Sequence[int]) -> Order:
        """Return the order that it is."""
        order: list[int] = []
        way = self
        while way.came is not None and way.last is not None:
            order.append(every[way.last])
            way = way.came
        return Order(way.before, order[::-1])


def _next(model: Model, line: _Line, placed: int, state: Hashable, spend: Spend) -> list[int]:
    """List what may be placed next, whether the model allows it or not."""
    found: list[int] = []
    for at, harmless in line.following(placed):
        spend(1)
        if (harmless or line.loose >> at & 1) and _comes_first(model, line, placed, state, at):
            return [at]
        if harmless and line.required >> at & 1 and model.kind(line.actions[at]) is Kind.OBSERVER:
            reached = model.successors(state, line.actions[at])
            if reached == (state,):
                return [at]  # wherever it stands in a legal order, and it has to, it may as well stand here
            # Of a state that was told not all may be known, and this settles some of it.
            if not reached:
                continue
        found.append(at)
    return found


def _comes_first(model: Model, line: _Line, placed: int, state: Hashable, at: int) -> bool:
    """Say whether a change may stand here in any legal order: all that has to be legal rests on it, it is the only one
    of its like, and it doesn't come too early (`Model.rests_on`)."""
    action = line.actions[at]
    if model.rests_on is None or model.reaches is None or line.likes[action.f, action.argument] > 1:
        return False
    needy = line.needy(placed)
    if not needy or (action.f, action.argument) not in line.shared(placed):
        return False
    after = model.successors(state, action)
    return after != (state,) and all(model.reaches(left, line.actions[other]) for other in needy for left in after)


class _Line:
    """The operations of a core and what is loose beside it, by invocation. Places among them are bits."""

    def __init__(self, whole: Whole, kept: Sequence[int], loose: Sequence[int]) -> None:
        model, operations = whole.model, whole.operations
        self._model = model
        self.every = sorted([*kept, *loose])
        self.actions = [whole.actions[at] for at in self.every]
        aside = set(loose)
        self._invoked = [operations.invoked[at] for at in self.every]
        self._returned = [operations.returned[at] for at in self.every]
        self.loose = sum(1 << place for place, at in enumerate(self.every) if at in aside)
        self.required = sum(1 << place for place, row in enumerate(self._returned) if row != OPEN) & ~self.loose
        self.likes = Counter((action.f, action.argument) for action in self.actions)
        kinds = [model.kind(action) for action in self.actions]
        self.blind = sum(1 << place for place, kind in enumerate(kinds) if kind is Kind.BLIND)
        self.choosy = sum(1 << place for place, kind in enumerate(kinds) if kind not in (Kind.TOTAL, Kind.BLIND))
        """What can be illegal."""
        self._needy: dict[int, list[int]] = {}
        self._shared: dict[int, frozenset[tuple[str, Hashable]]] = {}

    def bits(self, places: int) -> list[int]:
        """List the places."""
        return [at for at in range(len(self.every)) if places >> at & 1]

    def needy(self, placed: int) -> list[int]:
        """List what has to come, and be legal then."""
        left = self.required & self.choosy & ~placed
        if left not in self._needy:
            self._needy[left] = self.bits(left)
        return self._needy[left]

    def shared(self, placed: int) -> frozenset[tuple[str, Hashable]]:
        """Return the changes on which each of these rests."""
        left, rests_on = self.required & self.choosy & ~placed, self._model.rests_on
        if left not in self._shared:
            assert rests_on is not None, "the caller looked"
            each = (frozenset(rests_on(self.actions[at]) or ()) for at in self.needy(placed))
            self._shared[left] = frozenset.intersection(*each)
        return self._shared[left]

    def following(self, placed: int) -> list[tuple[int, bool]]:
        """List what may come next, and whether that is harmless: whether nothing loose has to stand before it. Of likes
        that are, the one that returns first will do: if an order uses it later, they may be swapped."""
        latest = (placed & ~self.loose).bit_length() - 1
        since = self._invoked[latest] if latest >= 0 else -1
        soonest = deadline = OPEN
        ready: list[int] = []
        for at, (invoked, returned) in enumerate(zip(self._invoked, self._returned, strict=True)):
            if invoked > deadline:
                break
            if placed >> at & 1:
                continue
            if not self.loose >> at & 1:
                deadline = min(deadline, returned)
            elif returned < since:
                continue
            else:
                soonest = min(soonest, returned)
            ready.append(at)
        chosen: dict[tuple[int, Hashable], int] = {}
        for at in sorted(ready, key=self._returned.__getitem__):
            loose = self.loose >> at & 1
            chosen.setdefault((loose, self.actions[at] if loose or self._invoked[at] < soonest else at), at)
        return [(at, self._invoked[at] < soonest) for at in chosen.values()]

    def beginnings(self, place: int, most: int) -> list[int]:
        """List what may stand before the anchor, with the anchor; at most so many and one more. All that overlaps it
        may, in any choice; of what is loose it need not be told."""
        choices = [1 << place]
        for at, invoked in enumerate(self._invoked):
            if at != place and not self.loose >> at & 1 and invoked < self._returned[place] and len(choices) <= most:
                choices += [before | 1 << at for before in choices]
        return choices
