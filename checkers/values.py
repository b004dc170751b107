"""JSON values as keys: a hashable form in which two values are equal exactly if they are the same JSON value.

Python would take 1, 1.0 and true for equal, and lists and objects can't be keys at all. Here true is not 1 (a register
that holds one doesn't hold the other), while 1 and 1.0 stay equal: JSON has one kind of number, and a system that
writes it the other way has not lost anything. The form is deterministic: no `hash()` order, no `id()`.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

_TRUE = ("boolean", True)
_FALSE = ("boolean", False)
_NAN = ("nan",)
_PLAIN = (int, str, type(None))
SHOWN_MAX = 60
"""Characters of a value that a sentence repeats; the report's details hold all of it."""


def freeze(value: object) -> Hashable:
    """Turn a JSON value into its hashable form. TypeError for anything that is no JSON value."""
    if type(value) in _PLAIN:
        return value
    if type(value) is bool:
        return _TRUE if value else _FALSE
    if type(value) is float:
        return value if value == value else _NAN
    if isinstance(value, list | tuple):
        return ("array", *map(freeze, value))
    if isinstance(value, dict):
        return ("object", *sorted(((_name(name), freeze(item)) for name, item in value.items()), key=_first))
    raise TypeError(f"{type(value).__name__} is no JSON value")


def thaw(frozen: Hashable) -> Any:
    """Turn a hashable form back into the JSON value."""
    if not isinstance(frozen, tuple):
        return frozen
    kind, items = frozen[0], frozen[1:]
    if kind == "array":
        return [thaw(item) for item in items]
    if kind == "object":
        return {name: thaw(item) for name, item in items}
    return items[0] if kind == "boolean" else float("nan")


def show(frozen: Hashable) -> str:
    """Write a frozen value into a sentence, as JSON, cut to `SHOWN_MAX`."""
    import json

    try:
        text = json.dumps(thaw(frozen), ensure_ascii=False)
    except ValueError:
        return "an enormous number"
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def _name(name: Any) -> str:
    if type(name) is not str:
        raise TypeError(f"an object's names are strings, not {type(name).__name__}")
    return name


def _first(item: tuple[str, Hashable]) -> str:
    return item[0]
