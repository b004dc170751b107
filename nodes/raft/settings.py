"""Raft's options, as a scenario writes them: integers, units last."""

from __future__ import annotations

from dataclasses import dataclass, fields

MS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Times in ms. An election timeout is drawn from [election_timeout_ms, twice that) at every reset (rule E1)."""

    election_timeout_ms: int = 300
    heartbeat_ms: int = 50
    pre_vote: int = 1
    check_quorum: int = 1
    batch_entries_max: int = 64
    inflight_entries_max: int = 512

    @classmethod
    def of(cls, options: dict[str, int]) -> Settings:
        """Make settings from options; ValueError names those that don't exist or don't fit."""
        known = {field.name for field in fields(cls)}
        problems = [f"raft has no option {name!r}" for name in options if name not in known]
        problems += [
            f"{name} is {value!r}; it must be a whole number from 0 on"
            for name, value in options.items()
            if not isinstance(value, int) or value < 0
        ]
        if problems:
            raise ValueError("; ".join(problems))
        made = cls(**options)
        if made.heartbeat_ms < 1 or made.election_timeout_ms < 2 * made.heartbeat_ms:
            raise ValueError("election_timeout_ms must be at least twice heartbeat_ms, and heartbeat_ms at least 1")
        if made.batch_entries_max < 1 or made.inflight_entries_max < 1:
            raise ValueError("batch_entries_max and inflight_entries_max must be at least 1")
        return made

    @property
    def election_timeout_ns(self) -> int:
        """The minimum election timeout E."""
        return self.election_timeout_ms * MS

    @property
    def heartbeat_ns(self) -> int:
        """The heartbeat interval H."""
        return self.heartbeat_ms * MS
