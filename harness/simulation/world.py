"""The simulated environment: machines, network, and the clients' connections. Its coroutines never suspend.

A client's connection has latency but no loss, and is never cut (faults are between nodes). It behaves as TCP does: a
dead machine refuses, one that dies breaks it, one that is paused says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from keelhaul.checkers.checker import NodeTrace
from keelhaul.checkers.watcher import Watcher
from keelhaul.harness import seeds, store
from keelhaul.harness.scenario import Scenario
from keelhaul.harness.simulation.disk import Disk
from keelhaul.harness.simulation.machine import Machine
from keelhaul.harness.simulation.network import MS, Network
from keelhaul.harness.simulation.scheduler import Scheduler
from keelhaul.nemesis.topology import Grudge
from keelhaul.nodes.events import Body, ClientRequest, Received
from keelhaul.nodes.node import Node, NodeConfig
from keelhaul.nodes.registry import node_factory

OnAnswer: TypeAlias = Callable[[Body | None, str], None]
"""Called once with a reply's body, or with None and why there will be none: "refused" or "broken"."""

CLIENT_LATENCY_NS = MS // 2


@dataclass(slots=True)
class Waiting:
    """A client's request that a machine hasn't answered."""

    node: str
    on_answer: OnAnswer


class World:
    """A cluster in virtual time."""

    def __init__(
        self, scenario: Scenario, folder: Path, watchers: Sequence[Watcher] = (), *, keeps_traces: bool = True
    ) -> None:
        """Without `keeps_traces` only watchers see what nodes tell, all but who led."""
        self.scheduler = Scheduler()
        self.nodes = scenario.members
        self.crashes: list[str] = []
        self._scenario = scenario
        self._folder = folder
        self._watchers = watchers
        self._keeps_traces = keeps_traces
        self._client_random = seeds.stream(scenario.seed, "clients")
        self._waiting: dict[int, Waiting] = {}
        self._requests = 0
        network_random = seeds.stream(scenario.seed, "network")
        self._network = Network(self.scheduler, network_random, scenario.simulation, self._deliver)
        self.machines = {name: self._machine(name) for name in self.nodes}

    def _machine(self, name: str) -> Machine:
        seed = self._scenario.seed
        disk = Disk(seeds.stream(seed, f"disk/{name}"), self._scenario.simulation.fsync_ms)
        make_node = partial(self._make_node, name)
        random = seeds.stream(seed, f"machine/{name}")
        crashed = partial(self._crashed, name)
        send, reply = self._network.send, self._reply
        drift_ppm = int(self._scenario.simulation.clock_drift_percent * 10_000)
        return Machine(
            name,
            self.scheduler,
            disk,
            random,
            make_node,
            send,
            reply,
            crashed,
            self._observer(),
            drift_ppm,
            keeps_traces=self._keeps_traces,
        )

    def _observer(self) -> Callable[[str, dict[str, Any]], None]:
        """Return what shows a record to the watchers in the moment in which it is told: here, all nodes' records have
        one order. A run tells a thousand and more a second, to one or two watchers as a rule: no loop for these."""
        observers = [watcher.observe for watcher in self._watchers]
        if len(observers) == 1:
            return observers[0]
        if len(observers) == 2:
            first, second = observers

            def both(node: str, record: dict[str, Any]) -> None:
                first(node, record)
                second(node, record)

            return both

        def all_of_them(node: str, record: dict[str, Any]) -> None:
            for observe in observers:
                observe(node, record)

        return all_of_them

    def _make_node(self, name: str, incarnation: int) -> Node:
        scenario = self._scenario
        config = NodeConfig(
            name=name, members=self.nodes, options=dict(scenario.system_options), mutant=scenario.mutant
        )
        return node_factory(scenario.system)(config, seeds.stream(scenario.seed, f"node/{name}/{incarnation}"))

    def dispose(self) -> None:
        """Let go of everything, so that a run's values go when the run does; the world can't be used any more.

        World, machines and network refer to each other. Without this they would wait for the search for cycles, which
        then takes a tenth of the run's own time.
        """
        self.scheduler.forget()
        self.machines.clear()
        self.__dict__.clear()

    # --- clients

    def request(self, node: str, body: Body, on_answer: OnAnswer) -> int:
        """Send a client's request; return a handle by which it can be given up."""
        self._requests += 1
        handle = self._requests
        self._waiting[handle] = Waiting(node, on_answer)
        self._after_latency(self._arrive, handle, {**body, "msg_id": handle})
        return handle

    def give_up(self, handle: int) -> None:
        """Forget a request; its answer, if one comes, goes nowhere."""
        self._waiting.pop(handle, None)

    def _arrive(self, handle: int, body: Body) -> None:
        waiting = self._waiting.get(handle)
        if waiting is None:
            return
        machine = self.machines[waiting.node]
        if machine.is_up:
            machine.handle(ClientRequest("client", body))
        else:
            self._after_latency(self._answer, handle, None, "refused")

    def _crashed(self, name: str, sentence: str) -> None:
        self.crashes.append(sentence)
        self._break_connections((name,))

    def _break_connections(self, nodes: Sequence[str]) -> None:
        for handle, waiting in self._waiting.items():
            if waiting.node in nodes:
                self._after_latency(self._answer, handle, None, "broken")

    def _reply(self, client: str, body: Body) -> None:
        self._after_latency(self._answer, body["in_reply_to"], body, "")

    def _answer(self, handle: int, body: Body | None, why_not: str) -> None:
        waiting = self._waiting.pop(handle, None)
        if waiting is not None:
            waiting.on_answer(body, why_not)

    def _after_latency(self, action: Callable[..., None], *arguments: object) -> None:
        delay_ns = CLIENT_LATENCY_NS // 2 + int(self._client_random.random() * CLIENT_LATENCY_NS)
        self.scheduler.after(delay_ns, action, *arguments)

    def _deliver(self, source: str, dest: str, body: Body) -> None:
        self.machines[dest].handle(Received(source, body))

    # --- the environment

    async def start(self) -> None:
        """Boot every machine."""
        for machine in self.machines.values():
            machine.start()

    async def stop(self) -> None:
        """Nothing of a simulation outlives it."""

    async def collect(self) -> None:
        """Write the traces into the run's folder, if they were kept."""
        traces = self.traces()
        if traces is not None:
            store.write_traces(self._folder, traces)

    def traces(self) -> tuple[NodeTrace, ...] | None:
        """Return what the nodes told; None if that wasn't kept."""
        if not self._keeps_traces:
            return None
        return tuple(NodeTrace(name, tuple(machine.traces)) for name, machine in self.machines.items())

    def roles(self) -> tuple[NodeTrace, ...]:
        """Return what the nodes told of their roles alone."""
        return tuple(NodeTrace(name, tuple(machine.roles)) for name, machine in self.machines.items())

    # --- the victim

    async def leader(self) -> str | None:
        """Return the leader by what the nodes told last, among those that could answer now."""
        leading = {
            machine.role["term"]: name
            for name, machine in self.machines.items()
            if machine.is_up and not machine.is_paused and machine.role and machine.role["role"] == "leader"
        }
        return leading[max(leading)] if leading else None

    async def cut(self, grudge: Grudge) -> None:
        """Put these cuts in force."""
        self._network.cut(grudge)

    async def kill(self, nodes: Sequence[str]) -> None:
        """Kill machines; their clients' connections break."""
        for name in nodes:
            self.machines[name].kill()
        self._break_connections(nodes)

    async def restart(self, nodes: Sequence[str]) -> None:
        """Start machines that are down."""
        for name in nodes:
            if not self.machines[name].is_up:
                self.machines[name].start()

    async def pause(self, nodes: Sequence[str]) -> None:
        """Freeze machines."""
        for name in nodes:
            self.machines[name].pause()

    async def resume(self, nodes: Sequence[str]) -> None:
        """Let frozen machines go on."""
        for name in nodes:
            if self.machines[name].is_paused:
                self.machines[name].resume()

    async def skew(self, nodes: Sequence[str], rate_ppm: int, jump_ms: int) -> None:
        """Let machines' clocks run wrong, or right again."""
        for name in nodes:
            if self.machines[name].is_up:  # one that crashed by itself starts again with a right clock
                self.machines[name].skew(rate_ppm, jump_ms * MS)
