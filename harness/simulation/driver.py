"""A run in virtual time: feeds interpreter and injector from the scheduler, one thing at a time.

The coroutines of the environment never suspend here, so they are run to their end on the spot: the injector is the same
code that the live driver awaits.

Ctrl-C waits for the end of the event that is being handled: nothing is ever half done, least of all in a node, which
would be blamed for it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Any, TypeVar

from keelhaul.harness import seeds
from keelhaul.harness.conductor import Conductor, Dispatch
from keelhaul.harness.interpreter import Completed
from keelhaul.harness.progress import Observer
from keelhaul.harness.scenario import SECOND, Scenario
from keelhaul.harness.simulation.lasting import LastingClients
from keelhaul.harness.simulation.world import World
from keelhaul.nemesis.injector import Injector
from keelhaul.nemesis.plan import Plan
from keelhaul.nodes.events import Body
from keelhaul.workloads.client import Completion, Request, Session

LOOK_NS = SECOND // 4
"""How often, in virtual time, the observer is offered a look."""

Value = TypeVar("Value")


def run_now(coroutine: Coroutine[Any, Any, Value]) -> Value:
    """Run a coroutine that never suspends, and return its value."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        value: Value = done.value
        return value
    coroutine.close()
    raise AssertionError("a simulated environment must not wait")


class SimulatedRun:
    """Drives one run from boot to final reads."""

    def __init__(self, scenario: Scenario, plan: Plan, world: World, conductor: Conductor, observer: Observer) -> None:
        self._scenario = scenario
        self._world = world
        self._scheduler = world.scheduler
        self._conductor = conductor
        self._observer = observer
        self._injector = Injector(
            plan, world, partial(_fault_stream, scenario.seed), self._record, lambda: self._scheduler.now_ns
        )
        self._handles: dict[int, int] = {}
        self._clients = LastingClients(world, conductor.client, self._operate)
        self._phase = "main"
        self._phase_over = False
        self._interrupted = False
        self._wake = 0

    def run(self) -> bool:
        """Run all phases; return False if it was interrupted (what was recorded so far stands, and all is healed)."""
        with self._noticing_interrupts():
            run_now(self._world.start())
            self._look()
            self._next_fault()
            self._operate([])
            self._until_phase_is_over()
            self._phase = "healing"
            run_now(self._injector.heal())
            if not self._interrupted and self._conductor.violation is None:
                self._recovery()
            return not self._interrupted

    def dispose(self) -> None:
        """Let go of everything (see `World.dispose`); the run can't be used any more."""
        self.__dict__.clear()

    def _recovery(self) -> None:
        self._phase = "quiet"
        self._phase_over = False
        self._scheduler.after(int(self._scenario.quiet_s * SECOND), self._begin_final_phase)
        self._until_phase_is_over()

    def _begin_final_phase(self) -> None:
        self._phase = "final"
        self._conductor.begin_final_phase(self._scheduler.now_ns)
        self._operate([])

    def _until_phase_is_over(self) -> None:
        run_next = self._scheduler.run_next
        while not self._phase_over and run_next():
            pass

    @contextmanager
    def _noticing_interrupts(self) -> Iterator[None]:
        """End the phase at Ctrl-C, where that means KeyboardInterrupt; at once at the second, in case we hang."""
        is_ours = threading.current_thread() is threading.main_thread()
        if not (is_ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler):
            yield
            return

        def interrupt(*_: object) -> None:
            if self._interrupted:
                raise KeyboardInterrupt
            self._interrupted = self._phase_over = True

        signal.signal(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    # --- clients

    def _operate(self, completions: list[Completed]) -> None:
        """Step the interpreter; begin, hang up, and come back when it wants to be called."""
        due = self._conductor.step(self._scheduler.now_ns, completions)
        for thread in due.expired:
            self._give_up(thread)
        for dispatch in due.dispatches:
            if dispatch.session is None:
                self._clients.invoke(dispatch)
            else:
                self._request(dispatch, dispatch.session, dispatch.session.begin())
        self._phase_over = due.done or self._interrupted
        self._wake += 1
        if due.wake_ns is not None:
            self._scheduler.at(due.wake_ns, self._on_wake, self._wake)

    def _on_wake(self, wake: int) -> None:
        if wake == self._wake:
            self._operate([])

    def _give_up(self, thread: int) -> None:
        """The process' operation is over without an answer, and the process with it."""
        if thread in self._handles:
            self._world.give_up(self._handles.pop(thread))
        self._clients.crash(thread)

    def _request(self, dispatch: Dispatch, session: Session, request: Request) -> None:
        handle = self._world.request(request.node, request.body, partial(self._answered, dispatch, session))
        self._handles[dispatch.thread] = handle

    def _answered(self, dispatch: Dispatch, session: Session, body: Body | None, why_not: str) -> None:
        following: Request | Completion
        if body is not None:
            following = session.replied(body)
        else:
            following = session.refused() if why_not == "refused" else session.broken()
        if isinstance(following, Request):
            self._request(dispatch, session, following)
        else:
            del self._handles[dispatch.thread]
            self._operate([Completed(dispatch.ticket, dispatch.thread, following)])

    # --- faults and onlookers

    def _record(self, f: str, value: dict[str, Any]) -> None:
        self._conductor.record_nemesis(self._scheduler.now_ns, f, value)

    def _next_fault(self) -> None:
        due_ns = self._injector.due_ns()
        if due_ns is not None:
            self._scheduler.at(max(due_ns, self._scheduler.now_ns), self._fire)

    def _fire(self) -> None:
        run_now(self._injector.fire())
        self._next_fault()

    def _look(self) -> None:
        if self._observer.due():
            leader = run_now(self._world.leader())
            self._observer.update(self._conductor.snapshot(self._scheduler.now_ns, self._phase, self._injector, leader))
        self._scheduler.after(LOOK_NS, self._look)


def _fault_stream(seed: int, fault: int) -> Random:
    return seeds.stream(seed, f"fault/{fault}")
