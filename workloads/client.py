"""The client's side of one operation, without IO: which request to send where, and what the answers make of the
operation.

A session starts at its process' home node (node i mod n for thread i, as in Jepsen), so that processes talk to
deposed leaders and to minorities too. A definite "not me" with a hint moves it on to that leader, a refused
connection to the next node: in both cases nothing took effect, so trying again is safe. Anything after a request was
sent and not answered is indefinite: `info`, unless the operation only reads, in which case it had no effect and is
recorded as `fail`. So is an answer that isn't one: success is said by the request's type with `_ok`, as in Maelstrom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from keelhaul.nodes.errors import ErrorCode, is_definite
from keelhaul.nodes.events import Body

ATTEMPTS_MAX = 4
"""Home, a stale hint, the leader, and one more if it moved just then; then the operation fails, the next one tries."""

SHOWN_MAX = 60
"""Characters of an unexpected reply's type that the history repeats."""


@dataclass(frozen=True, slots=True)
class Request:
    """Send `body` (the driver adds `msg_id`) to `node`."""

    node: str
    body: Body


@dataclass(frozen=True, slots=True)
class Completion:
    """The operation is over: `type` is ok, fail or info."""

    type: str
    value: Any
    error: Any = None


class Functions(Protocol):
    """What the interpreter must know of a workload's operations."""

    def reads_only(self, f: str) -> bool:
        """Say whether `f` never changes anything."""
        ...


class Protocols(Functions, Protocol):
    """How a workload's operations are said on the wire; stateless."""

    def request(self, f: str, value: Any) -> Body:
        """Turn an operation into a request's body."""
        ...

    def result(self, f: str, value: Any, reply: Body) -> Any:
        """Turn a successful reply into the completed operation's value; KeyError if the reply lacks something."""
        ...


class Session:
    """One operation's way through the cluster. `begin` first; then one method per thing that happens, until a
    Completion."""

    def __init__(self, protocols: Protocols, f: str, value: Any, nodes: tuple[str, ...], home: int) -> None:
        self._protocols = protocols
        self._f = f
        self._value = value
        self._nodes = nodes
        self._at = home % len(nodes)
        self._attempts = 0
        self._success = ""

    def begin(self) -> Request:
        """Return the first request."""
        return self._request()

    def replied(self, body: Body) -> Request | Completion:
        """The node answered."""
        if body["type"] == self._success:
            try:
                return Completion("ok", self._protocols.result(self._f, self._value, body))
            except KeyError as missing:
                return self._indefinite(f"a reply without {missing}")
        if body["type"] != "error":
            return self._indefinite(f"a reply of type {body['type'][:SHOWN_MAX]!r}, which answers something else")
        code = body.get("code")
        error = [code, body.get("text")]
        if not (isinstance(code, int) and is_definite(code)):
            return self._indefinite(error)
        hint = body.get("leader")
        if code == ErrorCode.TEMPORARILY_UNAVAILABLE and hint in self._nodes and self._attempts < ATTEMPTS_MAX:
            self._at = self._nodes.index(hint)
            return self._request()
        return Completion("fail", self._value, error)

    def refused(self) -> Request | Completion:
        """No connection could be made: nothing was sent."""
        if self._attempts >= ATTEMPTS_MAX:
            return Completion("fail", self._value, "connection refused")
        self._at = (self._at + 1) % len(self._nodes)
        return self._request()

    def broken(self) -> Completion:
        """The connection died after the request may have been sent."""
        return self._indefinite("connection lost")

    def timed_out(self) -> Completion:
        """The deadline passed."""
        return self._indefinite("timeout")

    def _indefinite(self, error: Any) -> Completion:
        return Completion("fail" if self._protocols.reads_only(self._f) else "info", self._value, error)

    def _request(self) -> Request:
        self._attempts += 1
        body = self._protocols.request(self._f, self._value)
        self._success = f"{body['type']}_ok"
        return Request(self._nodes[self._at], body)
