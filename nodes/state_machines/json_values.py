"""JSON values as clients send them: which ones a state machine takes, and when two of them are the same.

A value that a client sends is copied into log files, into messages to every peer, and back to other clients. One that
can't make that journey would stop every member that applies it, and again after each restart. So it is judged before
it enters the log: its size (a message has a limit, rule L7), its depth (encoders and decoders recurse, and a value
lies deeper in a peer's message than in the client's), and that it is JSON at all (NaN isn't, though Python reads it).
"""

from __future__ import annotations

from math import isfinite
from typing import Any

WEIGHT_MAX = 1024 * 1024
"""Characters of strings, plus `ITEM_WEIGHT` for each value. Encoded, one character takes up to six bytes."""
ITEM_WEIGHT = 25
"""What the longest number takes, with its comma."""
DEPTH_MAX = 64
INTEGER_BITS_MAX = 64


def problem_of(value: Any) -> str | None:
    """Say why a state machine can't take this value, as the end of a sentence; None if it can."""
    if is_plain(value):
        return None
    weight, depth, level = 0, 0, [value]
    while level:
        depth += 1
        weight += ITEM_WEIGHT * len(level)
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                weight += len(item)
            elif isinstance(item, list):
                below += item
            elif isinstance(item, dict) and all(isinstance(name, str) for name in item):
                weight += sum(map(len, item))
                below += item.values()
            elif not is_plain(item):
                return "is no JSON value, or a number of more than 64 bits"
        if weight > WEIGHT_MAX:
            return f"is too large: strings and items together may weigh {WEIGHT_MAX}"
        if below and depth == DEPTH_MAX:
            return f"is too deep: {DEPTH_MAX} levels are allowed"
        level = below
    return None


def is_plain(value: Any) -> bool:
    """Say whether it is a number of up to 64 bits, true, false or null."""
    if isinstance(value, int):
        return value.bit_length() <= INTEGER_BITS_MAX
    return value is None or (isinstance(value, float) and isfinite(value))


def is_same(one: Any, other: Any) -> bool:
    """Say whether two JSON values are equal, as the checkers see it: 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(item, other[name]) for name, item in one.items())
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)
