"""The acceptor: promises to ignore older ballots, accepts values, and remembers both on disk. Touches nothing else.

Both answers reveal what must survive a crash, so they wait for the disk (§2.5). An acceptance is one record with its
ballot, since it raises the promise too: without that, an acceptor that never saw the Prepare could still accept an
older ballot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keelhaul.nodes.events import Record
from keelhaul.nodes.mutants import FORGETFUL_ACCEPTOR
from keelhaul.nodes.outbox import Outbox
from keelhaul.nodes.paxos.ballot import NO_BALLOT, Ballot, digest_of

Key = str | int


class Acceptor:
    """One member's part in one instance. Durable: `promised`, and `accepted` with its `value`."""

    __slots__ = ("_mutant", "_outbox", "accepted", "key", "promised", "value")

    def __init__(self, key: Key, outbox: Outbox, mutant: str | None = None) -> None:
        self.key = key
        self._mutant = mutant
        self._outbox = outbox
        self.promised = NO_BALLOT
        self.accepted = NO_BALLOT
        self.value: Any = None

    def replay(self, record: Record) -> None:
        """Take in a record of ours from the disk, in the order in which they were written."""
        self.promised = Ballot(record[2], record[3])
        if record[0] == "accept":
            self.accepted, self.value = self.promised, record[4]

    def on_prepare(self, proposer: str, ballot: Ballot) -> None:
        """1b: promise, and tell what was accepted last; or refuse. Asked again, it answers the same again."""
        if ballot < self.promised:
            self._refuse(proposer, ballot)
            return
        if ballot > self.promised:
            self.promised = ballot
            # Whoever breaks the rule writes something else, in the same time.
            kind = "round" if self._mutant == FORGETFUL_ACCEPTOR else "promise"
            ticket = self._outbox.persist([kind, self.key, *ballot])
            self._outbox.trace({"type": "promise", "slot": self.key, "ballot": list(ballot), "ticket": ticket})
        accepted = None if self.accepted == NO_BALLOT else [self.accepted, self.value]
        self._outbox.send_durably(
            proposer, {"type": "promise", "key": self.key, "ballot": ballot, "accepted": accepted}
        )

    def on_accept(self, proposer: str, ballot: Ballot, value: Any, learners: Sequence[str]) -> None:
        """2b: accept, unless a higher ballot was promised; tell every learner."""
        if ballot < self.promised:
            self._refuse(proposer, ballot)
            return
        if ballot > self.accepted:
            self.promised = self.accepted = ballot
            self.value = value
            ticket = self._outbox.persist(["accept", self.key, *ballot, value])
            self._outbox.trace(
                {
                    "type": "accept",
                    "slot": self.key,
                    "ballot": list(ballot),
                    "digest": digest_of(value),
                    "ticket": ticket,
                }
            )
        for learner in learners:
            self._outbox.send_durably(
                learner, {"type": "accepted", "key": self.key, "ballot": ballot, "value": self.value}
            )

    def _refuse(self, proposer: str, ballot: Ballot) -> None:
        self._outbox.send_durably(
            proposer, {"type": "nack", "key": self.key, "ballot": ballot, "promised": self.promised}
        )
