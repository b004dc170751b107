"""The options of Multi-Paxos, as a scenario writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from keelhaul.nodes.options import MS, lease_ns, timing_problems
from keelhaul.nodes.paxos.settings import SynodSettings

LOG, CONFIRM, LEASE, QUORUM = "log", "confirm", "lease", "quorum"
READ_MODES = (LOG, CONFIRM, LEASE, QUORUM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(SynodSettings):
    """Times in ms. An election timeout is drawn from [election_timeout_ms, twice that) (rule MP1).

    `window` is how many slots a leader may be ahead of what it has executed; a change of voters takes effect so many
    slots after it (MP12). A snapshot is taken every `snapshot_threshold` slots (0: never); `snapshot_trailing` slots
    before it are kept. The first `initial_voters` members vote until that is changed; 0: all of them.
    """

    WORDS: ClassVar[Mapping[str, tuple[str, ...]]] = {"read_mode": READ_MODES}

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

    def problems(self) -> list[str]:
        """Say which values don't go together."""
        problems = SynodSettings.problems(self)
        problems += timing_problems(self.election_timeout_ms, self.heartbeat_ms, self.clock_drift_percent)
        if min(self.window, self.snapshot_chunk_chars, self.sessions_max) < 1:
            problems.append("window, snapshot_chunk_chars and sessions_max must be at least 1")
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
        """How long, on a leader's clock, those that acknowledge a heartbeat refuse others, at least (§2.6)."""
        return lease_ns(self.election_timeout_ns, self.heartbeat_ns, self.clock_drift_percent)
