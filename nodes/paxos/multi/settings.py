"""The options of Multi-Paxos, as a scenario writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from keelhaul.nodes.paxos.settings import MS, SynodSettings

LOG, CONFIRM, LEASE, QUORUM = "log", "confirm", "lease", "quorum"
READ_MODES = (LOG, CONFIRM, LEASE, QUORUM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(SynodSettings):
    """Times in ms. An election timeout is drawn from [election_timeout_ms, twice that) (rule MP1).

    `window` is how many slots a leader may be ahead of what it has executed; a change of voters takes effect so many
    slots after it (MP12). A snapshot is taken every `snapshot_threshold` slots (0: never); `snapshot_trailing` slots
    before it are kept. The first `initial_voters` members vote until that is changed; 0: all of them.
    """

    election_timeout_ms: int = 300
    heartbeat_ms: int = 50
    window: int = 64
    read_mode: str = LOG
    clock_drift_percent: int = 2
    snapshot_threshold: int = 10_000
    snapshot_trailing: int = 1_000
    snapshot_chunk_chars: int = 65_536
    initial_voters: int = 0
    sessions_max: int = 10_000

    @classmethod
    def words(cls) -> Mapping[str, tuple[str, ...]]:
        """Return the options whose values are words, and which words."""
        return {"read_mode": READ_MODES}

    def problems(self) -> list[str]:
        """Say which values don't go together."""
        problems = SynodSettings.problems(self)
        if self.heartbeat_ms < 1 or self.election_timeout_ms < 2 * self.heartbeat_ms:
            problems.append("election_timeout_ms must be at least twice heartbeat_ms, and heartbeat_ms at least 1")
        if min(self.window, self.snapshot_chunk_chars, self.sessions_max) < 1:
            problems.append("window, snapshot_chunk_chars and sessions_max must be at least 1")
        if self.clock_drift_percent > 50:
            problems.append("clock_drift_percent must be at most 50")
        return problems

    def first_voters(self, members: tuple[str, ...]) -> tuple[str, ...]:
        """Return who votes at the beginning; ValueError if there aren't that many."""
        if self.initial_voters > len(members):
            raise ValueError(f"initial_voters is {self.initial_voters}, but there are {len(members)} members")
        return members[: self.initial_voters] if self.initial_voters else members

    @property
    def election_timeout_ns(self) -> int:
        """The minimum election timeout E, for which an acceptor also keeps faith with a leader that it heard."""
        return self.election_timeout_ms * MS

    @property
    def heartbeat_ns(self) -> int:
        """The heartbeat interval H."""
        return self.heartbeat_ms * MS

    @property
    def lease_ns(self) -> int:
        """How long, on a leader's clock, those that acknowledge a heartbeat refuse others, at least (§2.6).

        They do so for E on their own clocks, which may run fast while the leader's runs slow, each within the drift.
        """
        drift = self.clock_drift_percent
        return self.election_timeout_ns * (100 - drift) // (100 + drift) - self.heartbeat_ns // 10
