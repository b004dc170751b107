"""Histories in JSON: an object a line (ours), one array of them (elle-cli's), or one object after another.

{"index":0,"time":1045,"type":"invoke","process":0,"f":"write","value":[3,1]}
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from json import JSONDecodeError, JSONDecoder, dumps
from typing import Any, Final

from keelhaul.checkers.formats.edn import DEPTH_MAX, SURROGATES
from keelhaul.checkers.formats.errors import FormatError, error_at, excerpt
from keelhaul.checkers.formats.recorded import DEFAULT_F, INFO, KINDS, NO_PROCESS, RawRow
from keelhaul.checkers.history import NEMESIS
from keelhaul.checkers.values import freeze

_SPACE = re.compile(r"[ \t\r\n]*+")
_COMMA = re.compile(r"[ \t\r\n]*+,[ \t\r\n]*+")
_PLAIN: Final = frozenset((int, str, type(None)))


class JsonRows:
    """Reads the rows; see recorded.py for what a row is."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.has_keys = False

    def error(self, problem: str) -> FormatError:
        """Return an error that names the row that was yielded last."""
        return error_at(self._text, self._at, problem)

    def __iter__(self) -> Iterator[RawRow]:
        """Yield the rows."""
        keyed: bool | None = None
        functions: dict[Any, str] = {}
        for record in self._records():
            try:
                kind = KINDS[record["type"]]
                process = record["process"]
            except (KeyError, TypeError):
                kind, process = self._kind_and_process(record)
            if type(process) is not int or process < 0:
                process = self._process(process)
            if process is None:
                yield kind, None, "", None
                continue
            f = record.get("f", DEFAULT_F)
            if type(f) is not str:
                raise self.error(f"its f is {excerpt(repr(f))}; it names a function")
            f = functions.setdefault(f, f)
            value = record.get("value")
            if type(value) not in _PLAIN:
                value = self._frozen(value)
            if ("key" in record) is not keyed:
                if keyed is not None:
                    raise self.error("some rows of this history have a key and others don't")
                self.has_keys = keyed = "key" in record
            yield kind, process, f, ("array", self._frozen(record["key"]), value) if keyed else value

    def _records(self) -> Iterator[Any]:
        """Yield the objects, with `_at` where each begins."""
        text = self._text
        scan, space, comma = JSONDecoder().raw_decode, _SPACE.match, _COMMA.match
        halves = "\\ud" in text or "\\uD" in text  # of surrogate pairs: there may be one that is alone
        position = _end(space(text))
        in_array = text.startswith("[", position)
        if in_array:
            position = _end(space(text, position + 1))
        while position < len(text) and not (in_array and text[position] == "]"):
            self._at = position
            try:
                record, position = scan(text, position)
            except JSONDecodeError as error:
                raise error_at(text, error.pos, f"this is no JSON: {error.msg}") from None
            except RecursionError:
                raise self.error("values are nested too deep") from None
            except ValueError as error:
                raise self.error(f"this can't be read: {error}") from None
            if halves and SURROGATES.search(dumps(record, ensure_ascii=False)):
                raise self.error("there is half a surrogate pair in this row")
            yield record
            following = comma(text, position) if in_array else space(text, position)
            position = _end(following or space(text, position))
            if in_array and not following and position < len(text) and text[position] != "]":
                raise error_at(text, position, f"a comma or ']' is expected, but here is {excerpt(text, position)}")
        if in_array:
            self._ends_with_array(position)

    def _ends_with_array(self, position: int) -> None:
        if position == len(self._text):
            raise error_at(self._text, position, "the text ends before the ']' that ends the history")
        rest = _end(_SPACE.match(self._text, position + 1))
        if rest != len(self._text):
            raise error_at(self._text, rest, f"after the end of the history there is {excerpt(self._text, rest)}")

    def _kind_and_process(self, record: Any) -> tuple[int, Any]:
        """Look again at a row that has no plain type or process."""
        if not isinstance(record, dict):
            raise self.error(f"a row is an object, but here is {excerpt(self._text, self._at)}")
        process = record.get("process", NO_PROCESS)
        type_ = record.get("type")
        if isinstance(type_, str) and type_ in KINDS:
            return KINDS[type_], process
        if process == NEMESIS:
            return INFO, process
        raise self.error(f"its type is {excerpt(repr(type_))} (allowed: {', '.join(KINDS)})")

    def _process(self, process: Any) -> int | None:
        if process == NEMESIS:
            return None
        if type(process) is int and process == NO_PROCESS:
            return NO_PROCESS
        raise self.error(f"its process is {excerpt(repr(process))}; a process is a number, or {NEMESIS!r}")

    def _frozen(self, value: Any) -> Hashable:
        if type(value) is list and _PLAIN.issuperset(map(type, value)):  # most values are pairs: a short way
            return ("array", *value)
        if not _is_flat(value, DEPTH_MAX):
            raise self.error(f"values are nested more than {DEPTH_MAX} deep")
        return freeze(value)


def _is_flat(value: Any, levels: int) -> bool:
    """Say whether a value has at most so many levels."""
    if type(value) not in (list, dict):
        return True
    items = value if type(value) is list else value.values()
    return levels > 0 and all(_is_flat(item, levels - 1) for item in items if type(item) in (list, dict))


def _end(found: re.Match[str] | None) -> int:
    assert found is not None, "white space may be none at all"
    return found.end()
