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

from collections.abc import Hashable, Iterable, Sequence
from typing import Final

from keelhaul.checkers.linearizability.actions import actions_of
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.models.model import Action, Kind, Model

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


def problem_with_refutation(model: Model, operations: Operations, core: Sequence[int]) -> str | None:
    """Say why `core`, positions in `operations`, doesn't show that these have no linearization; None if it does."""
    actions = actions_of(model, operations)
    kept = sorted(set(core))
    parts = parts_of(model, operations, actions, range(len(operations)))
    whole = next((part for part in parts if kept and set(kept) <= set(part)), None)
    if whole is None or len(kept) != len(core):
        return "it is empty, names an operation twice, or they are not of one part"
    for changes in missing(model, operations, actions, kept, whole).values():
        return f"operation {operations.index[changes[0]]} may not be left out"
    legal = has_legal_order(model, operations.select(kept), [actions[at] for at in kept])
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
    within, invoked, returned = set(kept), operations.invoked, operations.returned
    bound = [at for at in kept if model.kind(actions[at]) not in (Kind.TOTAL, Kind.BLIND)]
    over = max((returned[at] for at in bound if returned[at] != OPEN), default=-1)
    left_out = [at for at in whole if invoked[at] < over and at not in within]
    changes = [at for at in left_out if model.kind(actions[at]) is not Kind.OBSERVER]
    if model.about is not None:
        about = {at: model.about(actions[at]) for at in [*kept, *changes]}
        needed = {at: [change for change in changes if about[change] in (about[at], None)] for at in kept}
        return {at: found for at, found in needed.items() if found}
    walls = [at for at in kept if returned[at] != OPEN and is_wall(model, actions[at])]
    needed = {}
    for at in bound:
        wall = max((invoked[other] for other in walls if returned[other] < invoked[at]), default=-1)
        near = [change for change in changes if invoked[change] < returned[at] and returned[change] > wall]
        needed[at] = [change for change in near if may_matter(model, actions[at], actions[change])]
    return {at: found for at, found in needed.items() if found}


def is_wall(model: Model, action: Action) -> bool:
    """Say whether the action leaves the same state whatever it found."""
    kind = model.kind(action)
    return kind is Kind.BLIND or (model.leaves is not None and kind is not Kind.OBSERVER)


def may_matter(model: Model, action: Action, change: Action) -> bool:
    """Say whether the action may owe it to the change that it is legal; rule 4."""
    if model.leaves is not None:
        return bool(model.successors(model.leaves(change), action))
    return model.notices is None or model.notices(action, change)


def has_legal_order(
    model: Model, operations: Operations, actions: Sequence[Action], runs_max: int = RUNS_MAX
) -> bool | None:
    """Try every order of one part; None if there are too many. An observer that is legal is placed at once: wherever
    it stands in a legal order, it may as well stand here."""
    invoked, returned, count = operations.invoked, operations.returned, len(operations)
    required = sum(1 << at for at in range(count) if returned[at] != OPEN)
    todo: list[tuple[int, Hashable]] = [(0, model.initial)]
    seen = set(todo)
    while todo and len(seen) <= runs_max:
        placed, state = todo.pop()
        if placed & required == required:
            return True
        found: list[tuple[int, Hashable]] = []
        deadline = OPEN
        for at in range(count):
            if invoked[at] > deadline:
                break
            if not placed >> at & 1:
                deadline = min(deadline, returned[at])
                after = [(placed | 1 << at, left) for left in model.successors(state, actions[at])]
                if after and model.kind(actions[at]) is Kind.OBSERVER:
                    found = after
                    break
                found += after
        todo += [run for run in found if run not in seen]
        seen.update(found)
    return None if todo else False
