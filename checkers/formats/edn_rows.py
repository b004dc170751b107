"""Histories in EDN: one vector (or list) of maps, as Knossos stores them, or map after map, as Jepsen and Elle do.

    {:process 0, :type :invoke, :f :write, :value 3}
    {:process 0, :type :ok, :f :write, :value 3}

Reading is quick because histories repeat themselves twice. Their maps come in a few *shapes* (which keys, in which
order): the first of a shape is read step by step, and yields a regular expression that reads the others in one go. And
their values are written alike: each piece of text is read once and remembered. What doesn't fit any shape is read step
by step, so that shapes decide how fast a row is read, never what it means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from keelhaul.checkers.formats.edn import ATOM, SKIPPED, STRING, EdnReader, end_of_space
from keelhaul.checkers.formats.edn_values import KnownValues, value_of
from keelhaul.checkers.formats.errors import FormatError, error_at, excerpt
from keelhaul.checkers.formats.recorded import DEFAULT_F, INFO, KINDS, NO_PROCESS, RawRow

SHAPES_MAX: Final = 12

_FLAT = r"""[^"\[\](){};#\\]++"""
_VECTOR = rf"\[(?:{_FLAT}|{STRING})*+\]"
_VECTORS = rf"\[(?:{_FLAT}|{STRING}|{_VECTOR})*+\]"
_PIECE = rf"(?:{ATOM}|{STRING}|\[(?:{_FLAT}|{STRING}|{_VECTORS})*+\])"
"""A value as it is in nearly all histories; vectors up to three deep."""
_FIELDS: Final = ("type", "process", "f", "value", "key")
_OPENING = re.compile(rf"{SKIPPED}([\[(])")
_TAG = re.compile(r"#[A-Za-z][\w.\-/$]*+")
_KEY = re.compile(rf"{SKIPPED}(?:(:{ATOM})|(\}}))")


class EdnRows:
    """Reads the rows of an EDN history; see recorded.py for what a row is."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._known = KnownValues()
        self._kinds = {f":{name}": kind for name, kind in KINDS.items()}
        self._processes: dict[str, int | None] = {"": NO_PROCESS}
        self._functions: dict[str, str] = {"": DEFAULT_F}
        self._shapes: list[re.Pattern[str]] = []
        self.has_keys = False

    def error(self, problem: str) -> FormatError:
        """Return an error that names the row that was yielded last."""
        return error_at(self._text, self._at, problem)

    def __iter__(self) -> Iterator[RawRow]:
        """Yield the rows. Keywords and strings that would look the same are found at the end."""
        kinds, processes, functions, known = self._kinds, self._processes, self._functions, self._known
        for type_, process, f, value, key in self._pieces():
            try:
                row = kinds[type_], processes[process], functions[f]
            except KeyError:
                row = self._learn(type_, process, f)
            try:
                if not key:
                    yield *row, known[value] if value else None
                    continue
                yield *row, ("array", known[key], known[value] if value else None)
            except FormatError as error:
                raise self._moved(error, value) from None
        if alike := known.look_alike():
            raise error_at(self._text, 0, alike)

    def _pieces(self) -> Iterator[tuple[str, str, str, str, str]]:
        """Yield each row's fields as they are written; empty where they are missing."""
        text, closing = self._text, ""
        position = 0
        if opening := _OPENING.match(text):
            closing = "]" if opening[1] == "[" else ")"
            position = opening.end()
        keyed: bool | None = None
        match = re.compile(r"(?!)").match
        while True:
            found = match(text, position)
            if found is None:
                found = self._by_other_shape(position)
                if found is not None:
                    match = found.re.match
            if found is not None:
                self._at, position = found.start("row"), found.end()
                pieces = found["type"], found["process"], found["f"], found["value"], found["key"]
            else:
                start = end_of_space(text, position)
                if text.startswith(closing or "\0", start):
                    self._refuse_more(start + 1)
                    return
                if start == len(text):
                    if closing:
                        raise error_at(text, start, f"the text ends before the {closing!r} that ends the history")
                    return
                self._at = start
                pieces, position = self._by_step(start)
            if pieces[1] != ":nemesis" and bool(pieces[4]) is not keyed:
                if keyed is not None:
                    raise self.error("this row has a :key and others don't" if pieces[4] else "this row has no :key")
                self.has_keys = keyed = bool(pieces[4])
            yield pieces

    def _by_other_shape(self, position: int) -> re.Match[str] | None:
        for shape in self._shapes:
            found = shape.match(self._text, position)
            if found is not None:
                return found
        return None

    def _by_step(self, start: int) -> tuple[tuple[str, str, str, str, str], int]:
        """Read one map key by key, and learn its shape."""
        text, position = self._text, start
        tag = _TAG.match(text, position)
        if tag is not None:  # a record's name, as in #jepsen.history.Op{…}
            position = tag.end()
        if not text.startswith("{", position):
            raise error_at(text, position, f"a map is expected, but here is {excerpt(text, position)}")
        reader = EdnReader(text)
        fields: dict[str, str] = {}
        position += 1
        while True:
            key = _KEY.match(text, position)
            if key is None:
                place = end_of_space(text, position)
                if place == len(text):
                    raise error_at(text, start, "this map is never closed")
                raise error_at(text, place, f"a key such as :type is expected, but here is {excerpt(text, place)}")
            if key[2]:
                break
            if key[1] in fields:
                raise error_at(text, key.start(1), f"this map has {key[1]} twice")
            begin = end_of_space(text, key.end())
            _, position = reader.value(begin)
            fields[key[1]] = text[begin:position]
        if ":type" not in fields:
            raise error_at(text, start, "this map has no :type (allowed: :invoke, :ok, :fail, :info)")
        self._learn_shape(list(fields))
        one, two, three, four, five = (fields.get(f":{name}", "") for name in _FIELDS)
        return (one, two, three, four, five), key.end()

    def _learn_shape(self, keys: list[str]) -> None:
        if len(self._shapes) >= SHAPES_MAX:
            return
        body = "".join(
            rf"{re.escape(key)}[\s,]*+({f'?P<{key[1:]}>' if key[1:] in _FIELDS else '?:'}{_PIECE})[\s,]*+"
            for key in keys
        )
        missing = "".join(f"(?P<{name}>)" for name in _FIELDS if f":{name}" not in keys)
        shape = re.compile(rf"[\s,]*+(?P<row>(?:{_TAG.pattern})?+\{{)[\s,]*+{body}\}}{missing}", re.DOTALL)
        if all(shape.pattern != other.pattern for other in self._shapes):
            self._shapes.append(shape)

    def _learn(self, type_: str, process: str, f: str) -> tuple[int, int | None, str]:
        """Read what a row's first three fields say, and remember it. The nemesis may do as it likes."""
        if process not in self._processes:
            self._processes[process] = self._process(process)
        if type_ not in self._kinds and self._processes[process] is not None:
            raise self.error(f"its :type is {excerpt(type_)} (allowed: {', '.join(self._kinds)})")
        if f not in self._functions:
            name = value_of(f, EdnReader(f))
            if not isinstance(name, str):
                raise self.error(f"its :f is {excerpt(f)}; it names a function")
            self._functions[f] = name
        return self._kinds.get(type_, INFO), self._processes[process], self._functions[f]

    def _process(self, process: str) -> int | None:
        number = value_of(process, EdnReader(process))
        if type(number) is int and number >= 0:
            return number
        if isinstance(number, str) and process[0] == ":":
            return None
        raise self.error(f"its :process is {excerpt(process)}; a process is a number, or :nemesis")

    def _moved(self, error: FormatError, value: str) -> FormatError:
        """Find the place in the text of what is wrong in one of the row's values."""
        try:
            EdnReader(self._text).value(self._at)
        except FormatError as placed:
            return placed
        return self.error(f"{error.problem} (in {excerpt(value)})")

    def _refuse_more(self, position: int) -> None:
        rest = end_of_space(self._text, position)
        if rest != len(self._text):
            raise error_at(self._text, rest, f"after the end of the history there is {excerpt(self._text, rest)}")
