"""How much memory states take, about, given what they were made from.

A state's own size is quickly asked for. What it consists of may be new, or shared with the state before it and with the
action: nobody knows but by looking, which takes as long as making it. So some states are looked at, ever fewer of them,
and the others are taken to be like these.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from itertools import zip_longest
from typing import Any, Final

from keelhaul.checkers.models.model import Action

PARTS_MAX: Final = 1000
"""Parts of a value that are looked at: of more, one here and there."""
LOOKED_AT_MAX: Final = 3000
"""Parts of a state that are looked at, with theirs: that takes a millisecond."""
RARER: Final = 4
"""When n states were met, the next to be looked at is about n / RARER further on."""
GIVEN_MAX: Final = 20
"""Parts of what an action has that are known again in a state."""
PLAIN: Final = frozenset({int, float, str, bytes, bool, type(None)})
"""Types whose values have no parts."""
HEAD_BYTES: Final = 16
"""What others take besides."""


class Factor:
    """How much larger states are than they are without their parts, on the average of those that were looked at."""

    def __init__(self) -> None:
        self.value = 1.0
        self.next = 1
        """Which state is to be looked at next, of those that are met."""
        # Of the states looked at, the later ones more: what they take without their parts, and with them.
        self._without = self._with = 0.0

    def look(self, state: Any, before: Any, action: Action) -> None:
        """Look at the next state, that the action left of the one before it."""
        self.next += 1 + self.next // RARER
        if type(state) in PLAIN and self.value == 1.0:
            return
        own = size_of(state)
        self._without = self._without / 2 + own
        self._with = self._with / 2 + own + new_parts(state, before, action)
        self.value = self._with / self._without


def size_of(value: Any) -> int:
    """Return the bytes that a value takes without its parts."""
    if isinstance(value, type):
        return type.__sizeof__(value)
    size: int = value.__sizeof__()
    return size


def new_parts(state: Any, before: Any, action: Action) -> int:
    """Return the bytes that the parts of a state take, without those that are there already: in the state before it, at
    about the same place, or in the action."""
    given = [before, *_parts(action)]
    for held in (action.argument, action.result):
        given += _parts(held)[:GIVEN_MAX]
    total, looked = 0, 0
    todo = [(state, before, 1)]
    while todo and looked < LOOKED_AT_MAX:
        value, other, weight = todo.pop()
        beside = list(_unlike(value, other) if type(other) is type(value) else _beside(_parts(value), ()))
        stride = len(beside) // PARTS_MAX + 1
        for part, its in beside[::stride]:
            looked += 1
            if not any(part is one for one in given):
                size = size_of(part)
                if type(part) not in PLAIN:
                    size += HEAD_BYTES
                    todo.append((part, its, weight * stride))
                total += weight * stride * size
    return total


def _parts(value: Any) -> Sequence[Any]:
    """Return what a value consists of, as far as states are made in this way."""
    if isinstance(value, tuple | list):
        return value
    if isinstance(value, frozenset | set):
        return [*value]
    if isinstance(value, dict):
        return [*value, *value.values()]
    if isinstance(value, type):
        return ()
    if is_dataclass(value):
        return [getattr(value, field.name, None) for field in fields(value)]
    return [*getattr(value, "__dict__", {}).values()]


def _unlike(value: Any, other: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the parts that aren't the other value's own, with what it has in their place."""
    if not isinstance(value, frozenset | set):
        return _beside(_parts(value), _parts(other))
    theirs = {part: part for part in other}
    return ((part, theirs.get(part)) for part in value if theirs.get(part) is not part)


def _beside(parts: Sequence[Any], others: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield the parts that aren't others' at the same place, from the beginning or the end, with what is there."""
    first, last = 0, 0
    most = min(len(parts), len(others))
    while first < most and parts[first] is others[first]:
        first += 1
    while last < most - first and parts[-1 - last] is others[-1 - last]:
        last += 1
    middle, theirs = parts[first : len(parts) - last], others[first : len(others) - last]
    for part, other in zip_longest(middle, theirs[: len(middle)]):
        if part is not other:
            yield part, other
