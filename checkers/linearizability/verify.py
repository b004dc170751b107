"""The verifier: is this really a linearization; does this sub-history really show that there is none?

It shares nothing with the algorithms that search. Whoever trusts this file and the models trusts every verdict.

**A linearization** lists, in order, all that returned and some of what is open. It is right if nothing in it returned
before something that stands in front of it was invoked, and if it is a legal run of the model, part by part.

**A refutation** is a sub-history of one part, the `core`, for which every order that real time allows is tried and none
is legal. That says something of the whole part only if the rest may be left out: if any linearization of the part,
less the rest, were one of the core. Four kinds of operations may be left out, argued for a linearization L of the part:

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
   it doesn't matter. Otherwise it has to stay.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final, TypeAlias

from keelhaul.checkers.linearizability.actions import actions_of
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.models.model import Action, Kind, Model

Spend: TypeAlias = Callable[[int], None]
"""Is told of work before it is done, in units of a step of the model; it may raise."""
RUNS_MAX: Final = 200_000
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
    """List those of the core that may be its beginning; see the end of what stands at the head of this file."""
    invoked, returned = operations.invoked, operations.returned
    first = min((returned[at] for at in kept), default=OPEN)
    return [at for at in kept if invoked[at] < first and told_by(model, operations, actions, at, kept) is not None]


def told_by(
    model: Model, operations: Operations, actions: Sequence[Action], at: int, kept: Sequence[int]
) -> Sequence[Hashable] | None:
    """Return the states that the operation may have left, or others that allow for as much of what is kept; None if
    that can't be told."""
    action = actions[at]
    if action.outcome != "ok":
        return None
    told = None if model.tells is None else model.tells(action, [actions[other] for other in kept])
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
    wrong = None
    for anchor in (None, *anchors_of(model, operations, actions, kept)):
        found = _problem_from(anchor, model, operations, actions, kept, whole)
        if found is None:
            return None
        wrong = wrong or found
    return wrong


def _problem_from(
    anchor: int | None,
    model: Model,
    operations: Operations,
    actions: Sequence[Action],
    kept: Sequence[int],
    whole: Sequence[int],
) -> str | None:
    """Say what is wrong with a core that begins with `anchor`, or at the very beginning."""
    for _, changes in lacking(model, operations, actions, kept, whole, anchor=anchor):
        return f"operation {operations.index[changes[0]]} may not be left out"
    legal = has_legal_order(model, operations, actions, kept, anchor=anchor)
    if legal is None:
        return "there are too many orders to try"
    return "it has a legal order" if legal else None


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


def lacking(
    model: Model,
    operations: Operations,
    actions: Sequence[Action],
    kept: Sequence[int],
    whole: Sequence[int],
    spend: Spend = lambda units: None,
    anchor: int | None = None,
) -> Iterator[tuple[int, list[int]]]:
    """Yield what `missing` maps, one after the other; of a core that begins with `anchor`, if there is one. `spend` is
    told of the work."""
    within, invoked, returned = set(kept), operations.invoked, operations.returned
    spend(len(whole) // 8 + len(kept))
    if anchor is not None:
        whole = [at for at in whole if returned[at] > invoked[anchor] and at != anchor]
        kept = [at for at in kept if at != anchor]
        spend(len(whole) // 8)
    bound = [at for at in kept if model.kind(actions[at]) not in (Kind.TOTAL, Kind.BLIND)]
    over = max((returned[at] for at in bound if returned[at] != OPEN), default=-1)
    left_out = [at for at in whole if invoked[at] < over and at not in within]
    spend(len(whole) // 8)
    changes = [at for at in left_out if model.kind(actions[at]) is not Kind.OBSERVER]
    spend(len(whole) // 8)
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
) -> bool | None:
    """Try every order of what is kept, from `anchor` on, if there is one; None if there are too many. An observer that
    is legal is placed at once: wherever it stands in a legal order, it may as well stand here. `spend` is told of the
    work."""
    invoked, returned = [operations.invoked[at] for at in kept], [operations.returned[at] for at in kept]
    required, count = int("".join("01"[row != OPEN] for row in reversed(returned)) or "0", 2), len(kept)
    todo: list[tuple[int, Hashable]] = [(0, model.initial)]
    if anchor is not None:
        todo = _beginnings(model, operations, actions, kept, anchor, runs_max)
    seen = set(todo)
    while todo and len(seen) <= runs_max:
        placed, state = todo.pop()
        if placed & required == required:
            return True
        spend(1 + count // 16)
        found: list[tuple[int, Hashable]] = []
        deadline = OPEN
        for at in range(count):
            if invoked[at] > deadline:
                break
            if not placed >> at & 1:
                deadline = min(deadline, returned[at])
                spend(1)
                action = actions[kept[at]]
                after = [(placed | 1 << at, left) for left in model.successors(state, action)]
                if after and model.kind(action) is Kind.OBSERVER:
                    found = after
                    break
                found += after
        todo += [run for run in found if run not in seen]
        seen.update(found)
    return None if todo else False


def _beginnings(
    model: Model, operations: Operations, actions: Sequence[Action], kept: Sequence[int], anchor: int, most: int
) -> list[tuple[int, Hashable]]:
    """List what may stand before the anchor, with the anchor, and the states that this may leave; at most so many and
    one more. All that overlaps the anchor may stand before it, in any choice."""
    told = told_by(model, operations, actions, anchor, kept)
    assert told is not None, "anchors tell"
    choices = [0]
    for place, at in enumerate(kept):
        if at == anchor:
            choices = [before | 1 << place for before in choices]
        elif operations.invoked[at] < operations.returned[anchor] and len(choices) * len(told) <= most:
            choices += [before | 1 << place for before in choices]
    return [(before, state) for state in told for before in choices][: most + 1]
