"""A simulated disk: one log file. A crash keeps what was synced, and any prefix of the records that were not.

Writes are done in order, each some time after it was asked for and never before an earlier one.
"""

from __future__ import annotations

from random import Random

from keelhaul.nodes.events import Record

MS = 1_000_000


class Disk:
    """One node's disk; it outlives the node."""

    def __init__(self, random: Random, fsync_ms: float) -> None:
        self._random = random
        self._mean_ns = fsync_ms * MS
        self._synced: list[Record] = []
        self._pending: list[tuple[int, tuple[Record, ...]]] = []
        self._busy_until_ns = 0

    def write(self, now_ns: int, ticket: int, records: tuple[Record, ...]) -> int:
        """Take a write; return when it will be on disk."""
        duration_ns = int(self._mean_ns * (0.5 + self._random.random()))
        self._busy_until_ns = max(self._busy_until_ns, now_ns) + duration_ns
        self._pending.append((ticket, records))
        return self._busy_until_ns

    def synced(self, ticket: int) -> None:
        """The write of that ticket, and all before it, is on disk now."""
        while self._pending and self._pending[0][0] <= ticket:
            self._synced += self._pending.pop(0)[1]

    def crash(self, now_ns: int) -> None:
        """Lose power: of what was not synced, some first records may have got through."""
        unsynced = [record for _, records in self._pending for record in records]
        self._synced += unsynced[: self._random.randrange(len(unsynced) + 1)]
        self._pending.clear()
        self._busy_until_ns = now_ns

    def records(self) -> tuple[Record, ...]:
        """Return what a restart finds."""
        return tuple(self._synced)
