"""What a slot holds: a command, a new set of voters, or nothing.

`origin` is the ballot in which the entry was proposed for its slot the first time. A proposer proposes one thing for a
slot in a ballot, so slot and origin name an entry for ever: whoever waits for its own proposal can tell it from an
equal one of somebody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from zlib import crc32

from keelhaul.nodes.paxos.ballot import Ballot

NOOP, COMMAND, CONFIG = "noop", "command", "config"


class Entry(NamedTuple):
    """`payload` is the state machine's command, the new voters' names, or None."""

    kind: str
    payload: Any
    origin: Ballot


def entry_of(row: Sequence[Any]) -> Entry:
    """Make an entry of what a message or a file holds: over a real wire it comes as a plain list."""
    return row if isinstance(row, Entry) else Entry(row[0], row[1], Ballot(*row[2]))


def digest_of_entry(entry: Entry) -> int:
    """Return a checksum, by which traces tell entries apart."""
    # Python's versions differ in which characters repr() escapes; ascii() escapes the same ones in all of them.
    content = f"{entry.kind} {entry.payload!a} {entry.origin.round} {entry.origin.node}"
    return crc32(content.encode())
