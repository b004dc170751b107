"""Options of the lock service and of its naive counter-example, as a scenario writes them: integers, units last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from keelhaul.nodes.options import MS, Options


@dataclass(frozen=True, slots=True, kw_only=True)
class LockSettings(Options):
    """Times in ms (LS1): a session's lease, how long a client looks for a master after it (grace), how long a lock
    rests after its holder was lost. A KeepAlive takes far less than the lease, a fail-over less than the grace."""

    LEAST: ClassVar[int] = 1

    lease_ms: int = 2000
    grace_ms: int = 5000
    lock_delay_ms: int = 1000

    @property
    def lease_ns(self) -> int:
        """How long a session lives after it was last heard of, by the master's clock."""
        return self.lease_ms * MS

    @property
    def grace_ns(self) -> int:
        """How long a client in jeopardy goes on looking for a master."""
        return self.grace_ms * MS

    @property
    def lock_delay_ns(self) -> int:
        """How long a lock rests."""
        return self.lock_delay_ms * MS

    @property
    def hold_ns(self) -> int:
        """How long a KeepAlive waits at the master (LS2). A client that asks again at once has three quarters of a
        lease left for that, and half of one if it must look for another master first."""
        return self.lease_ns // 4

    @property
    def tick_ns(self) -> int:
        """How often a master looks at its clock."""
        return max(self.lease_ns // 20, MS)


@dataclass(frozen=True, slots=True, kw_only=True)
class NaiveSettings(Options):
    """Times in ms: a member that was silent for `election_timeout_ms` is taken for dead."""

    LEAST: ClassVar[int] = 1

    election_timeout_ms: int = 300
    heartbeat_ms: int = 50

    @property
    def election_timeout_ns(self) -> int:
        """How long a member may be silent."""
        return self.election_timeout_ms * MS

    @property
    def heartbeat_ns(self) -> int:
        """How often a member says that it lives."""
        return self.heartbeat_ms * MS
