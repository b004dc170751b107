"""Jepsen's text log and its history.txt: process, type, f and value with tabs or blanks between them, one row a line.

    INFO  jepsen.util - 0	:invoke	:write	3
    INFO  jepsen.util - 0	:ok	:write	3

What precedes the process on its line is the logger's. Other lines of a log are passed over; but one with a type in it
that can't be read is an error, for without it the verdict could be another. Values are EDN. After the value and a tab
comes what went wrong with the operation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from keelhaul.checkers.formats.edn_values import REMEMBERED_MAX, KnownValues
from keelhaul.checkers.formats.errors import FormatError, excerpt
from keelhaul.checkers.formats.recorded import KINDS, RawRow

DIGITS_MAX: Final = 18
_ROW = re.compile(r"[ \t]:(invoke|ok|fail|info)[ \t]++:([^\s]++)[ \t]++([^\t]++)")
_TYPE = re.compile(r"(?:^|[ \t]):(?:invoke|ok|fail|info)(?:[ \t]|$)")


class TextLogRows:
    """Reads the rows of a log; see recorded.py for what a row is."""

    has_keys = False

    def __init__(self, text: str) -> None:
        self._text = text
        self._line = 0
        self._known = KnownValues()
        self._processes: dict[str, int | None] = {}

    def error(self, problem: str) -> FormatError:
        """Return an error that names the line that was read last."""
        return FormatError(problem, self._line, 1)

    def __iter__(self) -> Iterator[RawRow]:
        """Yield the rows."""
        kinds, processes, known, search = KINDS, self._processes, self._known, _ROW.search
        found = False
        for line in self._text.split("\n"):
            self._line += 1
            row = search(line)
            if row is None:
                self._pass_over(line)
                continue
            found = True
            type_, f, value = row.groups()
            before = line[: row.start()]
            process = processes[before] if before in processes else self._process(before)
            try:
                yield kinds[type_], process, f, known[value.rstrip()]
            except FormatError as error:
                raise self.error(f"its value can't be read: {error.problem}") from None
        if not found:
            raise FormatError("no line of this text is a row of a history", 1, 1)
        if alike := known.look_alike():
            raise FormatError(alike, 1, 1)

    def _pass_over(self, line: str) -> None:
        if _TYPE.search(line):
            raise self.error(f"a row is process, type, f and value with tabs between them, not {excerpt(line)}")

    def _process(self, before: str) -> int | None:
        """Read the process at the end of what precedes the type, and remember it."""
        name = before.rstrip().rpartition(" ")[2].rpartition("\t")[2]
        process: int | None = None
        if name.isascii() and name.isdecimal() and len(name) <= DIGITS_MAX:
            process = int(name)
        elif name not in ("nemesis", ":nemesis"):
            raise self.error(f"its process is {excerpt(name)}; a process is a number, or nemesis")
        if len(self._processes) < REMEMBERED_MAX:
            self._processes[before] = process
        return process
