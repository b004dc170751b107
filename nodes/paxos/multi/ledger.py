"""The slots: what this member has accepted, and what it knows to be chosen. Holds values; decides nothing.

`accepted` is the acceptor's memory, and durable. `chosen` is the learner's: an entry that a quorum accepted in one
ballot. The two may differ where an older leader's proposal lost. Slots below `first_slot` are gone, behind a snapshot;
they were all chosen, and nobody may ever be told that they are empty (MP2, MP11).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from keelhaul.nodes.paxos.ballot import Ballot
from keelhaul.nodes.paxos.multi.entry import Entry, digest_of_entry

ENTRIES_MAX = 64
WEIGHT_MAX = 2 * 1024 * 1024
"""What one message may carry, so that it stays far below a frame's limit: entries, and their rough size."""


class Accepted(NamedTuple):
    """The newest acceptance of a slot."""

    ballot: Ballot
    entry: Entry
    digest: int


class Chosen(NamedTuple):
    """A slot's decided entry."""

    entry: Entry
    digest: int


class Ledger:
    """Slots from 1 on."""

    __slots__ = ("accepted", "chosen", "first_slot", "highest")

    def __init__(self) -> None:
        self.accepted: dict[int, Accepted] = {}
        self.chosen: dict[int, Chosen] = {}
        self.first_slot = 1
        self.highest = 0  # of all slots in which anything was ever accepted or chosen here

    def accept(self, slot: int, ballot: Ballot, entry: Entry) -> int:
        """Remember an acceptance; return the entry's digest."""
        digest = self.digest_of(slot, entry)
        self.accepted[slot] = Accepted(ballot, entry, digest)
        self.highest = max(self.highest, slot)
        return digest

    def digest_of(self, slot: int, entry: Entry) -> int:
        """Return an entry's digest: the one at hand, if it was accepted here before."""
        known = self.accepted.get(slot)
        return known.digest if known is not None and known.entry == entry else digest_of_entry(entry)

    def choose(self, slot: int, entry: Entry) -> Chosen:
        """Remember what is chosen."""
        digest = self.digest_of(slot, entry)
        made = self.chosen[slot] = Chosen(entry, digest)
        self.highest = max(self.highest, slot)
        return made

    def undecided(self, first: int) -> tuple[list[list[Any]], int | None]:
        """List what was accepted from slot `first` on, as much as one message may carry: [slot, ballot, entry]; and
        the slot at which there is more, None if that is all (MP2)."""
        rows: list[list[Any]] = []
        weight = 0
        for slot, row in sorted(self.accepted.items()):
            if slot < first:
                continue
            weight += weight_of(row.entry)
            if rows and (weight > WEIGHT_MAX or len(rows) == ENTRIES_MAX):
                return rows, slot
            rows.append([slot, row.ballot, row.entry])
        return rows, None

    def chosen_from(self, first: int, last: int) -> list[list[Any]]:
        """List chosen entries from `first` on, all of them known, as many as one message may carry: [slot, entry]."""
        rows: list[list[Any]] = []
        weight = 0
        for slot in range(first, min(last, first + ENTRIES_MAX - 1) + 1):
            entry = self.chosen[slot].entry
            weight += weight_of(entry)
            if rows and weight > WEIGHT_MAX:
                break
            rows.append([slot, entry])
        return rows

    def drop_below(self, slot: int) -> None:
        """Forget all below `slot`: a snapshot covers it."""
        for gone in range(self.first_slot, slot):
            self.accepted.pop(gone, None)
            self.chosen.pop(gone, None)
        self.first_slot = max(self.first_slot, slot)

    def begin_after(self, slot: int) -> None:
        """Forget all up to `slot`, which a snapshot of another member covers, whatever of it was known here."""
        self.accepted = {other: row for other, row in self.accepted.items() if other > slot}
        self.chosen = {other: row for other, row in self.chosen.items() if other > slot}
        self.first_slot = slot + 1
        self.highest = max(self.highest, slot)


def weight_of(entry: Entry) -> int:
    """Return roughly how many characters an entry takes in a message."""
    return len(str(entry.payload)) + 64
