"""What only the master knows: leases, waiting KeepAlives, who is to be answered; and how one takes over (§3.4, §3.5).

A master is the leader of the log, from when its epoch is committed until it stops leading. All of this is lost with it
and made anew by the next one; what must survive is in the machine. Two rules keep a master that has been replaced, and
doesn't know it yet, from doing harm:

* what it changes goes through the log with its epoch, and is void once there is a newer one;
* what it answers from memory (KeepAlives, reads) it first lets the log confirm: at some moment after the question came,
  nobody else could have led. So every lease that it promises was asked for before a successor began, and the successor
  gives every session a full lease from its own beginning (LS6): no client's lease outlasts the server's.

Taking over (§3.5), by stage:

    ELECTED       1 the epoch is being committed; 2 only who is the master may be asked
    KEEP_ALIVES   3 every session's lease begins anew; 4 only KeepAlives; 5 each is told of the fail-over;
                  6 until each has shown that it knows (its KeepAlive names the new epoch), or has expired
    SERVING       7 everything; 8 handles open again by being used; 9 after a while, ephemeral files nobody uses go

What a master has to do by itself (begin, end a session or a delay, reap) it proposes until the log takes it: a log
that is handing its leadership on refuses everything, and may keep it after all.

A master that finds that it was stopped itself (its own tick came late) starts all leases anew: its clients could not
reach it. Nothing is done on such a clock alone; see above.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from keelhaul.nodes.events import Body
from keelhaul.nodes.lock.answers import WAITING, not_the_master, session_expired, stale_epoch, unknown_outcome
from keelhaul.nodes.lock.commands import CHANGES, READS
from keelhaul.nodes.lock.machine import DELAYED, ENDED, EVENT, GRANTED, LockMachine
from keelhaul.nodes.lock.notices import INVALIDATE, Change, Copies, Notices
from keelhaul.nodes.lock.settings import LockSettings
from keelhaul.nodes.mutants import (
    KEEP_ALIVE_FROM_MEMORY,
    LEASE_CUT_SHORT,
    NO_RECALL,
    REST_CUT_SHORT,
    SERVE_AT_ONCE,
)
from keelhaul.nodes.replicated_log import Command

ELECTED, KEEP_ALIVES, SERVING, REPLACED = "elected", "keep-alives", "serving", "replaced"


class Asker(NamedTuple):
    """Who waits for an answer."""

    client: str
    msg_id: int


class NotDone(NamedTuple):
    """What became of a command or a confirmation that this member could not get: `certainly` not done, or unknown."""

    certainly: bool
    leader: str | None

    def body(self) -> Body:
        """Return what the client is told."""
        return not_the_master(self.leader) if self.certainly else unknown_outcome(self.leader)


Outcome = Callable[[Body | NotDone], None]


class Surroundings(Protocol):
    """What the service gives its master."""

    now_ns: int

    def propose(self, command: Command, done: Outcome) -> None:
        """Put a command into the log; `done` gets the machine's answer."""
        ...

    def confirm(self, done: Callable[[NotDone | None], None]) -> None:
        """Wait for a moment, after now, at which nobody else could lead; `done` gets None then."""
        ...

    def reply(self, asker: Asker, body: Body) -> None:
        """Answer a client."""
        ...

    def trace(self, record: dict[str, Any]) -> None:
        """Tell the checkers."""
        ...


@dataclass(slots=True)
class Lease:
    """A session's, as the master counts it. `is_expiring`: its end is in the log, so nothing prolongs it any more."""

    end_ns: int
    is_expiring: bool = False


@dataclass(slots=True)
class KeepAlive:
    """One that waits."""

    asker: Asker
    session: int
    due_ns: int


@dataclass(slots=True)
class Master:
    """One term of office."""

    name: str
    machine: LockMachine
    settings: LockSettings
    around: Surroundings
    mutant: str | None = None
    stage: str = ELECTED
    epoch: int = 0
    leases: dict[int, Lease] = field(default_factory=dict)
    unaware: dict[int, None] = field(default_factory=dict)
    """Sessions that haven't shown yet that they know of the fail-over."""
    keep_alives: dict[int, KeepAlive] = field(default_factory=dict)
    is_confirming: bool = False
    askers: dict[tuple[int, int], Asker] = field(default_factory=dict)
    """By session and sequence number: who waits for a lock."""
    delays: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By path: the delay's number, and when it is over."""
    ticked_ns: int = 0
    notices: Notices = field(default_factory=Notices)
    copies: Copies = field(default_factory=Copies)
    changes: list[tuple[Change, Callable[[], None]]] = field(default_factory=list)
    """Changes of files that wait for cached copies to be given up, and what to do then."""
    reap_ns: int | None = None
    refused: list[tuple[Command, Callable[[Body], None]]] = field(default_factory=list)
    """Commands of its own that the log didn't take, and what to do when they are done; due at the next tick."""

    def begin(self) -> None:
        """Step 1: commit an epoch of its own."""
        self.ticked_ns = self.around.now_ns
        self._enter(ELECTED)
        self._insist(["master", self.name], self._on_epoch)

    def end(self, leader: str | None) -> None:
        """It leads no more: whoever waits for something in memory must ask elsewhere."""
        for keep_alive in self.keep_alives.values():
            self.around.reply(keep_alive.asker, not_the_master(leader))
        for asker in self.askers.values():
            self.around.reply(asker, unknown_outcome(leader))
        for change, _ in self.changes:
            self.around.reply(change.asker, not_the_master(leader))
        self.keep_alives.clear()
        self.askers.clear()
        self.changes.clear()
        self.refused.clear()
        self._enter(REPLACED)

    def _insist(self, command: Command, done: Callable[[Body], None] = lambda outcome: None) -> None:
        """Propose what no client would ask for again, now and until it is in the log."""

        def proposed(outcome: Body | NotDone) -> None:
            if not isinstance(outcome, NotDone):
                done(outcome)
            elif self.stage != REPLACED:
                self.refused.append((command, done))

        self.around.propose(command, proposed)

    def _enter(self, stage: str) -> None:
        self.stage = stage
        self.around.trace({"type": "master", "stage": stage, "epoch": self.epoch})

    def _on_epoch(self, outcome: Body) -> None:
        """Steps 3 to 5: all leases anew, counted from here (LS6); all locks that rest, too (LK-G)."""
        if self.stage != ELECTED:
            return  # it leads no more; what it proposed may be committed by its successor all the same
        self.epoch = outcome["epoch"]
        for session in self.machine.sessions:
            self._renew(session)
            if self.mutant != SERVE_AT_ONCE:
                self.unaware[session] = None
        for path, delay in self.machine.delays():
            self._start_delay(path, delay)
        self._enter(KEEP_ALIVES)
        self._serve_if_all_know()

    def _serve_if_all_know(self) -> None:
        """Step 6, and 7 when it is done."""
        if self.stage == KEEP_ALIVES and not self.unaware:
            self._enter(SERVING)
            self.reap_ns = self.around.now_ns + self.settings.lease_ns + self.settings.grace_ns

    # --- requests

    def on_request(self, asker: Asker, body: Body, command: Command) -> None:
        """Take a client's request, well-formed."""
        kind = command[0]
        if self.stage == ELECTED or (self.stage == KEEP_ALIVES and kind != "keep_alive"):
            self.around.reply(asker, not_the_master(self.name))
        elif kind == "keep_alive":
            self._on_keep_alive(asker, body["session"], body["epoch"], body["heard"])
        elif kind == "open_session":
            self._open_session(asker, command[1])
        elif command[1] != self.epoch:
            self.around.reply(asker, stale_epoch(self.epoch))
        elif kind in READS:
            may_cache = body.get("cache") is True
            self.around.confirm(lambda failed: self._answer_read(asker, command, failed, may_cache=may_cache))
        elif kind in CHANGES:
            self._change(asker, command)
        else:
            self.around.propose(command, lambda outcome: self._answer(asker, command, outcome))

    def _open_session(self, asker: Asker, nonce: str) -> None:
        settings = self.settings

        def opened(outcome: Body | NotDone) -> None:
            if isinstance(outcome, NotDone):
                self.around.reply(asker, outcome.body())
            elif outcome["type"] == "error":
                self.around.reply(asker, outcome)
            elif self.stage == REPLACED or self._is_expiring(outcome["session"]):
                # No lease of this one's to give: it is its successor's by now, or the session's end is in the log.
                self.around.reply(asker, unknown_outcome(None))
            else:
                self._renew(outcome["session"])
                times = {"lease_ms": settings.lease_ms, "grace_ms": settings.grace_ms}
                self.around.reply(asker, {**outcome, **times, "epoch": self.epoch})

        self.around.propose(["open_session", self.epoch, nonce], opened)

    def _answer_read(self, asker: Asker, command: Command, failed: NotDone | None, *, may_cache: bool) -> None:
        """Answer from the machine as it is; the client may keep it if it will be told before it changes. Ephemeral
        files go without notice, so nobody keeps those."""
        if failed is not None:
            self.around.reply(asker, failed.body())
            return
        answer = self.machine.read(command)
        if command[0] == "get" and may_cache and answer["type"] == "get_ok" and not answer.get("ephemeral"):
            session, path = command[2], command[3]
            if self.copies.may_cache(path):
                self.copies.note(path, session)
                answer = {**answer, "cacheable": True}
        self.around.reply(asker, answer)

    def _change(self, asker: Asker, command: Command) -> None:
        """§3.8: propose a change of a file once nobody holds a copy of it."""
        path = command[5]

        def changed(outcome: Body | NotDone) -> None:
            self.copies.changed(path)
            self._answer(asker, command, outcome)

        change = Change(asker, path, self._still_called_back(path))
        holders = self.copies.call_back(path)
        for session in holders if self.mutant != NO_RECALL else ():
            change.waits_for[session] = self._notify(session, {"event": INVALIDATE, "path": path})
        self.changes.append((change, lambda: self.around.propose(command, changed)))
        self._propose_changes()
        self._answer_keep_alives()

    def _still_called_back(self, path: str) -> dict[int, int]:
        """Return whom another change of this file waits for: they hold what is about to be wrong for this one, too."""
        called: dict[int, int] = {}
        for change, _ in self.changes:
            if change.path == path:
                called |= change.waits_for
        return called

    def _propose_changes(self) -> None:
        ready = [propose for change, propose in self.changes if not change.waits_for]
        self.changes = [waiting for waiting in self.changes if waiting[0].waits_for]
        for propose in ready:
            propose()

    def _notify(self, session: int, event: dict[str, Any]) -> int:
        """Queue a notice, and let the session's KeepAlive bring it at once."""
        number = self.notices.add(session, event)
        told = {"session": session, "number": number, **event}
        self.around.trace({"type": "notice", "epoch": self.epoch, **told})
        waiting = self.keep_alives.get(session)
        if waiting is not None:
            waiting.due_ns = self.around.now_ns
        return number

    def _on_heard(self, session: int, number: int) -> None:
        self.notices.heard(session, number)
        for change, _ in self.changes:
            if change.waits_for.get(session, number + 1) <= number:
                del change.waits_for[session]
        self._propose_changes()

    def _answer(self, asker: Asker, command: Command, outcome: Body | NotDone) -> None:
        """Answer what was applied; an acquire that waits is answered when it is granted."""
        if isinstance(outcome, NotDone):
            self.around.reply(asker, outcome.body())
            return
        if outcome == WAITING:
            session, seq = command[2], command[3]
            known = self.machine.sessions.get(session)
            outcome = session_expired() if known is None else known.answers.get(seq, WAITING)
            if outcome == WAITING and self.stage == REPLACED:
                outcome = unknown_outcome(None)
            elif outcome == WAITING:
                self.askers[session, seq] = asker
                return
        self.around.reply(asker, outcome)

    def on_news(self, news: tuple[Any, ...]) -> None:
        """Take what the machine tells of an application."""
        kind, arguments = news[0], news[1:]
        if kind == GRANTED:
            session, seq, answer = arguments
            asker = self.askers.pop((session, seq), None)
            if asker is not None:
                self.around.reply(asker, answer)
        elif kind == DELAYED:
            self._start_delay(*arguments)
        elif kind == EVENT:
            if arguments[0] in self.leases:
                self._notify(*arguments)
                self._answer_keep_alives()
        else:
            assert kind == ENDED
            self._on_session_ended(*arguments)

    def _on_session_ended(self, session: int) -> None:
        self.leases.pop(session, None)
        self.unaware.pop(session, None)
        self.notices.forget(session)
        self.copies.forget(session)
        for change, _ in self.changes:
            change.waits_for.pop(session, None)
        self._propose_changes()
        for key in [key for key in self.askers if key[0] == session]:
            self.around.reply(self.askers.pop(key), session_expired())
        waiting = self.keep_alives.pop(session, None)
        if waiting is not None:
            self.around.reply(waiting.asker, session_expired())
        self._serve_if_all_know()

    # --- leases

    def _renew(self, session: int) -> None:
        """LS3: the server's lease is counted from the answer, by this member's clock."""
        end_ns = self.around.now_ns + self.settings.lease_ns
        self.leases[session] = Lease(end_ns)
        self.around.trace({"type": "lease", "epoch": self.epoch, "session": session, "end_ns": end_ns})

    def _on_keep_alive(self, asker: Asker, session: int, epoch: int, heard: int) -> None:
        """LS2: keep it until the lease is a quarter over; one that doesn't know of the fail-over is answered soon."""
        if epoch == self.epoch:
            self._is_aware(session)
            self._on_heard(session, heard)
        is_urgent = epoch != self.epoch or session not in self.machine.sessions or bool(self.notices.unheard(session))
        due_ns = self.around.now_ns + (0 if is_urgent else self.settings.hold_ns)
        earlier = self.keep_alives.get(session)
        if earlier is not None:  # its client has given that one up; asking more often doesn't make it wait longer
            due_ns = min(due_ns, earlier.due_ns)
        self.keep_alives[session] = KeepAlive(asker, session, due_ns)
        self._answer_keep_alives()

    def _is_aware(self, session: int) -> None:
        """Step 6: the session's client has shown that it knows of the fail-over."""
        if session in self.unaware:
            del self.unaware[session]
            self.around.trace({"type": "aware", "epoch": self.epoch, "session": session})
            self._serve_if_all_know()

    def _answer_keep_alives(self) -> None:
        """Let the log confirm that nobody else leads, once for all that are due; then answer them."""
        if self.is_confirming:
            return
        now_ns, waiting = self.around.now_ns, self.keep_alives.values()
        due = [one for one in waiting if one.due_ns <= now_ns and not self._is_expiring(one.session)]
        if not due:
            return
        for keep_alive in due:
            del self.keep_alives[keep_alive.session]
        self.is_confirming = True
        confirm = self.around.confirm if self.mutant != KEEP_ALIVE_FROM_MEMORY else self._take_for_granted
        sessions = [keep_alive.session for keep_alive in due]
        self.around.trace({"type": "confirming", "epoch": self.epoch, "sessions": sessions})
        confirm(lambda failed: self._on_confirmed(due, failed))

    def _take_for_granted(self, done: Callable[[NotDone | None], None]) -> None:
        done(None)

    def _is_expiring(self, session: int) -> bool:
        """Say whether the session's end is in the log: then a KeepAlive waits, and prolongs nothing (LS4)."""
        lease = self.leases.get(session)
        return lease is not None and lease.is_expiring

    def _on_confirmed(self, due: list[KeepAlive], failed: NotDone | None) -> None:
        self.is_confirming = False
        for keep_alive in due:
            if failed is not None:
                self.around.reply(keep_alive.asker, failed.body())
            elif keep_alive.session not in self.machine.sessions:
                self.around.reply(keep_alive.asker, session_expired())
            elif self._is_expiring(keep_alive.session):
                self.keep_alives.setdefault(keep_alive.session, keep_alive)
            else:
                self._renew(keep_alive.session)
                self.around.trace({"type": "prolonged", "epoch": self.epoch, "session": keep_alive.session})
                told = {"events": self.notices.unheard(keep_alive.session), "lease_ms": self.settings.lease_ms}
                self.around.reply(keep_alive.asker, {"type": "keep_alive_ok", "epoch": self.epoch, **told})
        self._answer_keep_alives()

    def _start_delay(self, path: str, delay: int) -> None:
        """LK-G: from here it takes the full time, whatever another master had counted already."""
        delay_ns = self.settings.lock_delay_ns
        counted_ns = delay_ns if self.mutant != REST_CUT_SHORT else delay_ns // 2
        self.delays[path] = (delay, self.around.now_ns + counted_ns)
        told = {"lock": path, "delay": delay, "delay_ns": delay_ns}
        self.around.trace({"type": "delay_begun", "epoch": self.epoch, **told})

    def tick(self) -> None:
        """Look at the clock: what is due, which leases and delays are over."""
        now_ns = self.around.now_ns
        if now_ns - self.ticked_ns > 3 * self.settings.tick_ns and self.stage != ELECTED:
            for session, lease in self.leases.items():
                if not lease.is_expiring:
                    self._renew(session)
        self.ticked_ns = now_ns
        refused, self.refused = self.refused, []
        for command, done in refused:
            self._insist(command, done)
        if self.stage == ELECTED:
            return
        early_ns = self.settings.lease_ns // 2 if self.mutant == LEASE_CUT_SHORT else 0
        for session, lease in self.leases.items():
            if lease.end_ns - early_ns <= now_ns and not lease.is_expiring:
                self._expire(session, lease)
        for path, (delay, end_ns) in list(self.delays.items()):
            if end_ns <= now_ns:
                del self.delays[path]
                self.around.trace({"type": "delay_over", "epoch": self.epoch, "lock": path, "delay": delay})
                self._insist(["end_delay", self.epoch, path, delay])
        if self.reap_ns is not None and self.reap_ns <= now_ns:  # step 9
            self.reap_ns = None
            self._insist(["reap", self.epoch])
        self._answer_keep_alives()

    def _expire(self, session: int, lease: Lease) -> None:
        """LS4: the lease is over on this clock; it is true when it is committed in this epoch. From now on no KeepAlive
        prolongs it, so the entry needs no lease number to be compared with."""
        lease.is_expiring = True
        self.around.trace({"type": "expiring", "epoch": self.epoch, "session": session, "end_ns": lease.end_ns})
        self._insist(["expire_session", self.epoch, session])
