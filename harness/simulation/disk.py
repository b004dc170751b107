"""A simulated disk: one log file. A crash keeps what was synced, and any prefix of the records that were not.

Writes are done in order, each some time after it was asked for and never before an earlier one. A rewrite takes the
place of everything before it, or, at a crash, leaves it.
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
        self._pending: list[tuple[int, tuple[Record, ...], bool]] = []  # ticket, records, whether they replace all
        self.syncs = 0
        self._busy_until_ns = 0

    def write(self, now_ns: int, ticket: int, records: tuple[Record, ...], *, replaces: bool = False) -> int:
        """Take a write, which replaces the whole file or adds to it; return when it will be on disk."""
        duration_ns = int(self._mean_ns * (0.5 + self._random.random()))
        self._busy_until_ns = max(self._busy_until_ns, now_ns) + duration_ns
        self._pending.append((ticket, records, replaces))
        return self._busy_until_ns

    def synced(self, ticket: int) -> None:
        """The write of that ticket, and all before it, is on disk now."""
        self.syncs += 1
        while self._pending and self._pending[0][0] <= ticket:
            _, records, replaces = self._pending.pop(0)
            self._keep(records, replaces)

    def crash(self, now_ns: int) -> None:
        """Lose power: of what was not synced, some first records may have got through."""
        steps = sum(1 if replaces else len(records) for _, records, replaces in self._pending)
        kept = self._random.randrange(steps + 1)
        for _, records, replaces in self._pending:
            if kept <= 0:
                break
            self._keep(records if replaces else records[:kept], replaces)
            kept -= 1 if replaces else len(records)
        self._pending.clear()
        self._busy_until_ns = now_ns

    def _keep(self, records: tuple[Record, ...], replaces: bool) -> None:
        if replaces:
            self._synced.clear()
        self._synced += records

    def records(self) -> tuple[Record, ...]:
        """Return what a restart finds."""
        return tuple(self._synced)
