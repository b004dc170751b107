"""A key-value store of texts, one part per key.

get     [key, null]      → [key, text]      null and the empty text both say that there is nothing
put     [key, text]
append  [key, text]                         to what is there, or to nothing
delete  [key, null]
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from keelhaul.checkers.models.model import ILLEGAL, Action, Keys, Kind, Model, Words
from keelhaul.checkers.values import show

KINDS = {"get": Kind.OBSERVER, "put": Kind.BLIND, "append": Kind.TOTAL, "delete": Kind.BLIND}


def step(state: str, action: Action) -> Any:
    """Return the text under the key after the action; "" if there is none."""
    f, argument, result, outcome, _ = action
    if f == "get":
        return state if outcome == "open" or (result or "") == state else ILLEGAL
    if f == "append":
        return state + argument
    return argument if f == "put" else ""


def _notices(needed: Action, change: Action) -> bool:
    """A get sees no text that isn't in what it got."""
    if needed.f != "get":
        return False
    return needed.outcome != "ok" or change.f == "delete" or change.argument in (needed.result or "")


def _tells(action: Action, after: Sequence[Action]) -> tuple[str, ...] | None:
    if action.f == "append":
        return None
    return ({"put": action.argument, "get": action.result or "", "delete": ""}[action.f],)


def _reaches(state: str, needed: Action) -> bool:
    """A text only grows, until the next put."""
    return needed.f != "get" or needed.outcome != "ok" or (needed.result or "").startswith(state)


def _problem(action: Action) -> str | None:
    if action.f in ("put", "append"):
        if isinstance(action.argument, str):
            return None
        return f"{action.f} takes a text, not {show(action.argument)}"
    if action.f == "get" and not isinstance(action.result, str | None):
        return f"get answers a text or null, not {show(action.result)}"
    return None


def _name(action: Action) -> str:
    return f"{action.f} of {show(action.argument)}" if action.f in ("put", "append") else action.f


def _claim(action: Action) -> str:
    return f"returned {show(action.result)}" if action.f == "get" else "succeeded"


def _needs(action: Action) -> str:
    return f"the value to be {show(action.result or '')}" if action.f == "get" else "nothing"


def _state(state: Hashable) -> str:
    return f"be {show(state)}"


def key_value() -> Model:
    """Return the store."""
    return Model(
        name="key-value",
        step=step,
        initial="",
        kinds=KINDS,
        functions=tuple(KINDS),
        problem=_problem,
        words=Words(noun="the value", name=_name, claim=_claim, state=_state, needs=_needs),
        frozen=True,
        keys=Keys.ALWAYS,
        family="key-value",
        notices=_notices,
        tells=_tells,
        reaches=_reaches,
    )
