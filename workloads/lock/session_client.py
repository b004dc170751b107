"""A process' client of the lock service, as far as all its workloads share it: the session beneath its operations.

One operation is open at a time. Beside it runs the session: KeepAlives, one always waiting at the master (LS2), which
bring the master's notices and say how far those were heard (§3.7). An operation that needs a session waits for one to
be opened; while the session is in jeopardy nothing new is begun (LS5). Retries repeat (session, seq), so the service
does nothing twice (LK-H, S6).

A server that says it has no sessions (nodes/naive_lock.py) is used without: then nothing is retried, and silence leaves
open what happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keelhaul.nodes.errors import ErrorCode, is_definite
from keelhaul.nodes.events import Body
from keelhaul.workloads.client import Completion
from keelhaul.workloads.lasting import Finish, Wake
from keelhaul.workloads.lock.calls import MS, Call, Calls, reason_of
from keelhaul.workloads.lock.session import EXPIRED, JEOPARDY, SAFE, ClientSession
from keelhaul.workloads.lock.stopping import StoppingAct

ATTEMPT_NS = 500 * MS


@dataclass(slots=True)
class Operation:
    """The open operation. `subject` is what it is about (a lock, a path), `argument` the rest of its value.

    `seq` is 0 until it was first sent within the present session.
    """

    f: str
    subject: str | None
    argument: Any
    deadline_ns: int
    seq: int = 0
    begun: bool = False
    cancelling: bool = False


class SessionClient:
    """One process' client. `cell` are the service's members. What an operation means is up to those that derive."""

    def __init__(self, name: str, cell: tuple[str, ...], home: int, patience_ns: int) -> None:
        self._name = name
        self._patience_ns = patience_ns
        self._calls = Calls(cell, home)
        self._session: ClientSession | None = None
        self._sessions = 0
        self._without_sessions = False
        self._seq = 0
        self._heard = 0
        self._operation: Operation | None = None
        self._sessions_over: list[dict[str, Any]] = []

    # --- for those that derive

    def _begin(self, now_ns: int, operation: Operation) -> None:
        """Send what the operation asks; there is a session and it is safe, or the server has none."""
        raise NotImplementedError

    def _begin_without_session(self, now_ns: int, operation: Operation) -> None:
        """There is no session yet: open one first, unless the operation makes no sense in a new one."""
        if not self._calls.under_way("session"):
            self._open_session(now_ns)

    def _on_operation_answer(self, now_ns: int, operation: Operation, call: Call, body: Body) -> None:
        """Take the final answer to one of the operation's calls."""
        raise NotImplementedError

    def _on_jeopardy(self, at_ns: int) -> None:
        """The lease ran out then: trust nothing that rests on it."""

    def _on_safe(self, now_ns: int) -> None:
        """The session turns out to be alive."""

    def _on_failed_over(self) -> None:
        """Another master took over: notices may have been missed."""

    def _on_notice(self, epoch: int, number: int, event: dict[str, Any]) -> None:
        """The master tells something, each once, in order."""

    def _on_session_gone(self, now_ns: int, session: ClientSession) -> None:
        """LS5: with the session went all that it had."""

    def _completed_value(self, operation: Operation, argument: Any) -> Any:
        """Return what goes into the history when the operation is over: with it, how earlier sessions ended."""
        if self._sessions_over:
            argument = {**argument, "sessions_over": self._sessions_over}
            self._sessions_over = []
        return [operation.subject, argument]

    def _pause_ns(self, argument: Any) -> int:
        """Return for how long the operation is going to stop the client."""
        return 0

    # --- what happens

    def invoke(self, now_ns: int, f: str, value: Any) -> list[StoppingAct]:
        """Begin an operation."""
        subject, argument = value
        deadline_ns = now_ns + self._patience_ns + self._pause_ns(argument)
        self._operation = Operation(f, subject, argument, deadline_ns)
        return self._settle(now_ns)

    def answered(self, now_ns: int, request: int, body: Body) -> list[StoppingAct]:
        """A node answered."""
        call = self._calls.taken(request)
        if call is not None:
            self._look(now_ns)
            if self._calls.matters(call):  # else the session was over before this was seen
                self._on_answer(now_ns, call, body)
        return self._settle(now_ns)

    def lost(self, now_ns: int, request: int, *, sent: bool) -> list[StoppingAct]:
        """No answer will come."""
        call = self._calls.taken(request)
        if call is not None and not self._calls.unanswered(now_ns, call, sent=sent):
            self._finish("info", error="connection lost")
        return self._settle(now_ns)

    def woken(self, now_ns: int) -> list[StoppingAct]:
        """Look at the clock."""
        return self._settle(now_ns)

    def _settle(self, now_ns: int) -> list[StoppingAct]:
        """Do all that is due, and hand out what is to be done."""
        self._look(now_ns)
        for call in self._calls.overdue(now_ns):
            if not self._calls.unanswered(now_ns, call, sent=True):
                self._finish("info", error="no answer")
        operation = self._operation
        if operation is not None and not operation.begun:
            self._begin_when_possible(now_ns, operation)
        operation = self._operation
        if operation is not None and now_ns >= operation.deadline_ns:
            self._give_up(now_ns, operation)
        acts, self._calls.acts = self._calls.acts, []
        times = [self._calls.due_ns()]
        if self._operation is not None:
            times.append(self._operation.deadline_ns)
        if self._session is not None:
            times.append(self._session.changes_ns())
        known = [time_ns for time_ns in times if time_ns is not None]
        return [*acts, Wake(min(known))] if known else acts

    # --- the session

    def _look(self, now_ns: int) -> None:
        session = self._session
        if session is None:
            return
        before = session.state
        if session.look(now_ns) == before:
            return
        if before == SAFE:
            self._on_jeopardy(session.expiry_ns)
        if session.state == EXPIRED:
            self._session_is_gone(now_ns, told=False)

    def _session_is_gone(self, now_ns: int, *, told: bool) -> None:
        """LS5: what is open fails if that is certain, else nobody knows. `told`: by the master, not by the clock."""
        session = self._session
        assert session is not None
        if self._operation is None or self._operation.f != "close":  # which may have been done though nobody answered
            times = {"at_ns": now_ns, "until_ns": session.expiry_ns, "grace_ns": session.grace_ns}
            self._sessions_over.append({"session": session.id, "told": told, **times})
        session.expire()
        self._on_session_gone(now_ns, session)
        self._session = None
        for purpose in ("session", "cancel"):
            self._calls.drop(purpose)
        operation = self._operation
        if operation is not None and operation.begun:
            self._fail_with_session(operation)

    def _fail_with_session(self, operation: Operation) -> None:
        """End an operation that was under way when the session went."""
        if operation.f == "close":
            self._finish("ok")
        else:
            self._finish("info", error="the session expired")

    def _open_session(self, now_ns: int) -> None:
        self._sessions += 1
        nonce = f"{self._name}.{self._sessions}"
        self._calls.start(
            now_ns,
            Call(purpose="session", body=lambda: {"type": "open_session", "nonce": nonce}, attempt_ns=ATTEMPT_NS),
        )

    def _keep_alive(self, now_ns: int, lease_ns: int) -> None:
        """LS2: one KeepAlive is always under way. Half a lease without an answer, and another member is asked."""

        def body() -> Body:
            return self._in_session("keep_alive", heard=self._heard)

        self._calls.start(now_ns, Call(purpose="session", body=body, attempt_ns=lease_ns // 2))

    def _in_session(self, kind: str, **fields: Any) -> Body:
        session = self._session
        assert session is not None
        return {"type": kind, "session": session.id, "epoch": session.epoch, **fields}

    # --- answers

    def _on_answer(self, now_ns: int, call: Call, body: Body) -> None:
        reason = reason_of(body)
        if reason == "epoch" and self._session is not None:
            self._meet_epoch(self._session, body["epoch"])
            self._calls.again(now_ns, call, {**body, "leader": call.asked})
        elif reason == "session_expired" and self._session is not None:
            self._expired(now_ns, call)
        elif body["type"] == "error" and not _is_final(body):
            if not self._calls.again(now_ns, call, body):
                self._finish("info", error=[body.get("code"), body.get("text")])
        else:
            self._calls.over(call)
            if call.purpose == "session":
                self._on_session_answer(now_ns, call, body)
            elif self._operation is not None:
                self._on_operation_answer(now_ns, self._operation, call, body)

    def _meet_epoch(self, session: ClientSession, epoch: int) -> None:
        """§3.5, step 5: a new master. Its notices are numbered anew; the next KeepAlive shows that it is known."""
        if epoch > session.epoch:
            session.epoch = epoch
            self._heard = 0
            self._on_failed_over()

    def _expired(self, now_ns: int, call: Call) -> None:
        """The master says that the session is gone. What was asked once, and answered so, certainly did nothing."""
        if call.purpose == "operation" and call.attempts == 1:
            self._finish("fail", error="the session expired")
        self._session_is_gone(now_ns, told=True)

    def _on_session_answer(self, now_ns: int, call: Call, body: Body) -> None:
        if body["type"] == "open_session_ok":
            lease_ns, grace_ns = body["lease_ms"] * MS, body["grace_ms"] * MS
            self._session = ClientSession(body["session"], body["epoch"], lease_ns, grace_ns, call.sent_ns)
            self._seq = self._heard = 0
            self._keep_alive(now_ns, lease_ns)
        elif body["type"] == "keep_alive_ok" and self._session is not None:
            self._on_keep_alive_answer(now_ns, self._session, call, body)
        elif body.get("code") == ErrorCode.NOT_SUPPORTED:
            self._without_sessions = True

    def _on_keep_alive_answer(self, now_ns: int, session: ClientSession, call: Call, body: Body) -> None:
        self._meet_epoch(session, body["epoch"])
        was_safe = session.state == SAFE
        session.renewed(body["lease_ms"] * MS, call.sent_ns)
        if session.look(now_ns) == SAFE and not was_safe:
            self._on_safe(now_ns)
        if body["epoch"] == session.epoch:
            for number, event in body["events"]:
                if number > self._heard:
                    self._heard = number
                    self._on_notice(session.epoch, number, event)
        self._keep_alive(now_ns, body["lease_ms"] * MS)

    # --- the operation

    def _begin_when_possible(self, now_ns: int, operation: Operation) -> None:
        if self._session is None and not self._without_sessions:
            if operation.f == "close":
                self._finish("ok")
            else:
                self._begin_without_session(now_ns, operation)
        elif self._session is None or self._session.state != JEOPARDY:
            operation.begun = True
            self._begin(now_ns, operation)

    def _call(self, now_ns: int, kind: str, *, purpose: str = "operation", **fields: Any) -> None:
        """Ask the service for a change, once however often it is asked."""
        operation = self._operation
        assert operation is not None
        if self._without_sessions:
            body = {"type": kind, "owner": self._name, **fields}
            call = Call(purpose=purpose, body=lambda: body, attempt_ns=self._patience_ns, repeats=False)
        else:
            self._seq += 1
            seq = self._seq
            if purpose == "operation":
                operation.seq = seq
            acked = operation.seq - 1
            call = Call(
                purpose=purpose,
                body=lambda: self._in_session(kind, seq=seq, acked=acked, **fields),
                attempt_ns=ATTEMPT_NS,
            )
        self._calls.start(now_ns, call)

    def _ask(self, now_ns: int, kind: str, **fields: Any) -> None:
        """Ask the service for something that changes nothing."""
        call = Call(purpose="operation", body=lambda: self._in_session(kind, **fields), attempt_ns=ATTEMPT_NS)
        self._calls.start(now_ns, call)

    def _give_up(self, now_ns: int, operation: Operation) -> None:
        if operation.begun:
            self._finish("info", error="timeout")
        else:
            self._finish("fail", error="no session")

    def _finish(self, outcome: str, error: Any = None, argument: Any = None) -> None:
        """The operation is over; `argument` is the completed value's, None: the invoked one."""
        operation = self._operation
        if operation is None:
            return
        self._operation = None
        for purpose in ("operation", "cancel", "resource"):
            self._calls.drop(purpose)
        value = self._completed_value(operation, operation.argument if argument is None else argument)
        self._calls.acts.append(Finish(Completion(outcome, value, error)))


def _is_final(body: Body) -> bool:
    code = body.get("code")
    return isinstance(code, int) and is_definite(code) and code != ErrorCode.TEMPORARILY_UNAVAILABLE
