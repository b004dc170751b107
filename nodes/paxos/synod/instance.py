"""One key's instance at one member: its three roles, and which message goes to which of them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from keelhaul.nodes.events import Body, Record
from keelhaul.nodes.outbox import Outbox
from keelhaul.nodes.paxos.ballot import NO_BALLOT, ballot_of, digest_of
from keelhaul.nodes.paxos.quorums import QuorumSystem
from keelhaul.nodes.paxos.settings import SynodSettings
from keelhaul.nodes.paxos.synod.acceptor import Acceptor, Key
from keelhaul.nodes.paxos.synod.learner import Learner
from keelhaul.nodes.paxos.synod.proposer import Proposer


class Instance:
    """The roles. Whoever knows the chosen value answers proposers with it: their attempts could only confirm it."""

    __slots__ = ("_key", "_members", "_outbox", "acceptor", "learner", "proposer")

    def __init__(
        self,
        key: Key,
        timer: str,
        outbox: Outbox,
        members: Sequence[str],
        quorums: QuorumSystem,
        settings: SynodSettings,
        random: Random,
        mutant: str | None,
    ) -> None:
        self._key, self._members, self._outbox = key, members, outbox
        self.acceptor = Acceptor(key, outbox, mutant)
        self.learner = Learner(key, outbox, quorums, mutant)
        self.proposer = Proposer(key, timer, self.learner, outbox, members, quorums, settings, random, mutant)

    def replay(self, record: Record) -> None:
        """Take in a record from the disk. What was promised or accepted shows rounds that were used, too."""
        if record[0] == "round":
            self.proposer.round_used = max(self.proposer.round_used, record[2])
        else:
            self.acceptor.replay(record)
            self.proposer.round_seen = max(self.proposer.round_seen, record[2])

    def recovered(self) -> list[object]:
        """Return what the boot record says of this instance: slot, promised, accepted ballot, digest of the value."""
        acceptor = self.acceptor
        accepted = acceptor.accepted
        digest = None if accepted == NO_BALLOT else digest_of(acceptor.value)
        return [self._key, list(acceptor.promised), list(accepted), digest]

    def on_message(self, source: str, body: Body) -> None:
        """Hand a member's message, maybe the own one, to its role."""
        kind = body["type"]
        if kind in ("prepare", "accept") and self.learner.is_chosen:
            self._tell_chosen(source)
        elif kind == "prepare":
            self.acceptor.on_prepare(source, ballot_of(body["ballot"]))
        elif kind == "accept":
            self.acceptor.on_accept(source, ballot_of(body["ballot"]), body["value"], self._members)
        elif kind == "promise":
            self.proposer.on_promise(source, body)
        elif kind == "nack":
            self.proposer.on_nack(body)
        elif kind == "accepted":
            self.learner.on_accepted(source, ballot_of(body["ballot"]), body["value"])
        elif kind == "chosen":
            self.learner.learn(ballot_of(body["ballot"]), body["value"])
        if self.learner.is_chosen and (self.proposer.waiters or self.proposer.attempt is not None):
            self.proposer.answer_all()

    def _tell_chosen(self, proposer: str) -> None:
        body = {"type": "chosen", "key": self._key, "ballot": self.learner.ballot, "value": self.learner.value}
        self._outbox.send(proposer, body)
