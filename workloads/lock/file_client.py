"""A process' client of the lock service's small files, with a cache (§3.8, LC-11).

A read is answered from the cache while the session is safe, without asking anybody. What is in the cache was told by a
master that promised to call it back before the file changes (`cacheable`), so a copy is good until it is called back.
All copies go

* one by one, when the master calls them back or this client writes the file itself;
* at once, when the lease runs out (LS5) or another master takes over: a new one doesn't know who holds what.

An answer and the call that takes it back may overtake each other on the way. So an answer is kept only if nothing was
dropped since it was asked for.
"""

from __future__ import annotations

from typing import Any

from keelhaul.nodes.events import Body
from keelhaul.workloads.lock.calls import Call
from keelhaul.workloads.lock.session import ClientSession
from keelhaul.workloads.lock.session_client import Operation, SessionClient

INVALIDATE = "invalidate"
Copy = dict[str, Any]
"""What a read returns: contents, instance, generation; all null where there is no such file."""


class FileClient(SessionClient):
    """One process' client. What its session was told is reported with the next completion, as `heard`: a list of
    [session, epoch, number, event, path, index, instance, generation]."""

    def __init__(self, name: str, cell: tuple[str, ...], home: int, patience_ns: int) -> None:
        super().__init__(name, cell, home, patience_ns)
        self._copies: dict[str, Copy] = {}
        self._drops = 0
        self._drops_when_asked = 0
        self._open_files: dict[str, None] = {}
        self._heard_of: list[list[Any]] = []

    # --- the session

    def _on_jeopardy(self, at_ns: int) -> None:
        self._drop_all()

    def _on_failed_over(self) -> None:
        assert self._session is not None
        self._drop_all()
        self._heard_of.append([self._session.id, self._session.epoch, 0, "failed_over", None, None, None, None])

    def _on_session_gone(self, now_ns: int, session: ClientSession) -> None:
        self._drop_all()
        self._open_files.clear()

    def _on_notice(self, epoch: int, number: int, event: dict[str, Any]) -> None:
        assert self._session is not None
        kind, path = event["event"], event["path"]
        if kind == INVALIDATE:
            self._drop(path)
        if kind == "handle_invalid":
            self._open_files.pop(path, None)
        more = [event.get(name) for name in ("index", "instance", "generation")]
        self._heard_of.append([self._session.id, epoch, number, kind, path, *more])

    def _drop(self, path: str) -> None:
        self._copies.pop(path, None)
        self._drops += 1

    def _drop_all(self) -> None:
        self._copies.clear()
        self._drops += 1

    # --- operations

    def _begin(self, now_ns: int, operation: Operation) -> None:
        path = operation.subject
        if operation.f == "close":
            self._call(now_ns, "close_session")
            return
        assert path is not None
        if operation.f == "read" and path in self._copies:
            self._finish("ok", argument={**self._copies[path], "cached": True})
        elif operation.f == "read":
            self._drops_when_asked = self._drops
            self._ask(now_ns, "get", path=path, cache=True)
        elif operation.f == "visit":
            self._visit(now_ns, operation, path)
        elif path in self._open_files:
            self._write(now_ns, operation)
        else:
            self._call(now_ns, "open", path=path, create=True, ephemeral=False)

    def _visit(self, now_ns: int, operation: Operation, path: str) -> None:
        """Open an ephemeral file, or, if it is open already, close it."""
        if path in self._open_files:
            operation.argument = {"did": "leave"}
            del self._open_files[path]
            self._call(now_ns, "close", path=path)
        else:
            operation.argument = {"did": "enter"}
            self._call(now_ns, "open", path=path, create=True, ephemeral=True)

    def _write(self, now_ns: int, operation: Operation) -> None:
        assert operation.subject is not None
        self._drop(operation.subject)
        contents = operation.argument["contents"]
        more: dict[str, Any] = {"if_generation": None, "sequencer": None}
        self._call(now_ns, "set_contents", path=operation.subject, contents=contents, **more)

    def _on_operation_answer(self, now_ns: int, operation: Operation, call: Call, body: Body) -> None:
        path = operation.subject
        if body["type"] == "error":
            self._finish("fail", error=[body.get("code"), body.get("text")])
        elif body["type"] == "close_session_ok":
            self._closed(now_ns)
        elif body["type"] == "get_ok":
            self._on_read(operation, body)
        elif body["type"] == "open_ok":
            assert path is not None
            self._open_files[path] = None
            if operation.f == "write":
                self._write(now_ns, operation)
            else:
                self._finish("ok")
        elif body["type"] == "set_contents_ok":
            told = {"instance": body["instance"], "generation": body["content_generation"]}
            self._finish("ok", argument={**operation.argument, **told})
        else:
            self._finish("ok")

    def _on_read(self, operation: Operation, body: Body) -> None:
        assert operation.subject is not None
        exists = body["exists"]
        names = {"contents": "contents", "instance": "instance", "generation": "content_generation"}
        copy = {name: body[told] if exists else None for name, told in names.items()}
        if body.get("cacheable") is True and self._drops == self._drops_when_asked:
            self._copies[operation.subject] = copy
        self._finish("ok", argument={**copy, "cached": False})

    def _closed(self, now_ns: int) -> None:
        if self._session is not None:
            self._on_session_gone(now_ns, self._session)
        self._session = None
        self._calls.drop("session")
        self._finish("ok")

    def _fail_with_session(self, operation: Operation) -> None:
        if operation.f == "read":
            self._finish("fail", error="the session expired")
        else:
            super()._fail_with_session(operation)

    def _give_up(self, now_ns: int, operation: Operation) -> None:
        if operation.f == "read":
            self._finish("fail", error="timeout")
        else:
            super()._give_up(now_ns, operation)

    def _completed_value(self, operation: Operation, argument: Any) -> Any:
        if self._heard_of:
            argument = {**argument, "heard": self._heard_of}
            self._heard_of = []
        return super()._completed_value(operation, argument)
