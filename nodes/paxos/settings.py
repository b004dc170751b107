"""The options of the Paxos systems, as a scenario writes them: integers, units last. And the quorums they ask for.

    phase1_quorum, phase2_quorum    members that win a ballot, that choose a value; 0: a majority
    grid_rows                       the members stand in so many rows: a row wins a ballot, a column chooses a value
    weights                         one digit a member, in their order: 31111 gives n1 three voices of seven

At most one of these three ways may be used; none of them means majorities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keelhaul.nodes.options import MS, Options
from keelhaul.nodes.paxos import quorums
from keelhaul.nodes.paxos.quorums import QuorumSystem


@dataclass(frozen=True, slots=True, kw_only=True)
class NaiveSettings(Options):
    """What every one of them takes. What was sent and not answered is sent again after so long."""

    retransmit_ms: int = 40

    @property
    def retransmit_ns(self) -> int:
        """How long the first answer is waited for."""
        return self.retransmit_ms * MS

    def problems(self) -> list[str]:
        """Say which values don't go together."""
        return [] if self.retransmit_ms else ["retransmit_ms must be at least 1"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuorumSettings(NaiveSettings):
    """Which quorums; see the head of this file."""

    phase1_quorum: int = 0
    phase2_quorum: int = 0
    grid_rows: int = 0
    weights: int = 0

    def problems(self) -> list[str]:
        """Say which values don't go together."""
        ways = bool(self.phase1_quorum or self.phase2_quorum) + bool(self.grid_rows) + bool(self.weights)
        clash = ["quorums are given by phase1_quorum and phase2_quorum, by grid_rows or by weights: one of the three"]
        return [*NaiveSettings.problems(self), *(clash if ways > 1 else [])]

    def quorums_of(self, members: Sequence[str]) -> QuorumSystem:
        """Return the quorums among these members; ValueError if they can't be had or need not meet."""
        made: QuorumSystem
        if self.grid_rows:
            made = quorums.grid(members, self.grid_rows)
        elif self.weights:
            made = quorums.weighted(members, [int(digit) for digit in str(self.weights)])
        else:
            half = len(members) // 2 + 1
            made = quorums.flexible(members, self.phase1_quorum or half, self.phase2_quorum or half)
        made.validate()
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class SynodSettings(QuorumSettings):
    """Single-decree Paxos. After a collision a proposer waits for a random time below `backoff_ms`, doubled with each
    further one, and at most `backoff_max_ms` (rule of §2.7: about two round trips, about an election timeout)."""

    backoff_ms: int = 10
    backoff_max_ms: int = 300

    def problems(self) -> list[str]:
        """Say which values don't go together."""
        wrong = [] if 1 <= self.backoff_ms <= self.backoff_max_ms else ["backoff_ms must be from 1 to backoff_max_ms"]
        return [*QuorumSettings.problems(self), *wrong]
