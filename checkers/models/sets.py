"""Sets of values.

    add       v
    read                 → a list of all values, in any order
    remove    v          (set)
    contains  v          (set) → true or false

A grow-only set has no remove: what a read saw, all later reads see. (checkers/linearizability/inclusion.py uses that.)
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from keelhaul.checkers.models.model import ILLEGAL, Action, Keys, Kind, Model, Words
from keelhaul.checkers.models.shapes import answers_list, items
from keelhaul.checkers.values import freeze, show

TRUE, FALSE = freeze(True), freeze(False)
WORDS_MAX = 60
"""Letters of a set that go into a sentence."""
KINDS = {"add": Kind.TOTAL, "remove": Kind.TOTAL, "read": Kind.OBSERVER, "contains": Kind.OBSERVER}


def step(state: frozenset[Hashable], action: Action) -> Any:
    """Return the values in the set after the action."""
    f, argument, result, outcome, _ = action
    if f == "add":
        return state | {argument}
    if f == "remove":
        return state - {argument}
    if outcome == "open":
        return state
    if f == "contains":
        return state if result == (TRUE if argument in state else FALSE) else ILLEGAL
    seen = items(result)
    # A read that lists a value twice is none of a set.
    return state if len(seen) == len(state) and state.issuperset(seen) and len(set(seen)) == len(seen) else ILLEGAL


def part_of(action: Action) -> Hashable:
    """Return the value that the action is about; None if it is about all. Wrapped, for null may be a value."""
    return None if action.f == "read" else (action.argument,)


def _notices(needed: Action, change: Action) -> bool:
    """A read doesn't see what isn't in its answer, unless it was taken out again: a removal has to stay."""
    if needed.f in ("add", "remove"):
        return False
    if change.f == "remove" or needed.outcome != "ok":
        return True
    if needed.f == "contains":
        return bool(needed.argument == change.argument)
    return change.argument in items(needed.result)


def _reaches(state: frozenset[Hashable], needed: Action) -> bool:
    """What only grows keeps what is in it."""
    return needed.f != "read" or needed.outcome != "ok" or state.issubset(items(needed.result))


def _tells(action: Action, after: Sequence[Action]) -> tuple[frozenset[Hashable], ...] | None:
    return (frozenset(items(action.result)),) if action.f == "read" else None


def _rests_on(action: Action) -> list[tuple[str, Hashable]] | None:
    """What only grows rests on what was added."""
    return [("add", value) for value in items(action.result)] if action.outcome == "ok" else None


def _problem(action: Action) -> str | None:
    if action.f == "read":
        return answers_list(action)
    if action.f == "contains" and action.outcome == "ok" and action.result not in (TRUE, FALSE):
        return f"contains answers true or false, not {show(action.result)}"
    return None


def _name(action: Action) -> str:
    return "read" if action.f == "read" else f"{action.f} of {show(action.argument)}"


def _claim(action: Action) -> str:
    return f"returned {show(action.result)}" if action.f in ("read", "contains") else "succeeded"


def _needs(action: Action) -> str:
    if action.f == "read":
        return f"the set to hold {_listed(items(action.result))}"
    if action.f != "contains":
        return "nothing"
    return f"the set {'' if action.result == TRUE else 'not '}to hold {show(action.argument)}"


def _listed(values: Iterable[Hashable]) -> str:
    text = ", ".join(sorted(map(show, values)))
    return (text if len(text) <= WORDS_MAX else f"{text[:WORDS_MAX]}…") or "nothing"


def _state(state: frozenset[Hashable]) -> str:
    return f"hold {_listed(state)}"


WORDS = Words(noun="the set", name=_name, claim=_claim, state=_state, needs=_needs)


def any_set() -> Model:
    """Return a set that grows and shrinks."""
    return _set("set", ("add", "remove", "read", "contains"), "")


def grow_only_set() -> Model:
    """Return a set from which nothing is taken."""
    return _set("grow-only-set", ("add", "read"), "grow-only-set")


def _set(name: str, functions: tuple[str, ...], family: str) -> Model:
    return Model(
        name=name,
        step=step,
        initial=frozenset(),
        kinds=KINDS,
        partition=part_of if "remove" in functions else None,
        functions=functions,
        problem=_problem,
        words=WORDS,
        frozen=True,
        keys=Keys.MAYBE,
        family=family,
        notices=_notices,
        tells=_tells,
        reaches=None if "remove" in functions else _reaches,
        rests_on=None if "remove" in functions else _rests_on,
    )
