"""Ballots: what orders the attempts of all proposers (docs/rules.md §2.1).

A ballot belongs to one attempt of one proposer: the round grows with each attempt, also over restarts, and the name
tells proposers of one round apart. No clock takes part: two attempts of the same instant must still be ordered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from zlib import crc32


class Ballot(NamedTuple):
    """Compares by round, then by the proposer's name."""

    round: int
    node: str


NO_BALLOT = Ballot(0, "")
"""Below every real one: nothing promised, or nothing accepted."""


def ballot_of(row: Sequence[Any]) -> Ballot:
    """Make a ballot of what a message or a file holds: over a real wire it comes as a plain list."""
    return Ballot(row[0], row[1])


def digest_of(value: Any) -> int:
    """Return a checksum of a JSON value, by which traces tell values apart."""
    # Python's versions differ in which characters repr() escapes; ascii() escapes the same ones in all of them.
    return crc32(ascii(value).encode())
