"""A violation in words and as data: which operation could not be placed, what it could have met instead, and what it
would have needed.

The operation is the first, by its return, by which the refutation has no legal order. (possible.py finds out what it
could have met.)
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Final

from keelhaul.checkers.linearizability.actions import actions_of
from keelhaul.checkers.linearizability.budget import Budget, BudgetSpent, Spend
from keelhaul.checkers.linearizability.counting import in_words
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.orders import has_legal_order
from keelhaul.checkers.linearizability.possible import Decide, Found, Possible, Scene, possible_states
from keelhaul.checkers.linearizability.sparing import Whole, beside
from keelhaul.checkers.linearizability.verify import problem_with_core
from keelhaul.checkers.models.model import Model
from keelhaul.checkers.values import show, thaw

PREFIX_MAX: Final = 10
"""Operations of the longest explained prefix that go into the details."""
ALONE_MAX: Final = 20
"""Operations of the refutation that explain it where the budget didn't suffice for more."""
ORDERS_WORK_MAX: Final = 100_000
"""Units of work that it may cost to see by which operation, and from where on, the refutation has no legal order."""
LISTED_MAX: Final = 50
"""Pending operations, and possible states, that go into the details."""
LISTED_IN_MAX: Final = 10_000
"""Operations of a part of which it is found out what the state could have been, where it can be counted instead."""
STATES_MAX: Final = 3
"""States that go into the sentence, and as many with a condition."""
STATE_WORDS_MAX: Final = 120
"""Letters of a state that anybody would read; where there are more, the operations say it better."""
OTHERS_MAX: Final = 3
"""Operations that are named along with the one that can't be placed."""


@dataclass(frozen=True)
class Violation:
    """One part that has no linearization. Numbers are positions in the part, except in the scene and what was found
    there."""

    key: Hashable
    core: Sequence[int]
    """A small sub-history that has none."""
    stuck: int
    """The operation that can't be placed."""
    sentence: str
    scene: Scene
    shown: Sequence[int]
    """The core, as far as it is in the scene."""
    found: Found

    @cached_property
    def details(self) -> dict[str, Any]:
        """JSON for the report."""
        return _details(self.scene, self.key, self.shown, self.found)


def explain(
    model: Model, operations: Operations, key: Hashable, core: Sequence[int], decide: Decide, budget: Budget
) -> Violation:
    """Explain why a part isn't linearizable; `core` is a small refutation, `decide` decides parts. What is too much for
    the budget is explained by the end of the core alone."""
    try:
        actions = actions_of(model, operations, budget)
        if model.bounded is not None and len(operations) > LISTED_IN_MAX:
            stuck = max(core, key=lambda at: -1 if operations.returned[at] == OPEN else operations.returned[at])
            scene, found = Scene(model, operations, actions, stuck), Found([], [], False)
            sentence = _in_a_sentence(scene, key, found, core, budget.spend)
            return Violation(key, core, stuck, sentence, scene, core, found)
        stuck = first_out_of_place(model, operations, core, budget)
        scene = Scene(model, operations, actions, stuck)
        whole = from_the_beginning(scene, core, budget)
        found = possible_states(scene, whole or core, decide, budget)
        if whole is None and not found.exact:
            found = Found([], [], False)
        return Violation(key, core, stuck, _in_a_sentence(scene, key, found, core, budget.spend), scene, core, found)
    except BudgetSpent:
        few = list(islice((at for at in reversed(core) if operations.returned[at] != OPEN), ALONE_MAX))[::-1]
        alone = operations.select(few)
        stuck = max(range(len(few)), key=alone.returned.__getitem__)
        scene, found = Scene(model, alone, actions_of(model, alone), stuck), Found([], [], False)
        sentence = _in_a_sentence(scene, key, found, (), budget.spend)
        return Violation(key, core, few[stuck], sentence, scene, range(len(few)), found)


def from_the_beginning(scene: Scene, core: Sequence[int], budget: Budget) -> list[int] | None:
    """Return the core with all that might matter to it; None if it refutes only from an anchor on, for then it says
    nothing of what the state was before."""
    whole = Whole(scene.model, scene.operations, scene.actions, range(len(scene.operations)))
    loose = beside(whole, core, budget.spend)
    legal = has_legal_order(whole, core, ORDERS_WORK_MAX, budget.spend, loose=loose)
    return sorted([*core, *loose]) if legal is False else None


def first_out_of_place(model: Model, operations: Operations, core: Sequence[int], budget: Budget) -> int:
    """Return the first operation of the core, by its return, by which it has no legal order."""
    returned = operations.returned
    returning = sorted((at for at in core if returned[at] != OPEN), key=returned.__getitem__)
    whole = Whole(model, operations, actions_of(model, operations, budget), range(len(operations)))
    for at in returning[:-1]:
        by_then = [other for other in core if returned[other] <= returned[at]]
        if problem_with_core(whole, by_then, budget.spend, ORDERS_WORK_MAX) is None:
            return at
    return returning[-1]


def name_key(key: Hashable) -> str:
    """Name a key in a sentence; a plain name needs no quotes."""
    return key if isinstance(key, str) and key.isidentifier() else show(key)


def named(operations: Operations, at: int, name: str | None = None) -> str:
    """Name an operation in a sentence: "process 3's write (row 380 → 383)"; by its function, if nothing is said."""
    invoked, returned = operations.invoked[at], operations.returned[at]
    rows = f"row {invoked}, open" if returned == OPEN else f"row {invoked} → {returned}"
    return f"process {operations.process[at]}'s {name or operations.f[at]} ({rows})"


def as_json(operations: Operations, at: int) -> dict[str, Any]:
    """Describe an operation for the report."""
    returned, failed = operations.returned[at], operations.failed is not None and operations.failed[at]
    outcome = "info" if returned == OPEN else "fail" if failed else "ok"
    value, result = thaw(operations.argument[at]), thaw(operations.result[at])
    if operations.key is not None:
        key = thaw(operations.key[at])
        value, result = [key, value], [key, result] if outcome == "ok" else None
    return {
        "process": operations.process[at],
        "f": operations.f[at],
        "value": value,
        "outcome": outcome,
        "result": result,
        "invoked": operations.invoked[at],
        "completed": None if returned == OPEN else returned,
    }


def _in_a_sentence(scene: Scene, key: Hashable, found: Found, core: Sequence[int], spend: Spend) -> str:
    words = scene.model.words
    claim = f"{named(scene.operations, scene.stuck)} {words.claim(scene.actions[scene.stuck])}"
    sentence = f"{claim}, {_denied(scene, found, core, spend)}. {_needs(scene)}".rstrip()
    return f"{'' if key is None else f'key {name_key(key)}: '}{sentence}"


def _denied(scene: Scene, found: Found, core: Sequence[int], spend: Spend) -> str:
    """Say what is against it: what the state was, or else what was counted, or the others of a small core."""
    words, operations = scene.model.words, scene.operations
    listed = [words.state(item.state) for item in found.possible]
    if found.exact or (0 < len(listed) <= 2 * STATES_MAX and len(max(listed, key=len)) <= STATE_WORDS_MAX):
        given = "given all that had completed before it did" if found.exact else "by the operations that refute it"
        return f"but {given}, {words.noun} could only {_in_words(scene, found.possible)}"
    bounded = scene.model.bounded
    if bounded is not None and core and (sums := in_words(bounded, operations, scene.actions, core, spend)):
        return f"but {sums}"
    others = [_other(scene, at) for at in core if at != scene.stuck]
    if 0 < len(others) <= OTHERS_MAX:
        return f"which contradicts {_listed(others, ', and ', ', ')}, whatever else happened"
    return "which nothing explains"


def _other(scene: Scene, at: int) -> str:
    """Name another operation: "process 3's write of 5 (row 4 → 7)", and what it was told."""
    words, operations, action = scene.model.words, scene.operations, scene.actions[at]
    sentence, claim = named(operations, at, words.name(action)), words.claim(action)
    return sentence if operations.returned[at] == OPEN or claim == "succeeded" else f"{sentence}, which {claim}"


def _in_words(scene: Scene, possible: Sequence[Possible]) -> str:
    """List the states: "hold 7, put in by process 2's write (row 8 → 9) (or hold 9, if …)"."""
    sure = [item for item in possible if item.sure]
    conditional = [_condition(scene, item) for item in possible if not item.sure]
    words = _listed([scene.model.words.state(item.state) for item in sure], " or ", ", ")
    if len(sure) == 1 and sure[0].source is not None:
        words = f"{words}, left by {named(scene.operations, sure[0].source)}"
    if not conditional:
        return words
    others = _listed(conditional, "; or ", "; or ")
    return f"{words} (or {others})" if words else others


def _listed(words: Sequence[str], last: str, between: str) -> str:
    if len(words) > STATES_MAX:
        return f"{between.join(words[:STATES_MAX])}; and so on, {len(words) - STATES_MAX} more"
    return last.join([between.join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _condition(scene: Scene, item: Possible) -> str:
    assert item.source is not None, "the initial state needs no condition"
    kind = "open" if scene.operations.returned[item.source] == OPEN else "concurrent"
    name = scene.model.words.name(scene.actions[item.source])
    process = scene.operations.process[item.source]
    return f"{scene.model.words.state(item.state)}, if the {kind} {name} by process {process} took effect"


def _needs(scene: Scene) -> str:
    """Say what the operation would have needed, and who had brought that about."""
    needs, leaves, action = scene.model.words.needs, scene.model.leaves, scene.actions[scene.stuck]
    if needs is None:
        return ""
    sentence = f"It would have needed {needs(action)}"
    if leaves is None:
        return f"{sentence}."
    sources = [at for at in scene.changes() if scene.model.successors(leaves(scene.actions[at]), action)]
    if sources:
        latest = max(sources, key=scene.operations.invoked.__getitem__)
        return f"{sentence}, as {named(scene.operations, latest)} left it."
    at_first = bool(scene.model.successors(scene.model.initial, action))
    return f"{sentence}, as {'it was at first' if at_first else 'nothing that was invoked by then leaves it'}."


def _details(scene: Scene, key: Hashable, core: Sequence[int], found: Found) -> dict[str, Any]:
    operations = scene.operations
    pending = [at for at in scene.before() if operations.returned[at] > scene.row]
    return {
        "key": thaw(key),
        "operation": as_json(operations, scene.stuck),
        "possible": [_possible_as_json(scene, item) for item in found.possible[:LISTED_MAX]],
        "refutation": [as_json(operations, at) for at in core],
        "pending": [as_json(operations, at) for at in pending[:LISTED_MAX]],
        "prefix": [as_json(operations, at) for at in found.prefix[-PREFIX_MAX:]],
        "prefix_length": len(found.prefix),
    }


def _possible_as_json(scene: Scene, item: Possible) -> dict[str, Any]:
    source = None if item.source is None else as_json(scene.operations, item.source)
    plain = scene.model.family == "register"
    value = thaw(item.state) if plain else scene.model.words.state(item.state)
    return {"value": value, "source": source, "sure": item.sure}
