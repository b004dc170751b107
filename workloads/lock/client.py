"""A process' client of locks: acquire, try, use, give back, and what it believes meanwhile (LC-2).

Without sessions (session_client.py) it believes that it holds a lock until it gives it back.
"""

from __future__ import annotations

from typing import Any

from keelhaul.nodes.events import Body
from keelhaul.workloads.lock.belief import Ended, Hold
from keelhaul.workloads.lock.calls import MS, Call
from keelhaul.workloads.lock.session import SAFE, ClientSession
from keelhaul.workloads.lock.session_client import ATTEMPT_NS, Operation, SessionClient
from keelhaul.workloads.lock.stopping import Pause

ACQUIRES = ("acquire", "try-acquire")


class LockClient(SessionClient):
    """One process' client. `resource` is the node that guards what locks protect; None if there is none."""

    def __init__(self, name: str, cell: tuple[str, ...], resource: str | None, home: int, patience_ns: int) -> None:
        super().__init__(name, cell, home, patience_ns)
        self._resource = resource
        self._updates = 0
        self._holds: dict[str, Hold] = {}
        self._ended: list[Ended] = []

    # --- the session

    def _pause_ns(self, argument: Any) -> int:
        pause_ms: int = argument.get("pause_ms", 0)
        return pause_ms * MS

    def _on_jeopardy(self, at_ns: int) -> None:
        for hold in self._holds.values():
            hold.suspend(at_ns)

    def _on_safe(self, now_ns: int) -> None:
        for hold in self._holds.values():
            hold.resume(now_ns)

    def _on_session_gone(self, now_ns: int, session: ClientSession) -> None:
        for lock in list(self._holds):
            self._end(lock, min(now_ns, session.expiry_ns))

    def _fail_with_session(self, operation: Operation) -> None:
        if operation.f != "update":
            super()._fail_with_session(operation)
        elif "read" not in operation.argument:
            self._finish("fail", error="the session expired before the write")
        # Else the write is on its way to the resource, which answers for itself.

    # --- operations

    def _begin_without_session(self, now_ns: int, operation: Operation) -> None:
        if operation.f in ("release", "update"):
            self._finish("fail", error="nothing is held")
        else:
            super()._begin_without_session(now_ns, operation)

    def _begin(self, now_ns: int, operation: Operation) -> None:
        lock = operation.subject
        if operation.f in ACQUIRES:
            wait = operation.f == "acquire"
            self._call(now_ns, "acquire", lock=lock, mode=operation.argument["mode"], wait=wait)
        elif operation.f == "close":
            self._close(now_ns)
        elif lock not in self._holds:
            self._finish("fail", error="nothing is held")
        elif operation.f == "release":
            token = self._holds[lock].token
            self._end(lock, now_ns)
            self._pause(operation)
            self._call(now_ns, "release", lock=lock, token=token)
        else:
            self._ask_resource(now_ns, operation, "guarded_read")

    def _close(self, now_ns: int) -> None:
        """Give everything back: end the session, or without one release what is held, one by one. From here on nothing
        is believed to be held: the service may give it to others before it is heard."""
        if self._session is not None:
            for lock in list(self._holds):
                self._end(lock, now_ns)
            self._call(now_ns, "close_session")
        elif self._holds:
            lock = next(iter(self._holds))
            token = self._holds[lock].token
            self._end(lock, now_ns)
            self._call(now_ns, "release", lock=lock, token=token)
        else:
            self._finish("ok")

    def _pause(self, operation: Operation) -> None:
        pause_ns = self._pause_ns(operation.argument)
        if pause_ns:
            self._calls.acts.append(Pause(pause_ns))

    def _give_up(self, now_ns: int, operation: Operation) -> None:
        """LK-H: a waiting acquire is cancelled, so that its outcome becomes known; anything else stays open."""
        can_cancel = operation.f == "acquire" and operation.begun and self._session is not None
        if not can_cancel or operation.cancelling:
            super()._give_up(now_ns, operation)
            return
        operation.cancelling = True
        operation.deadline_ns = now_ns + self._patience_ns
        self._calls.drop("operation")
        self._call(now_ns, "cancel_wait", purpose="cancel", lock=operation.subject, of=operation.seq)

    def _on_operation_answer(self, now_ns: int, operation: Operation, call: Call, body: Body) -> None:
        if body["type"] == "error":
            self._finish("fail", error=[body.get("code"), body.get("text")])
        elif call.purpose == "resource":
            self._on_resource_answer(now_ns, operation, body)
        elif operation.f in ACQUIRES:
            token = body["token"]
            if call.purpose == "cancel" and token is None:
                self._finish("fail", error="gave up waiting")
            else:
                self._granted(now_ns, operation, token)
        elif operation.f == "close":
            self._closed(now_ns)
        else:
            self._finish("ok")

    def _closed(self, now_ns: int) -> None:
        if self._session is None:
            self._close(now_ns)
            return
        self._on_session_gone(now_ns, self._session)
        self._session = None
        self._calls.drop("session")
        self._finish("ok")

    def _granted(self, now_ns: int, operation: Operation, token: Any) -> None:
        assert operation.subject is not None
        hold = Hold(operation.subject, operation.argument["mode"], token, now_ns)
        self._holds[operation.subject] = hold
        session = self._session
        if session is not None and session.state != SAFE:
            hold.suspend(now_ns)
        until_ns = None if session is None else session.expiry_ns
        self._finish("ok", argument={**operation.argument, "token": token, "until_ns": until_ns})

    # --- the resource

    def _ask_resource(self, now_ns: int, operation: Operation, kind: str, **fields: Any) -> None:
        assert operation.subject is not None
        body = {"type": kind, "lock": operation.subject, "token": self._holds[operation.subject].token, **fields}
        is_write = kind == "guarded_write"
        # A write that is held back by a pause must have its time after that.
        attempt_ns = self._patience_ns + self._pause_ns(operation.argument) if is_write else ATTEMPT_NS
        call = Call(
            purpose="resource", body=lambda: body, attempt_ns=attempt_ns, repeats=not is_write, node=self._resource
        )
        self._calls.start(now_ns, call)

    def _on_resource_answer(self, now_ns: int, operation: Operation, body: Body) -> None:
        if "read" in operation.argument:
            self._finish("ok")
            return
        session = self._session
        if operation.subject not in self._holds or (session is not None and session.state != SAFE):
            self._finish("fail", error="the lease ran out before the write")
            return
        number, last = body["value"]
        self._updates += 1
        wrote = [number + 1, f"{self._name}.{self._updates}"]
        operation.argument = {
            **operation.argument,
            "read": [number, last],
            "wrote": wrote,
            "until_ns": None if session is None else session.expiry_ns,
            "acted_ns": now_ns + self._pause_ns(operation.argument),
        }
        self._pause(operation)
        self._ask_resource(now_ns, operation, "guarded_write", value=wrote)

    # --- ends

    def _end(self, lock: str, at_ns: int) -> None:
        hold = self._holds.pop(lock)
        hold.suspend(at_ns)
        self._ended.append(hold.ended())

    def _completed_value(self, operation: Operation, argument: Any) -> Any:
        if self._ended:
            argument = {**argument, "ended": self._ended}
            self._ended = []
        return super()._completed_value(operation, argument)
