"""What one member of a Raft cluster knows (docs/rules.md §1.1), and how its rules ask for effects.

Rules don't build effects themselves; they call `send`, `persist`, `trace` and so on. `node.py` then returns them in
this order: traces, the one write of this step, messages, timers. So a trace is never younger than what it tells of,
and every message that reveals durable state waits for the newest write that isn't done yet, in this step or an
earlier one (F1–F4).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from keelhaul.nodes.events import Body, Effect, Record, Reply, Send, SetTimer, Trace
from keelhaul.nodes.node import NodeConfig
from keelhaul.nodes.raft.configuration import Configuration
from keelhaul.nodes.raft.log import Log
from keelhaul.nodes.raft.settings import Settings
from keelhaul.nodes.replicated_log import Command, Following, News, StateMachine

FOLLOWER, CANDIDATE, LEADER = "follower", "candidate", "leader"
ELECTION, HEARTBEAT, READ = "election", "heartbeat", "read"


class Asker(NamedTuple):
    """Whom an answer is for: a client's request (`client`, `number` is its msg_id), a request of the service on top
    (both names None, `number` is its tag), or a follower's question for a read index (`member`, `attempt`)."""

    client: str | None = None
    number: int = 0
    command: Command | None = None
    member: str | None = None
    attempt: list[int] | None = None


class Snapshot(NamedTuple):
    """The state after `last_index` was applied: `data` is the machine's image as JSON text (ASCII), `state_digest` what
    the machine said of itself then, `configuration` the newest committed one."""

    last_index: int
    last_term: int
    digest: int
    configuration: Configuration
    state_digest: int
    data: str


@dataclass(slots=True)
class Sending:
    """A leader's transfer of a snapshot to one peer: how far it got."""

    snapshot: Snapshot
    offset: int = 0


@dataclass(slots=True)
class Receiving:
    """A follower's half of it (SN5). `identity` names the snapshot and the term of the leader that sends it."""

    identity: list[int]
    parts: list[str] = field(default_factory=list)
    received: int = 0


class Progress:
    """A leader's view of one peer (L6): probing (what it holds is unknown), replicating (entries are sent ahead of
    acks), or getting a snapshot (`sending`)."""

    __slots__ = (
        "acked_round",
        "acked_sent_ns",
        "in_flight",
        "last_ack_ns",
        "last_sent_ns",
        "match_index",
        "next_index",
        "probe_sent",
        "probing",
        "sending",
    )

    def __init__(self, next_index: int, now_ns: int) -> None:
        self.next_index = next_index
        self.match_index = 0
        self.probing = True
        self.probe_sent = False
        self.sending: Sending | None = None
        self.in_flight: deque[int] = deque()  # last index of each message with entries that isn't acknowledged
        self.last_ack_ns = now_ns
        self.last_sent_ns = now_ns
        self.acked_round = 0
        self.acked_sent_ns: int | None = None  # when the newest acknowledged message left, on this leader's clock


@dataclass(slots=True)
class Round:
    """A learner's catching up (M6): the leader's last index when the round began, and when that was."""

    target_index: int
    began_ns: int
    number: int = 1


@dataclass(slots=True)
class Change:
    """A change of membership that this leader was asked for, until its last step is committed."""

    voters: tuple[str, ...]
    learners: tuple[str, ...]
    learners_before: tuple[str, ...]  # what is left of it if it is given up
    asker: Asker
    deadline_ns: int
    rounds: dict[str, Round] = field(default_factory=dict)
    caught_up: list[str] = field(default_factory=list)
    aborting: bool = False


@dataclass(slots=True)
class Transfer:
    """A hand-over of the leadership that is under way (T1–T6)."""

    target: str
    deadline_ns: int
    asker: Asker
    told: bool = False


class Waiter(NamedTuple):
    """Who waits for the entry of this term at an index (AP2)."""

    term: int
    asker: Asker


class State:
    """One member. Durable: term, voted_for, log, snapshot. Everything else is lost with the incarnation."""

    __slots__ = (
        "applied_index",
        "attempts",
        "change",
        "clock_shift_ns",
        "commit_index",
        "config",
        "configurations",
        "confirmed_round",
        "durable_index",
        "durable_ticket",
        "election_deadline_ns",
        "forwarded",
        "has_led",
        "has_service",
        "incarnation",
        "known",
        "last_beat_ns",
        "last_heard_leader_ns",
        "latest_ns",
        "leader",
        "lease_floor_ns",
        "lease_voids",
        "log",
        "machine",
        "open_reads",
        "outgoing",
        "pre_votes",
        "progress",
        "queued_reads",
        "random",
        "read_index",
        "receiving",
        "records",
        "rewriting",
        "role",
        "round",
        "settings",
        "snapshot",
        "term",
        "ticket",
        "timer_generations",
        "traces",
        "transfer",
        "unsynced",
        "vote_ticket",
        "voted_for",
        "votes",
        "waiters",
        "waiting_reads",
    )

    def __init__(
        self, config: NodeConfig, random: Random, settings: Settings, machine: StateMachine, *, has_service: bool
    ) -> None:
        self.config = config
        self.has_service = has_service
        self.random = random
        self.settings = settings
        self.machine = machine
        self.known = tuple(name for name in config.members if name != config.name)  # whom a message may come from (A5)

        self.term = 0
        self.voted_for: str | None = None
        self.log = Log()
        self.snapshot: Snapshot | None = None
        self.configurations = [Configuration(config.members[: settings.initial_voters or None])]  # the newest last

        self.incarnation = 0
        self.latest_ns = 0
        self.clock_shift_ns = 0
        self.role = FOLLOWER
        self.leader: str | None = None
        self.commit_index = 0
        self.applied_index = 0
        self.last_heard_leader_ns: int | None = None
        self.election_deadline_ns = 0
        self.votes: dict[str, bool] = {}  # E4: by name, never a counter
        self.pre_votes: dict[str, bool] | None = None
        self.vote_ticket = 0
        self.receiving: Receiving | None = None
        self.waiters: dict[int, Waiter] = {}  # by index

        # A leader's own; begun anew at every election won.
        self.progress: dict[str, Progress] = {}
        self.has_led = False  # an entry of this leader's own term is committed and applied (N2)
        self.change: Change | None = None
        self.transfer: Transfer | None = None
        self.last_beat_ns = 0
        self.lease_floor_ns: int | None = None  # messages sent before this don't count for the lease
        self.lease_voids: dict[str, int] = {}  # no lease until these peers acknowledge an entry above that index

        # Reads; see reads.py.
        self.round = 0
        self.confirmed_round = 0
        self.read_index = 0
        self.open_reads: list[Asker] = []
        self.queued_reads: list[Asker] = []
        self.attempts = 0
        self.forwarded: dict[int, tuple[Asker, int]] = {}
        self.waiting_reads: list[tuple[int, Asker]] = []

        self.ticket = 0
        self.durable_ticket = 0
        self.durable_index = 0
        self.unsynced: deque[tuple[int, int]] = deque()  # (ticket, last index that it covers)
        self.timer_generations = {ELECTION: 0, HEARTBEAT: 0, READ: 0}

        self.traces: list[Effect | News] = []
        self.records: list[Record] = []
        self.rewriting = False
        self.outgoing: list[Effect | News] = []  # messages, replies, timers and news

    @property
    def name(self) -> str:
        """This member's own name."""
        return self.config.name

    @property
    def configuration(self) -> Configuration:
        """The newest configuration in the log, committed or not (M1)."""
        return self.configurations[-1]

    def trace(self, record: dict[str, Any]) -> None:
        """Tell the invariant checkers something; whoever runs the node owns the record from now on."""
        self.traces.append(Trace(record))

    def persist(self, record: Record) -> int:
        """Add a record to this step's one write; return the ticket that will cover it."""
        self.records.append(record)
        return self.ticket + 1

    def rewrite(self) -> None:
        """Make this step's write one that replaces the whole file by what is in memory at the step's end."""
        self.rewriting = True
        self.unsynced.append((self.ticket + 1, self.log.last_index))

    def barrier(self) -> int | None:
        """Return the ticket that a message must wait for if it reveals durable state; None if all of it is on disk."""
        newest = self.ticket + 1 if self.records or self.rewriting else self.ticket
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

    def tell(self, news: News) -> None:
        """Tell the service on top of this log, if there is one: a host would not know what to do with news."""
        if self.has_service:
            self.outgoing.append(news)

    def set_timer(self, timer: str, delay_ns: int) -> None:
        """Arm a timer, in place of an earlier one of that name (rule G6)."""
        self.timer_generations[timer] += 1
        self.outgoing.append(SetTimer(timer, self.timer_generations[timer], delay_ns))

    def set_role(self, role: str) -> None:
        """Change the role, and tell."""
        if self.has_led and role != LEADER:
            self.has_led = False
            self.tell(Following(None))
        self.role = role
        self.trace({"type": "role", "role": role, "term": self.term})

    def save_vote(self) -> None:
        """Write term and vote as one record: two writes could be torn apart, and a vote be given twice (§1.1)."""
        self.vote_ticket = self.persist(["vote", self.term, self.voted_for])
