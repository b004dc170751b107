"""A run against the wall clock: feeds interpreter and injector from an event loop, over real sockets.

Healing always happens. Whatever ends the main phase (its time, Ctrl-C, SIGTERM, a failure of ours), the same clean-up
follows, shielded from cancellation and with a deadline of its own: lift every fault, collect what the nodes told,
remove the nodes. A second Ctrl-C changes nothing about that.

    starting ─► main (clients ∥ nemesis ∥ onlooker) ─► healing ─► quiet ─► final ─► collect ─► stop
"""

from __future__ import annotations

import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from random import Random
from typing import Any

import anyio
from anyio.abc import TaskGroup

from keelhaul.harness import seeds
from keelhaul.harness.conductor import Conductor, Dispatch
from keelhaul.harness.environments.connection import Broken, Connection, Refused
from keelhaul.harness.environments.environment import LiveEnvironment
from keelhaul.harness.interpreter import Completed
from keelhaul.harness.live_lasting import LiveClients
from keelhaul.harness.progress import Observer
from keelhaul.harness.scenario import SECOND, Scenario
from keelhaul.nemesis.injector import Injector
from keelhaul.nemesis.plan import Plan
from keelhaul.nemesis.victim import VictimError
from keelhaul.workloads.client import Completion, Request, Session

CLEAN_UP_S = 60.0
"""For healing, and again for removing: five containers take some seconds; a stuck engine must not hold us for ever."""
CONNECT_S = 0.5
LOOK_S = 0.25


class LiveRun:
    """Drives one run from the first connection to the last read."""

    def __init__(
        self, scenario: Scenario, plan: Plan, environment: LiveEnvironment, conductor: Conductor, observer: Observer
    ) -> None:
        self._scenario = scenario
        self._environment = environment
        self._conductor = conductor
        self._observer = observer
        self._injector = Injector(plan, environment, partial(_fault_stream, scenario.seed), self._record, self.now_ns)
        self._phase = "starting"
        self._leader: str | None = None
        self._began_ns = time.monotonic_ns()
        self._completions: list[Completed] = []
        self._news = anyio.Event()
        self._connections: dict[int, tuple[int, dict[str, Connection]]] = {}
        self._scopes: dict[int, anyio.CancelScope] = {}
        self.interrupted = False
        self.heal_failed = False

    async def run(self) -> None:
        """Run all phases; `interrupted` and `heal_failed` say how it went. SetupError if the cluster can't be had."""
        try:
            async with self._lasting_clients():
                async with self._interruptible():
                    await self._environment.start()
                    self._began_ns = time.monotonic_ns()
                    await self._main_phase()
                async with self._interruptible():
                    await self._recovery()
        except BaseExceptionGroup as group:
            raise _first_of(group) from None
        finally:
            with anyio.CancelScope(shield=True):
                await self._clean_up()

    @asynccontextmanager
    async def _lasting_clients(self) -> AsyncIterator[None]:
        """Give clients that live on between operations a place to do so, from the first phase to the last."""
        async with anyio.create_task_group() as tasks:
            self._clients = LiveClients(tasks, self._conductor.client, self)
            yield
            self._clients.crash_all()
            tasks.cancel_scope.cancel()

    @asynccontextmanager
    async def _interruptible(self) -> AsyncIterator[None]:
        """Run a part of the work that Ctrl-C and SIGTERM cancel; what comes after it goes on."""
        if self.interrupted:
            yield
            return
        with anyio.CancelScope() as work:
            async with anyio.create_task_group() as watchers:
                await watchers.start(self._watch_signals, work)
                yield
                watchers.cancel_scope.cancel()

    async def _watch_signals(self, work: anyio.CancelScope, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            task_status.started()
            async for _ in signals:
                self.interrupted = True
                self._observer.said("interrupted: healing and removing; what was recorded so far will be judged")
                work.cancel()
                return

    # --- phases

    async def _main_phase(self) -> None:
        self._phase = "main"
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._inject)
                tasks.start_soon(self._look)
                await self._operate(tasks)
                tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await self._heal()

    async def _heal(self) -> None:
        self._phase = "healing"
        healed = False
        with anyio.move_on_after(CLEAN_UP_S):
            healed = await self._injector.heal()
        if not healed:
            self.heal_failed = True
            self._observer.said("the faults could not all be lifted: see the history's last rows")

    async def _recovery(self) -> None:
        """A quiet period, then the final reads. Not after an interruption or a violation that was to end the run, and
        not while a fault may be in force."""
        if self.interrupted or self.heal_failed or self._conductor.violation is not None:
            return
        self._phase = "quiet"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._look)
            await anyio.sleep(self._scenario.quiet_s)
            self._phase = "final"
            self._conductor.begin_final_phase(self.now_ns())
            await self._operate(tasks)
            tasks.cancel_scope.cancel()

    async def _clean_up(self) -> None:
        self._conductor.flush()
        for thread in list(self._connections):
            self._hang_up(thread)
        with anyio.move_on_after(CLEAN_UP_S) as collecting:
            await self._environment.collect()
        if collecting.cancelled_caught:
            self._observer.said("the nodes' traces could not be collected in time")
        problem = "they took too long"
        with anyio.move_on_after(CLEAN_UP_S):
            try:
                await self._environment.stop()
                problem = ""
            except VictimError as error:
                problem = str(error)
        if problem:
            self._observer.said(f"not all nodes could be removed: {problem}; `keelhaul clean` removes what is left")

    # --- clients

    async def _operate(self, tasks: TaskGroup) -> None:
        """Step the interpreter whenever it wants to be called or something has completed, until the phase is over."""
        while True:
            completions, self._completions = self._completions, []
            self._news = anyio.Event()
            due = self._conductor.step(self.now_ns(), completions)
            self._conductor.flush()
            for thread in due.expired:
                self._hang_up(thread)
                self._clients.crash(thread)
            for dispatch in due.dispatches:
                if dispatch.session is None:
                    self._clients.invoke(dispatch)
                else:
                    tasks.start_soon(self._perform, dispatch, dispatch.session)
            if due.done:
                return
            if not self._completions:
                wait_s = None if due.wake_ns is None else max(0, due.wake_ns - self.now_ns()) / SECOND
                with anyio.move_on_after(wait_s):
                    await self._news.wait()

    async def _perform(self, dispatch: Dispatch, session: Session) -> None:
        """Carry one operation through its session."""
        with anyio.CancelScope() as scope:
            self._scopes[dispatch.thread] = scope
            following: Request | Completion = session.begin()
            while isinstance(following, Request):
                following = await self._exchange(dispatch, session, following)
            self.completed(Completed(dispatch.ticket, dispatch.thread, following))

    def completed(self, completed: Completed) -> None:
        """Take the end of an operation."""
        self._completions.append(completed)
        self._news.set()

    async def _exchange(self, dispatch: Dispatch, session: Session, request: Request) -> Request | Completion:
        try:
            connection = await self._connection(dispatch, request.node)
        except Refused:
            return session.refused()
        try:
            return session.replied(await connection.request(request.body))
        except Broken:
            return session.broken()

    async def _connection(self, dispatch: Dispatch, node: str) -> Connection:
        """Return the process' connection to a node; a new process gets new ones."""
        process, connections = self._connections.get(dispatch.thread, (None, {}))
        if process != dispatch.process:
            self._hang_up(dispatch.thread, keep=self._scopes.get(dispatch.thread))
            connections = {}
            self._connections[dispatch.thread] = (dispatch.process, connections)
        if node not in connections or not connections[node].usable:
            connections[node] = await self.connect(node, f"c{dispatch.process}")
        return connections[node]

    async def connect(self, node: str, client_name: str) -> Connection:
        """Return a new connection to a node that answers, or Refused."""
        host, port = self._environment.address(node)
        return await Connection.open_answered(host, port, client_name, CONNECT_S, node)

    def _hang_up(self, thread: int, keep: anyio.CancelScope | None = None) -> None:
        """Close a thread's connections and end what it does: no answer to an operation that is over may come in."""
        scope = self._scopes.get(thread)
        if scope is not None and scope is not keep:
            scope.cancel()
        _, connections = self._connections.pop(thread, (0, {}))
        for connection in connections.values():
            connection.close()

    # --- faults and onlookers

    def _record(self, f: str, value: dict[str, Any]) -> None:
        self._conductor.record_nemesis(self.now_ns(), f, value)

    async def _inject(self) -> None:
        while (due_ns := self._injector.due_ns()) is not None:
            await anyio.sleep(max(0, due_ns - self.now_ns()) / SECOND)
            with anyio.CancelScope(shield=True):  # a fault is installed and recorded whole, or not at all
                await self._injector.fire()

    async def _look(self) -> None:
        while True:
            self._leader = await self._environment.leader()
            self._observer.update(self._conductor.snapshot(self.now_ns(), self._phase, self._injector, self._leader))
            await anyio.sleep(LOOK_S)

    def now_ns(self) -> int:
        """Return the time of the run."""
        return time.monotonic_ns() - self._began_ns


def _first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first failure in a task group's bundle; the others followed from it."""
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first


def _fault_stream(seed: int, fault: int) -> Random:
    return seeds.stream(seed, f"fault/{fault}")
