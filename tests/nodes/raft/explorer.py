"""Random schedules of a Raft cluster, and a witness that checks Raft's promises at each step.

The witness shares nothing with the product's checkers: it looks at what was really sent, what is really on disk, what
clients were really told, and into the members' logs. A schedule is drawn from one seed: which messages are delivered,
lost, doubled or overtaken, when disks sync, who crashes (and loses what wasn't synced), is cut off or frozen. How
often each of these happens is drawn too, so that some schedules are calm and some are not. At the end everything is
healed, and the cluster has to get going again: a schedule that ends in a cluster that is stuck is a failure as well.

Run by itself it explores more than a test can: `python tests/nodes/raft/explorer.py 1-2000`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from itertools import accumulate
from random import Random
from typing import Any

MS = 1_000_000
KEYS = ("a", "b")
PACKETS_MAX = 300
RECOVERY_MS = 6_000  # twenty election timeouts


class Violation(Exception):
    """A promise was broken; the text says which."""


class Witness:
    """Sees every step, every message and every reply of a cluster; raises Violation at once."""

    def __init__(self) -> None:
        self.cluster: Any = None
        self.leaders: dict[int, str] = {}
        self.votes: dict[tuple[str, int], str] = {}
        self.entries: dict[tuple[int, int], Any] = {}
        self.committed: list[tuple[int, Any, int]] = [(0, None, 0)]  # (term, payload, term in which it was committed)
        self.commit_index: dict[tuple[str, int], int] = {}
        self.applied: dict[tuple[str, int], int] = {}
        self.places: dict[int, int] = {}  # a written value → its index
        self.failed: set[int] = set()
        self.on_disk: dict[str, tuple[int, int, int, dict[int, int]]] = {}
        self.asked: dict[int, tuple[str, str, Any, int]] = {}
        self.floors = dict.fromkeys(KEYS, 0)
        self.states: dict[int, int] = {}

    def demand(self, holds: bool, promise: str) -> None:
        if not holds:
            raise Violation(promise)

    # --- messages

    def on_sent(self, packet: Any) -> None:
        body = packet.body
        if body["type"] == "request_vote" and not body["pre_vote"]:
            self._voted(packet.source, body["term"], packet.source)
        elif body["type"] == "request_vote_reply" and body["granted"] and not body["pre_vote"]:
            self._voted(packet.source, body["for_term"], packet.dest)

    def _voted(self, voter: str, term: int, candidate: str) -> None:
        given = self.votes.setdefault((voter, term), candidate)
        self.demand(given == candidate, f"one vote a term: {voter} voted in term {term} for {given} and {candidate}")

    # --- steps

    def on_step(self, name: str, effects: list[Any]) -> None:
        for effect in effects:
            record = getattr(effect, "record", None)
            if record is not None and hasattr(self, f"_on_{record['type']}"):
                getattr(self, f"_on_{record['type']}")(name, record)

    def _on_boot(self, name: str, record: dict[str, Any]) -> None:
        who = (name, self.cluster.members[name].incarnation)
        self.commit_index[who] = self.applied[who] = record["snapshot_index"]

    def _on_snapshot_installed(self, name: str, record: dict[str, Any]) -> None:
        who, index = (name, self.cluster.members[name].incarnation), record["index"]
        self.demand(index > self.commit_index.get(who, 0), f"SN3: {name} installs {index}, which it has")
        known = index < len(self.committed) and self.committed[index][0] == record["term"]
        self.demand(known, f"SN1: a snapshot of {index}, term {record['term']}, which isn't committed")
        self.commit_index[who] = self.applied[who] = index
        self._same_state(name, record["index"], record["state"])

    def _same_state(self, name: str, index: int, state: int) -> None:
        known = self.states.setdefault(index, state)
        self.demand(known == state, f"equal states: {name} at {index}")

    def _on_role(self, name: str, record: dict[str, Any]) -> None:
        if record["role"] != "leader":
            return
        term = record["term"]
        first = self.leaders.setdefault(term, name)
        self.demand(first == name, f"Election Safety: {first} and {name} both lead term {term}")
        log = self.cluster.state(name).log
        for index, (entry_term, _, commit_term) in enumerate(self.committed):
            if commit_term < term:
                if index < log.base_index:
                    continue  # compacted, so committed, so the same
                held = index <= log.last_index and log.term_at(index) == entry_term
                self.demand(held, f"Leader Completeness: {name}, leader of term {term}, lacks committed entry {index}")

    def _on_append(self, name: str, record: dict[str, Any]) -> None:
        log = self.cluster.state(name).log
        first = record["first"]
        for index in range(max(first, log.base_index + 1), first + len(record["entries"])):
            entry = log.entry(index)
            fact = (entry.kind, entry.payload, log.term_at(index - 1))
            known = self.entries.setdefault((index, entry.term), fact)
            self.demand(
                known == fact, f"Log Matching: {name} holds {fact} at {index} of term {entry.term}, not {known}"
            )

    def _on_commit(self, name: str, record: dict[str, Any]) -> None:
        who = (name, self.cluster.members[name].incarnation)
        log, before, index = self.cluster.state(name).log, self.commit_index.get(who, 0), record["index"]
        self.demand(before < index <= log.last_index, f"{name} commits {index} after {before}, of {log.last_index}")
        self.commit_index[who] = index
        chain, term = [], record["entry_term"]
        for each in range(index, before, -1):  # the log itself may be compacted by now
            kind, payload, below = self.entries[each, term]
            chain.append((each, term, kind, payload))
            term = below
        for each, entry_term, kind, payload in reversed(chain):
            if each < len(self.committed):
                same = self.committed[each][:2] == (entry_term, payload)
                self.demand(
                    same, f"State Machine Safety: {name} commits {payload} at {each}, not {self.committed[each]}"
                )
            else:
                self._first_commit(name, each, entry_term, kind, payload, record["term"])

    def _first_commit(self, name: str, index: int, entry_term: int, kind: str, payload: Any, term: int) -> None:
        self.committed.append((entry_term, payload, term))
        holders = [other for other in self.cluster.names if self._is_on_disk(other, index, entry_term)]
        # The newest configuration may have been appended because of this very commit.
        in_force = self.cluster.state(name).configurations[-2:]
        self.demand(
            any(each.has_quorum(holders) for each in in_force),
            f"durable on a majority: {name} commits {index}, on disk only at {holders}",
        )
        if kind == "command" and payload[0] == "write":
            value = payload[2]
            self.demand(value not in self.places, f"at most once: value {value} is committed twice")
            self.demand(value not in self.failed, f"a definite no: value {value} was said to have failed")
            self.places[value] = index

    def _on_apply(self, name: str, record: dict[str, Any]) -> None:
        who = (name, self.cluster.members[name].incarnation)
        for index, (_, state) in enumerate(record["entries"], record["first"]):
            before = self.applied.get(who, 0)
            self.demand(index == before + 1, f"{name} applies {index} after {before}")
            self.demand(index <= self.commit_index.get(who, 0), f"{name} applies {index}, which it hasn't committed")
            self.applied[who] = index
            self._same_state(name, index, state)

    def _is_on_disk(self, name: str, index: int, term: int) -> bool:
        disk, files = self.cluster.members[name].disk, self.cluster.members[name].files
        known = self.on_disk.get(name)
        _, offset, covered, terms = known if known is not None and known[0] == files else (files, 0, 0, {})
        while offset + 8 <= len(disk):
            end = offset + 8 + int.from_bytes(disk[offset : offset + 4], "big")
            if end > len(disk):
                break  # a torn tail
            record = json.loads(disk[offset + 8 : end])
            if record[0] == "entry":
                terms[record[1]] = record[2]
            elif record[0] == "truncate":
                terms = {each: terms[each] for each in terms if each < record[1]}
            elif record[0] == "snapshot":
                covered = record[1]
            offset = end
        self.on_disk[name] = (files, offset, covered, terms)
        return index <= covered or terms.get(index) == term

    # --- clients

    def ask(self, msg_id: int, kind: str, key: str, value: Any) -> None:
        self.asked[msg_id] = (kind, key, value, self.floors[key])

    def on_reply(self, body: dict[str, Any]) -> None:
        if body["in_reply_to"] not in self.asked:
            return  # an administrator's
        kind, key, value, floor = self.asked[body["in_reply_to"]]
        if body["type"] == "error":
            if kind == "write" and body["code"] < 1000:
                self.demand(value not in self.places, f"a definite no: value {value} is committed")
                self.failed.add(value)
            return
        seen = body["value"] if kind == "read" else value
        place = 0 if seen is None else self.places.get(seen, -1)
        self.demand(place >= 0, f"no answer without a commit: {kind} of {seen}, which nobody committed")
        self.demand(
            place >= floor, f"real time: {kind} of {key} gave {seen}, which is older than what was known before"
        )
        self.floors[key] = max(self.floors[key], place)


class Schedule:
    """One seed's schedule. `run` raises Violation, or whatever a member raised."""

    def __init__(self, cluster_of: Callable[..., Any], size: int, seed: int, **options: int) -> None:
        self.random = Random(seed)
        self.witness = Witness()
        self.blocked: set[tuple[str, str]] = set()
        self.frozen: set[str] = set()
        self.requests = 0
        self.replies_seen = 0
        administered = options.pop("administered", 0)
        self.cluster_of = cluster_of
        self.arguments = {"size": size, "seed": seed, **options}
        self.late: list[Any] = []  # messages, or copies of such, that come when nobody expects them any more
        draw = self.random.choice
        self.loss, self.doubled, self.delayed = draw([0.0, 0.02, 0.2]), draw([0.0, 0.1]), draw([0.0, 0.1])
        self.in_order = draw([0.2, 0.8, 1.0])
        self.haste = draw([1.0, 3.0])
        self.weights = {
            self.deliver_late: 0.3,
            self.tick: draw([1.0, 3.0]),
            self.sync: draw([2.0, 6.0]),
            self.request: draw([0.3, 2.0]),
            self.crash: draw([0.0, 0.05, 0.2]),
            self.restart: draw([0.1, 0.5]),
            self.cut: draw([0.0, 0.05, 0.2]),
            self.freeze: draw([0.0, 0.1]),
            self.toggle_disk: draw([0.0, 0.2]),
        }
        if administered:
            self.weights[self.reconfigure] = draw([0.02, 0.1])
            self.weights[self.transfer] = draw([0.0, 0.05])

    def run(self, steps: int) -> None:
        """Take so many random steps, heal everything, and demand that the cluster works again."""
        self.cluster = self.cluster_of(
            on_step=self.witness.on_step, on_sent=self.witness.on_sent, boot=False, **self.arguments
        )
        self.witness.cluster = self.cluster
        self.cluster.boot()
        others = list(self.weights)
        weights = list(accumulate(self.weights.values()))
        for _ in range(steps):
            deliver = self.haste * len(self.cluster.packets)  # the more there are, the more arrive
            if self.random.random() * (weights[-1] + deliver) < deliver:
                self.deliver()
            else:
                self.random.choices(others, cum_weights=weights)[0]()
            self._hear_replies()
        self.recover()

    def _hear_replies(self) -> None:
        replies = self.cluster.replies
        while self.replies_seen < len(replies):
            self.witness.on_reply(replies[self.replies_seen][1])
            self.replies_seen += 1

    # --- actions

    def _up(self) -> list[str]:
        return [name for name in self.cluster.names if self.cluster.members[name].node and name not in self.frozen]

    def deliver(self) -> None:
        packets = self.cluster.packets
        del packets[: max(0, len(packets) - PACKETS_MAX)]
        waiting = [packet for packet in packets if packet.dest not in self.frozen]
        if not waiting:
            return
        packet = waiting[0] if self.random.random() < self.in_order else self.random.choice(waiting)
        fate = self.random.random()
        if (packet.source, packet.dest) in self.blocked or fate < self.loss:
            packets.remove(packet)
        elif fate < self.loss + self.delayed:
            packets.remove(packet)
            self.late.append(packet)
        else:
            if fate > 1.0 - self.doubled:
                self.late.append(packet)
            self.cluster.deliver(packet)

    def deliver_late(self) -> None:
        if self.late:
            packet = self.late.pop(self.random.randrange(len(self.late)))
            if packet.dest not in self.frozen and (packet.source, packet.dest) not in self.blocked:
                self.cluster.packets.append(packet)
                self.cluster.deliver(packet)

    def tick(self, duration_ms: int | None = None) -> None:
        self.cluster.wait(self.random.randint(1, 40) if duration_ms is None else duration_ms)
        for name in self._up():
            member = self.cluster.members[name]
            for timer, (_, due_ns) in sorted(member.timers.items()):
                if due_ns <= member.clock_ns:
                    self.cluster.fire(name, timer)

    def sync(self) -> None:
        lagging = [name for name in self._up() if self.cluster.members[name].pending]
        if lagging:
            self.cluster.sync(self.random.choice(lagging))

    def request(self) -> None:
        up = self._up()
        if up:
            self._ask(self._someone(up))

    def _someone(self, names: list[str]) -> str:
        """Choose one of these; a leader more often than others, since that is where things happen."""
        leaders = [name for name in names if self.cluster.role(name) == "leader"]
        return self.random.choice(leaders if leaders and self.random.random() < 0.7 else names)

    def _ask(self, name: str) -> int:
        self.requests += 1
        key = self.random.choice(KEYS)
        kind, value = ("read", None) if self.random.random() < 0.4 else ("write", self.requests)
        msg_id: int = self.cluster.next_msg_id()
        self.witness.ask(msg_id, kind, key, value)
        self.cluster.ask(name, {"type": kind, "msg_id": msg_id, "key": key, "value": value})
        return msg_id

    def reconfigure(self) -> None:
        up, names = self._up(), self.cluster.names
        if up:
            voters = self.random.sample(names, self.random.randint(1, len(names)))
            others = [name for name in names if name not in voters]
            learners = others if self.random.random() < 0.2 else []
            self.cluster.request(self._someone(up), "reconfigure", voters=voters, learners=learners)

    def transfer(self) -> None:
        up = self._up()
        if up:
            self.cluster.request(self._someone(up), "transfer", target=self.random.choice(self.cluster.names))

    def crash(self) -> None:
        up = self._up()
        if not up:
            return
        for name in up if self.random.random() < 0.1 else [self._someone(up)]:
            member = self.cluster.members[name]
            unsynced = [frame for _, frames in member.pending for frame in frames]
            kept = self.random.randint(0, len(unsynced))
            torn = unsynced[kept][: self.random.randrange(8)] if kept < len(unsynced) else b""
            self.cluster.crash(name, kept_records=kept, torn=torn)

    def restart(self) -> None:
        down = [name for name in self.cluster.names if not self.cluster.members[name].node]
        if down:
            self.cluster.restart(self.random.choice(down))

    def cut(self) -> None:
        names = self.cluster.names
        self.blocked.clear()
        if len(names) > 1 and self.random.random() < 0.6:
            side = set(self.random.sample(names, self.random.randint(1, len(names) - 1)))
            if self._up() and self.random.random() < 0.3:
                side = {self._someone(self._up())}
            pairs = [(one, other) for one in names for other in names if (one in side) != (other in side)]
            one_way = self.random.random() < 0.3
            self.blocked.update(pair for pair in pairs if not one_way or pair[0] in side)

    def freeze(self) -> None:
        self.frozen.clear()
        if self.random.random() < 0.6:
            self.frozen.add(self.random.choice(self.cluster.names))

    def toggle_disk(self) -> None:
        up = self._up()
        if up:
            name = self.random.choice(up)
            self.cluster.hold_disk(name, held=not self.cluster.members[name].disk_is_held)

    # --- the end

    def recover(self) -> None:
        """Heal everything; within `RECOVERY_MS` a write must succeed, and all members must have applied the same."""
        self.blocked.clear()
        self.frozen.clear()
        for name in self.cluster.names:
            self.cluster.hold_disk(name, held=False)
            if not self.cluster.members[name].node:
                self.cluster.restart(name)
        probe = None
        for round_ in range(RECOVERY_MS // 10):
            self.cluster.run()
            self._hear_replies()
            answer = self.cluster.answer(probe) if probe is not None else None
            if answer is not None and answer["type"] != "error":
                states = [self.cluster.state(name) for name in self.cluster.names]
                newest = max(states, key=lambda state: (state.role == "leader", state.term))
                members = newest.configuration.members
                if len({self.cluster.state(name).applied_index for name in members}) == 1:
                    return
            elif answer is not None or round_ % 50 == 0:  # a leader that is deposed just then may never answer
                leaders = [name for name in self.cluster.names if self.cluster.role(name) == "leader"]
                probe = self._ask(leaders[-1]) if leaders else None
            self.tick(10)
        raise Violation(f"liveness: not working {RECOVERY_MS} ms after everything was healed")


def main() -> None:
    """Explore the seeds given as A-B; print what was broken."""
    from conftest import Cluster

    first, last = (int(number) for number in sys.argv[1].split("-"))
    steps = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    commits = elections = 0
    for seed in range(first, last + 1):
        schedule = Schedule(Cluster, SIZES[seed % len(SIZES)], seed, **OPTIONS[seed % len(OPTIONS)])
        try:
            schedule.run(steps)
        except Exception as broken:
            print(f"seed {seed}: {type(broken).__name__}: {broken}")
        commits += len(schedule.witness.committed) - 1
        elections += len(schedule.witness.leaders)
    print(f"seeds {first}-{last}: {commits} commits, {elections} elections")


SIZES = (3, 5, 3, 5, 4, 3, 5, 2, 3, 5, 1, 7, 3)
RESTLESS = {"election_timeout_ms": 80, "heartbeat_ms": 20}  # many elections, also at the wrong moment
OPTIONS: tuple[dict[str, int], ...] = (
    {},
    {"pre_vote": 0, "check_quorum": 0, **RESTLESS},
    {"pre_vote": 0},
    {"batch_entries_max": 1, **RESTLESS},
    {"check_quorum": 0, "batch_entries_max": 2, "inflight_entries_max": 2},
    {"pre_vote": 0, "batch_entries_max": 1, **RESTLESS},
    {"read_mode": "read-index", "snapshot_threshold": 5, "snapshot_trailing": 2, "snapshot_chunk_bytes": 10},
    {"read_mode": "lease", "administered": 1},
    {"read_mode": "follower", "administered": 1, "snapshot_threshold": 3, "snapshot_trailing": 0, **RESTLESS},
    {"read_mode": "read-index", "administered": 1, "joint_consensus": 0, "inflight_messages_max": 1, **RESTLESS},
    {"read_mode": "lease", "administered": 1, "snapshot_threshold": 4, "snapshot_chunk_bytes": 40, **RESTLESS},
)

if __name__ == "__main__":
    main()
