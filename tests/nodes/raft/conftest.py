"""A Raft cluster whose every message, write and tick is in the test's hands: the fixture `cluster_of`.

Whatever a node says goes through the real wire format and whatever it writes through the real log file's format, so
each test of one side tests both. Nothing moves by itself but the disks, and they only until `hold_disk` is called.
Every member has a clock of its own, which starts anywhere.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from keelhaul.nodes.events import (
    Body,
    Boot,
    ClientRequest,
    Effect,
    Event,
    Persist,
    Received,
    Record,
    Reply,
    Rewrite,
    Send,
    SetTimer,
    StorageDone,
    TimerFired,
    Trace,
)
from keelhaul.nodes.messages import FrameDecoder, encode_frame, envelope
from keelhaul.nodes.node import NodeConfig
from keelhaul.nodes.raft import Raft
from keelhaul.nodes.raft.state import State
from keelhaul.nodes.storage import encode_header, encode_record, recover

MS = 1_000_000
E_MS, HEARTBEAT_MS = 300, 50
CLUSTER = "test"


class Packet:
    """A message on its way, as its receiver will decode it."""

    def __init__(self, frame: bytes) -> None:
        (found,) = FrameDecoder().feed(frame)
        self.source: str = found["src"]
        self.dest: str = found["dest"]
        self.body: Body = found["body"]

    def __repr__(self) -> str:
        return f"{self.source}→{self.dest} {self.body}"


class Replacement(bytes):
    """A whole new log file."""


class Member:
    """One member's machine: program, disk, timers and clock."""

    def __init__(self, name: str, clock_ns: int) -> None:
        self.name = name
        self.disk = encode_header(CLUSTER, name)
        self.clock_ns = clock_ns
        self.incarnation = 0
        self.node: Raft | None = None
        self.pending: deque[tuple[int, list[bytes]]] = deque()
        self.held: list[Send | Reply] = []
        self.timers: dict[str, tuple[int, int]] = {}
        self.durable_ticket = 0
        self.disk_is_held = False
        self.files = 0  # how often the whole log file was replaced

    def write(self, frames: list[bytes]) -> None:
        """Put frames on the disk: behind what is there, or in its place."""
        for frame in frames:
            self.files += isinstance(frame, Replacement)
            self.disk = bytes(frame) if isinstance(frame, Replacement) else self.disk + frame


class Cluster:
    """Members n1, n2, …; all boot at once, or at `boot()`, with what `disks` holds for them."""

    def __init__(
        self,
        size: int = 3,
        *,
        seed: int = 0,
        mutant: str | None = None,
        disks: dict[str, list[Record]] | None = None,
        boot: bool = True,
        on_step: Callable[[str, list[Effect]], None] | None = None,
        on_sent: Callable[[Packet], None] | None = None,
        **options: int,
    ) -> None:
        self.names = tuple(f"n{number}" for number in range(1, size + 1))
        self.packets: list[Packet] = []
        self.replies: list[tuple[str, Body]] = []
        self.traces: list[tuple[str, dict[str, Any]]] = []
        self._seed, self._mutant, self._options = seed, mutant, options
        self._on_step, self._on_sent = on_step, on_sent
        self._msg_id = 0
        self.members = {name: Member(name, (7 + number) * 10**12) for number, name in enumerate(self.names)}
        for name, records in (disks or {}).items():
            self.members[name].disk += b"".join(encode_record(record) for record in records)
        if boot:
            self.boot()

    def boot(self) -> None:
        """Start everybody."""
        for name in self.names:
            self.restart(name)

    # --- looking

    def state(self, name: str) -> State:
        """Return what a running member knows."""
        node = self.members[name].node
        assert node is not None, f"{name} is down"
        return node._state

    def role(self, name: str) -> str:
        """Return a running member's role."""
        return self.state(name).role

    def terms(self, name: str) -> list[int]:
        """Return the terms of a member's log, from index 1 on."""
        log = self.state(name).log
        return [log.term_at(index) for index in range(1, log.last_index + 1)]

    def disk_records(self, name: str) -> tuple[Record, ...]:
        """Return what a restart of that member would find."""
        return recover(self.members[name].disk, CLUSTER, name).records

    def told(self, name: str, kind: str) -> list[dict[str, Any]]:
        """Return a member's trace records of one kind."""
        return [record for who, record in self.traces if who == name and record["type"] == kind]

    def applied(self, name: str) -> list[int]:
        """Return the indexes that a member told it applied, in that order."""
        told = [(record["first"], len(record["entries"])) for record in self.told(name, "apply")]
        return [index for first, count in told for index in range(first, first + count)]

    def on_way(self, source: str | None = None, dest: str | None = None, kind: str | None = None) -> list[Packet]:
        """Return the messages under way that fit."""
        return [
            packet
            for packet in self.packets
            if source in (None, packet.source) and dest in (None, packet.dest) and kind in (None, packet.body["type"])
        ]

    def answer(self, msg_id: int) -> Body | None:
        """Return the one reply to a request; None if there is none yet."""
        found = [body for _, body in self.replies if body["in_reply_to"] == msg_id]
        assert len(found) <= 1, f"request {msg_id} was answered {len(found)} times"
        return found[0] if found else None

    # --- messages

    def deliver(self, packet: Packet, *, keep: bool = False) -> None:
        """Hand a message over; with `keep`, a copy of it stays under way."""
        if not keep:
            self.packets.remove(packet)
        if self.members[packet.dest].node is not None:
            self.step(packet.dest, Received(packet.source, packet.body))

    def deliver_all(self, source: str | None = None, dest: str | None = None, kind: str | None = None) -> None:
        """Hand over those messages that are under way now and fit; not what they cause."""
        for packet in self.on_way(source, dest, kind):
            self.deliver(packet)

    def drop_all(self, source: str | None = None, dest: str | None = None, kind: str | None = None) -> None:
        """Lose the messages that fit."""
        for packet in self.on_way(source, dest, kind):
            self.packets.remove(packet)

    def run(self, *among: str) -> None:
        """Deliver until nothing is under way; only between the members given, if any are. All else is lost."""
        while self.packets:
            packet = self.packets[0]
            if among and not (packet.source in among and packet.dest in among):
                self.packets.remove(packet)
            else:
                self.deliver(packet)

    def tell(self, dest: str, source: str, **body: Any) -> list[Packet]:
        """Let a member receive a made-up message; return what it sends in answer, taken off the wire."""
        before = list(self.packets)
        frame = encode_frame(envelope(source, dest, body, cluster=CLUSTER, incarnation=1))
        self.step(dest, Received(source, Packet(frame).body))
        answers = [packet for packet in self.packets if packet not in before]
        self.packets = before
        return answers

    def request(self, name: str, kind: str, **fields: Any) -> int:
        """Let a client ask a member; return the request's number."""
        msg_id = self.next_msg_id()
        self.ask(name, {"type": kind, "msg_id": msg_id, **fields})
        return msg_id

    def next_msg_id(self) -> int:
        """Return a number that no request has had."""
        self._msg_id += 1
        return self._msg_id

    def ask(self, name: str, body: Body) -> None:
        """Send a client's request as it is, over the real wire."""
        self.step(name, ClientRequest("c1", Packet(encode_frame(envelope("c1", name, body))).body))

    # --- time

    def wait(self, duration_ms: int = E_MS, *names: str) -> None:
        """Let time pass on every clock, or on those of the members given; no timer fires."""
        for name in names or self.names:
            self.members[name].clock_ns += duration_ms * MS

    def fire(self, name: str, timer: str = "election") -> None:
        """Let a member's clock reach the end of that timer, if it isn't there yet, and fire it."""
        member = self.members[name]
        generation, due_ns = member.timers.pop(timer)
        member.clock_ns = max(member.clock_ns, due_ns)
        self.step(name, TimerFired(timer, generation))

    def fire_until_candidate(self, name: str) -> None:
        """Fire the election timer until its deadline has passed, which a reset may have moved."""
        for _ in range(3):
            sent = len(self.packets)
            self.fire(name)
            if len(self.packets) > sent or self.role(name) != "follower":
                return
        raise AssertionError(f"{name} doesn't stand for election")

    def elect(self, name: str, *among: str) -> None:
        """Make a member the leader, by votes of the members given (of all, if none is), after a silence of E.

        It may take a second try: at the first it can learn that its term is old.
        """
        for _ in range(2):
            if self.role(name) != "leader":
                self.wait()
                self.fire_until_candidate(name)
                self.run(*among)
        assert self.role(name) == "leader"

    def elect_only(self, name: str, *voters: str) -> None:
        """Make a member the leader by these votes; what it then says stays under way. Two tries, like `elect`."""
        for _ in range(2):
            if self.role(name) == "leader":
                return
            self.wait()
            self.fire_until_candidate(name)
            for voter in voters * 2:  # once for pre-votes, once for votes
                self.deliver_all(name, voter, "request_vote")
                self.deliver_all(voter, name, "request_vote_reply")
        assert self.role(name) == "leader"

    def beat(self, name: str, *among: str) -> None:
        """Let a heartbeat's time pass; deliver what a leader then says, and the answers, like `run`."""
        self.wait(HEARTBEAT_MS)
        if self.role(name) == "leader":
            self.fire(name, "heartbeat")
        self.run(*among)

    # --- disks and crashes

    def hold_disk(self, name: str, *, held: bool = True) -> None:
        """Leave a member's writes undone until `sync`, or do them again."""
        self.members[name].disk_is_held = held
        if not held:
            self._sync_all(self.members[name])

    def sync(self, name: str) -> None:
        """Do a member's oldest write, and tell it."""
        member = self.members[name]
        ticket, frames = member.pending.popleft()
        member.write(frames)
        member.durable_ticket = ticket
        waited, member.held = member.held, []
        for effect in waited:
            self._release_or_hold(member, effect)
        self.step(name, StorageDone(ticket))

    def crash(self, name: str, *, kept_records: int = 0, torn: bytes = b"") -> None:
        """Cut the power: of the records that aren't synced the first few may be on disk, and a part of the next."""
        member = self.members[name]
        unsynced = [frame for _, frames in member.pending for frame in frames]
        member.write(unsynced[:kept_records])
        member.disk += torn
        member.node = None
        member.pending.clear()
        member.held.clear()
        member.timers.clear()

    def restart(self, name: str) -> None:
        """Boot a member on what its disk holds."""
        member = self.members[name]
        found = recover(member.disk, CLUSTER, name)
        member.disk = member.disk[: found.good_bytes]
        member.incarnation += 1
        member.durable_ticket = 0
        config = NodeConfig(name=name, members=self.names, options=self._options, mutant=self._mutant)
        member.node = Raft(config, Random(f"{self._seed}/{name}/{member.incarnation}"))
        self.step(name, Boot(found.records, member.incarnation))

    # --- the machine

    def step(self, name: str, event: Event) -> None:
        """Let a member take an event, and carry out what it wants."""
        member = self.members[name]
        assert member.node is not None, f"{name} is down"
        effects = member.node.step(member.clock_ns, event)
        for effect in effects:
            self._carry_out(member, effect)
        if self._on_step is not None:
            self._on_step(name, effects)
        if not member.disk_is_held:
            self._sync_all(member)

    def _sync_all(self, member: Member) -> None:
        while member.pending:
            self.sync(member.name)

    def _carry_out(self, member: Member, effect: Effect) -> None:
        if isinstance(effect, Persist):
            member.pending.append((effect.ticket, [encode_record(record) for record in effect.records]))
        elif isinstance(effect, Rewrite):
            # One unit, which a crash leaves undone or finds done.
            content = encode_header(CLUSTER, member.name) + b"".join(map(encode_record, effect.records))
            member.pending.append((effect.ticket, [Replacement(content)]))
        elif isinstance(effect, SetTimer):
            member.timers[effect.timer] = (effect.generation, member.clock_ns + effect.delay_ns)
        elif isinstance(effect, Trace):
            self.traces.append((member.name, effect.record))
        else:
            self._release_or_hold(member, effect)

    def _release_or_hold(self, member: Member, effect: Send | Reply) -> None:
        if effect.after is not None and effect.after > member.durable_ticket:
            member.held.append(effect)
        elif isinstance(effect, Send):
            frame = encode_frame(
                envelope(member.name, effect.dest, effect.body, cluster=CLUSTER, incarnation=member.incarnation)
            )
            packet = Packet(frame)
            self.packets.append(packet)
            if self._on_sent is not None:
                self._on_sent(packet)
        else:
            self.replies.append((effect.client, Packet(encode_frame(envelope(member.name, "c1", effect.body))).body))


@pytest.fixture
def cluster_of() -> type[Cluster]:
    """Make clusters: `cluster_of(5, election_timeout_ms=300)`."""
    return Cluster


@pytest.fixture
def disk_of() -> Callable[..., list[Record]]:
    """Make what a disk holds: `disk_of(1, 1, 2, term=3)` is three entries of these terms; their term, if not given."""

    def disk(*terms: int, term: int | None = None, voted_for: str | None = None) -> list[Record]:
        current = term if term is not None else (terms[-1] if terms else 0)
        entries = [
            ["entry", index, entry_term, "command", ["write", "k", f"{entry_term}.{index}"]]
            for index, entry_term in enumerate(terms, 1)
        ]
        return [["vote", current, voted_for], *entries]

    return disk
