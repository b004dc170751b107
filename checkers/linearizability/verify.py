"""The verifier: is this really a linearization; does this sub-history really show that there is none?

It shares nothing with the algorithms that search. Whoever trusts this file and the models trusts every verdict.

**A linearization** lists, in order, all that returned and some of what is open. It is right if nothing in it returned
before something that stands in front of it was invoked, and if it is a legal run of the model, part by part.

**A refutation** is a sub-history of one part, the `core`, for which every order that real time allows is tried and none
is legal. That says something of the whole part only if the rest may be left out: if any linearization of the part,
less the rest, were one of the core. Five kinds of operations may be left out, argued for a linearization L of the part:

1. *Later ones*: those invoked after the last return in the core of an operation that can be illegal at all. L up to
   that operation has none of them, the beginning of a legal run is one, and what the core has besides can be added.
2. *Observers.* They change nothing.
3. *Other values*, where the model is a projection (queues, stacks; `Model.about`): what is about other values than the
   core is. What is left of a legal run is legal by itself.
4. *Changes on which nothing in the core rests.* Say a change is left out, and x in the core has to be legal. If the
   change was invoked after x returned, it isn't before x in L: no harm. If a *wall* stands between them in real time,
   no harm either: an operation of the core that returned and leaves the same state whatever it found; x doesn't see
   past it. If all changes of the part leave a state of their own (`Model.leaves`), x sees only the last one before it
   in L: then the change matters only if x is legal in the state that it leaves. Elsewhere `Model.notices` may know that
   it doesn't matter.

5. *What makes up for itself*, where a number is kept within bounds (`Model.bounded`). Between two moments (the last is
   the last return in the core, the first its first invocation or the beginning), what was invoked and returned has
   happened, and what overlaps may have. If what is left out adds up to nothing or more, even if all of it that takes
   away happened, and the core to more than there can have been room for, so does the part. (Or the other way round,
   with what takes away.)

What else would have to be in the core may be left *loose*: it is there whenever an order has use for it, at any moment
between its invocation and its return, and isn't where it would be in the way. So the core is what has to be there, and
it has no legal order whatever of the rest happened besides. (Take an order of the core and all that is loose, as the
rules above allow it; to say that some of it needn't be there only allows for more.)

A core may also begin with an *anchor*: an operation of which is known what states it may leave (`Model.tells`), and
before which nothing of the core returned. What returned before it was invoked is left out then, for L from the anchor
on is a legal run from one of these states; and what overlaps it may be in that run or not.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from heapq import heapify, heappop, heappush
from itertools import accumulate, count
from typing import Final, NamedTuple

from keelhaul.checkers.linearizability.actions import actions_of
from keelhaul.checkers.linearizability.budget import Spend
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.models.model import Action, Kind, Model

STRETCH: Final = 10_000
"""Operations that are looked at before the next are told of."""
RUNS_MAX: Final = 300_000
"""Beginnings of runs that are tried on a core. One that needs more is no proof that anybody could follow."""


def problem_with_linearization(model: Model, operations: Operations, order: Sequence[int]) -> str | None:
    """Say why `order`, positions in `operations`, is no linearization of them (of all parts); None if it is one."""
    if len(set(order)) != len(order) or not all(0 <= at < len(operations) for at in order):
        return "it names an operation twice, or one that there isn't"
    latest = -1
    for at in order:
        if operations.returned[at] < latest:
            return f"operation {operations.index[at]} returned before one that stands in front of it was invoked"
        latest = max(latest, operations.invoked[at])
    placed = set(order)
    for at, returned in enumerate(operations.returned):
        if returned != OPEN and at not in placed:
            return f"operation {operations.index[at]} returned and is not in it"
    actions = actions_of(model, operations)
    runs = parts_of(model, operations, actions, order)
    return None if all(model.replay([actions[at] for at in run]) for run in runs) else "it is no legal run"


def anchors_of(model: Model, operations: Operations, actions: Sequence[Action], kept: Sequence[int]) -> list[int]:
    """List those of the core that may be its anchor."""
    invoked, returned = operations.invoked, operations.returned
    first = min((returned[at] for at in kept), default=OPEN)
    return [at for at in kept if invoked[at] < first and told_by(model, actions, at, ()) is not None]


def told_by(model: Model, actions: Sequence[Action], at: int, after: Sequence[int]) -> Sequence[Hashable] | None:
    """Return the states that the operation may have left, or others that allow for as much of what may come after it;
    None if that can't be told."""
    action = actions[at]
    if action.outcome != "ok":
        return None
    told = None if model.tells is None else model.tells(action, [actions[other] for other in after])
    if told is None and model.leaves is not None and model.kind(action) is not Kind.OBSERVER:
        told = (model.leaves(action),)
    # A projection is one only from where there is nothing to leave out.
    return told if model.about is None or told is None or tuple(told) == (model.initial,) else None


def problem_with_refutation(model: Model, operations: Operations, core: Sequence[int]) -> str | None:
    """Say why `core`, positions in `operations`, doesn't show that these have no linearization; None if it does."""
    actions = actions_of(model, operations)
    kept = sorted(set(core))
    parts = parts_of(model, operations, actions, range(len(operations)))
    whole = next((part for part in parts if kept and set(kept) <= set(part)), None)
    if whole is None or len(kept) != len(core):
        return "it is empty, names an operation twice, or they are not of one part"
    return problem_with_core(model, operations, actions, kept, whole)


def problem_with_core(
    model: Model,
    operations: Operations,
    actions: Sequence[Action],
    kept: Sequence[int],
    whole: Sequence[int],
    spend: Spend = lambda units: None,
) -> str | None:
    """Say why some operations of the part `whole`, `kept`, don't show that it has no linearization; None if they do.
    `spend` is told of the work."""
    spend(len(whole) // 4)
    if is_out_of_bounds(model, operations, actions, kept, whole):
        return None
    wrong = None
    for anchor in (*anchors_of(model, operations, actions, kept), None):
        loose = beside(model, operations, actions, kept, whole, spend, anchor)
        legal = has_legal_order(model, operations, actions, kept, RUNS_MAX, spend, anchor, loose)
        if legal is False:
            return None
        wrong = "it has a legal order" if legal else "there are too many orders to try"
    return wrong


def is_out_of_bounds(
    model: Model, operations: Operations, actions: Sequence[Action], kept: Sequence[int], whole: Sequence[int]
) -> bool:
    """Say whether a number is led out of its bounds by the core, and what is left out makes up for itself; rule 5."""
    bounded, invoked, returned = model.bounded, operations.invoked, operations.returned
    end = max((returned[at] for at in kept if returned[at] != OPEN), default=-1)
    if bounded is None:
        return False
    width, chosen = bounded.most - bounded.least, set(kept)
    for sign, room in ((1, bounded.most), (-1, -bounded.least)):
        for since, limit in ((-1, room), (min(map(invoked.__getitem__, kept)), width)):
            sums = {True: 0, False: 0}
            for at in whole:
                amount = sign * bounded.amount(actions[at])
                within = since <= invoked[at] and returned[at] <= end
                overlaps = since < returned[at] and invoked[at] < end
                if within if amount > 0 else overlaps:
                    sums[at in chosen] += amount
            if sums[True] > limit and sums[False] >= 0:
                return True
    return False


def parts_of(
    model: Model, operations: Operations, actions: Sequence[Action], positions: Iterable[int]
) -> list[list[int]]:
    """Group positions by the independent part that they belong to, in the order given."""
    keys = operations.key or [None] * len(operations)
    names = [None if model.partition is None else model.partition(action) for action in actions]
    undivided = {key for key, name in zip(keys, names, strict=True) if name is None}  # something touches all of it
    parts: dict[Hashable, list[int]] = {}
    for at in positions:
        parts.setdefault((keys[at], None if keys[at] in undivided else names[at]), []).append(at)
    return list(parts.values())


def missing(
    model: Model, operations: Operations, actions: Sequence[Action], kept: Sequence[int], whole: Sequence[int]
) -> dict[int, list[int]]:
    """Map what is `kept` of the part `whole` to the changes that have to be kept along with it but aren't, by the rules
    at the head of this file. All are positions, ascending."""
    return dict(lacking(model, operations, actions, kept, whole))


def beside(
    model: Model,
    operations: Operations,
    actions: Sequence[Action],
    kept: Sequence[int],
    whole: Sequence[int],
    spend: Spend = lambda units: None,
    anchor: int | None = None,
) -> list[int]:
    """List what is loose beside the core: all that has to be kept along with it, or with what is loose."""
    loose: list[int] = []
    while found := [
        change
        for _, changes in lacking(model, operations, actions, kept, whole, spend, anchor, loose)
        for change in changes
    ]:
        loose = sorted({*loose, *found})
    return loose


def lacking(
    model: Model,
    operations: Operations,
    actions: Sequence[Action],
    kept: Sequence[int],
    whole: Sequence[int],
    spend: Spend = lambda units: None,
    anchor: int | None = None,
    loose: Sequence[int] = (),
) -> Iterator[tuple[int, list[int]]]:
    """Yield what `missing` maps, one after the other; of a core that begins with `anchor`, if there is one, and of what
    is `loose` beside it. `spend` is told of the work."""
    aside = set(loose)
    kept = sorted([*kept, *loose]) if loose else kept
    within, invoked, returned = set(kept), operations.invoked, operations.returned
    spend(len(kept))
    kept = [at for at in kept if at != anchor]
    bound = [at for at in kept if model.kind(actions[at]) not in (Kind.TOTAL, Kind.BLIND)]
    over = max((returned[at] for at in bound if returned[at] != OPEN and at not in aside), default=-1)
    since = -1 if anchor is None else invoked[anchor]
    changes = [
        at
        for stretch in _stretches(whole[: bisect_left(whole, bisect_left(invoked, over))], spend)
        for at in stretch
        if at not in within and returned[at] > since and model.kind(actions[at]) is not Kind.OBSERVER
    ]
    if model.about is not None:
        about = {at: model.about(actions[at]) for at in [*kept, *changes]}
        for at in kept:
            spend(1 + len(changes) // 8)
            if found := [change for change in changes if about[change] in (about[at], None)]:
                yield at, found
        return
    walls = sorted((at for at in kept if is_wall(model, actions[at])), key=returned.__getitem__)
    # Up to each of them, the latest invocation of a wall and the latest return of a change.
    calls, ends = list(accumulate(map(invoked.__getitem__, walls), max)), list(map(returned.__getitem__, walls))
    spend(len(kept))
    latest, begun = list(accumulate(map(returned.__getitem__, changes), max)), list(map(invoked.__getitem__, changes))
    for at in bound:
        before = bisect_left(ends, invoked[at])
        wall = calls[before - 1] if before else -1
        near = changes[bisect_right(latest, wall) : bisect_left(begun, returned[at])]
        spend(1 + len(near) // 2)
        near = [
            change for change in near if returned[change] > wall and may_matter(model, actions[at], actions[change])
        ]
        if near:
            yield at, near


def _stretches(positions: Sequence[int], spend: Spend) -> Iterator[Sequence[int]]:
    """Yield them piece by piece, each when its work was told of."""
    for start in range(0, len(positions), STRETCH):
        piece = positions[start : start + STRETCH]
        spend(len(piece) // 4)
        yield piece


def is_wall(model: Model, action: Action) -> bool:
    """Say whether nothing behind it owes anything to what stands in front of it, unless it does itself. So an observer
    is one, too, where changes leave states of their own: it has to see the same change."""
    return model.leaves is not None or model.kind(action) is Kind.BLIND


def may_matter(model: Model, action: Action, change: Action) -> bool:
    """Say whether the action may owe it to the change that it is legal; rule 4."""
    if model.leaves is not None:
        return bool(model.successors(model.leaves(change), action))
    return model.notices is None or model.notices(action, change)


def has_legal_order(
    model: Model,
    operations: Operations,
    actions: Sequence[Action],
    kept: Sequence[int],
    runs_max: int = RUNS_MAX,
    spend: Spend = lambda units: None,
    anchor: int | None = None,
    loose: Sequence[int] = (),
) -> bool | None:
    """Try every order of what is kept, from `anchor` on, if there is one, and with what is `loose` at will; None if
    there are too many. `spend` is told of the work."""
    line = _Line(operations, actions, kept, loose)
    begun: list[tuple[int, Hashable]] = [(0, model.initial)]
    if anchor is not None:
        told = told_by(model, actions, anchor, [at for at in line.every if at != anchor])
        if told is None or not len(told):
            return None
        most = runs_max // len(told)
        choices = line.beginnings(anchor, most)
        if len(choices) > most:
            return None
        begun = [(placed, state) for placed in choices for state in told]
    # By how much is placed of what has to be: what lies behind is forgotten.
    levels: dict[int, dict[_Way, None]] = {}
    for placed, state in begun:
        levels.setdefault((placed & line.required).bit_count(), {})[_Way(placed, None, state)] = None
    whole, tried = line.required.bit_count(), 0
    for size in range(whole + 1):
        known: dict[tuple[int, Hashable], list[int]] = {}
        ticks = count()
        todo = [(way.placed.bit_count(), next(ticks), way) for way in levels.pop(size, ())]
        heapify(todo)
        while todo:
            if tried > runs_max:
                return None
            _, _, (placed, last, before) = heappop(todo)
            for state in (before,) if last is None else model.successors(before, line.actions[last]):
                if size == whole:
                    return True
                # Whoever has used less of what needn't be there can go on in all ways of this one, and came first.
                others = known.setdefault((placed & line.required, state), [])
                tried += 1
                spend(1 + len(others) // 8)
                if any(less & ~placed == 0 for less in others):
                    continue
                spend(1 + len(line.every) // 4)
                if not _may_go_on(model, line, placed, last, state):
                    continue
                others.append(placed)
                for way in _ways_on(model, line, placed, state, spend):
                    if (way.placed & line.required).bit_count() > size:
                        levels.setdefault(size + 1, {})[way] = None
                    else:
                        heappush(todo, (way.placed.bit_count(), next(ticks), way))
    return False


def _may_go_on(model: Model, line: _Line, placed: int, last: int | None, state: Hashable) -> bool:
    """Say whether this state may still be of use: where nothing blind comes any more, all that has to come must be
    legal some day; elsewhere, what was loose must have helped something, or it may be left out."""
    if model.reaches is None:
        return True
    rest = [action for at, action in enumerate(line.actions) if not placed >> at & 1]
    if not any(model.kind(action) is Kind.BLIND for action in rest):
        return all(model.reaches(state, line.actions[at]) for at in line.needy(model, placed))
    if last is None or not line.loose >> last & 1:
        return True
    return any(
        model.reaches(state, action) for action in rest if model.kind(action) not in (Kind.TOTAL, Kind.BLIND)
    )


class _Way(NamedTuple):
    """What is placed, the last of it, and the state before that: the one behind it is made when it is needed, for many
    are not, and states may be large."""

    placed: int
    last: int | None
    before: Hashable


def _ways_on(model: Model, line: _Line, placed: int, state: Hashable, spend: Spend) -> list[_Way]:
    """List what may be placed next, whether the model allows it or not."""
    found: list[_Way] = []
    for at, harmless in line.following(placed):
        spend(1)
        way = _Way(placed | 1 << at, at, state)
        if (harmless or line.loose >> at & 1) and _comes_first(model, line, placed, state, at):
            return [way]
        if harmless and line.required >> at & 1 and model.kind(line.actions[at]) is Kind.OBSERVER:
            reached = model.successors(state, line.actions[at])
            if reached == (state,):
                return [way]  # wherever it stands in a legal order, and it has to, it may as well stand here
            # Of a state that was told not all may be known, and this settles some of it.
            if not reached:
                continue
        found.append(way)
    return found


def _comes_first(model: Model, line: _Line, placed: int, state: Hashable, at: int) -> bool:
    """Say whether a change may stand here in any legal order: all that has to be legal rests on it, it is the only one
    of its like, and it doesn't come too early (`Model.rests_on`)."""
    action = line.actions[at]
    if model.rests_on is None or model.reaches is None or line.likes[action.f, action.argument] > 1:
        return False
    needy = line.needy(model, placed)
    if not needy or (action.f, action.argument) not in line.shared(model, needy):
        return False
    after = model.successors(state, action)
    return after != (state,) and all(model.reaches(left, line.actions[other]) for other in needy for left in after)


class _Line:
    """The operations of a core and what is loose beside it, by invocation. Places among them are bits."""

    def __init__(
        self, operations: Operations, actions: Sequence[Action], kept: Sequence[int], loose: Sequence[int]
    ) -> None:
        self.every = sorted([*kept, *loose])
        self.actions = [actions[at] for at in self.every]
        aside = set(loose)
        self._invoked = [operations.invoked[at] for at in self.every]
        self._returned = [operations.returned[at] for at in self.every]
        self.loose = sum(1 << place for place, at in enumerate(self.every) if at in aside)
        self.required = sum(1 << place for place, row in enumerate(self._returned) if row != OPEN) & ~self.loose
        self.likes = Counter((action.f, action.argument) for action in self.actions)
        self._shared: dict[tuple[int, ...], frozenset[tuple[str, Hashable]]] = {}

    def needy(self, model: Model, placed: int) -> tuple[int, ...]:
        """List what has to come, and be legal then."""
        return tuple(
            at
            for at, action in enumerate(self.actions)
            if (self.required & ~placed) >> at & 1 and model.kind(action) not in (Kind.TOTAL, Kind.BLIND)
        )

    def shared(self, model: Model, needy: tuple[int, ...]) -> frozenset[tuple[str, Hashable]]:
        """Return the changes on which each of these rests."""
        if needy not in self._shared:
            assert model.rests_on is not None, "the caller looked"
            self._shared[needy] = frozenset.intersection(
                *(frozenset(model.rests_on(self.actions[at]) or ()) for at in needy)
            )
        return self._shared[needy]

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

    def beginnings(self, anchor: int, most: int) -> list[int]:
        """List what may stand before the anchor, with the anchor; at most so many and one more. All that overlaps it
        may, in any choice; of what is loose it need not be told."""
        place = self.every.index(anchor)
        choices = [1 << place]
        for at, invoked in enumerate(self._invoked):
            if at != place and not self.loose >> at & 1 and invoked < self._returned[place] and len(choices) <= most:
                choices += [before | 1 << at for before in choices]
        return choices
