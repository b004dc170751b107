"""A counter.

read                          → the count
add        delta              delta is a whole number
increment, decrement          by 1
add-and-get  delta            → the count after it
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keelhaul.checkers.models.model import ILLEGAL, Action, Keys, Kind, Model, Words
from keelhaul.checkers.models.shapes import answers_whole, needs_whole
from keelhaul.checkers.values import show

KINDS = {
    "read": Kind.OBSERVER,
    "add": Kind.TOTAL,
    "increment": Kind.TOTAL,
    "decrement": Kind.TOTAL,
    "add-and-get": Kind.UPDATE,
}


def step(state: int, action: Action) -> Any:
    """Return the count after the action."""
    f = action.f
    if f == "read":
        return state if action.outcome == "open" or action.result == state else ILLEGAL
    if f == "increment":
        return state + 1
    if f == "decrement":
        return state - 1
    after = state + action.argument
    if f == "add-and-get" and action.outcome != "open" and action.result != after:
        return ILLEGAL
    return after


def _tells(action: Action, after: Sequence[Action]) -> tuple[int, ...] | None:
    return (action.result,) if action.f in ("read", "add-and-get") else None


def _problem(action: Action) -> str | None:
    wrong = needs_whole(action, "a whole number") if action.f in ("add", "add-and-get") else None
    if wrong is None and action.f in ("read", "add-and-get"):
        wrong = answers_whole(action, "a whole number")
    return wrong


def _claim(action: Action) -> str:
    return f"returned {show(action.result)}" if action.f in ("read", "add-and-get") else "succeeded"


def _needs(action: Action) -> str:
    if action.f not in ("read", "add-and-get"):
        return "nothing"
    before = action.result if action.f == "read" else action.result - action.argument
    return f"the counter to be {before}"


def _state(state: int) -> str:
    return f"be {state}"


def counter(initial: int = 0) -> Model:
    """Return a counter that starts at `initial`."""
    return Model(
        name="counter",
        step=step,
        initial=initial,
        kinds=KINDS,
        functions=tuple(KINDS),
        problem=_problem,
        words=Words(noun="the counter", claim=_claim, state=_state, needs=_needs),
        frozen=True,
        keys=Keys.MAYBE,
        tells=_tells,
    )
