"""Raft on real processes, once: write, kill the leader, read it back from the next one."""

from __future__ import annotations

import anyio
import pytest

from keelhaul.harness.environments.connection import Broken, Refused

pytestmark = pytest.mark.processes


async def until_leader(processes, *, other_than=None):
    with anyio.fail_after(15):
        while (leader := await processes.leader()) in (None, other_than):
            await anyio.sleep(0.05)
    return leader


async def until_ok(ask, processes, **body):
    """Ask whoever leads until it answers with anything but an error."""
    with anyio.fail_after(15):
        while True:
            leader = await until_leader(processes)
            try:
                answer = await ask(processes, leader, **body)
            except (Broken, Refused):
                continue
            if answer["type"] != "error":
                return answer


def test_a_write_survives_its_leader(cluster, ask):
    async def run():
        async with cluster(system="raft") as processes:
            first = await until_leader(processes)
            await until_ok(ask, processes, type="write", key="x", value=42)
            await processes.kill([first])
            second = await until_leader(processes, other_than=first)
            assert (await until_ok(ask, processes, type="read", key="x"))["value"] == 42
            await processes.restart([first])
            await processes.kill([second])
            await until_ok(ask, processes, type="write", key="y", value=43)
            assert (await until_ok(ask, processes, type="read", key="x"))["value"] == 42
            assert processes.died == ()

    anyio.run(run)
