"""The values in an EDN history's rows. Histories repeat themselves: each piece of text is read once and remembered."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any, Final

from keelhaul.checkers.formats.edn import EdnReader, end_of_space
from keelhaul.checkers.formats.errors import error_at, excerpt

REMEMBERED_MAX: Final = 100_000
"""Pieces that are remembered at a time."""
MICRO_OPERATIONS: Final = ("r", "w", "append", "read", "write")
_WHOLE = "(?:0|[1-9][0-9]{0,17})"
_PLAIN_VECTOR = re.compile(rf"\[(?:nil|{_WHOLE})(?: (?:nil|{_WHOLE}))*+\]", re.ASCII)
"""A key and its value, or what a cas expects and puts, where both are numbers."""
_MICRO_OPERATION = re.compile(
    rf"\[:(?:{'|'.join(MICRO_OPERATIONS)}) :?[a-z0-9]+ (?:nil|{_WHOLE}|\[(?:{_WHOLE}(?: {_WHOLE})*+)?\])\]", re.ASCII
)


class _KnownMicros(dict[str, tuple[Any, ...]]):
    """Micro-operations by how they are written: each stands in an invocation and its completion at least."""

    def __init__(self, known: dict[str, Any]) -> None:
        super().__init__()
        self._known = known

    def __missing__(self, piece: str) -> tuple[Any, ...]:
        if len(self) >= REMEMBERED_MAX:
            self.clear()
        name, key, value = piece[2:-1].split(" ", 2)
        read = ("array", *map(int, value[1:-1].split())) if value[0] == "[" else self._known[value]
        micro = self[piece] = ("array", name, self._known[key], read)
        return micro


class KnownValues(dict[str, Any]):
    """Frozen values by how they are written; one that is missing is read. FormatError if it can't be."""

    def __init__(self) -> None:
        super().__init__()
        self._reader = EdnReader("")
        self._micros = _KnownMicros(self)

    def __missing__(self, piece: str) -> Hashable:
        if len(self) >= REMEMBERED_MAX:
            self.clear()
        value: Hashable = None
        if piece.isascii() and piece.isdecimal() and len(piece) < 19 and piece[0] != "0":
            value = int(piece)
        elif _PLAIN_VECTOR.fullmatch(piece):
            value = ("array", *(None if item == "nil" else int(item) for item in piece[1:-1].split(" ")))
        elif piece.startswith("[[:"):
            value = self._transaction(piece)
        if value is None:
            value = value_of(piece, self._reader)
        self[piece] = value
        return value

    def _transaction(self, piece: str) -> Hashable:
        """Read a transaction's micro-operations if it is written in the usual way; None if not.

        That nothing is overlooked is seen by putting together again what was found.
        """
        found = _MICRO_OPERATION.findall(piece)
        if f"[{' '.join(found)}]" != piece:
            return None
        return ("array", *map(self._micros.__getitem__, found))

    def look_alike(self) -> str | None:
        """Say which two values that were read are different but come out equal; None if there are none."""
        alike = sorted((self._reader.names & self._reader.texts).difference(MICRO_OPERATIONS))
        if not alike:
            return None
        both = f":{alike[0]} and {excerpt(alike[0])}"
        return f"this history has both {both} as values, which can't be told apart here"


def value_of(piece: str, reader: EdnReader) -> Hashable:
    """Read a piece of text that holds one value and no more."""
    reader.text = piece
    value, end = reader.value()
    if end_of_space(piece, end) != len(piece):
        raise error_at(piece, end, f"{excerpt(piece)} is more than one value")
    return value
