"""Clients that last: one a process, for as long as the process does, with a life of its own between operations.

A one-shot session (client.py) is enough where a request and its answer are the whole story. A lock service's client
isn't like that: it sends KeepAlives while nothing is asked of it, notices that its lease has run out, drops what it
cached. Such a client is sans-IO too: it is told what happens, and answers with acts, which a driver carries out in
order.

A process that ends (its operation was info) takes its client with it, without a word to anybody: a crash.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, TypeAlias

from keelhaul.nodes.events import Body
from keelhaul.workloads.client import Completion


class Ask(NamedTuple):
    """Send `body` (the driver adds `msg_id`) to `node`; what becomes of it is told under the number `request`."""

    request: int
    node: str
    body: Body


class Forget(NamedTuple):
    """Nothing of this request matters any more; an answer that comes later goes nowhere."""

    request: int


class Wake(NamedTuple):
    """Call `woken` at that time, in place of any time named before."""

    time_ns: int


class Finish(NamedTuple):
    """The operation that was invoked is over."""

    completion: Completion


Act: TypeAlias = Ask | Forget | Wake | Finish


class LastingClient(Protocol):
    """A process' client. Times are those of the run, in ns; at most one operation is open."""

    def invoke(self, now_ns: int, f: str, value: Any) -> list[Act]:
        """Begin an operation; one Finish, now or later, ends it."""
        ...

    def answered(self, now_ns: int, request: int, body: Body) -> list[Act]:
        """A node answered."""
        ...

    def lost(self, now_ns: int, request: int, *, sent: bool) -> list[Act]:
        """No answer will come: the connection was refused (not `sent`), or it broke after the request may have left."""
        ...

    def woken(self, now_ns: int) -> list[Act]:
        """The time that was named last has come."""
        ...
