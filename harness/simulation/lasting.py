"""Lasting clients in virtual time: each thread's present one, its requests under way, and when it wants to be woken.

A client's acts may lead to the next event at once (an operation's end steps the interpreter, which may invoke the next
one), so the acts of one event are all carried out before an operation is reported as over.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from keelhaul.harness.conductor import Dispatch
from keelhaul.harness.interpreter import Completed
from keelhaul.harness.simulation.world import World
from keelhaul.nodes.events import Body
from keelhaul.workloads.client import Completion
from keelhaul.workloads.lasting import Act, Ask, Finish, Forget, LastingClient, Wake


class _Running:
    """A process' client. `handles` are the world's, by the client's own request numbers."""

    def __init__(self, process: int, client: LastingClient) -> None:
        self.process = process
        self.client = client
        self.handles: dict[int, int] = {}
        self.wakes = 0
        self.dispatch: Dispatch | None = None
        self.is_gone = False


class LastingClients:
    """All threads' clients. `make(thread, process)` builds one; `completed` takes what is over."""

    def __init__(
        self,
        world: World,
        make: Callable[[int, int], LastingClient],
        completed: Callable[[list[Completed]], None],
    ) -> None:
        self._world = world
        self._make = make
        self._completed = completed
        self._running: dict[int, _Running] = {}

    def invoke(self, dispatch: Dispatch) -> None:
        """Hand an operation to its process' client; a new process gets a new one."""
        running = self._running.get(dispatch.thread)
        if running is None or running.process != dispatch.process:
            self.crash(dispatch.thread)
            running = _Running(dispatch.process, self._make(dispatch.thread, dispatch.process))
            self._running[dispatch.thread] = running
        running.dispatch = dispatch
        acts = running.client.invoke(self._world.scheduler.now_ns, dispatch.f, dispatch.value)
        self._carry_out(running, acts)

    def crash(self, thread: int) -> None:
        """End a thread's client without a word; what was sent may still arrive."""
        running = self._running.pop(thread, None)
        if running is not None:
            running.is_gone = True
            for handle in running.handles.values():
                self._world.give_up(handle)

    def _carry_out(self, running: _Running, acts: list[Act]) -> None:
        scheduler, completion = self._world.scheduler, None
        for act in acts:
            if isinstance(act, Ask):
                answered = partial(self._answered, running, act.request)
                running.handles[act.request] = self._world.request(act.node, act.body, answered)
            elif isinstance(act, Forget):
                self._world.give_up(running.handles.pop(act.request, 0))
            elif isinstance(act, Wake):
                running.wakes += 1
                scheduler.at(max(act.time_ns, scheduler.now_ns), self._woken, running, running.wakes)
            else:
                assert isinstance(act, Finish)
                completion = act.completion
        if completion is not None:
            # Not from within an invocation: the interpreter is in the middle of a step then.
            scheduler.after(0, self._finish, running, running.dispatch, completion)

    def _finish(self, running: _Running, dispatch: Dispatch, completion: Completion) -> None:
        if running.is_gone or running.dispatch is not dispatch:
            return  # its deadline came first
        running.dispatch = None
        if completion.type == "info":
            self.crash(dispatch.thread)
        self._completed([Completed(dispatch.ticket, dispatch.thread, completion)])

    def _answered(self, running: _Running, request: int, body: Body | None, why_not: str) -> None:
        if running.is_gone:
            return
        running.handles.pop(request, None)
        now_ns, client = self._world.scheduler.now_ns, running.client
        if body is not None:
            self._carry_out(running, client.answered(now_ns, request, body))
        else:
            self._carry_out(running, client.lost(now_ns, request, sent=why_not != "refused"))

    def _woken(self, running: _Running, wake: int) -> None:
        if wake == running.wakes and not running.is_gone:
            self._carry_out(running, running.client.woken(self._world.scheduler.now_ns))
