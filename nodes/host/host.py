"""Runs one node on a real machine: turns the world into events, and carries out what the node answers.

Everything happens on one thread, one event after the other, but for the writes to the log (`wal_file.py`). Of one step:

1. its traces are written first, all in one go. So whatever anybody can have seen of a step, its trace is on disk;
2. the other effects are carried out in the order in which they were returned;
3. a send or reply with `after=ticket` waits in line until the log says that this ticket is on disk (G4).

An exception of the node's, or of the host's own, ends the process. A node that went on after one would be some other
system than the one under test.

The node's clock is the machine's monotonic one, unless a nemesis has it run wrong (`nodes/clock.py`): a request of type
`host/skew` is the host's, and no node ever sees it.
"""

from __future__ import annotations

import asyncio
import reprlib
import time
import traceback
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, NoReturn, Protocol, assert_never

from keelhaul.nodes.clock import JUMP_MS_MAX, RATE_PPM_MAX, Clock
from keelhaul.nodes.errors import ErrorCode, error_body
from keelhaul.nodes.events import (
    Body,
    Boot,
    ClientRequest,
    Effect,
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
from keelhaul.nodes.host.stopping import EXIT_NODE_FAILED, EXIT_STORAGE_FAILED, crash
from keelhaul.nodes.host.tcp import Address, Network, bind
from keelhaul.nodes.host.trace_file import TraceFile
from keelhaul.nodes.host.wal_file import WalFile
from keelhaul.nodes.node import Node, NodeConfig, NodeFactory

SKEW = "host/skew"
WAITING_MAX = 10_000
"""Messages that wait for the disk; with more, the oldest is lost, like a packet. Only a disk that hangs gets there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostConfig:
    """What a host is told: whom to run, the folder of its files, where it listens and where its peers are reached."""

    node: NodeConfig
    seed: int
    cluster: str
    data: Path
    listen: Address
    peers: Mapping[str, Address]


class _Log(Protocol):
    def append(self, ticket: int, records: tuple[list[Any], ...]) -> None: ...
    def replace(self, ticket: int, records: tuple[list[Any], ...]) -> None: ...


class _Traces(Protocol):
    def write(self, now_ns: int, records: list[dict[str, Any]]) -> None: ...


class _Sender(Protocol):
    def send(self, dest: str, body: Body) -> None: ...
    def reply(self, client: str, body: Body) -> None: ...


class Host:
    """A node between its log, its traces and its network."""

    def __init__(self, node: Node, log: _Log, traces: _Traces, network: _Sender) -> None:
        self._node = node
        self._log = log
        self._traces = traces
        self._network = network
        now_ns = time.monotonic_ns()
        self._clock = Clock(now_ns, now_ns)
        self._timers: dict[str, tuple[int, TimerFired, asyncio.TimerHandle]] = {}
        self._durable_ticket = 0
        self._waiting: deque[Send | Reply] = deque(maxlen=WAITING_MAX)

    def handle(self, event: Event) -> None:
        """Let the node take one event, and do what it asks for. Any exception ends the process."""
        if isinstance(event, ClientRequest) and event.body["type"] == SKEW:
            self._network.reply(event.client, {**self._skew(event.body), "in_reply_to": event.body.get("msg_id")})
            return
        now_ns = self._clock.read(time.monotonic_ns())
        try:
            effects = self._node.step(now_ns, event)
            self._trace(now_ns, effects)
            for effect in effects:
                self._carry_out(effect)
        except Exception:
            crash(EXIT_NODE_FAILED, f"the node failed while it took {reprlib.repr(event)}:\n{traceback.format_exc()}")

    def stored(self, ticket: int) -> None:
        """Release what waited for this ticket or an earlier one, in the order in which it was returned; tell the
        node."""
        self._durable_ticket = max(self._durable_ticket, ticket)
        waited = list(self._waiting)
        self._waiting.clear()
        for effect in waited:
            self._carry_out(effect)
        self.handle(StorageDone(ticket))

    def _skew(self, body: Body) -> Body:
        """Let the node's clock run wrong from now on, or right again; its timers run out when that clock says so."""
        rate_ppm, jump_ms = body.get("rate_ppm"), body.get("jump_ms")
        if type(rate_ppm) is not int or type(jump_ms) is not int:
            return error_body(ErrorCode.MALFORMED_REQUEST, "rate_ppm and jump_ms are whole numbers")
        if abs(rate_ppm) > RATE_PPM_MAX or abs(jump_ms) > JUMP_MS_MAX:
            return error_body(ErrorCode.MALFORMED_REQUEST, f"at most {RATE_PPM_MAX} and {JUMP_MS_MAX}, either way")
        self._clock.skew(time.monotonic_ns(), rate_ppm, jump_ms * 1_000_000)
        for due_ns, fired, handle in list(self._timers.values()):
            handle.cancel()
            self._arm(due_ns, fired)
        return {"type": f"{SKEW}_ok"}

    def _trace(self, now_ns: int, effects: list[Effect]) -> None:
        records = [effect.record for effect in effects if isinstance(effect, Trace)]
        if not records:
            return
        try:
            self._traces.write(now_ns, records)
        except OSError as error:
            crash(EXIT_STORAGE_FAILED, f"the trace can't be written: {error}")

    def _carry_out(self, effect: Effect) -> None:
        if isinstance(effect, Send | Reply):
            self._let_go(effect)
        elif isinstance(effect, Persist):
            self._log.append(effect.ticket, effect.records)
        elif isinstance(effect, Rewrite):
            self._log.replace(effect.ticket, effect.records)
        elif isinstance(effect, SetTimer):
            self._set_timer(effect)
        elif not isinstance(effect, Trace):  # traces are on disk already
            assert_never(effect)

    def _let_go(self, effect: Send | Reply) -> None:
        if effect.after is not None and effect.after > self._durable_ticket:
            self._waiting.append(effect)
        elif isinstance(effect, Send):
            self._network.send(effect.dest, effect.body)
        else:
            self._network.reply(effect.client, effect.body)

    def _set_timer(self, effect: SetTimer) -> None:
        earlier = self._timers.get(effect.timer)
        if earlier is not None:
            earlier[2].cancel()
        due_ns = self._clock.read(time.monotonic_ns()) + effect.delay_ns
        self._arm(due_ns, TimerFired(effect.timer, effect.generation))

    def _arm(self, due_ns: int, fired: TimerFired) -> None:
        delay_ns = self._clock.when(due_ns) - time.monotonic_ns()
        handle = asyncio.get_running_loop().call_later(max(delay_ns, 0) / 1e9, self._run_out, fired)
        self._timers[fired.timer] = (due_ns, fired, handle)

    def _run_out(self, fired: TimerFired) -> None:
        del self._timers[fired.timer]
        self.handle(fired)


async def serve(config: HostConfig, factory: NodeFactory) -> NoReturn:
    """Run a node until the process ends.

    Before it starts: OSError if the disk fails, AddressTaken, CorruptLog, LogInUse.
    """
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_crash_on_stray_exception)
    # First the address, because that is what may fail innocently: nothing has been written then.
    listening = bind(config.listen)
    name = config.node.name
    log = WalFile(config.data / "wal", config.cluster, name)
    traces = TraceFile(config.data / "trace.jsonl", log.incarnation)
    network = Network(name, config.cluster, log.incarnation, config.peers)
    node = factory(config.node, Random(f"{config.seed}/{name}/{log.incarnation}"))
    host = Host(node, log, traces, network)
    log.start(lambda ticket: loop.call_soon_threadsafe(host.stored, ticket))
    host.handle(Boot(log.records, log.incarnation))
    await network.open(listening, host.handle)
    print(f"listening {config.listen}", flush=True)
    while True:
        await asyncio.sleep(3600)


def _crash_on_stray_exception(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> NoReturn:
    error = context.get("exception")
    trace = "".join(traceback.format_exception(error)) if error is not None else ""
    crash(EXIT_NODE_FAILED, f"the host failed: {context.get('message')}\n{trace}")
