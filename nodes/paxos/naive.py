"""NOT Paxos, but what is often taken for it: one phase, no ballots. A counter-example for the harness to refute.

Asked to propose, a member asks all for their vote. Each votes for the first value that it hears of, for ever, on disk.
Once a majority has answered, the value with the most votes has won.

That looks safe: votes don't change, and two majorities share a member. But with three values in the race no value need
have a majority, and "the most votes of those who answered" depends on who answered: two members that hear from
different majorities announce different winners. (Waiting for a majority of *equal* votes would be safe, and would wait
for ever after a split. Ballots are what lets a vote be tried again without unmaking an earlier result: see `synod/`.)
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from keelhaul.nodes.errors import error_body
from keelhaul.nodes.events import Body, ClientRequest, Effect, Event, Received, StorageDone, TimerFired
from keelhaul.nodes.node import NodeConfig
from keelhaul.nodes.outbox import Outbox
from keelhaul.nodes.paxos.ballot import digest_of
from keelhaul.nodes.paxos.settings import NaiveSettings
from keelhaul.nodes.replicated_log import MalformedCommand
from keelhaul.nodes.state_machines.write_once import proposal_of


@dataclass(slots=True)
class Poll:
    """A client's request and the votes that were told for it, by member; None from who has not voted yet."""

    client: str
    request: Body
    key: str | int
    value: Any
    heard: dict[str, Any] = field(default_factory=dict)


class NaivePaxos:
    """One member of a cluster that votes once and counts."""

    def __init__(self, config: NodeConfig, random: Random) -> None:
        self._members = config.members
        self._majority = len(config.members) // 2 + 1
        self._settings = NaiveSettings.of(config.options)
        self._outbox = Outbox(config.name)
        self._votes: dict[str | int, Any] = {}
        self._polls: dict[int, Poll] = {}
        self._polled = 0

    def step(self, now_ns: int, event: Event) -> list[Effect]:
        """Take one event; return traces, the write, messages, replies and timers, in that order."""
        if isinstance(event, Received):
            if event.source in self._members:
                self._on_message(event.source, event.body)
        elif isinstance(event, ClientRequest):
            self._on_request(event.client, event.body)
        elif isinstance(event, StorageDone):
            self._outbox.on_storage_done(event.ticket)
        elif isinstance(event, TimerFired):
            if self._outbox.is_current(event):
                self._ask_again()
        else:
            self._votes = {key: value for _, key, value in event.records}
            self._polled = event.incarnation * 10**9  # answers to the incarnation before are of other polls
            self._outbox.trace({"type": "boot", "votes": len(self._votes)})
            self._outbox.set_timer("again", self._settings.retransmit_ns)
        while (body := self._outbox.next_own()) is not None:
            self._on_message(self._outbox.name, body)
        return self._outbox.take()

    def _on_request(self, client: str, body: Body) -> None:
        msg_id = body.get("msg_id")
        if type(msg_id) is not int:
            return  # nobody could tell what the answer belongs to
        if body["type"] == "status":
            status = {"type": "status_ok", "role": "member", "term": 0, "leader": None, "commit_index": 0}
            self._outbox.reply(client, msg_id, status)
            return
        try:
            key, value = proposal_of(body)
        except MalformedCommand as error:
            self._outbox.reply(client, msg_id, error_body(error.code, str(error)))
            return
        self._polled += 1
        self._polls[self._polled] = Poll(client, body, key, value)
        self._ask(self._polled)

    def _ask(self, number: int) -> None:
        poll = self._polls[number]
        for member in self._members:
            if member not in poll.heard:
                self._outbox.send(member, {"type": "vote", "poll": number, "key": poll.key, "value": poll.value})

    def _ask_again(self) -> None:
        for number in self._polls:
            self._ask(number)
        self._outbox.set_timer("again", self._settings.retransmit_ns)

    def _on_message(self, source: str, body: Body) -> None:
        if body["type"] == "vote":
            self._vote(source, body)
        elif body["type"] == "vote_reply":
            poll = self._polls.get(body["poll"])
            if poll is not None:
                poll.heard[source] = body["value"]
                self._count(body["poll"], poll)

    def _vote(self, source: str, body: Body) -> None:
        key, value = body["key"], body["value"]
        if key not in self._votes and value is not None:
            self._votes[key] = value
            self._outbox.persist(["vote", key, value])
        reply = {"type": "vote_reply", "poll": body["poll"], "key": key, "value": self._votes.get(key)}
        self._outbox.send_durably(source, reply)

    def _count(self, number: int, poll: Poll) -> None:
        """The flaw: the most votes of those who answered, who are a majority, need not be a majority's."""
        if len(poll.heard) < self._majority:
            return
        votes = Counter(digest_of(value) for value in poll.heard.values() if value is not None)
        winner = None
        if votes:
            most = votes.most_common(1)[0][0]
            winner = next(value for value in poll.heard.values() if value is not None and digest_of(value) == most)
            self._outbox.trace({"type": "chosen", "slot": poll.key, "digest": most})
        del self._polls[number]
        answer = {"type": f"{poll.request['type']}_ok", "value": winner}
        self._outbox.reply(poll.client, poll.request["msg_id"], answer)
