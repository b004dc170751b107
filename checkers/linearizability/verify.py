"""The verifier: is this really a linearization; does this sub-history really show that there is none?

It shares nothing with the algorithms that search: whoever trusts this file, what it asks (sparing.py, orders.py) and
the models trusts every verdict.

**A linearization** lists, in order, all that returned and some of what is open. It is right if nothing in it returned
before something that stands in front of it was invoked, and if it is a legal run of the model, part by part.

**A refutation** is a sub-history of one part, the `core`, for which every order that real time allows is tried and none
is legal (orders.py). That says something of the whole part only if the rest may be left out: if any linearization of
the part, less the rest, were one of the core (sparing.py). What can't be left out for sure is *loose*: an order of the
core may have it wherever it has use for it. So the core is illegal whatever of the rest happened besides.

Where a number is kept within bounds, it is enough to count: what is left out makes up for itself (sparing.py, rule 5).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Final

from keelhaul.checkers.linearizability.actions import actions_of
from keelhaul.checkers.linearizability.budget import Spend
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.orders import has_legal_order
from keelhaul.checkers.linearizability.sparing import Whole, anchors_of, beside, is_out_of_bounds
from keelhaul.checkers.models.model import Action, Model

WORK_MAX: Final = 10_000_000
"""Units of work that trying a core's orders may take. One that takes more is no proof that anybody could follow."""


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
    part = next((part for part in parts if kept and set(kept) <= set(part)), None)
    if part is None or len(kept) != len(core):
        return "it is empty, names an operation twice, or they are not of one part"
    return problem_with_core(Whole(model, operations, actions, part), kept)


def problem_with_core(
    whole: Whole, kept: Sequence[int], spend: Spend = lambda units: None, work_max: int = WORK_MAX
) -> str | None:
    """Say why some operations of a part, `kept`, don't show that it has no linearization; None if they do. `spend` is
    told of the work, of which trying the orders may take `work_max` units."""
    spend(len(whole.positions) // 4)
    if is_out_of_bounds(whole, kept):
        return None
    wrong = None
    for anchor in (*anchors_of(whole, kept), None):
        loose = beside(whole, kept, spend, anchor)
        legal = has_legal_order(whole, kept, work_max, spend, anchor, loose)
        if legal is False:
            return None
        wrong = "it has a legal order" if legal else "there are too many orders to try"
    return wrong


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
