"""The proposer: clients' requests, and the attempts to get an answer for them. Touches rounds, attempts and waiters.

An attempt is a ballot. It prepares; once a quorum has promised just that ballot, it goes on with the newest value that
any of them had accepted, or, only if there is none, with a value of a waiting client. If somebody got ahead of it, it
is given up for good: a later one has a higher round and starts from the beginning.

Proposers that keep overtaking each other would never end, so each waits after a collision: for a random time, whose
bound doubles with every further one (§2.7).
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

from keelhaul.nodes.events import Body
from keelhaul.nodes.mutants import OWN_VALUE_FIRST
from keelhaul.nodes.options import MS
from keelhaul.nodes.outbox import Outbox
from keelhaul.nodes.paxos.ballot import NO_BALLOT, Ballot, ballot_of, digest_of
from keelhaul.nodes.paxos.quorums import QuorumSystem
from keelhaul.nodes.paxos.settings import SynodSettings
from keelhaul.nodes.paxos.synod.acceptor import Key
from keelhaul.nodes.paxos.synod.learner import Learner

PREPARING, ACCEPTING = "preparing", "accepting"


class Waiter(NamedTuple):
    """A client that waits: with a value to be proposed, or None to read. `after` counts the attempts that had begun
    when it asked."""

    client: str
    msg_id: int
    value: Any
    after: int


class Attempt:
    """One ballot's way. `newest` is the highest ballot of which a promise told, `value` what was accepted in it."""

    __slots__ = ("ballot", "newest", "phase", "promises", "tries", "value")

    def __init__(self, ballot: Ballot) -> None:
        self.ballot = ballot
        self.phase = PREPARING
        self.promises: dict[str, bool] = {}
        self.newest = NO_BALLOT
        self.value: Any = None
        self.tries = 0


class Proposer:
    """One member's part in one instance. Durable: `round_used`, so that no ballot is used by two incarnations."""

    __slots__ = (
        "_collisions",
        "_key",
        "_learner",
        "_members",
        "_mutant",
        "_outbox",
        "_quorums",
        "_random",
        "_settings",
        "_timer",
        "_waits",
        "attempt",
        "attempts",
        "round_seen",
        "round_used",
        "waiters",
    )

    def __init__(
        self,
        key: Key,
        timer: str,
        learner: Learner,
        outbox: Outbox,
        members: Sequence[str],
        quorums: QuorumSystem,
        settings: SynodSettings,
        random: Random,
        mutant: str | None = None,
    ) -> None:
        self._key, self._timer, self._mutant = key, timer, mutant
        self._learner, self._outbox = learner, outbox
        self._members, self._quorums = members, quorums
        self._settings, self._random = settings, random
        self._collisions = 0
        self._waits = False  # after a collision
        self.round_used = 0
        self.round_seen = 0
        self.attempt: Attempt | None = None
        self.attempts = 0
        self.waiters: list[Waiter] = []

    def on_request(self, client: str, msg_id: int, value: Any) -> None:
        """Take a request, None to read: answer it if the value is known, else see to it that it will be."""
        self.waiters.append(Waiter(client, msg_id, value, self.attempts))
        if self._learner.is_chosen:
            self.answer_all()
        elif self.attempt is None and not self._waits:
            self._begin()

    def answer_all(self) -> None:
        """Tell everybody the value that is chosen; whatever is under way has become pointless."""
        for waiter in self.waiters:
            kind = "read_ok" if waiter.value is None else "propose_ok"
            self._outbox.reply(waiter.client, waiter.msg_id, {"type": kind, "value": self._learner.value})
        self.waiters.clear()
        self._end()
        self._collisions = 0

    def _end(self) -> None:
        self.attempt = None
        self._waits = False
        self._outbox.cancel_timer(self._timer)

    def _begin(self) -> None:
        """1a: a round above every one that was seen, on disk before anybody hears of it (§2.5)."""
        self.round_used = max(self.round_used, self.round_seen) + 1
        self._outbox.persist(["round", self._key, self.round_used])
        self.attempts += 1
        self.attempt = Attempt(Ballot(self.round_used, self._outbox.name))
        self._speak(self.attempt)

    def _speak(self, attempt: Attempt) -> None:
        """Say what this phase says to all who haven't answered it, and come back if that leads to nothing."""
        for member in self._members:
            if attempt.phase == PREPARING and member not in attempt.promises:
                self._outbox.send_durably(member, {"type": "prepare", "key": self._key, "ballot": attempt.ballot})
            if attempt.phase == ACCEPTING and not self._learner.has_voted(member, attempt.ballot):
                body = {"type": "accept", "key": self._key, "ballot": attempt.ballot, "value": attempt.value}
                self._outbox.send(member, body)
        longest_ns = self._settings.backoff_max_ms * MS
        self._outbox.set_timer(self._timer, min(self._settings.retransmit_ns << min(attempt.tries, 16), longest_ns))
        attempt.tries += 1

    def on_timer(self) -> None:
        """Say it again, or begin anew after the pause."""
        if self.attempt is not None:
            self._speak(self.attempt)
        elif self._waits:  # and so do clients: once they are answered, nothing is waited for
            self._waits = False
            self._begin()

    def on_promise(self, acceptor: str, body: Body) -> None:
        """Count a promise of just this ballot; any other is of an attempt that is over."""
        attempt = self.attempt
        if attempt is None or attempt.phase != PREPARING or ballot_of(body["ballot"]) != attempt.ballot:
            return
        attempt.promises[acceptor] = True
        if body["accepted"] is not None:
            accepted, value = ballot_of(body["accepted"][0]), body["accepted"][1]
            if accepted > attempt.newest:
                attempt.newest, attempt.value = accepted, value
        if self._quorums.is_q1(attempt.promises):
            self._on_quorum(attempt)

    def _on_quorum(self, attempt: Attempt) -> None:
        """2a: the newest accepted value; a client's own only where there is none; neither, if only readers wait."""
        own = next((waiter.value for waiter in self.waiters if waiter.value is not None), None)
        if attempt.newest == NO_BALLOT or (self._mutant == OWN_VALUE_FIRST and own is not None):
            attempt.value = own
        if attempt.value is None:
            self._answer_undecided(attempt)
            return
        attempt.phase = ACCEPTING
        attempt.tries = 0
        self._outbox.trace(
            {
                "type": "propose",
                "slot": self._key,
                "ballot": list(attempt.ballot),
                "digest": digest_of(attempt.value),
            }
        )
        self._speak(attempt)

    def _answer_undecided(self, attempt: Attempt) -> None:
        """Nothing was chosen, and nothing older will be. That holds for those who asked before this attempt began:
        what was chosen since, in a higher ballot, isn't known to be absent by promises from before."""
        self._outbox.trace({"type": "undecided", "slot": self._key, "ballot": list(attempt.ballot)})
        for waiter in self.waiters:
            if waiter.after < self.attempts:
                self._outbox.reply(waiter.client, waiter.msg_id, {"type": "read_ok", "value": None})
        self.waiters = [waiter for waiter in self.waiters if waiter.after >= self.attempts]
        self._end()
        self._collisions = 0
        if self.waiters:
            self._begin()

    def on_nack(self, body: Body) -> None:
        """Somebody is ahead: give up this ballot, learn the round, and wait a little."""
        self.round_seen = max(self.round_seen, ballot_of(body["promised"]).round)
        attempt = self.attempt
        if attempt is None or ballot_of(body["ballot"]) != attempt.ballot:
            return
        self.attempt = None
        self._waits = True
        bound_ms = min(self._settings.backoff_max_ms, self._settings.backoff_ms << min(self._collisions, 16))
        self._collisions += 1
        self._outbox.set_timer(self._timer, int(self._random.random() * bound_ms * MS))
