"""Who votes on which slot (MP12): sets of voters, each in force from a slot on.

A change is a command like any other. Chosen in slot s, it takes effect at slot s + window. A leader never proposes
further than `window` slots ahead of what it has executed, so by the time it comes to that slot it has executed s: it
always knows who votes on what it proposes. Any set may follow any other; nothing overlaps but what the slots before
need anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from keelhaul.nodes.paxos.quorums import QuorumSystem


class Config(NamedTuple):
    """In force from slot `first` on, until the next one is."""

    first: int
    voters: tuple[str, ...]
    quorums: QuorumSystem


class Configs:
    """The sets of voters that are known, by the slot from which they are in force."""

    def __init__(self, voters: Sequence[str], quorums_of: Callable[[Sequence[str]], QuorumSystem]) -> None:
        self._quorums_of = quorums_of
        self._rows = [Config(1, tuple(voters), quorums_of(voters))]

    def at(self, slot: int) -> Config:
        """Return who votes on this slot. Only sure for slots less than a window beyond what was executed."""
        return next(row for row in reversed(self._rows) if row.first <= slot)

    @property
    def last(self) -> Config:
        """The newest one, in force or not yet."""
        return self._rows[-1]

    def from_slot(self, slot: int) -> list[Config]:
        """List all that are in force at this slot or later."""
        current = self.at(slot)
        return [row for row in self._rows if row.first >= current.first]

    def add(self, first: int, voters: Sequence[str]) -> Config:
        """Add a set that is in force from slot `first` on."""
        made = Config(first, tuple(voters), self._quorums_of(voters))
        assert first > self.last.first
        self._rows.append(made)
        return made

    def image(self, slot: int) -> list[list[Any]]:
        """Return as JSON what is in force at this slot or later, for a snapshot."""
        return [[row.first, list(row.voters)] for row in self.from_slot(slot)]

    def restore(self, image: Sequence[Any]) -> None:
        """Take what `image` returned in place of everything."""
        self._rows = [Config(first, tuple(voters), self._quorums_of(voters)) for first, voters in image]
