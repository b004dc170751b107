"""How results are written for people, in the terminal and in the report alike: glyphs, times, values of any kind.

Whatever comes from a history is hostile input. `printable` is the one place that takes the power from it to move a
cursor, to reverse the reading direction or to break an encoder; escaping for HTML comes on top.
"""

from __future__ import annotations

import json
from typing import Any

GLYPHS = {"valid": "✓", "invalid": "✗", "unknown": "?"}
"""A verdict's mark, for readers who don't see colours."""

VALUE_CHARACTERS_MAX = 400
"""More than this of a value helps nobody, and would let one value fill the report."""

_UNITS = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns"))


def verdict_words(verdict: Any) -> str:
    """Return glyph and word: `✓ valid`. What is no verdict is shown with a question mark."""
    word = printable(str(verdict))
    return f"{GLYPHS.get(word, '?')} {word}"


def duration(time_ns: int) -> str:
    """Return a duration with three digits or so and its unit, `12.3 ms`."""
    size, unit = next(((size, unit) for size, unit in _UNITS if time_ns >= size), _UNITS[-1])
    if unit == "ns" or time_ns >= 100 * size:
        return f"{time_ns // size} {unit}"
    return f"{time_ns / size:.3g} {unit}"


def moment(time_ns: int) -> str:
    """Return a time of the run in seconds, to the millisecond, `12.345 s`."""
    milliseconds = (time_ns + 500_000) // 1_000_000
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d} s"


def shown(value: Any) -> str:
    """Return a value of an operation as compact JSON, cut at VALUE_CHARACTERS_MAX; None is the empty string."""
    if value is None:
        return ""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=repr)
    except (RecursionError, ValueError):
        return "(a value that is too deep or too large to show)"
    return printable(cut(text, VALUE_CHARACTERS_MAX))


def cut(text: str, characters_max: int) -> str:
    """Return the text, or its beginning and how long it was."""
    return text if len(text) <= characters_max else f"{text[:characters_max]}… ({len(text)} characters)"


def printable(text: str) -> str:
    """Return the text with all that doesn't print (control characters, lone surrogates, marks that reverse the
    direction) written as escapes. Newlines stay."""
    if text.isprintable():
        return text
    return "".join(
        character if character == "\n" or character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
