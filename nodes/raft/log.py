"""The log: entries from index 1 on, their terms, and a rolling digest that covers each entry and all before it.

Two logs that have the same digest at an index are the same up to there; that is what the invariant checkers compare.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Any, NamedTuple
from zlib import crc32

NOOP = "noop"
COMMAND = "command"


class Entry(NamedTuple):
    """One entry; its index is its place in the log. `payload` is the state machine's command, JSON values."""

    term: int
    kind: str
    payload: Any


class Log:
    """Entries at indexes 1 … last_index."""

    __slots__ = ("_digests", "_ends", "_entries", "_terms", "last_index", "last_term")

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._terms: list[int] = [0]
        self._digests: list[int] = [0]
        self._ends: list[int] = [0]  # by index: roughly the bytes of all entries up to it
        self.last_index = 0  # of the newest entry; 0 if there is none
        self.last_term = 0  # likewise

    def term_at(self, index: int) -> int:
        """Return the term at `index`; 0 at index 0."""
        return self._terms[index]

    def digest_at(self, index: int) -> int:
        """Return the rolling digest up to and including `index`; 0 at index 0."""
        return self._digests[index]

    def entry(self, index: int) -> Entry:
        """Return the entry at `index`, which exists."""
        return self._entries[index - 1]

    def slice(self, first: int, count: int, bytes_max: int) -> list[Entry]:
        """Return up to `count` entries from `first` on, of roughly `bytes_max` together; the first one at any size."""
        entries = self._entries[first - 1 : first - 1 + count]
        ends, start = self._ends, self._ends[first - 1]
        if ends[first - 1 + len(entries)] - start > bytes_max:
            fitting = bisect_right(ends, start + bytes_max, first, first + len(entries)) - first
            return entries[: max(fitting, 1)]
        return entries

    def append(self, entry: Entry) -> int:
        """Add an entry; return its digest."""
        assert entry.term >= self.last_term, "terms in a log never decrease (RI-11)"
        self._entries.append(entry)
        self._terms.append(entry.term)
        self.last_index += 1
        self.last_term = entry.term
        # Python's versions differ in which characters repr() escapes; ascii() escapes the same ones in all of them.
        content = f"{entry.term} {entry.kind} {entry.payload!a}".encode()
        digest = crc32(content, self._digests[-1])
        self._digests.append(digest)
        self._ends.append(self._ends[-1] + len(content))
        return digest

    def truncate(self, first: int) -> None:
        """Remove the entries from `first` on."""
        assert 1 <= first <= self.last_index
        del self._entries[first - 1 :]
        del self._terms[first:]
        del self._digests[first:]
        del self._ends[first:]
        self.last_index = first - 1
        self.last_term = self._terms[-1]

    def first_index_of(self, term: int) -> int:
        """Return the first index whose term is `term`, which occurs."""
        return bisect_left(self._terms, term, 1)

    def last_index_of(self, term: int) -> int | None:
        """Return the last index whose term is `term`; None if it doesn't occur."""
        index = bisect_right(self._terms, term, 1) - 1
        return index if index >= 1 and self._terms[index] == term else None


def entries_of(rows: Iterable[Any]) -> list[Entry]:
    """Make entries of what a message holds: over a real wire they come as plain lists, in a simulation as they are."""
    return [row if isinstance(row, Entry) else Entry(*row) for row in rows]
