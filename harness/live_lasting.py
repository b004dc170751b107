"""Lasting clients on real sockets: each thread's present one, its requests under way, and when it wants to be woken.

A client may have several requests open at once (a KeepAlive waits at the master while an operation asks something), and
a connection carries one, so each client has a pool of connections per node. Requests are tasks that outlive the phase
in which they began: between the main phase and the final one, clients stay alive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import anyio
from anyio.abc import TaskGroup

from keelhaul.harness.conductor import Dispatch
from keelhaul.harness.environments.connection import Broken, Connection, Refused
from keelhaul.harness.interpreter import Completed
from keelhaul.nodes.events import Body
from keelhaul.workloads.client import Completion
from keelhaul.workloads.lasting import Act, Ask, Finish, Forget, LastingClient, Wake

SECOND = 1_000_000_000


class Surroundings(Protocol):
    """What the live driver gives: the run's clock, new connections, and an ear for what is over."""

    def now_ns(self) -> int:
        """Return the time of the run."""
        ...

    async def connect(self, node: str, client_name: str) -> Connection:
        """Return a new connection to a node that answers, or Refused."""
        ...

    def completed(self, completed: Completed) -> None:
        """Take the end of an operation."""
        ...


class _Running:
    """A process' client, its idle connections by node, and the scopes of its requests, by its own numbers."""

    def __init__(self, process: int, client: LastingClient) -> None:
        self.process = process
        self.client = client
        self.idle: dict[str, list[Connection]] = {}
        self.requests: dict[int, anyio.CancelScope] = {}
        self.wake = anyio.CancelScope()
        self.connections = 0
        self.dispatch: Dispatch | None = None
        self.is_gone = False


class LiveClients:
    """All threads' clients; their tasks run in `tasks`. `make(thread, process)` builds a client."""

    def __init__(self, tasks: TaskGroup, make: Callable[[int, int], LastingClient], surroundings: Surroundings) -> None:
        self._tasks = tasks
        self._make = make
        self._surroundings = surroundings
        self._running: dict[int, _Running] = {}

    def invoke(self, dispatch: Dispatch) -> None:
        """Hand an operation to its process' client; a new process gets a new one."""
        running = self._running.get(dispatch.thread)
        if running is None or running.process != dispatch.process:
            self.crash(dispatch.thread)
            running = _Running(dispatch.process, self._make(dispatch.thread, dispatch.process))
            self._running[dispatch.thread] = running
        running.dispatch = dispatch
        self._carry_out(running, running.client.invoke(self._surroundings.now_ns(), dispatch.f, dispatch.value))

    def crash(self, thread: int) -> None:
        """End a thread's client without a word to anybody, and hang up."""
        running = self._running.pop(thread, None)
        if running is None:
            return
        running.is_gone = True
        running.wake.cancel()
        for scope in running.requests.values():
            scope.cancel()
        for connections in running.idle.values():
            for connection in connections:
                connection.close()

    def crash_all(self) -> None:
        """End every client."""
        for thread in list(self._running):
            self.crash(thread)

    def _carry_out(self, running: _Running, acts: list[Act]) -> None:
        for act in acts:
            if isinstance(act, Ask):
                scope = running.requests[act.request] = anyio.CancelScope()
                self._tasks.start_soon(self._request, running, act, scope)
            elif isinstance(act, Forget):
                forgotten = running.requests.pop(act.request, None)
                if forgotten is not None:
                    forgotten.cancel()
            elif isinstance(act, Wake):
                running.wake.cancel()
                running.wake = anyio.CancelScope()
                self._tasks.start_soon(self._sleep, running, act.time_ns, running.wake)
            else:
                assert isinstance(act, Finish)
                self._finish(running, act.completion)

    def _finish(self, running: _Running, completion: Completion) -> None:
        dispatch, running.dispatch = running.dispatch, None
        if dispatch is None:
            return
        if completion.type == "info":
            self.crash(dispatch.thread)
        self._surroundings.completed(Completed(dispatch.ticket, dispatch.thread, completion))

    async def _request(self, running: _Running, act: Ask, scope: anyio.CancelScope) -> None:
        body: Body | None = None
        sent = False
        with scope:
            try:
                connection = await self._connection(running, act.node)
                sent = True
                body = await connection.request(act.body)
                running.idle.setdefault(act.node, []).append(connection)
            except (Refused, Broken):
                pass
        if running.is_gone or scope.cancelled_caught or running.requests.pop(act.request, None) is None:
            return
        now_ns = self._surroundings.now_ns()
        if body is not None:
            self._carry_out(running, running.client.answered(now_ns, act.request, body))
        else:
            self._carry_out(running, running.client.lost(now_ns, act.request, sent=sent))

    async def _connection(self, running: _Running, node: str) -> Connection:
        idle = running.idle.setdefault(node, [])
        while idle:
            connection = idle.pop()
            if connection.usable:
                return connection
        running.connections += 1
        return await self._surroundings.connect(node, f"c{running.process}-{running.connections}")

    async def _sleep(self, running: _Running, time_ns: int, scope: anyio.CancelScope) -> None:
        with scope:
            await anyio.sleep(max(0, time_ns - self._surroundings.now_ns()) / SECOND)
        if not (running.is_gone or scope.cancelled_caught):
            self._carry_out(running, running.client.woken(self._surroundings.now_ns()))
