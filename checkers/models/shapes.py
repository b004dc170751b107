"""The shapes that arguments and answers may have, and what to say of one that has another.

Values are frozen (checkers/values.py): a list is ("array", …).
"""

from __future__ import annotations

from collections.abc import Hashable

from keelhaul.checkers.models.model import Action
from keelhaul.checkers.values import show


def items(value: Hashable) -> tuple[Hashable, ...]:
    """Return the items of a frozen list."""
    assert is_list(value), f"{value!r} is no list"
    return value[1:]  # type: ignore[index, no-any-return]


def is_list(value: Hashable) -> bool:
    """Say whether it is a frozen list."""
    return isinstance(value, tuple) and value[0] == "array"


def is_whole(value: Hashable) -> bool:
    """Say whether it is a whole number. (A frozen true is none.)"""
    return isinstance(value, int)


def needs_something(action: Action) -> str | None:
    """Say what is wrong if there is no argument; null stands for "nothing there" in the answers."""
    return f"{action.f} takes a value, and null stands for none" if action.argument is None else None


def needs_pair(action: Action, pair: str) -> str | None:
    """Say what is wrong if the argument isn't a list of two."""
    if is_list(action.argument) and len(items(action.argument)) == 2:
        return None
    return f"{action.f} takes {pair}, not {show(action.argument)}"


def needs_whole(action: Action, what: str) -> str | None:
    """Say what is wrong if the argument isn't a whole number."""
    return None if is_whole(action.argument) else f"{action.f} takes {what}, not {show(action.argument)}"


def answers_list(action: Action) -> str | None:
    """Say what is wrong if it was answered with something else than a list."""
    if action.outcome != "ok" or is_list(action.result):
        return None
    return f"{action.f} answers a list, not {show(action.result)}"


def answers_whole(action: Action, what: str) -> str | None:
    """Say what is wrong if it was answered with something else than a whole number."""
    if action.outcome != "ok" or is_whole(action.result):
        return None
    return f"{action.f} answers {what}, not {show(action.result)}"


def answers_count(action: Action, what: str) -> str | None:
    """Say what is wrong if it was answered with something else than a whole number from 0 up."""
    if action.outcome != "ok" or (is_whole(action.result) and action.result >= 0):
        return None
    return f"{action.f} answers {what}, not {show(action.result)}"
