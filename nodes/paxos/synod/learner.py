"""The learner: a value is chosen when a quorum of phase 2 has accepted it in the same ballot. Touches nothing else.

Acceptances of different ballots don't add up, not even for equal values: no group of them need have been in force
together.
"""

from __future__ import annotations

from typing import Any

from keelhaul.nodes.mutants import MIXED_BALLOTS
from keelhaul.nodes.outbox import Outbox
from keelhaul.nodes.paxos.ballot import NO_BALLOT, Ballot, digest_of
from keelhaul.nodes.paxos.quorums import QuorumSystem
from keelhaul.nodes.paxos.synod.acceptor import Key


class Learner:
    """One member's part in one instance, all of it forgotten with the incarnation: any quorum can tell it again."""

    __slots__ = ("_key", "_mutant", "_outbox", "_quorums", "_votes", "ballot", "is_chosen", "value")

    def __init__(self, key: Key, outbox: Outbox, quorums: QuorumSystem, mutant: str | None = None) -> None:
        self._key = key
        self._mutant = mutant
        self._outbox = outbox
        self._quorums = quorums
        self._votes: dict[Ballot, dict[str, bool]] = {}  # by name, never a counter: messages come twice
        self.is_chosen = False
        self.ballot = NO_BALLOT
        self.value: Any = None

    def on_accepted(self, acceptor: str, ballot: Ballot, value: Any) -> None:
        """Count an acceptance."""
        if self.is_chosen:
            return
        votes = self._votes.setdefault(NO_BALLOT if self._mutant == MIXED_BALLOTS else ballot, {})
        votes[acceptor] = True
        if self._quorums.is_q2(votes):
            self.learn(ballot, value)

    def has_voted(self, acceptor: str, ballot: Ballot) -> bool:
        """Say whether that acceptance was counted already."""
        return acceptor in self._votes.get(ballot, ())

    def learn(self, ballot: Ballot, value: Any) -> None:
        """Note that this value was chosen in this ballot, from whomever it is known."""
        if self.is_chosen:
            return
        self.is_chosen, self.ballot, self.value = True, ballot, value
        self._votes.clear()
        self._outbox.trace({"type": "chosen", "slot": self._key, "ballot": list(ballot), "digest": digest_of(value)})
