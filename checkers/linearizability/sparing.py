"""What may be left out of a refutation.

The core of a refutation has no legal order. That shows that the part has no linearization if any linearization L of the
part, less the rest, were one of the core. Five kinds of operations may be left out:

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
from collections.abc import Hashable, Iterator, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from keelhaul.checkers.linearizability.budget import Spend
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.models.model import Action, Kind, Model

STRETCH: Final = 10_000
"""Operations that are looked at before the next are told of."""


class Whole(NamedTuple):
    """What a core is a core of: a part that is said to have no linearization. All else names its operations by their
    position in `operations`."""

    model: Model
    operations: Operations
    actions: Sequence[Action]
    """Of all operations."""
    positions: Sequence[int]
    """The part's, ascending."""


def anchors_of(whole: Whole, kept: Sequence[int]) -> list[int]:
    """List those of the core that may be its anchor."""
    invoked, returned = whole.operations.invoked, whole.operations.returned
    first = min((returned[at] for at in kept), default=OPEN)
    return [at for at in kept if invoked[at] < first and told_by(whole.model, whole.actions, at, ()) is not None]


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


def is_out_of_bounds(whole: Whole, kept: Sequence[int]) -> bool:
    """Say whether a number is led out of its bounds by the core, and what is left out makes up for itself; rule 5."""
    bounded, invoked, returned = whole.model.bounded, whole.operations.invoked, whole.operations.returned
    if bounded is None:
        return False
    end = max((returned[at] for at in kept if returned[at] != OPEN), default=-1)
    width, chosen = bounded.most - bounded.least, set(kept)
    for sign, room in ((1, bounded.most), (-1, -bounded.least)):
        for since, limit in ((-1, room), (min(map(invoked.__getitem__, kept)), width)):
            sums = {True: 0, False: 0}
            for at in whole.positions:
                amount = sign * bounded.amount(whole.actions[at])
                within = since <= invoked[at] and returned[at] <= end
                overlaps = since < returned[at] and invoked[at] < end
                if within if amount > 0 else overlaps:
                    sums[at in chosen] += amount
            if sums[True] > limit and sums[False] >= 0:
                return True
    return False


def missing(whole: Whole, kept: Sequence[int]) -> dict[int, list[int]]:
    """Map what is `kept` of the whole to the changes that have to be kept along with it but aren't, by the rules at the
    head of this file; ascending."""
    return dict(lacking(whole, kept))


def beside(
    whole: Whole, kept: Sequence[int], spend: Spend = lambda units: None, anchor: int | None = None
) -> list[int]:
    """List what is loose beside the core: all that has to be kept along with it, or with what is loose."""
    loose: list[int] = []
    while found := [change for _, changes in lacking(whole, kept, spend, anchor, loose) for change in changes]:
        loose = sorted({*loose, *found})
    return loose


def lacking(
    whole: Whole,
    kept: Sequence[int],
    spend: Spend = lambda units: None,
    anchor: int | None = None,
    loose: Sequence[int] = (),
) -> Iterator[tuple[int, list[int]]]:
    """Yield what `missing` maps, one after the other; of a core that begins with `anchor`, if there is one, and of what
    is `loose` beside it. `spend` is told of the work."""
    model, operations, actions, positions = whole
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
        for stretch in _stretches(positions[: bisect_left(positions, bisect_left(invoked, over))], spend)
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
