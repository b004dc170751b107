"""A simulated cluster in which nothing goes wrong and everything takes exactly as long as it is told to.

The nodes, their machines and their disks are those of a simulated run; only network and clients are replaced by what
counts. With one latency for every message and one duration for every sync, the time until an answer tells how many of
each came one after the other on its way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from random import Random

from keelhaul.harness.simulation.disk import Disk
from keelhaul.harness.simulation.machine import Machine
from keelhaul.harness.simulation.scheduler import Scheduler
from keelhaul.nodes.events import Body, ClientRequest, Received
from keelhaul.nodes.node import NodeConfig
from keelhaul.nodes.registry import node_factory

MS = 1_000_000
OnAnswer = Callable[[Body], None]


class _Middle(Random):
    """Draws the middle, so that what is drawn around a mean is the mean."""

    def random(self) -> float:
        return 0.5


class QuietCluster:
    """Nodes `n1` … of a system. `sent` counts messages between them by type; a client is as near as its node."""

    def __init__(
        self, system: str, nodes: int, options: Mapping[str, int | str], *, latency_ns: int, sync_ns: int
    ) -> None:
        self.scheduler = Scheduler()
        self.sent: Counter[str] = Counter()
        self.names = tuple(f"n{number}" for number in range(1, nodes + 1))
        self.disks = {name: Disk(_Middle(), sync_ns / MS) for name in self.names}
        self._system = system
        self._options = dict(options)
        self._latency_ns = latency_ns
        self._waiting: dict[int, OnAnswer] = {}
        self._requests = 0
        self.machines = {name: self._machine(name) for name in self.names}
        for machine in self.machines.values():
            machine.start()

    def _machine(self, name: str) -> Machine:
        return Machine(
            name,
            self.scheduler,
            self.disks[name],
            Random(f"quiet/{name}"),
            partial(self._make_node, name),
            self._send,
            self._reply,
            self._crashed,
        )

    def _make_node(self, name: str, incarnation: int):
        config = NodeConfig(name=name, members=self.names, options=self._options)
        return node_factory(self._system)(config, Random(f"quiet/{name}/{incarnation}"))

    def _send(self, source: str, dest: str, body: Body) -> None:
        self.sent[body["type"]] += 1
        self.scheduler.after(self._latency_ns, self._deliver, source, dest, body)

    def _deliver(self, source: str, dest: str, body: Body) -> None:
        self.machines[dest].handle(Received(source, body))

    def _reply(self, client: str, body: Body) -> None:
        self._waiting.pop(body["in_reply_to"])(body)

    def _crashed(self, sentence: str) -> None:
        raise AssertionError(sentence)

    @property
    def syncs(self) -> int:
        """How often all disks together have synced."""
        return sum(disk.syncs for disk in self.disks.values())

    @property
    def leader(self) -> str | None:
        """Who told last that it leads."""
        return next((name for name, each in self.machines.items() if each.role and each.role["role"] == "leader"), None)

    def request(self, node: str, body: Body, on_answer: OnAnswer) -> None:
        """Ask a node at once; its answer takes no time either."""
        self._requests += 1
        self._waiting[self._requests] = on_answer
        self.machines[node].handle(ClientRequest("client", {**body, "msg_id": self._requests}))

    def run_for(self, duration_ns: int) -> None:
        """Let virtual time pass."""
        over: list[bool] = []
        self.scheduler.after(duration_ns, over.append, True)
        while not over:
            self.scheduler.run_next()

    def run_until(self, reached: Callable[[], bool]) -> None:
        """Let things happen until that is so."""
        while not reached():
            self.scheduler.run_next()
