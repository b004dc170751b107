"""What a Paxos node told of itself, taken record by record: what its acceptor holds, in memory and on disk.

Both kinds of Paxos tell the same story. Single-decree Paxos has a *slot* for each key, with a promise of its own; in
Multi-Paxos slots are numbers from 1 on, and one promise goes for all of them. Records (one object each, with
`incarnation`; the position counts from 1). Ballots are [round, name], digests numbers or strings:

    boot       promised, slots [[slot, ballot, digest], …], snapshot, window           Multi-Paxos
               quorums, slots [[key, promised, accepted ballot, digest], …]            single-decree Paxos
    config     first, voters, quorums        who votes from that slot on
    request    slot, digest                  a client proposes this
    promise    slot (or none), ballot, ticket
    accept     slot, ballot, digest, ticket
    fsync      ticket                        all writes up to that one are on disk
    propose    slot, ballot, digest, source  the value's second phase begins; source "reported": from promises
    chosen     slot, ballot, digest          ballot null: another member said so
    undecided  slot, ballot                  a read was told that nothing is chosen, by this ballot's promises
    role       role, ballot
    apply      index, digest, state
    snapshot_taken, snapshot_installed       index, state
    compact    below, ticket                 acceptances of slots below are given up, once that write is on disk

Other types are passed over. There is no order between the records of different nodes but in a simulation.

**What a killed node's trace is worth.** A record is written in the step that asks for the write to disk, so the last
ones before a kill may tell of promises and acceptances that the disk never got, and of which nobody ever heard. What
counts is what an fsync covers; the next boot record says what was kept, and is believed from then on. Losing an fsync
record makes the model know less, never more.

A trace may end anywhere. What is malformed ends the reading of that node's trace; what came before still counts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from keelhaul.checkers.invariants import Listeners

Ballot: TypeAlias = tuple[int, str]
Digest: TypeAlias = int | str
Slot: TypeAlias = int | str

Place: TypeAlias = Slot | None
"""What a promise is for: a slot, or None, the whole log."""

NO_BALLOT: Ballot = (0, "")


class Malformed(ValueError):
    """A record that makes no sense."""


class Acceptance(NamedTuple):
    """What an acceptor accepted last in a slot."""

    ballot: Ballot
    digest: Digest


class Boot(NamedTuple):
    """What recovery found on disk. `snapshot` is the slot up to which an image stands for what was accepted; None where
    there are no snapshots."""

    promised: dict[Place, Ballot]
    accepted: dict[Slot, Acceptance]
    snapshot: int | None


class Promise(NamedTuple):
    """A promise, and what goes with it: how far its acceptor had executed, and what it had accepted beyond."""

    place: Place
    ballot: Ballot
    executed: int
    reported: dict[Slot, Acceptance]


EVENTS: dict[str, tuple[str, ...]] = {
    "booted": ("boot",),
    "configured": ("first", "quorums"),
    "requested": ("slot", "digest"),
    "promised": ("before", "ballot"),
    "promise_stored": ("promise",),
    "accepted": ("slot", "promised", "before", "acceptance"),
    "acceptance_stored": ("slot", "acceptance"),
    "proposed": ("slot", "ballot", "digest", "source"),
    "chosen": ("slot", "ballot", "digest"),
    "undecided": ("slot", "ballot"),
    "led": ("ballot",),
    "applied": ("before", "index", "digest", "state"),
    "snapshot": ("before", "index", "state", "installed"),
    "compacted": ("below",),
    "decided": ("slot", "acceptance", "quorums"),
    "finished": ("is_complete",),
}
"""What a record can mean; whoever listens is called with the node's model, as it is after the record, and these. Only
`booted` is told before. The last two are told of no single node, by `paxos_quorums.py`."""


class NodeModel:
    """One node as its records tell it. `promised` and `accepted` are what it holds in memory, `stored_…` on disk."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.position = 0
        self.incarnation: Any = None
        self.promised: dict[Place, Ballot] = {}
        self.accepted: dict[Slot, Acceptance] = {}
        self.stored_promises: dict[Place, Ballot] = {}
        self.stored: dict[Slot, Acceptance] = {}
        self.stored_snapshot = 0
        self.executed = 0
        self.snapshot = 0
        self.window: int | None = None
        self._problem: str | None = None
        self._is_booted = False
        self._writing: deque[tuple[int, Promise | tuple[Slot, Acceptance] | tuple[int, int]]] = deque()

    @property
    def where(self) -> str:
        """Name the present record in a sentence."""
        return f"{self.name} (record {self.position})"

    @property
    def problems(self) -> list[str]:
        """Return why the trace ends early, if it does."""
        return [] if self._problem is None else [self._problem]

    def take(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        """Take the next record and tell the listeners; after something malformed, take nothing any more."""
        if self._problem is not None:
            return
        self.position += 1
        try:
            self._take(record, listeners)
        except KeyError as error:
            self._problem = f"{self.name}'s trace, record {self.position}: it lacks {error}"
        except (TypeError, ValueError, IndexError, AttributeError) as error:
            self._problem = f"{self.name}'s trace, record {self.position}: {error}"

    def _take(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        kind = record["type"]
        if kind == "boot":
            self._boot(record, listeners)
            return
        if not self._is_booted or record["incarnation"] != self.incarnation:
            raise Malformed("an incarnation begins with a boot record")
        handle = _HANDLERS.get(kind) if type(kind) is str else None
        if handle is not None:
            handle(self, record, listeners)

    def _boot(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        boot = _boot_of(record)
        self.incarnation, self._is_booted = record["incarnation"], True
        for told in listeners["booted"]:
            told(self, boot)
        stored_before = self.stored
        self.promised, self.stored_promises = dict(boot.promised), dict(boot.promised)
        self.accepted, self.stored = dict(boot.accepted), dict(boot.accepted)
        self.executed = self.snapshot = self.stored_snapshot = boot.snapshot or 0
        self.window = None if boot.snapshot is None else _count(record["window"])
        self._writing.clear()
        if "quorums" in record:
            for told in listeners["configured"]:
                told(self, 1, record["quorums"])
        for slot, acceptance in boot.accepted.items():
            # A write that no fsync was told of may have got through before the crash: it counts from now on.
            if stored_before.get(slot) != acceptance:
                for told in listeners["acceptance_stored"]:
                    told(self, slot, acceptance)

    def _configure(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        for told in listeners["configured"]:
            told(self, _count(record["first"]), record["quorums"])

    def _request(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        for told in listeners["requested"]:
            told(self, _slot(record["slot"]), _digest(record["digest"]))

    def _promise(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        place = _slot(record["slot"]) if "slot" in record else None
        ballot = _ballot(record["ballot"])
        before = self.promised.get(place, NO_BALLOT)
        self.promised[place] = ballot
        beyond: dict[Slot, Acceptance] = {
            slot: acceptance
            for slot, acceptance in self.accepted.items()
            if place is None and isinstance(slot, int) and slot > self.executed
        }
        self._writing.append((_count(record["ticket"]), Promise(place, ballot, self.executed, beyond)))
        for told in listeners["promised"]:
            told(self, before, ballot)

    def _accept(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        slot = _slot(record["slot"])
        acceptance = Acceptance(_ballot(record["ballot"]), _digest(record["digest"]))
        place = None if self.window is not None else slot
        promised = self.promised.get(place, NO_BALLOT)
        before = self.accepted.get(slot)
        self.accepted[slot] = acceptance
        if acceptance.ballot > promised:
            self.promised[place] = acceptance.ballot
        self._writing.append((_count(record["ticket"]), (slot, acceptance)))
        for told in listeners["accepted"]:
            told(self, slot, promised, before, acceptance)

    def _fsync(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        ticket = _count(record["ticket"])
        while self._writing and self._writing[0][0] <= ticket:
            _, written = self._writing.popleft()
            if isinstance(written, Promise):
                self.stored_promises[written.place] = written.ballot
                for told in listeners["promise_stored"]:
                    told(self, written)
            elif isinstance(written[1], Acceptance):
                self._store(written[0], written[1], listeners)
            else:
                below, self.stored_snapshot = int(written[0]), written[1]
                self.stored = {slot: row for slot, row in self.stored.items() if int(slot) >= below}

    def _store(self, slot: Slot, acceptance: Acceptance, listeners: Listeners) -> None:
        self.stored[slot] = acceptance
        place = None if self.window is not None else slot
        if acceptance.ballot > self.stored_promises.get(place, NO_BALLOT):
            self.stored_promises[place] = acceptance.ballot
        for told in listeners["acceptance_stored"]:
            told(self, slot, acceptance)

    def _propose(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        slot, ballot, digest = _slot(record["slot"]), _ballot(record["ballot"]), _digest(record["digest"])
        for told in listeners["proposed"]:
            told(self, slot, ballot, digest, record.get("source"))

    def _chosen(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        ballot = None if record["ballot"] is None else _ballot(record["ballot"])
        for told in listeners["chosen"]:
            told(self, _slot(record["slot"]), ballot, _digest(record["digest"]))

    def _undecided(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        for told in listeners["undecided"]:
            told(self, _slot(record["slot"]), _ballot(record["ballot"]))

    def _role(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        if record["role"] == "leader":
            for told in listeners["led"]:
                told(self, _ballot(record["ballot"]))

    def _apply(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        index, digest, state = _count(record["index"]), _digest(record["digest"]), _digest(record["state"])
        before, self.executed = self.executed, index
        for told in listeners["applied"]:
            told(self, before, index, digest, state)

    def _snapshot(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        index, state = _count(record["index"]), _digest(record["state"])
        installed = record["type"] == "snapshot_installed"
        before, self.snapshot = self.executed, index
        if installed:
            self.executed = index
        for told in listeners["snapshot"]:
            told(self, before, index, state, installed)

    def _compact(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        below = _count(record["below"])
        self.accepted = {slot: row for slot, row in self.accepted.items() if int(slot) >= below}
        self._writing.append((_count(record["ticket"]), (below, self.snapshot)))
        for told in listeners["compacted"]:
            told(self, below)


_HANDLERS = {
    "accept": NodeModel._accept,
    "apply": NodeModel._apply,
    "fsync": NodeModel._fsync,
    "propose": NodeModel._propose,
    "chosen": NodeModel._chosen,
    "request": NodeModel._request,
    "promise": NodeModel._promise,
    "undecided": NodeModel._undecided,
    "role": NodeModel._role,
    "config": NodeModel._configure,
    "snapshot_taken": NodeModel._snapshot,
    "snapshot_installed": NodeModel._snapshot,
    "compact": NodeModel._compact,
}


def _boot_of(record: Mapping[str, Any]) -> Boot:
    """Read either kind's boot record."""
    rows = record["slots"]
    if "promised" in record:
        accepted = {_slot(slot): Acceptance(_ballot(ballot), _digest(digest)) for slot, ballot, digest in rows}
        return Boot({None: _ballot(record["promised"])}, accepted, _count(record["snapshot"]))
    promised: dict[Place, Ballot] = {_slot(slot): _ballot(ballot) for slot, ballot, _, _ in rows}
    accepted = {
        _slot(slot): Acceptance(_ballot(ballot), _digest(digest))
        for slot, _, ballot, digest in rows
        if digest is not None
    }
    return Boot(promised, accepted, None)


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise Malformed(f"{value!r} is no number of a slot or a write")
    return value


def _slot(value: Any) -> Slot:
    if type(value) not in (int, str):
        raise Malformed(f"{value!r} is no slot")
    found: Slot = value
    return found


def _digest(value: Any) -> Digest:
    if type(value) not in (int, str):
        raise Malformed(f"{value!r} is no digest")
    found: Digest = value
    return found


def _ballot(value: Any) -> Ballot:
    if not (isinstance(value, list | tuple) and len(value) == 2 and type(value[0]) is int and type(value[1]) is str):
        raise Malformed(f"{value!r} is no ballot")
    return value[0], value[1]
