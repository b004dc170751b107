"""Cuts on a real engine: no packet gets through while one is in force, whatever happens to the nodes meanwhile."""

from __future__ import annotations

import anyio
import pytest

from keelhaul.nemesis.topology import complete_grudge
from keelhaul.nemesis.victim import VictimError

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("containers")]


def test_one_way_both_ways_and_healed(with_cluster, hears_now):
    async def body(cluster):
        assert await hears_now(cluster, "n1") == {"n2", "n3"}
        await cluster.cut({"n1": ("n2",)})
        assert await hears_now(cluster, "n1") == {"n3"}
        assert await hears_now(cluster, "n2") == {"n1", "n3"}
        await cluster.cut(complete_grudge([("n1",), ("n2", "n3")]))
        assert await hears_now(cluster, "n1") == set()
        assert await hears_now(cluster, "n2") == {"n3"}
        await cluster.cut({})
        assert await hears_now(cluster, "n1") == {"n2", "n3"}

    with_cluster(body)


def test_cut_holds_when_the_receiver_is_killed_and_started_again(with_cluster, heard, hears_now):
    async def body(cluster):
        await cluster.cut({"n2": ("n1",)})
        for _ in range(3):
            await cluster.kill(["n2"])
            await cluster.restart(["n2"])
            await anyio.sleep(0.2)
            counts = await heard(cluster, "n2")
            assert "n1" not in counts, "a datagram came through the cut"
            assert counts["n3"] > 0, "the stand-in heard nobody, so the cut was not tested"
        await cluster.cut({})
        assert await hears_now(cluster, "n2") == {"n1", "n3"}

    with_cluster(body)


def test_a_gap_of_a_moment_would_be_noticed(with_cluster, heard):
    async def body(cluster):
        await cluster.cut({"n2": ("n1",)})
        await cluster.kill(["n2"])
        await cluster.restart(["n2"])
        assert "n1" not in await heard(cluster, "n2")
        gap = "iptables-$kind -F; sleep 0.05; iptables-$kind -A INPUT -s {} -j DROP"
        cluster._members["n2"]._shell.run(gap.format(cluster._members["n1"].inside), 5)
        assert (await heard(cluster, "n2"))["n1"] > 0

    with_cluster(body)


def test_cut_holds_when_the_sender_is_killed_and_started_again(with_cluster, heard, hears_now):
    async def body(cluster):
        await cluster.cut({"n2": ("n1",)})
        await anyio.sleep(0.1)
        before = (await heard(cluster, "n2"))["n1"]
        await cluster.kill(["n1"])
        await cluster.restart(["n1"])
        assert await hears_now(cluster, "n3") == {"n1", "n2"}
        assert (await heard(cluster, "n2"))["n1"] == before

    with_cluster(body)


def test_cut_made_while_the_receiver_is_down_is_in_force_at_its_first_moment(with_cluster, heard, hears_now):
    async def body(cluster):
        await cluster.cut({"n2": ("n3",)})
        await cluster.kill(["n2"])
        await cluster.cut({"n2": ("n1",)})
        await cluster.restart(["n2"])
        await anyio.sleep(0.2)
        counts = await heard(cluster, "n2")
        assert "n1" not in counts
        assert counts["n3"] > 0
        await cluster.kill(["n2"])
        await cluster.cut({})
        await cluster.restart(["n2"])
        assert await hears_now(cluster, "n2") == {"n1", "n3"}

    with_cluster(body)


def test_cut_made_and_healed_while_the_receiver_is_frozen(with_cluster, heard, hears_now):
    async def body(cluster):
        await cluster.cut({"n2": ("n3",)})
        await cluster.pause(["n2"])
        await cluster.cut({"n2": ("n1",)})
        # What came before the cut waits in the frozen node's socket, so it is only counted after this.
        await cluster.resume(["n2"])
        assert await hears_now(cluster, "n2") == {"n3"}
        await cluster.pause(["n2"])
        await cluster.cut({})
        await cluster.resume(["n2"])
        assert await hears_now(cluster, "n2") == {"n1", "n3"}

    with_cluster(body)


def test_a_dead_shell_is_replaced(with_cluster, hears_now):
    async def body(cluster):
        for node in cluster.nodes:
            shell = cluster._members[node]._shell
            shell._socket.sendall(b"kill -9 $$\n")
        await cluster.cut({"n1": ("n2", "n3")})
        assert await hears_now(cluster, "n1") == set()

    with_cluster(body)


def test_what_cannot_be_put_in_force_is_told(with_cluster, engine, spec):
    async def body(cluster):
        engine.kill(f"keelhaul-{spec.run_id}-n2-network")
        with pytest.raises(VictimError, match="n2: ") as raised:
            await cluster.cut({"n2": ("n1",)})
        assert "n1: " not in str(raised.value)

    with_cluster(body)
