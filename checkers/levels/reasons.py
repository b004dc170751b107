"""Why a view has no legal order: the few of its operations that have none already, and them in words.

An operation may be left out if any legal order of the view, less what is left out, is a legal order of the rest. So an
observer always may; a change may where nothing kept can owe it to the change that it is legal (the reasons are those
of linearizability/sparing.py, rules 2 to 4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from keelhaul.checkers.levels.arrange import Scene, View, arrange
from keelhaul.checkers.linearizability.budget import Budget, BudgetSpent
from keelhaul.checkers.linearizability.operations import OPEN

LISTED_MAX: Final = 12
"""Operations that a sentence lists."""


def smallest(scene: Scene, view: View, budget: Budget) -> list[int]:
    """Return positions of a view without a legal order that have none by themselves; as few as the budget allows."""
    closed = _closing(scene, view)
    roots = [at for at in view.positions if scene.claims(at)]
    best = [*view.positions]
    size = len(roots)
    try:
        while size:
            start = 0
            while start < len(roots):
                fewer = roots[:start] + roots[start + size :]
                kept = closed(fewer)
                left_out = set(view.positions).difference(kept)
                if fewer and len(kept) < len(best) and arrange(scene, view.without(left_out), budget) is None:
                    roots, best = [at for at in fewer if at in kept], sorted(kept)
                else:
                    start += size
            size //= 2
    except BudgetSpent:
        pass
    return best


def _closing(scene: Scene, view: View) -> Callable[[Sequence[int]], set[int]]:
    """Return what adds to some claims all that may not be left out beside them."""
    changes = [at for at in view.positions if scene.changes(at)]
    about = scene.model.about
    if about is not None:
        names = {at: about(scene.actions[scene.action[at]]) for at in view.positions}
        return lambda claims: {
            *claims,
            *(at for at in changes if names[at] is None or names[at] in {names[claim] for claim in claims}),
        }
    matters = _matters(scene)
    if matters is None:
        return lambda claims: {*claims, *changes}

    def closed(claims: Sequence[int]) -> set[int]:
        kept, todo, asked = set(claims), [*claims], set[tuple[int, int]]()
        while todo:
            claim = todo.pop()
            like = scene.part[claim], scene.action[claim]
            if like in asked or not scene.claims(claim):
                continue
            asked.add(like)
            found = [at for at in changes if at not in kept and scene.part[at] == like[0] and matters(claim, at)]
            kept.update(found)
            todo += found
        return kept

    return closed


def _matters(scene: Scene) -> Callable[[int, int], bool] | None:
    """Return what says whether a claim may owe it to a change that it is legal; None if the model can't tell."""
    notices = scene.model.notices
    if scene.model.leaves is not None:
        return lambda claim, change: scene.serves(scene.action[change], scene.action[claim])
    if notices is not None:
        return lambda claim, change: notices(scene.actions[scene.action[claim]], scene.actions[scene.action[change]])
    return None


def told(scene: Scene, positions: Sequence[int]) -> str:
    """List operations in words, by process."""
    by_process: dict[int, list[str]] = {}
    for at in positions[:LISTED_MAX]:
        by_process.setdefault(scene.operations.process[at], []).append(_named(scene, at))
    listed = "; ".join(f"process {process}: {', '.join(names)}" for process, names in by_process.items())
    more = f"; and {len(positions) - LISTED_MAX} more" if len(positions) > LISTED_MAX else ""
    return f"{listed}{more};"


def _named(scene: Scene, at: int) -> str:
    words, action, operations = scene.model.words, scene.actions[scene.action[at]], scene.operations
    claim = f" that {words.claim(action)}" if scene.claims(at) and action.outcome != "open" else ""
    rows = "open" if operations.returned[at] == OPEN else f"→ {operations.returned[at]}"
    return f"{words.name(action)}{claim} (row {operations.invoked[at]} {rows})"
