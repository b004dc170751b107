"""Raft's options, as a scenario writes them: whole numbers, units last, and one word: how reads are answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches

MS = 1_000_000

LOG, READ_INDEX, LEASE, FOLLOWER, STALE = "log", "read-index", "lease", "follower", "stale"
READ_MODES = (LOG, READ_INDEX, LEASE, FOLLOWER, STALE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Times in ms. An election timeout is drawn from [election_timeout_ms, twice that) at every reset (rule E1).

    `initial_voters` is how many members, from the first on, vote before any change of membership; 0: all of them.
    A snapshot is taken every `snapshot_threshold` entries (0: never); `snapshot_trailing` entries before it are kept.
    """

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

    @classmethod
    def of(cls, options: Mapping[str, int | str]) -> Settings:
        """Make settings from options; ValueError names those that don't exist or don't fit."""
        known = {field.name for field in fields(cls)}
        problems = [f"raft has no option {name!r}" for name in options if name not in known]
        problems += [
            f"{name} is {value!r}; it must be a whole number from 0 on"
            for name, value in options.items()
            if name != "read_mode" and (not isinstance(value, int) or value < 0)
        ]
        problems += _problems_of_read_mode(options)
        if problems:
            raise ValueError("; ".join(problems))
        made = cls(**options)  # type: ignore[arg-type]  # judged above
        problems = made._problems()
        if problems:
            raise ValueError("; ".join(problems))
        return made

    def _problems(self) -> list[str]:
        problems = []
        if self.heartbeat_ms < 1 or self.election_timeout_ms < 2 * self.heartbeat_ms:
            problems.append("election_timeout_ms must be at least twice heartbeat_ms, and heartbeat_ms at least 1")
        if min(self.batch_entries_max, self.inflight_entries_max, self.inflight_messages_max) < 1:
            problems.append("batch_entries_max, inflight_entries_max and inflight_messages_max must be at least 1")
        if self.snapshot_chunk_bytes < 1 or self.sessions_max < 1:
            problems.append("snapshot_chunk_bytes and sessions_max must be at least 1")
        if self.clock_drift_percent > 50:
            problems.append("clock_drift_percent must be at most 50")
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
        """How long a majority's silence towards others lasts at least, on a leader's clock (LR1).

        A voter keeps it for E on its own clock. That clock may run fast and the leader's slow, each within the drift.
        """
        drift = self.clock_drift_percent
        return self.election_timeout_ns * (100 - drift) // (100 + drift) - self.heartbeat_ns // 10


def _problems_of_read_mode(options: Mapping[str, int | str]) -> list[str]:
    mode = options.get("read_mode", LOG)
    if mode in READ_MODES:
        return []
    near = get_close_matches(str(mode), READ_MODES, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return [f"read_mode is {mode!r}; allowed are {', '.join(READ_MODES)}{hint}"]
