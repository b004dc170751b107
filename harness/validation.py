"""Reading what people wrote: each problem with its path, the value, what is allowed and the nearest match; all at once.

A *reader* is a function from (value, path, problems) to what the value means. It never raises: it appends to
`problems` and returns its default, so that one misspelt name doesn't hide the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from typing import Any, TypeAlias

Problems: TypeAlias = list[str]
Reader: TypeAlias = Callable[[Any, str, Problems], Any]

SHOWN_CHARS_MAX = 60
_WORD = re.compile(r"[A-Za-z0-9_.,-]{1,64}", re.ASCII)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]{1,60}")
_FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class UsageError(Exception):
    """What a person wrote can't be meant: exit 254. `problems` are sentences, at least one."""

    def __init__(self, problems: Problems) -> None:
        super().__init__(problems)  # the very arguments, so that it comes whole out of a worker process
        self.problems = problems

    def __str__(self) -> str:
        return "; ".join(self.problems)


def unknown_name(path: str, value: str, allowed: Collection[str], what: str = "value") -> str:
    """Say that `value` isn't one of `allowed`, and which it is nearest to."""
    near = get_close_matches(value, list(allowed), n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{path}: no such {what}: {shown(value)}{hint} (allowed: {', '.join(allowed) or 'none'})"


def shown(value: Any) -> str:
    """Return a value as it can stand in a message, never longer than a line."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return "an enormous value"
    return text if len(text) <= SHOWN_CHARS_MAX else text[: SHOWN_CHARS_MAX - 1] + "…"


def text(default: str = "") -> Reader:
    """Read any non-empty string."""

    def read(value: Any, path: str, problems: Problems) -> str:
        if isinstance(value, str) and value:
            return value
        problems.append(f"{path}: {shown(value)} isn't a text")
        return default

    return read


def folder_name(reserved: Collection[str] = ()) -> Reader:
    """Read a name that can be a folder's, a container's and a link's everywhere, and leads nowhere else."""

    def read(value: Any, path: str, problems: Problems) -> str:
        if isinstance(value, str) and _FOLDER_NAME.fullmatch(value) and value not in reserved:
            return value
        problems.append(
            f"{path}: {shown(value)} can't name a folder; allowed are up to 64 letters, digits, '.', '_' and '-', "
            f"beginning with a letter or digit, but not {' or '.join(reserved) or 'an empty name'}"
        )
        return ""

    return read


def one_of(allowed: Collection[str], what: str) -> Reader:
    """Read one name out of `allowed`."""

    def read(value: Any, path: str, problems: Problems) -> str:
        if not isinstance(value, str):
            problems.append(f"{path}: {shown(value)} isn't a text (allowed: {', '.join(allowed)})")
        elif value not in allowed:
            problems.append(unknown_name(path, value, allowed, what))
        else:
            return value
        return next(iter(allowed))

    return read


def word(value: Any, path: str, problems: Problems) -> str:
    """Read a name whose meaning somebody else judges: letters, digits, and what joins them."""
    if isinstance(value, str) and _WORD.fullmatch(value):
        return value
    problems.append(f"{path}: {shown(value)} isn't a word of up to 64 letters, digits, '-', '_', '.' and ','")
    return ""


def optional(read_some: Reader) -> Reader:
    """Read null as None, and anything else with `read_some`."""

    def read(value: Any, path: str, problems: Problems) -> Any:
        return None if value is None else read_some(value, path, problems)

    return read


def many_of(allowed: Collection[str], what: str, least: int = 1) -> Reader:
    """Read a list of at least so many names out of `allowed`."""
    read_one = one_of(allowed, what)

    def read(value: Any, path: str, problems: Problems) -> tuple[str, ...]:
        if not isinstance(value, list) or len(value) < least:
            problems.append(f"{path}: {shown(value)} isn't a list of names (allowed: {', '.join(allowed)})")
            return tuple(allowed)
        return tuple(read_one(item, f"{path}[{at}]", problems) for at, item in enumerate(value))

    return read


def flag() -> Reader:
    """Read true or false."""

    def read(value: Any, path: str, problems: Problems) -> bool:
        if isinstance(value, bool):
            return value
        problems.append(f"{path}: {shown(value)} is neither true nor false")
        return False

    return read


def whole(least: int, most: int) -> Reader:
    """Read a whole number from `least` to `most`."""

    def read(value: Any, path: str, problems: Problems) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        problems.append(f"{path}: {shown(value)} isn't a whole number from {least} to {most}")
        return least

    return read


def number(least: float, most: float) -> Reader:
    """Read a number from `least` to `most`."""

    def read(value: Any, path: str, problems: Problems) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
            return value
        problems.append(f"{path}: {shown(value)} isn't a number from {least:g} to {most:g}")
        return least

    return read


def table(readers: Mapping[str, Reader], required: Collection[str] = ()) -> Reader:
    """Read a table; the result holds only the keys that were there."""

    def read(value: Any, path: str, problems: Problems) -> dict[str, Any]:
        if not isinstance(value, dict):
            problems.append(f"{path}: {shown(value)} isn't a table with {', '.join(readers)}")
            return {}
        prefix = f"{path}." if path else ""
        found = {}
        for key, item in value.items():
            if key in readers:
                found[key] = readers[key](item, f"{prefix}{key}", problems)
            else:
                place = key if _BARE_KEY.fullmatch(key) else shown(key)
                problems.append(unknown_name(f"{prefix}{place}", key, readers, "setting"))
        problems.extend(f"{prefix}{key}: is missing" for key in required if key not in value)
        return found

    return read


def tables(readers: Mapping[str, Reader], required: Collection[str]) -> Reader:
    """Read a list of tables."""
    read_one = table(readers, required)

    def read(value: Any, path: str, problems: Problems) -> tuple[dict[str, Any], ...]:
        if not isinstance(value, list):
            problems.append(f"{path}: {shown(value)} isn't a list of tables ([[{path}]])")
            return ()
        return tuple(read_one(item, f"{path}[{at}]", problems) for at, item in enumerate(value))

    return read
