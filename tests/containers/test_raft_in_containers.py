"""The real host with the real Raft, in containers: it elects, loses its leader to a cut and to a kill, and elects."""

from __future__ import annotations

import anyio
import pytest

from keelhaul.harness.environments.container_node import host_command
from keelhaul.nemesis.topology import isolate

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
