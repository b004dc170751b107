"""What one member of a Raft cluster knows (docs/rules.md §1.1), and how its rules ask for effects.

Rules don't build effects themselves; they call `send`, `persist`, `trace` and so on. `node.py` then returns them in
this order: traces, the one write of this step, messages, timers. So a trace is never younger than what it tells of,
and every message that reveals durable state waits for the newest write that isn't done yet, in this step or an
earlier one (F1–F4).
"""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Any

from keelhaul.nodes.events import Body, Effect, Record, Reply, Send, SetTimer, Trace
from keelhaul.nodes.node import NodeConfig
from keelhaul.nodes.raft.log import Log
from keelhaul.nodes.raft.settings import Settings
from keelhaul.nodes.state_machines.key_value import KeyValue

FOLLOWER, CANDIDATE, LEADER = "follower", "candidate", "leader"
ELECTION, HEARTBEAT = "election", "heartbeat"


class Progress:
    """A leader's view of one peer (L6). `probing`: what it holds is unknown; else entries are sent ahead of acks."""

    __slots__ = ("last_ack_ns", "last_sent_ns", "match_index", "next_index", "probe_sent", "probing")

    def __init__(self, next_index: int, now_ns: int) -> None:
        self.next_index = next_index
        self.match_index = 0
        self.probing = True
        self.probe_sent = False
        self.last_ack_ns = now_ns
        self.last_sent_ns = now_ns


class State:
    """One member. Durable: term, voted_for, log. Everything else is lost with the incarnation."""

    __slots__ = (
        "applied_index",
        "commit_index",
        "config",
        "durable_index",
        "durable_ticket",
        "election_deadline_ns",
        "last_heard_leader_ns",
        "leader",
        "log",
        "machine",
        "outgoing",
        "peers",
        "pre_votes",
        "progress",
        "quorum",
        "random",
        "records",
        "role",
        "settings",
        "term",
        "ticket",
        "timer_generations",
        "traces",
        "unsynced",
        "vote_ticket",
        "voted_for",
        "votes",
        "waiters",
    )

    def __init__(self, config: NodeConfig, random: Random) -> None:
        self.config = config
        self.random = random
        self.settings = Settings.of(config.options)
        self.peers = tuple(name for name in config.members if name != config.name)
        self.quorum = len(config.members) // 2 + 1  # E4: of all voters, this one included

        self.term = 0
        self.voted_for: str | None = None
        self.log = Log()

        self.role = FOLLOWER
        self.leader: str | None = None
        self.commit_index = 0
        self.applied_index = 0
        self.machine = KeyValue()
        self.last_heard_leader_ns: int | None = None
        self.election_deadline_ns = 0
        self.votes: dict[str, bool] = {}  # E4: by name, never a counter
        self.pre_votes: dict[str, bool] | None = None
        self.vote_ticket = 0
        self.progress: dict[str, Progress] = {}
        self.waiters: dict[int, tuple[int, str, int]] = {}  # index → (term, client, msg_id)

        self.ticket = 0
        self.durable_ticket = 0
        self.durable_index = 0
        self.unsynced: deque[tuple[int, int]] = deque()  # (ticket, last index that it covers)
        self.timer_generations = {ELECTION: 0, HEARTBEAT: 0}

        self.traces: list[Effect] = []
        self.records: list[Record] = []
        self.outgoing: list[Effect] = []  # messages, replies and timers

    @property
    def name(self) -> str:
        """This member's own name."""
        return self.config.name

    def trace(self, record: dict[str, Any]) -> None:
        """Tell the invariant checkers something; whoever runs the node owns the record from now on."""
        self.traces.append(Trace(record))

    def persist(self, record: Record) -> int:
        """Add a record to this step's one write; return the ticket that will cover it."""
        self.records.append(record)
        return self.ticket + 1

    def barrier(self) -> int | None:
        """Return the ticket that a message must wait for if it reveals durable state; None if all of it is on disk."""
        newest = self.ticket + 1 if self.records else self.ticket
        return newest if newest > self.durable_ticket else None

    def send(self, dest: str, body: Body) -> None:
        """Send at once: nothing in `body` depends on a write that isn't done."""
        self.outgoing.append(Send(dest, body))

    def send_durably(self, dest: str, body: Body) -> None:
        """Send when everything asked for so far is on disk. Call it after `persist`."""
        self.outgoing.append(Send(dest, body, self.barrier()))

    def reply(self, client: str, msg_id: int, body: Body, after: int | None = None) -> None:
        """Answer a client's request."""
        self.outgoing.append(Reply(client, {**body, "in_reply_to": msg_id}, after))

    def set_timer(self, timer: str, delay_ns: int) -> None:
        """Arm a timer, in place of an earlier one of that name (rule G6)."""
        self.timer_generations[timer] += 1
        self.outgoing.append(SetTimer(timer, self.timer_generations[timer], delay_ns))

    def set_role(self, role: str) -> None:
        """Change the role, and tell."""
        self.role = role
        self.trace({"type": "role", "role": role, "term": self.term})

    def save_vote(self) -> None:
        """Write term and vote as one record: two writes could be torn apart, and a vote be given twice (§1.1)."""
        self.vote_ticket = self.persist(["vote", self.term, self.voted_for])
