"""Nodes in real containers: they come up, die, freeze and go without a trace."""

from __future__ import annotations

import json

import anyio
import pytest

from keelhaul.harness.environments.containers import Containers
from keelhaul.harness.environments.environment import SetupError
from keelhaul.harness.environments.status import ask
from keelhaul.nemesis.victim import VictimError

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("containers")]


def test_data_and_addresses_outlive_a_kill(with_cluster, incarnation, engine, spec):
    async def body(cluster):
        program = f"keelhaul-{spec.run_id}-n1"
        before = {node: cluster.address(node) for node in cluster.nodes}
        assert all(host == "127.0.0.1" for host, _ in before.values())
        for expected in (2, 3):
            await cluster.kill(["n1", "n2"])
            assert engine.state(program) == "exited"
            await cluster.restart(["n1", "n2"])
            assert await incarnation(cluster, "n1") == expected
        assert {node: cluster.address(node) for node in cluster.nodes} == before
        assert await incarnation(cluster, "n3") == 1

    with_cluster(body)


def test_restart_leaves_alone_what_runs(with_cluster, incarnation):
    async def body(cluster):
        await cluster.pause(["n2"])
        await cluster.restart(list(cluster.nodes))
        await cluster.resume(list(cluster.nodes))
        assert [await incarnation(cluster, node) for node in cluster.nodes] == [1, 1, 1]

    with_cluster(body)


def test_frozen_nodes_say_nothing_and_go_on(with_cluster, incarnation):
    async def body(cluster):
        await cluster.pause(["n2", "n3"])
        await cluster.pause(["n2"])
        assert await ask("n2", cluster.address("n2"), 0.3) is None
        assert await cluster.leader() == "n1", "the highest term among those that answer"
        await cluster.resume(["n1", "n2", "n3"])
        assert await cluster.leader() == "n3"
        assert await incarnation(cluster, "n2") == 1

    with_cluster(body)


def test_a_frozen_node_can_be_killed(with_cluster, incarnation, engine, spec):
    async def body(cluster):
        await cluster.pause(["n2"])
        await cluster.kill(["n2"])
        assert engine.state(f"keelhaul-{spec.run_id}-n2") == "exited"
        await cluster.kill(["n2"])
        await cluster.restart(["n2"])
        assert await incarnation(cluster, "n2") == 2

    with_cluster(body)


def test_a_dead_node_cannot_be_frozen(with_cluster):
    async def body(cluster):
        await cluster.kill(["n2"])
        with pytest.raises(VictimError, match="n2: "):
            await cluster.pause(["n1", "n2"])
        assert await ask("n1", cluster.address("n1"), 2.0) is not None, "all of them or none"

    with_cluster(body)


def test_death_by_itself_is_told_from_a_kill(with_cluster, request_of, incarnation, engine, spec):
    async def end_by_itself(cluster):
        with pytest.raises(Exception, match="hung up"):
            await request_of(cluster, "n2", "end")
        while engine.exit_code(f"keelhaul-{spec.run_id}-n2") is None:
            await anyio.sleep(0.05)

    async def body(cluster):
        await cluster.kill(["n1"])
        await cluster.collect()
        assert cluster.died == ()
        await end_by_itself(cluster)
        await cluster.kill(["n2", "n3"])
        assert cluster.died == (("n2", 3),)
        await cluster.restart(["n2"])
        assert await incarnation(cluster, "n2") == 2
        await end_by_itself(cluster)
        await cluster.collect()
        await cluster.collect()
        assert cluster.died == (("n2", 3), ("n2", 3))

    with_cluster(body)


def test_privileges_ports_and_volumes(with_cluster, engine, spec):
    async def body(cluster):
        for node in cluster.nodes:
            program = engine.client.api.inspect_container(f"keelhaul-{spec.run_id}-{node}")
            holder = engine.client.api.inspect_container(f"keelhaul-{spec.run_id}-{node}-network")
            for one in (program, holder):
                assert not one["HostConfig"]["Privileged"]
                assert one["Mounts"] == []
                assert one["HostConfig"]["Memory"] > 0
            assert not program["HostConfig"]["CapAdd"]
            assert program["HostConfig"]["CapDrop"] == ["ALL"]
            assert holder["HostConfig"]["CapAdd"] in (["NET_ADMIN"], ["CAP_NET_ADMIN"])
            published = [one for ports in holder["NetworkSettings"]["Ports"].values() for one in ports]
            assert [one["HostIp"] for one in published] == ["127.0.0.1"]

    with_cluster(body)


def test_files_are_collected_from_the_living_the_frozen_and_the_dead(with_cluster, spec):
    async def body(cluster):
        await cluster.kill(["n1"])
        await cluster.pause(["n2"])
        await cluster.collect()

    with_cluster(body)
    for node in spec.nodes:
        folder = spec.folder / "nodes" / node
        assert json.loads((folder / "trace.jsonl").read_text()) == {"type": "boot", "incarnation": 1}
        assert (folder / "host.log").read_text() == "incarnation 1 is up\n"
        assert not (folder / "wal").exists()


def test_a_program_that_does_not_start_is_told_with_its_last_words(with_cluster):
    async def body(cluster):
        raise AssertionError("it came up")

    def command(spec, node, addresses):
        return ["python3", "-c", "raise SystemExit('no disk today')"]

    with pytest.raises(SetupError, match="n2: it ended with exit code 1; it said: no disk today"):
        with_cluster(body, command)


def test_a_command_that_does_not_exist_leaves_nothing(with_cluster):
    async def body(cluster):
        raise AssertionError("it came up")

    with pytest.raises(SetupError, match="no-such-program"):
        with_cluster(body, lambda spec, node, addresses: ["no-such-program"])


@pytest.mark.parametrize("after_seconds", [0.1, 0.6, 1.2])
def test_a_cancelled_start_leaves_nothing(engine, spec, left, stand_in, after_seconds):
    async def body():
        cluster = Containers(spec, command=stand_in)
        with anyio.move_on_after(after_seconds) as scope:
            await cluster.start()
        assert scope.cancelled_caught
        with anyio.CancelScope(shield=True):
            await cluster.collect()
            await cluster.stop()
            await cluster.stop()

    anyio.run(body)
    assert left(spec.run_id) == []


def test_two_runs_side_by_side(engine, spec, tmp_path, stand_in, hears_now, left):
    async def one(run_id):
        from dataclasses import replace

        cluster = Containers(replace(spec, run_id=run_id), command=stand_in)
        try:
            await cluster.start()
            await cluster.cut({"n1": ("n2",)})
            assert await hears_now(cluster, "n1") == {"n3"}
        finally:
            with anyio.CancelScope(shield=True):
                await cluster.stop()

    async def both():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one, f"{spec.run_id}-a")
            tasks.start_soon(one, f"{spec.run_id}-b")

    anyio.run(both)
    assert left(f"{spec.run_id}-a") + left(f"{spec.run_id}-b") == []
