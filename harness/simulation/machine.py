"""One simulated machine: runs a node as `nodes/host/` does on a real one, and can be killed, paused and started again.

A paused machine's timers run out, and messages for it arrive, but nothing is handled until it goes on. Its clock starts
anywhere, as a real monotonic clock does, so that no two nodes can compare theirs; and it may run too fast or too slow,
by a rate that is drawn at each start, within the drift that the scenario allows. A nemesis may skew it on top of that
(`nodes/clock.py`), until the machine is started again: timers run out when the node's own clock says so.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

from keelhaul.harness.simulation.disk import Disk
from keelhaul.harness.simulation.scheduler import Scheduler
from keelhaul.nodes.clock import RATE_PPM_MAX, Clock
from keelhaul.nodes.events import (
    Body,
    Boot,
    Event,
    Persist,
    Reply,
    Rewrite,
    Send,
    SetTimer,
    StorageDone,
    TimerFired,
    Trace,
)
from keelhaul.nodes.node import Node

CLOCK_OFFSET_NS_MAX = 10**12
_MESSAGES = (Send, Reply)
_WRITES = (Persist, Rewrite)


def _nobody_watches(node: str, record: dict[str, Any]) -> None:
    """Take no notice of a trace record."""


class Machine:
    """A node's machine. `make_node(incarnation)` builds the program; `send` and `reply` are the way out, and `observe`
    is shown each trace record as it is told."""

    def __init__(
        self,
        name: str,
        scheduler: Scheduler,
        disk: Disk,
        random: Random,
        make_node: Callable[[int], Node],
        send: Callable[[str, str, Body], None],
        reply: Callable[[str, Body], None],
        crashed: Callable[[str], None],
        observe: Callable[[str, dict[str, Any]], None] = _nobody_watches,
        clock_drift_ppm: int = 0,
        *,
        keeps_traces: bool = True,
    ) -> None:
        self.name = name
        self.is_up = False
        self.is_paused = False
        self.traces: list[dict[str, Any]] = []
        self._keeps_traces = keeps_traces
        self.roles: list[dict[str, Any]] = []  # what it told of its role
        self.role: dict[str, Any] | None = None  # the last of these of this incarnation
        self._scheduler = scheduler
        self._disk = disk
        self._random = random
        self._make_node = make_node
        self._send = send
        self._reply = reply
        self._crashed = crashed
        self._observe = observe
        self._clock_drift_ppm = clock_drift_ppm
        self._clock_ppm = 0  # how many millionths its clock is too fast by itself
        self._clock = Clock(0, 0)
        self._timers: dict[str, tuple[int, TimerFired]] = {}  # when each runs out, on its own clock
        self._incarnation = 0
        self._node: Node | None = None
        self._durable_ticket = 0
        self._held: deque[Send | Reply] = deque()
        self._waiting: list[Event] = []

    def start(self) -> None:
        """Boot the node on what the disk holds."""
        assert not self.is_up
        self.is_up = True
        self._incarnation += 1
        offset_ns = self._random.randrange(CLOCK_OFFSET_NS_MAX)
        if self._clock_drift_ppm:
            self._clock_ppm = self._random.randint(-self._clock_drift_ppm, self._clock_drift_ppm)
        self._clock = Clock(0, offset_ns, self._clock_ppm)
        self._timers.clear()
        self._durable_ticket = 0
        self._held.clear()
        self.role = None
        self._node = self._make_node(self._incarnation)
        self.handle(Boot(self._disk.records(), self._incarnation))

    def kill(self) -> None:
        """End it at once."""
        self.is_up = self.is_paused = False
        self._node = None
        self._waiting.clear()
        self._disk.crash(self._scheduler.now_ns)

    def skew(self, rate_ppm: int, jump_ns: int) -> None:
        """Let its clock run wrong by so much, besides what it does by itself, after a jump."""
        rate_ppm = max(-RATE_PPM_MAX, min(RATE_PPM_MAX, self._clock_ppm + rate_ppm))
        self._clock.skew(self._scheduler.now_ns, rate_ppm, jump_ns)
        for due_ns, event in self._timers.values():
            self._fire_at(due_ns, event)

    def pause(self) -> None:
        """Freeze it."""
        self.is_paused = True

    def resume(self) -> None:
        """Let it handle, in order, all that came meanwhile."""
        self.is_paused = False
        waiting, self._waiting = self._waiting, []
        for event in waiting:
            self.handle(event)

    def handle(self, event: Event) -> None:
        """Step the node, if it can be reached, and carry out what it wants."""
        if self._node is None:
            return
        if self.is_paused:
            self._waiting.append(event)
            return
        if isinstance(event, StorageDone):
            self._release(event.ticket)
        now_ns = self._scheduler.now_ns
        local_ns = self._clock.read(now_ns)
        try:
            effects = self._node.step(local_ns, event)
        except Exception as error:  # the node's own failure: on a real machine its process would end
            self._crashed(f"{self.name} at {now_ns} ns of the run: {type(error).__name__}: {error}")
            self.kill()
            return
        for effect in effects:
            if isinstance(effect, Trace):
                record = effect.record
                record["incarnation"] = self._incarnation
                record["time"] = local_ns
                record["at"] = now_ns
                if self._keeps_traces:
                    self.traces.append(record)
                self._observe(self.name, record)
                if record["type"] == "role":
                    self.role = record
                    self.roles.append(record)
            elif isinstance(effect, Send) and (effect.after is None or effect.after <= self._durable_ticket):
                self._send(self.name, effect.dest, effect.body)  # most of what isn't a trace
            elif isinstance(effect, _MESSAGES):
                self._release_or_hold(effect)
            else:
                self._carry_out(effect)

    def _release_or_hold(self, effect: Send | Reply) -> None:
        if effect.after is not None and effect.after > self._durable_ticket:
            self._held.append(effect)
        elif isinstance(effect, Send):
            self._send(self.name, effect.dest, effect.body)
        else:
            self._reply(effect.client, effect.body)

    def _carry_out(self, effect: Persist | Rewrite | SetTimer) -> None:
        if isinstance(effect, _WRITES):
            replaces = isinstance(effect, Rewrite)
            done_ns = self._disk.write(self._scheduler.now_ns, effect.ticket, effect.records, replaces=replaces)
            self._scheduler.at(done_ns, self._on_disk, self._incarnation, effect.ticket)
        else:
            event = TimerFired(effect.timer, effect.generation)
            due_ns = self._clock.read(self._scheduler.now_ns) + effect.delay_ns
            self._timers[effect.timer] = (due_ns, event)
            self._fire_at(due_ns, event)

    def _fire_at(self, due_ns: int, event: TimerFired) -> None:
        fire_ns = max(self._clock.when(due_ns), self._scheduler.now_ns)
        self._scheduler.at(fire_ns, self._on_timer, self._incarnation, event)

    def _on_disk(self, incarnation: int, ticket: int) -> None:
        if incarnation == self._incarnation and self.is_up:
            self._disk.synced(ticket)
            self.handle(StorageDone(ticket))

    def _release(self, ticket: int) -> None:
        """Let go what waited for this ticket (rule G4). Held effects are in order of their tickets."""
        self._durable_ticket = ticket
        while self._held and (self._held[0].after or 0) <= ticket:
            self._release_or_hold(self._held.popleft())

    def _on_timer(self, incarnation: int, event: TimerFired) -> None:
        """Hand it over, unless it was set again, or the clock was skewed since and hasn't got there yet."""
        if incarnation != self._incarnation or not self.is_up:
            return
        due_ns, newest = self._timers.get(event.timer, (0, None))
        if newest is event and self._clock.read(self._scheduler.now_ns) >= due_ns:
            del self._timers[event.timer]
            self.handle(event)
