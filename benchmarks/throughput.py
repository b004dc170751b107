"""How many writes does a Raft cluster commit? Simulated by the processor's time, as processes by the clock.

Simulated: five nodes, the network of the main scenario, every node's trace watched by all invariants as it is told.
Processes: three nodes on loopback that sync their log files, and clients in one process more, each of which writes
again as soon as it has its answer. There all four share this machine's cores, so that the nodes' own time is told too.
"""

from __future__ import annotations

import asyncio
import gc
import time
from pathlib import Path

from benchmarks.process_cluster import children_s, load, running
from keelhaul.checkers.raft import RaftInvariants
from keelhaul.checkers.verdict import Verdict
from keelhaul.harness import scenario
from keelhaul.harness.scenario import SECOND
from keelhaul.harness.simulation.driver import run_now
from keelhaul.harness.simulation.world import World
from keelhaul.nodes.events import Body

SCENARIO = Path(__file__).parent.parent / "scenarios" / "raft-register.toml"
CLIENTS = 64
WRITES = 20_000
KEYS = 100
WARM_UP_S, MEASURED_S = 2.0, 6.0
UNHURRIED = {"election_timeout_ms": 1000, "heartbeat_ms": 100}
"""Elections that no busy machine provokes: their cost is not what is measured."""


class Load:
    """Clients of a simulated world, each of which writes again as soon as it has its answer."""

    def __init__(self, world: World, leader: str) -> None:
        self.committed = 0
        self._world = world
        self._leader = leader
        self._begun = 0

    def write(self) -> None:
        """Begin a write."""
        self._begun += 1
        body = {"type": "write", "key": self._begun % KEYS, "value": self._begun}
        self._world.request(self._leader, body, self._answered)

    def _answered(self, body: Body | None, why_not: str) -> None:
        assert body is not None, why_not
        assert body["type"] == "write_ok", body
        self.committed += 1
        self.write()


def simulated(writes: int = WRITES) -> tuple[float, float]:
    """Return writes per second of the processor's time, and per second of virtual time."""
    chosen = scenario.load(SCENARIO)
    watcher = RaftInvariants().watcher(chosen.members, in_order=True)
    world = World(chosen, Path(), (watcher,))
    run_now(world.start())
    while (leader := run_now(world.leader())) is None or world.scheduler.now_ns < SECOND:
        world.scheduler.run_next()
    load = Load(world, leader)
    gc.collect()
    gc.disable()
    began_ns, start_s = world.scheduler.now_ns, time.process_time()
    for _ in range(CLIENTS):
        load.write()
    while load.committed < writes:
        world.scheduler.run_next()
    spent_s = time.process_time() - start_s
    gc.enable()
    result = watcher.result()
    assert result.verdict is Verdict.VALID, result.reason
    virtual_s = (world.scheduler.now_ns - began_ns) / SECOND
    world.dispose()
    return load.committed / spent_s, load.committed / virtual_s


def of_processes() -> tuple[float, float]:
    """Return writes per second, and the nodes' processor time for each of them in µs, their start included."""
    before_s = children_s()
    with running("raft", 3, UNHURRIED) as cluster:
        rate = asyncio.run(load(cluster, CLIENTS, WARM_UP_S, MEASURED_S))
    return rate, 1e6 * (children_s() - before_s) / (rate * (WARM_UP_S + MEASURED_S))


def main() -> None:
    """Print both."""
    print(f"throughput: Raft, {CLIENTS} clients, each with one write at a time")
    by_processor, by_clock = simulated()
    print(
        f"  simulated, 5 nodes, all invariants watching: {by_processor:,.0f} writes per second of processor time "
        f"(wanted: at least 5,000); {by_clock:,.0f} per second of virtual time"
    )
    rate, node_us = of_processes()
    print(
        f"  processes, 3 nodes, log files synced: {rate:,.0f} writes per second (wanted: at least 2,000); "
        f"{node_us:,.0f} µs of the nodes' processor time each"
    )


if __name__ == "__main__":
    main()
