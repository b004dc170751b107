"""Raft's options, as a scenario writes them: whole numbers, units last, and one word: how reads are answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from keelhaul.nodes.options import MS, Options, lease_ns, timing_problems

LOG, READ_INDEX, LEASE, FOLLOWER, STALE = "log", "read-index", "lease", "follower", "stale"
READ_MODES = (LOG, READ_INDEX, LEASE, FOLLOWER, STALE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Options):
    """Times in ms. An election timeout is drawn from [election_timeout_ms, twice that) at every reset (rule E1).

    `initial_voters` is how many members, from the first on, vote before any change of membership; 0: all of them.
    A snapshot is taken every `snapshot_threshold` entries (0: never); `snapshot_trailing` entries before it are kept.
    """

    WORDS: ClassVar[Mapping[str, tuple[str, ...]]] = {"read_mode": READ_MODES}

    election_timeout_ms: int = 300
    heartbeat_ms: int = 50
    pre_vote: int = 1
    check_quorum: int = 1
    batch_entries_max: int = 64
    inflight_entries_max: int = 512
    inflight_messages_max: int = 16
    read_mode: str = LOG
    clock_drift_percent: int = 2
    snapshot_threshold: int = 10_000
    snapshot_trailing: int = 1_000
    snapshot_chunk_bytes: int = 65_536
    initial_voters: int = 0
    joint_consensus: int = 1
    sessions_max: int = 10_000

    def problems(self) -> list[str]:
        """Say which values don't go together."""
        problems = timing_problems(self.election_timeout_ms, self.heartbeat_ms, self.clock_drift_percent)
        if min(self.batch_entries_max, self.inflight_entries_max, self.inflight_messages_max) < 1:
            problems.append("batch_entries_max, inflight_entries_max and inflight_messages_max must be at least 1")
        if self.snapshot_chunk_bytes < 1 or self.sessions_max < 1:
            problems.append("snapshot_chunk_bytes and sessions_max must be at least 1")
        if self.read_mode == LEASE and not self.check_quorum:
            problems.append("read_mode 'lease' needs check_quorum = 1: without stickiness (E7) there is no lease")
        return problems

    @property
    def election_timeout_ns(self) -> int:
        """The minimum election timeout E."""
        return self.election_timeout_ms * MS

    @property
    def heartbeat_ns(self) -> int:
        """The heartbeat interval H."""
        return self.heartbeat_ms * MS

    @property
    def lease_ns(self) -> int:
        """How long a majority's silence towards others lasts at least, on a leader's clock (LR1)."""
        return lease_ns(self.election_timeout_ns, self.heartbeat_ns, self.clock_drift_percent)
