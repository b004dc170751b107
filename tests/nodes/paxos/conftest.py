"""A cluster of any Paxos whose every message, write and tick is in the test's hands: `cluster_of`, `synod`, `paxos`.

Whatever a node says goes through the real wire format and whatever it writes through the real log file's format.
Nothing moves by itself but the disks, and they only until `hold_disk` is called. Every member has its own clock.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from random import Random
from typing import Any

import pytest

from keelhaul.nodes.events import (
    Body,
    Boot,
    ClientRequest,
    Effect,
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
from keelhaul.nodes.paxos import NaivePaxos, Paxos, Synod
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


class Member:
    """One member's machine: program, disk, timers and clock. `pending`: (ticket, replaces the file, frames)."""

    def __init__(self, name: str, clock_ns: int) -> None:
        self.name = name
        self.disk = encode_header(CLUSTER, name)
        self.clock_ns = clock_ns
        self.incarnation = 0
        self.node: Any = None
        self.pending: deque[tuple[int, bool, list[bytes]]] = deque()
        self.held: list[Send | Reply] = []
        self.timers: dict[str, tuple[int, int]] = {}
        self.durable_ticket = 0
        self.disk_is_held = False
        self.writes = 0  # how often the disk was synced


class Cluster:
    """Members n1, n2, …; all boot at once, with what `disks` holds for them."""

    def __init__(
        self,
        factory: Any,
        size: int = 3,
        *,
        seed: int = 0,
        mutant: str | None = None,
        disks: dict[str, list[Record]] | None = None,
        **options: Any,
    ) -> None:
        self.names = tuple(f"n{number}" for number in range(1, size + 1))
        self.packets: list[Packet] = []
        self.replies: list[Body] = []
        self.news: list[tuple[str, Any]] = []
        self.traces: list[tuple[str, dict[str, Any]]] = []
        self._factory, self._seed, self._mutant, self._options = factory, seed, mutant, options
        self._msg_id = 0
        self.members = {name: Member(name, (7 + number) * 10**12) for number, name in enumerate(self.names)}
        for name, records in (disks or {}).items():
            self.members[name].disk += b"".join(map(encode_record, records))
        for name in self.names:
            self.restart(name)

    # --- looking

    def state(self, name: str) -> Any:
        """Return what a running Multi-Paxos member knows."""
        return self.members[name].node._state

    def instance(self, name: str, key: str = "k") -> Any:
        """Return a running synod member's roles for a key."""
        return self.members[name].node._instance(key)

    def leaders(self) -> list[str]:
        """Return who believes to lead."""
        return [name for name in self.names if self.members[name].node and self.state(name).role == "leader"]

    def chosen(self, name: str) -> list[Any]:
        """Return the payloads that a Multi-Paxos member knows to be chosen, by slot."""
        return [row.entry.payload for _, row in sorted(self.state(name).ledger.chosen.items())]

    def disk_records(self, name: str) -> tuple[Record, ...]:
        """Return what a restart of that member would find."""
        return recover(self.members[name].disk, CLUSTER, name).records

    def told(self, kind: str, *names: str) -> list[dict[str, Any]]:
        """Return trace records of one kind, of these members or of all."""
        return [record for who, record in self.traces if record["type"] == kind and who in (names or self.names)]

    def on_way(self, kind: str | None = None, source: str | None = None, dest: str | None = None) -> list[Packet]:
        """Return the messages under way that fit."""
        return [
            packet
            for packet in self.packets
            if source in (None, packet.source) and dest in (None, packet.dest) and kind in (None, packet.body["type"])
        ]

    def answer(self, msg_id: int) -> Body | None:
        """Return the one reply to a request; None if there is none yet."""
        found = [body for body in self.replies if body["in_reply_to"] == msg_id]
        assert len(found) <= 1, f"request {msg_id} was answered {len(found)} times"
        return found[0] if found else None

    # --- messages

    def deliver(self, packet: Packet, *, keep: bool = False) -> None:
        """Hand a message over; with `keep`, a copy of it stays under way."""
        if not keep:
            self.packets.remove(packet)
        if self.members[packet.dest].node is not None:
            self.step(packet.dest, Received(packet.source, packet.body))

    def pass_on(self, kind: str | None = None, source: str | None = None, dest: str | None = None) -> int:
        """Hand over all messages that fit and are under way now; return how many."""
        found = self.on_way(kind, source, dest)
        for packet in found:
            self.deliver(packet)
        return len(found)

    def lose(self, kind: str | None = None, source: str | None = None, dest: str | None = None) -> int:
        """Lose all messages that fit and are under way now; return how many."""
        lost = self.on_way(kind, source, dest)
        self.packets = [packet for packet in self.packets if packet not in lost]
        return len(lost)

    def run(self, *among: str) -> None:
        """Deliver, in order, until nothing is under way; with names, only between these, and lose the rest."""
        for _ in range(10_000):
            if not self.packets:
                return
            packet = self.packets[0]
            if among and not (packet.source in among and packet.dest in among):
                self.packets.remove(packet)
            else:
                self.deliver(packet)
        raise AssertionError("they never stop talking")

    def tell(self, dest: str, source: str, **body: Any) -> list[Packet]:
        """Let a member receive a made-up message; return what it sends, taken off the wire."""
        before = list(self.packets)
        self.step(dest, Received(source, Packet(encode_frame(envelope(source, dest, body))).body))
        answers = [packet for packet in self.packets if packet not in before]
        self.packets = before
        return answers

    def request(self, name: str, kind: str, **fields: Any) -> int:
        """Let a client ask a member; return the request's number."""
        self._msg_id += 1
        body = {"type": kind, "msg_id": self._msg_id, **fields}
        self.step(name, ClientRequest("c1", Packet(encode_frame(envelope("c1", name, body))).body))
        return self._msg_id

    # --- time

    def wait(self, duration_ms: float, *names: str) -> None:
        """Let time pass on every clock, or on those of the members given; no timer fires."""
        for name in names or self.names:
            self.members[name].clock_ns += int(duration_ms * MS)

    def fire(self, name: str, timer: str | None = None) -> None:
        """Let a member's clock reach the end of a timer (of the only one, if none is named), and fire it."""
        member = self.members[name]
        if timer is None:
            (timer,) = member.timers
        generation, due_ns = member.timers.pop(timer)
        member.clock_ns = max(member.clock_ns, due_ns)
        self.step(name, TimerFired(timer, generation))

    def stand(self, name: str) -> None:
        """Let a member of Multi-Paxos stand, whose election timeout has passed; what it says stays under way."""
        for _ in range(4):
            if self.state(name).role != "follower":
                return
            self.fire(name, "election")
        raise AssertionError(f"{name} doesn't stand")

    def elect(self, name: str, *among: str) -> None:
        """Make a member the leader after a silence, by promises of the members given, or of all."""
        for _ in range(3):
            if self.state(name).role == "leader":
                return
            self.wait(E_MS)
            self.stand(name)
            self.run(*among)
        assert self.state(name).role == "leader"

    def beat(self, name: str, *among: str) -> None:
        """Let a heartbeat's time pass; deliver what a leader then says, and the answers, like `run`."""
        self.wait(HEARTBEAT_MS)
        self.fire(name, "heartbeat")
        self.run(*among)

    # --- disks and crashes

    def hold_disk(self, name: str, *, held: bool = True) -> None:
        """Leave a member's writes undone until `sync`, or do them again."""
        self.members[name].disk_is_held = held
        while not held and self.members[name].pending:
            self.sync(name)

    def sync(self, name: str) -> None:
        """Do a member's oldest write, and tell it."""
        member = self.members[name]
        ticket, replaces, frames = member.pending.popleft()
        member.disk = b"".join([encode_header(CLUSTER, name) if replaces else member.disk, *frames])
        member.durable_ticket = ticket
        member.writes += 1
        waited, member.held = member.held, []
        for effect in waited:
            self._release_or_hold(member, effect)
        self.step(name, StorageDone(ticket))

    def crash(self, *names: str) -> None:
        """Cut the power: what isn't synced is lost."""
        for name in names:
            member = self.members[name]
            member.node = None
            member.pending.clear()
            member.held.clear()
            member.timers.clear()

    def restart(self, *names: str) -> None:
        """Boot members on what their disks hold."""
        for name in names:
            member = self.members[name]
            member.incarnation += 1
            member.durable_ticket = 0
            config = NodeConfig(name=name, members=self.names, options=self._options, mutant=self._mutant)
            member.node = self._factory(config, Random(f"{self._seed}/{name}/{member.incarnation}"))
            self.step(name, Boot(self.disk_records(name), member.incarnation))

    # --- the machine

    def step(self, name: str, event: Any) -> None:
        """Let a member take an event, and carry out what it wants."""
        member = self.members[name]
        assert member.node is not None, f"{name} is down"
        for effect in member.node.step(member.clock_ns, event):
            self._carry_out(member, effect)
        while member.pending and not member.disk_is_held:
            self.sync(name)

    def _carry_out(self, member: Member, effect: Effect) -> None:
        if isinstance(effect, Persist | Rewrite):
            frames = list(map(encode_record, effect.records))
            member.pending.append((effect.ticket, isinstance(effect, Rewrite), frames))
        elif isinstance(effect, SetTimer):
            member.timers[effect.timer] = (effect.generation, member.clock_ns + effect.delay_ns)
        elif isinstance(effect, Trace):
            self.traces.append((member.name, {**effect.record, "incarnation": member.incarnation}))
        elif isinstance(effect, Send | Reply):
            self._release_or_hold(member, effect)
        else:
            self.news.append((member.name, effect))

    def _release_or_hold(self, member: Member, effect: Send | Reply) -> None:
        if effect.after is not None and effect.after > member.durable_ticket:
            member.held.append(effect)
            return
        dest = effect.dest if isinstance(effect, Send) else "c1"
        packet = Packet(encode_frame(envelope(member.name, dest, effect.body)))
        if isinstance(effect, Send):
            self.packets.append(packet)
        else:
            self.replies.append(packet.body)


@pytest.fixture
def cluster_of():
    """Make clusters of any system: `cluster_of(factory, 5, window=4)`."""
    return Cluster


@pytest.fixture
def synod_of():
    """Make clusters of single-decree Paxos: `synod_of(5)`."""
    return partial(Cluster, Synod)


@pytest.fixture
def paxos_of():
    """Make clusters of Multi-Paxos: `paxos_of(5, window=4)`."""
    return partial(Cluster, Paxos)


@pytest.fixture
def naive_of():
    """Make clusters of the counter-example."""
    return partial(Cluster, NaivePaxos)
