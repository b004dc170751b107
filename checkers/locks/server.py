"""The lock service's invariants, as its members told them (ids as in docs/rules.md §3.11).

Each member tells what every applied entry did to locks and sessions, in the order of the log, and a master tells what
it did by its clock. Here one member's story is retold record by record; whatever doesn't follow from what was told
before is a violation. A member's state begins empty with each incarnation, as the member's own does (it applies its log
again), or with the table that it tells when it takes a snapshot.

    lock        index, event, lock, session …   wait, leave, grant, release, lose, delay, end_delay
    session     index, event, session           open, close, expire
    epoch       index, epoch, master            from here on only this master's entries count
    lock_table  epoch, sessions, locks, files   all of it, out of a snapshot
    file, notice                                files.py

    master      epoch, stage                    elected, keep-alives, serving, replaced
    aware       epoch, session                  its client has shown that it knows of the fail-over
    lease       epoch, session, end_ns          counted until then, by the master's clock
    confirming  epoch, sessions                 it asks the log whether it still leads, to answer their KeepAlives
    prolonged   epoch, session                  it answers one of those
    expiring    epoch, session, end_ns          the lease is over, and the end of the session is proposed
    delay_begun, delay_over                     epoch, lock, delay: the rest of a lock, by the master's clock
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from keelhaul.checkers.checker import Evidence, NodeTrace
from keelhaul.checkers.locks.files import OF_AN_ENTRY, FileStory
from keelhaul.checkers.locks.holds import EXCLUSIVE, compatible
from keelhaul.checkers.locks.violation import Violation
from keelhaul.checkers.verdict import Result, Verdict

NAMES = {
    "LC-1": "mutual exclusion",
    "LC-4": "token order",
    "LC-5": "no lost lock",
    "LC-6": "lock-delay",
    "LC-7": "queue order",
    "LC-10": "ephemeral files",
    "LC-12": "notices",
    "LC-13": "ended sessions",
    "LC-14": "one master an epoch, in steps",
    "RI-6": "equal members",
}
SHOWN_MAX = 10


@dataclass(slots=True)
class _Lock:
    """A lock as its story tells it. `newest_token`: the largest that was granted."""

    holders: dict[int, tuple[str, int]] = field(default_factory=dict)
    queue: list[tuple[int, int]] = field(default_factory=list)
    delay: int | None = None
    newest_token: int = 0


@dataclass(slots=True)
class _Member:
    """What one member's present incarnation has told so far."""

    node: str
    locks: dict[str, _Lock] = field(default_factory=dict)
    sessions: dict[int, None] = field(default_factory=dict)
    ended: dict[int, None] = field(default_factory=dict)
    epoch: int = 0
    stage: tuple[str, int] | None = None
    """How far this member has taken over, if it is a master, and in which epoch."""
    unaware: dict[int, None] = field(default_factory=dict)
    leases: dict[int, int] = field(default_factory=dict)
    delays: dict[tuple[str, int], int] = field(default_factory=dict)
    files: FileStory = field(init=False)

    def __post_init__(self) -> None:
        self.files = FileStory(self.node)

    def take(self, record: Mapping[str, Any]) -> Iterator[Violation]:
        """Take the next record; yield what it violates."""
        yield from self.files.take(record)
        handle = _HANDLERS.get(record["type"])
        if handle is not None:
            yield from handle(self, record)

    def _on_boot(self, record: Mapping[str, Any]) -> Iterator[Violation]:
        self.__init__(self.node)  # type: ignore[misc]  # everything anew
        yield from ()

    def _on_table(self, record: Mapping[str, Any]) -> Iterator[Violation]:
        self.epoch = record["epoch"]
        self.sessions = dict.fromkeys(record["sessions"])
        self.files.restore(record.get("files", []))
        newest = {path: lock.newest_token for path, lock in self.locks.items()}
        self.locks = {}
        for path, image in record["locks"]:
            holders = {session: (mode, token) for session, mode, token in image["holders"]}
            tokens = [newest.get(path, 0), *(token for _, token in holders.values())]
            queue = [(session, seq) for session, seq, _ in image["queue"]]
            self.locks[path] = _Lock(holders, queue, image["delay"], max(tokens))
        yield from ()

    def _on_epoch(self, record: Mapping[str, Any]) -> Iterator[Violation]:
        if record["epoch"] <= self.epoch:
            yield Violation("LC-14", f"{self.node} applies epoch {record['epoch']} after epoch {self.epoch}")
        self.epoch = record["epoch"]
        self.unaware = dict(self.sessions)

    # --- sessions

    def _on_session(self, record: Mapping[str, Any]) -> Iterator[Violation]:
        session, event = record["session"], record["event"]
        if event == "open":
            if session in self.ended or session in self.sessions:
                yield Violation("LC-13", f"{self.node} opens session {session} a second time (index {record['index']})")
            self.sessions[session] = None
            return
        if session not in self.sessions:
            yield Violation("LC-13", f"{self.node} ends session {session}, which it doesn't have")
        self.sessions.pop(session, None)
        self.unaware.pop(session, None)
        self.ended[session] = None

    def _on_lease(self, record: Mapping[str, Any]) -> Iterator[Violation]:
        session = record["session"]
        if session in self.ended:
            yield Violation("LC-13", f"{self.node} prolongs session {session}, which has ended")
        self.leases[session] = max(record["end_ns"], self.leases.get(session, 0))

    def _on_expiring(self, record: Mapping[str, Any]) -> Iterator[Violation]:
        promised_ns = self.leases.get(record["session"])
        if promised_ns is not None and record["time"] < promised_ns:
            early_ms = (promised_ns - record["time"]) / 1e6
            yield Violation(
                "LC-5",
                f"{self.node} lets session {record['session']} end {early_ms:.1f} ms before its lease is over",
            )

    # --- locks

    def _on_lock(self, record: Mapping[str, Any]) -> Iterator[Violation]:
        lock = self.locks.setdefault(record["lock"], _Lock())
        event = record["event"]
        where = f"{self.node}, index {record['index']}, lock {record['lock']}"
        if event in ("wait", "release") and self.stage == ("keep-alives", self.epoch):
            yield Violation("LC-14", f"{where}: a client's {event} is carried out before the master serves")
        session = record.get("session")
        if session is not None and session in self.ended and event in ("wait", "grant"):
            yield Violation("LC-13", f"{where}: {event} for session {session}, which has ended")
        if event == "wait":
            lock.queue.append((record["session"], record["seq"]))
        elif event == "leave":
            lock.queue = [one for one in lock.queue if one != (record["session"], record["seq"])]
        elif event == "grant":
            yield from _granted(lock, record, where)
        elif event in ("release", "lose"):
            yield from _given_back(lock, record, where)
        elif event == "delay":
            lock.delay = record["delay"]
        elif lock.delay == record["delay"]:
            lock.delay = None

    # --- the master's clock

    def _on_master(self, record: Mapping[str, Any]) -> Iterator[Violation]:
        self.stage = (record["stage"], record["epoch"])
        if record["stage"] != "serving":
            self.files.new_master(tells=record["stage"] == "keep-alives")
        if record["stage"] == "elected":
            self.delays.clear()
            self.leases.clear()
        if self.stage == ("serving", self.epoch) and self.unaware:
            unaware = ", ".join(map(str, self.unaware))
            yield Violation("LC-14", f"{self.node} serves before these sessions know of the fail-over: {unaware}")

    def _on_aware(self, record: Mapping[str, Any]) -> Iterator[Violation]:
        self.unaware.pop(record["session"], None)
        yield from ()

    def _on_delay_begun(self, record: Mapping[str, Any]) -> Iterator[Violation]:
        self.delays[record["lock"], record["delay"]] = record["time"] + record["delay_ns"]
        yield from ()

    def _on_delay_over(self, record: Mapping[str, Any]) -> Iterator[Violation]:
        end_ns = self.delays.get((record["lock"], record["delay"]))
        if end_ns is None or record["time"] < end_ns:
            yield Violation("LC-6", f"{self.node} ends the rest of lock {record['lock']} too early")


def _granted(lock: _Lock, record: Mapping[str, Any], where: str) -> Iterator[Violation]:
    session, mode, token = record["session"], record["mode"], record["token"]
    for holder, (held, held_token) in lock.holders.items():
        if not compatible(mode, held):
            yield Violation(
                "LC-1",
                f"{where}: granted to session {session}, {mode}, while session {holder} holds it, {held}, with token "
                f"{held_token}",
            )
    if lock.delay is not None:
        yield Violation("LC-6", f"{where}: granted to session {session} while it rests after a lost holder")
    asked = (session, record["seq"])
    if lock.queue and lock.queue[0] != asked:
        passed = lock.queue[0][0]
        yield Violation("LC-7", f"{where}: granted to session {session} past session {passed}, which waits")
    lock.queue = [one for one in lock.queue if one != asked]
    shares = mode != EXCLUSIVE and any(held_token == token for _, held_token in lock.holders.values())
    if token < lock.newest_token or (token == lock.newest_token and not shares):
        yield Violation("LC-4", f"{where}: token {token} is granted after token {lock.newest_token}")
    lock.newest_token = max(lock.newest_token, token)
    lock.holders[session] = (mode, token)


def _given_back(lock: _Lock, record: Mapping[str, Any], where: str) -> Iterator[Violation]:
    session, token = record["session"], record["token"]
    held = lock.holders.pop(session, None)
    if held is None or held[1] != token:
        yield Violation("LC-1", f"{where}: session {session} gives back token {token}, which it doesn't hold")


_HANDLERS = {
    "boot": _Member._on_boot,
    "lock_table": _Member._on_table,
    "epoch": _Member._on_epoch,
    "session": _Member._on_session,
    "lease": _Member._on_lease,
    "expiring": _Member._on_expiring,
    "lock": _Member._on_lock,
    "master": _Member._on_master,
    "aware": _Member._on_aware,
    "delay_begun": _Member._on_delay_begun,
    "delay_over": _Member._on_delay_over,
}
_OF_THE_RUN = ("incarnation", "time", "at")


class LockStories:
    """All members' stories, retold record by record, in any order that keeps each member's own.

    `in_order` says that it is the true order of all of them: then no KeepAlive may be answered whose confirmation began
    after some member had applied the session's end (LC-13). One that began before may be answered after it: it took
    effect when nobody else led, and its client counts from still earlier (LS3). What a master that has been replaced
    and doesn't know it counts for itself is no promise to anybody.
    """

    def __init__(self, *, in_order: bool) -> None:
        self._in_order = in_order
        self._ended: dict[int, str] = {}
        self._members: dict[str, _Member] = {}
        self._masters: dict[int, str] = {}
        self._by_index: dict[int, list[tuple[str, dict[str, Any]]]] = {}
        self._at: dict[str, tuple[int, int]] = {}
        self._too_late: dict[str, dict[int, str]] = {}
        """By master, the sessions it is asking for that had ended before it asked, with who had applied that."""

    def take(self, node: str, record: Mapping[str, Any]) -> list[Violation]:
        """Take a member's next record; return what it violates."""
        member = self._members.setdefault(node, _Member(node))
        found = list(member.take(record))
        if record["type"] == "master" and record["stage"] in ("keep-alives", "serving"):
            first = self._masters.setdefault(record["epoch"], node)
            if first != node:
                found.append(Violation("LC-14", f"epoch {record['epoch']} has two masters, {first} and {node}"))
        if record["type"] in OF_AN_ENTRY:
            found += self._compare(node, record)
            if record["type"] == "session" and record["event"] != "open":
                self._ended.setdefault(record["session"], node)
        elif record["type"] == "confirming" and self._in_order:
            self._too_late[node] = {one: self._ended[one] for one in record["sessions"] if one in self._ended}
        elif record["type"] == "prolonged" and record["session"] in self._too_late.get(node, ()):
            told = self._too_late[node][record["session"]]
            text = f"{node} prolongs session {record['session']}, whose end {told} had applied before {node} asked"
            found.append(Violation("LC-13", text))
        elif record["type"] in ("boot", "lock_table"):
            self._at.pop(node, None)
        return found

    def _compare(self, node: str, record: Mapping[str, Any]) -> Iterator[Violation]:
        """Compare what one entry did here with what it did on the member that told it first."""
        index = record["index"]
        at, position = self._at.get(node, (index, 0))
        position = position if at == index else 0
        self._at[node] = (index, position + 1)
        told = self._by_index.setdefault(index, [])
        content = {name: value for name, value in record.items() if name not in _OF_THE_RUN}
        if position == len(told):
            told.append((node, content))
        elif told[position][1] != content:
            first, other = told[position]
            yield Violation("RI-6", f"entry {index} did {content} on {node}, and {other} on {first}")


class LockWatcher:
    """One run's watch. With `in_order` a session's end on one member is held against every other's promises."""

    def __init__(self, *, in_order: bool) -> None:
        self._stories = LockStories(in_order=in_order)
        self._grants = self._files = 0
        self._counts: dict[str, int] = {}
        self._sentences: dict[str, list[str]] = {}

    def observe(self, node: str, record: Mapping[str, Any]) -> None:
        """Take the node's next record."""
        self._grants += record.get("event") == "grant"
        self._files += record["type"] == "file"
        for violation in self._stories.take(node, record):
            self._counts[violation.id] = self._counts.get(violation.id, 0) + 1
            sentences = self._sentences.setdefault(violation.id, [])
            if len(sentences) < SHOWN_MAX:
                sentences.append(violation.text)

    def result(self, evidence: Evidence | None = None) -> Result:
        """Return the verdict; unknown if no lock was granted and no file opened."""
        found = {id: {"count": self._counts[id], "first": texts} for id, texts in self._sentences.items()}
        details: dict[str, Any] = {"grants": self._grants, "files": self._files, "violations": found}
        if found:
            first, *others = self._sentences
            also = f"; also violated: {', '.join(f'{id} {NAMES[id]}' for id in others)}" if others else ""
            return Result(Verdict.INVALID, f"{first} {NAMES[first]}: {self._sentences[first][0]}{also}", details)
        if not (self._grants or self._files):
            return Result(Verdict.UNKNOWN, "no lock was granted and no file opened, or no member told of it", details)
        return Result(Verdict.VALID, "", details)


class LockInvariants:
    """Invalid if a member's story breaks an invariant; unknown if no trace tells of a lock or a file."""

    def check(self, evidence: Evidence) -> Result:
        """Judge the traces, member by member."""
        if evidence.traces is None:
            return Result(Verdict.UNKNOWN, "the nodes' traces could not be collected")
        watcher = self.watcher(evidence.nodes, in_order=False)
        for trace in evidence.traces:
            for record in trace.records:
                watcher.observe(trace.node, record)
        return watcher.result()

    def watcher(self, nodes: tuple[str, ...], *, in_order: bool) -> LockWatcher:
        """Begin a watch."""
        return LockWatcher(in_order=in_order)


def violations(traces: tuple[NodeTrace, ...]) -> list[Violation]:
    """Return every violation, member by member."""
    stories = LockStories(in_order=False)
    return [found for trace in traces for record in trace.records for found in stories.take(trace.node, record)]
