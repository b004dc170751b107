"""What one member of a Multi-Paxos cluster knows (docs/rules.md §2.2), and the few words that all rules share.

Durable: `promised`, one ballot for the whole log; what the ledger says was accepted; the highest round used; the
snapshot. What is chosen is durable by quorum, so the own disk holds only a hint of it, which rides along with other
writes: a member that lost the hint asks the others again.
"""

from __future__ import annotations

from collections import deque
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from keelhaul.nodes.errors import ErrorCode, error_body
from keelhaul.nodes.events import Body, Record
from keelhaul.nodes.node import NodeConfig
from keelhaul.nodes.outbox import Outbox
from keelhaul.nodes.paxos.ballot import NO_BALLOT, Ballot
from keelhaul.nodes.paxos.multi.configs import Configs
from keelhaul.nodes.paxos.multi.entry import Entry
from keelhaul.nodes.paxos.multi.ledger import Ledger
from keelhaul.nodes.paxos.multi.settings import Settings
from keelhaul.nodes.replicated_log import Applied, Confirmed, Lost, News, Refused, StateMachine

if TYPE_CHECKING:
    from keelhaul.nodes.paxos.multi.reads import Question
    from keelhaul.nodes.paxos.multi.snapshots import Fetch, Loan

FOLLOWER, CANDIDATE, LEADER = "follower", "candidate", "leader"
ELECTION, HEARTBEAT, READ = "election", "heartbeat", "read"


class Asker(NamedTuple):
    """Who waits for an answer: a client with its request's number, or the service above (client None) with a tag."""

    client: str | None
    number: int
    command: Any
    """The command that was asked for: a read is answered from it."""


class Proposal:
    """A slot that a leader has proposed and not seen chosen."""

    __slots__ = ("acks", "entry", "sent_ns")

    def __init__(self, entry: Entry, now_ns: int) -> None:
        self.entry = entry
        self.acks: dict[str, bool] = {}  # by name, never a counter: messages come twice
        self.sent_ns = now_ns


class Leadership:
    """What a candidate or leader knows beyond other members; it begins anew with each ballot."""

    __slots__ = (
        "acked_ns",
        "acked_rounds",
        "backlog",
        "ballot",
        "began_ns",
        "confirming",
        "is_established",
        "next_slot",
        "promises",
        "proposals",
        "reported",
        "reported_max",
        "round",
        "round_sent_ns",
        "skip_until",
    )

    def __init__(self, ballot: Ballot, now_ns: int) -> None:
        self.ballot = ballot
        self.began_ns = now_ns
        self.promises: dict[str, bool] = {}
        self.reported: dict[int, tuple[Ballot, Entry]] = {}  # the newest acceptance that promises tell of, by slot
        self.reported_max = 0
        self.skip_until = 0  # slots up to here are chosen, says somebody: they are learned, never proposed (MP2)
        self.next_slot = 1
        self.proposals: dict[int, Proposal] = {}
        self.backlog: deque[tuple[str, Any, Asker]] = deque()  # (kind, payload, asker) without a slot yet
        self.is_established = False  # everything chosen under earlier leaders is executed here
        self.round = 0  # of heartbeats
        self.round_sent_ns: dict[int, int] = {}
        self.acked_rounds: dict[str, int] = {}
        self.acked_ns: dict[str, int] = {}
        self.confirming: list[tuple[int, Asker]] = []  # (heartbeat round that must be acknowledged, asker)


class State:
    """One member. What isn't said to be durable above is lost with the incarnation."""

    def __init__(self, config: NodeConfig, settings: Settings, random: Random, machine: StateMachine) -> None:
        self.config = config
        self.settings = settings
        self.random = random
        self.machine = machine
        self.out = Outbox(config.name)
        self.news: list[News] = []

        self.promised = NO_BALLOT
        self.round_used = 0
        self.ledger = Ledger()
        self.configs = Configs(settings.first_voters(config.members), settings.quorums_of)
        self.snapshot_slot = 0
        self.snapshot_text = ""  # what a member that is too far behind gets, in chunks
        self.lent: Loan | None = None  # the one that is being handed out, maybe an older one

        self.executed = 0
        self.round_seen = 0
        self.role = FOLLOWER
        self.leadership: Leadership | None = None
        self.leader: str | None = None
        self.heard_ns: int | None = None  # when a leader was heard last
        self.heard_from = ""
        self.silent_until_ns = 0  # no promise before that: this incarnation doesn't know what the last one granted
        self.election_deadline_ns = 0
        self.collisions = 0
        self.waiters: dict[int, tuple[Ballot, Asker]] = {}  # by slot, with the ballot of the proposal (AP2)

        self.incarnation = 0
        self.questions: dict[int, Question] = {}  # quorum reads under way
        self.questions_asked = 0
        self.fetch: Fetch | None = None  # a snapshot that is being received
        self.learning_since_ns: int | None = None
        self.unsaved: list[Record] = []  # chosen entries that the own disk doesn't hold as accepted
        self.hint_saved = 0

    @property
    def name(self) -> str:
        """This member's own name."""
        return self.config.name

    @property
    def peers(self) -> tuple[str, ...]:
        """All other members, voters or not."""
        return tuple(member for member in self.config.members if member != self.name)

    def see(self, ballot: Ballot) -> None:
        """Note the highest round that was seen anywhere."""
        self.round_seen = max(self.round_seen, ballot.round)

    def set_role(self, role: str, ballot: Ballot) -> None:
        """Change the role, and tell."""
        self.role = role
        self.out.trace({"type": "role", "role": role, "term": ballot.round, "ballot": list(ballot)})

    def save_hints(self) -> None:
        """Let what is known to be chosen ride along with a write that leaves anyway; alone it isn't worth one."""
        if self.out.is_writing and self.hint_saved < self.executed:
            for record in self.unsaved:
                self.out.persist(record)
            self.unsaved.clear()
            self.out.persist(["decided", self.executed])
            self.hint_saved = self.executed

    # --- answers

    def answer(self, asker: Asker, slot: int, result: Body) -> None:
        """The asker's own command was applied in this slot."""
        if asker.client is None:
            self.news.append(Applied(slot, result, asker.number))
        else:
            self.out.reply(asker.client, asker.number, result)

    def confirm(self, asker: Asker) -> None:
        """The machine may be read now."""
        if asker.client is None:
            self.news.append(Confirmed(asker.number))
        else:
            self.out.reply(asker.client, asker.number, self.machine.read(asker.command))

    def refuse(self, asker: Asker, code: ErrorCode = ErrorCode.TEMPORARILY_UNAVAILABLE, why: str = "") -> None:
        """What was asked for certainly never takes effect."""
        leader = self.leader if self.leader != self.name else None
        if asker.client is None:
            self.news.append(Refused(asker.number, leader))
            return
        hint = {} if leader is None or code != ErrorCode.TEMPORARILY_UNAVAILABLE else {"leader": leader}
        self.out.reply(asker.client, asker.number, error_body(code, why or "not the leader", **hint))

    def lose(self, asker: Asker) -> None:
        """Nobody knows what becomes of it (MP7)."""
        if asker.client is None:
            self.news.append(Lost(asker.number))
        else:
            body = error_body(ErrorCode.UNKNOWN_OUTCOME, "another leader took over")
            self.out.reply(asker.client, asker.number, body)
