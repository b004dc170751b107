"""The log: entries behind a base, their terms, and a rolling digest that covers each entry and all before it.

The base is the index below the first entry that is kept: 0, or where the log was cut off at the front because a
snapshot covers what was there. Its term and digest are kept, so that the entry above it can be checked and continued.
Two logs that have the same digest at an index are the same up to there; that is what the invariant checkers compare.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Any, NamedTuple
from zlib import crc32

NOOP = "noop"
COMMAND = "command"
CONFIG = "config"


class Entry(NamedTuple):
    """One entry; its index is its place in the log. `payload` is the state machine's command, JSON values."""

    term: int
    kind: str
    payload: Any


class Log:
    """Entries at indexes base_index + 1 … last_index."""

    __slots__ = ("_digests", "_ends", "_entries", "_terms", "base_index", "last_index", "last_term")

    def __init__(self) -> None:
        self.reset(0, 0, 0)

    def reset(self, index: int, term: int, digest: int) -> None:
        """Forget every entry; the next one follows the entry of this index, term and digest."""
        self._entries: list[Entry] = []
        self._terms: list[int] = [term]
        self._digests: list[int] = [digest]
        self._ends: list[int] = [0]  # roughly the bytes of all entries up to each
        self.base_index = index
        self.last_index = index  # of the newest entry; the base's if there is none
        self.last_term = term  # likewise

    def term_at(self, index: int) -> int:
        """Return the term at `index`, which is not below the base; 0 at index 0."""
        return self._terms[index - self.base_index]

    def digest_at(self, index: int) -> int:
        """Return the rolling digest up to and including `index`, which is not below the base; 0 at index 0."""
        return self._digests[index - self.base_index]

    def entry(self, index: int) -> Entry:
        """Return the entry at `index`, which is kept."""
        assert index > self.base_index
        return self._entries[index - self.base_index - 1]

    def slice(self, first: int, count: int, bytes_max: int) -> list[Entry]:
        """Return up to `count` entries from `first` on, of roughly `bytes_max` together; the first one at any size."""
        below = first - self.base_index - 1
        entries = self._entries[below : below + count]
        ends, start = self._ends, self._ends[below]
        if ends[below + len(entries)] - start > bytes_max:
            fitting = bisect_right(ends, start + bytes_max, below + 1, below + 1 + len(entries)) - below - 1
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
        assert self.base_index < first <= self.last_index
        kept = first - self.base_index
        del self._entries[kept - 1 :]
        del self._terms[kept:]
        del self._digests[kept:]
        del self._ends[kept:]
        self.last_index = first - 1
        self.last_term = self._terms[-1]

    def compact(self, base_index: int) -> None:
        """Forget the entries up to `base_index`, which is not above the last one."""
        gone = base_index - self.base_index
        if gone <= 0:
            return
        assert base_index <= self.last_index
        del self._entries[:gone]
        del self._terms[:gone]
        del self._digests[:gone]
        del self._ends[:gone]
        self.base_index = base_index

    def first_index_of(self, term: int) -> int:
        """Return the first kept index whose term is `term`, which occurs above the base."""
        return self.base_index + bisect_left(self._terms, term, 1)

    def last_index_of(self, term: int) -> int | None:
        """Return the last kept index whose term is `term`; None if it doesn't occur above the base."""
        place = bisect_right(self._terms, term, 1) - 1
        return self.base_index + place if place >= 1 and self._terms[place] == term else None


def entries_of(rows: Iterable[Any]) -> list[Entry]:
    """Make entries of what a message holds: over a real wire they come as plain lists, in a simulation as they are."""
    return [row if isinstance(row, Entry) else Entry(*row) for row in rows]
