"""The real host with the real Raft, in containers: it elects, loses its leader to a cut and to a kill, and elects."""

from __future__ import annotations

import anyio
import pytest

from keelhaul.harness.environments.container_node import host_command
from keelhaul.nemesis.topology import isolate
from keelhaul.nemesis.victim import VictimError

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("containers")]


async def another_leader(cluster, than=None):
    with anyio.fail_after(20):
        while (leader := await cluster.leader()) in (None, than):
            await anyio.sleep(0.05)
    return leader


def test_leaders_change_under_cuts_and_kills(with_cluster, spec):
    async def body(cluster):
        first = await another_leader(cluster)
        await cluster.cut(isolate(cluster.nodes, first))
        second = await another_leader(cluster, than=first)
        await cluster.kill([second])
        await cluster.cut({})
        third = await another_leader(cluster, than=second)
        await cluster.restart([second])
        assert third in cluster.nodes
        await cluster.collect()
        assert cluster.died == ()

    with_cluster(body, host_command)
    for node in spec.nodes:
        assert '"type":"boot"' in (spec.folder / "nodes" / node / "trace.jsonl").read_text()
        assert (spec.folder / "nodes" / node / "wal").stat().st_size > 0


def test_a_nodes_clock_runs_wrong_while_it_is_told_to(with_cluster):
    """With election timeouts of ten minutes somebody leads only if a clock that is told to jump over them does."""

    async def body(cluster):
        await anyio.sleep(0.5)
        assert await cluster.leader() is None
        for _ in range(2):
            await cluster.skew(["n1"], 0, 600_000)
        assert await another_leader(cluster) == "n1"
        await cluster.skew(["n1"], 0, 0)
        await cluster.pause(["n1"])
        with pytest.raises(VictimError, match="n1's clock can't be set"):
            await cluster.skew(["n1"], 5, 0)
        await cluster.resume(["n1"])

    with_cluster(body, host_command, election_timeout_ms=600_000)
