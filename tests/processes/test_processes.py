"""The environment `processes`: real hosts behind real links; every fault, and nothing left afterwards."""

from __future__ import annotations

import os
import signal
import subprocess

import anyio
import pytest

from keelhaul.harness.environments.connection import Broken, Connection, Refused
from keelhaul.harness.environments.environment import ClusterSpec, LiveEnvironment, SetupError
from keelhaul.harness.environments.processes import Processes
from keelhaul.nemesis.topology import isolate
from keelhaul.nemesis.victim import VictimError

pytestmark = pytest.mark.processes


def running(folder):
    """The command lines of all processes that name this folder."""
    listed = subprocess.run(["ps", "-axww", "-o", "command="], capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if str(folder) in line and "keelhaul.nodes.host" in line]


async def heard(ask, processes, node):
    return [tuple(one) for one in (await ask(processes, node, type="read"))["heard"]]


async def until_heard(ask, processes, node, wanted):
    with anyio.fail_after(10):
        while wanted not in await heard(ask, processes, node):
            await anyio.sleep(0.02)


async def tell_until_heard(ask, processes, sender, receiver, text):
    """Say something again and again until it arrives: for links that have to come up first."""
    with anyio.fail_after(10):
        while (sender, text) not in await heard(ask, processes, receiver):
            await ask(processes, sender, type="tell", text=text)
            await anyio.sleep(0.02)


def test_nodes_start_talk_and_are_gone_after_stop(cluster, ask, tmp_path):
    async def run():
        async with cluster(options={"leader": 2}) as processes:
            environment: LiveEnvironment = processes
            assert environment.nodes == ("n1", "n2", "n3")
            assert await processes.leader() == "n2"
            await ask(processes, "n1", type="tell", text="hello")
            for node in ("n2", "n3"):
                await until_heard(ask, processes, node, ("n1", "hello"))
            await processes.collect()
            assert len(running(tmp_path)) == 3
        assert running(tmp_path) == []
        await processes.stop()
        assert processes.died == ()
        assert await processes.leader() is None

    anyio.run(run)
    for node in ("n1", "n2", "n3"):
        assert "listening" in (tmp_path / "nodes" / node / "host.log").read_text()
        assert (tmp_path / "nodes" / node / "trace.jsonl").stat().st_size


def test_a_killed_node_keeps_its_data_and_its_address(cluster, ask):
    async def run():
        async with cluster() as processes:
            address = processes.address("n1")
            await ask(processes, "n1", type="write", value="kept")
            await processes.kill(["n1", "n2"])
            await processes.kill(["n1"])
            with pytest.raises(Refused):
                await Connection.open(*address, "c1", 1.0)
            await processes.restart(["n1", "n3"])
            assert processes.address("n1") == address
            assert (await ask(processes, "n1", type="read"))["value"] == "kept"
            with pytest.raises(Refused):
                await Connection.open(*processes.address("n2"), "c1", 1.0)
            await tell_until_heard(ask, processes, "n3", "n1", "welcome back")
            await tell_until_heard(ask, processes, "n1", "n3", "thanks")
            assert processes.died == ()

    anyio.run(run)


def test_cuts_are_one_way_replace_each_other_outlive_restarts_and_heal(cluster, ask):
    async def run():
        async with cluster() as processes:
            await tell_until_heard(ask, processes, "n2", "n1", "before")
            await processes.cut({"n1": ("n2",)})
            await ask(processes, "n2", type="tell", text="dropped")
            await tell_until_heard(ask, processes, "n2", "n3", "to others")
            await tell_until_heard(ask, processes, "n1", "n2", "the other way")
            await processes.kill(["n1", "n2"])
            await processes.restart(["n1", "n2"])
            await ask(processes, "n2", type="tell", text="dropped too")
            await tell_until_heard(ask, processes, "n3", "n1", "marker")
            await tell_until_heard(ask, processes, "n2", "n3", "marker")
            assert not [one for one in await heard(ask, processes, "n1") if one[0] == "n2"]
            await processes.cut(isolate(processes.nodes, "n3"))
            await tell_until_heard(ask, processes, "n2", "n1", "the old cut is over")
            await ask(processes, "n1", type="tell", text="lost")
            await ask(processes, "n3", type="tell", text="lost")
            await anyio.sleep(0.1)
            await processes.cut({})
            await tell_until_heard(ask, processes, "n1", "n3", "healed")
            await tell_until_heard(ask, processes, "n3", "n1", "healed")
            assert ("n1", "lost") not in await heard(ask, processes, "n3")
            assert ("n3", "lost") not in await heard(ask, processes, "n1")

    anyio.run(run)


def test_a_paused_node_says_nothing_and_goes_on_where_it_was(cluster, ask):
    async def run():
        async with cluster(options={"leader": 1}) as processes:
            await ask(processes, "n1", type="write", value=1)
            await processes.pause(["n1"])
            assert await processes.leader() is None
            connection = await Connection.open(*processes.address("n1"), "c1", 1.0)
            with anyio.move_on_after(0.2) as deadline:
                await connection.request({"type": "read"})
            assert deadline.cancelled_caught
            with pytest.raises(Broken):
                await connection.request({"type": "read"})
            await ask(processes, "n2", type="tell", text="sleep well")
            await processes.resume(["n1", "n2"])
            assert await processes.leader() == "n1"
            await until_heard(ask, processes, "n1", ("n2", "sleep well"))

    anyio.run(run)


def test_a_paused_node_can_be_killed_and_a_dead_one_not_paused(cluster, ask, tmp_path):
    async def run():
        async with cluster() as processes:
            await processes.pause(["n1", "n2"])
            await processes.kill(["n1"])
            with pytest.raises(VictimError, match="n1 can't be paused: not running"):
                await processes.pause(["n1", "n3"])
            assert (await ask(processes, "n3", type="read"))["type"] == "read_ok"
            await processes.resume(["n1", "n2"])
            await processes.restart(["n1"])
            assert (await ask(processes, "n1", type="read"))["type"] == "read_ok"
            await processes.pause(["n3"])
        assert running(tmp_path) == []

    anyio.run(run)


def test_a_node_that_dies_by_itself_is_noticed_and_can_be_started_again(cluster, ask):
    async def run():
        async with cluster() as processes:
            with pytest.raises(Broken):
                await ask(processes, "n2", type="fail")
            with anyio.fail_after(10):
                while processes.died != (("n2", 70),):
                    await anyio.sleep(0.01)
            await processes.restart(["n2"])
            assert (await ask(processes, "n2", type="read"))["type"] == "read_ok"
            assert processes.died == (("n2", 70),)

    anyio.run(run)


def test_a_node_that_cannot_start_is_a_set_up_error_with_its_own_words(cluster, tmp_path):
    async def run():
        async with cluster(system="no_such_module:Node"):
            pytest.fail("it started")

    with pytest.raises(SetupError, match=r"n1 ended with exit code 2(?s:.*)no_such_module(?s:.*)n3 ended"):
        anyio.run(run)
    assert running(tmp_path) == []


def test_a_node_that_never_answers_is_a_set_up_error(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr("keelhaul.harness.environments.processes.READY_S", 0.01)

    async def run():
        async with cluster():
            pytest.fail("it was ready within 10 ms")

    with pytest.raises(SetupError, match=r"n1 didn't answer within 0\.01 s"):
        anyio.run(run)
    assert running(tmp_path) == []


def test_a_taken_port_is_replaced(cluster, ask, monkeypatch):
    """A port that somebody takes between our choice and the node's start."""
    import socket

    from keelhaul.harness.environments import processes as module

    thieves = []

    class Stolen(module.Port):
        def __init__(self, host):
            super().__init__(host)
            if not thieves:
                thief = socket.socket()
                thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                thief.bind(self.address)
                thief.listen()
                thieves.append(thief)

    monkeypatch.setattr(module, "Port", Stolen)

    async def run():
        async with cluster() as processes:
            assert processes.address("n1") != thieves[0].getsockname()
            await tell_until_heard(ask, processes, "n2", "n1", "hello at your new port")

    try:
        anyio.run(run)
    finally:
        thieves[0].close()


def test_a_cancelled_start_is_cleaned_up(cluster, tmp_path):
    async def run():
        with anyio.move_on_after(0.05) as deadline:
            async with cluster():
                await anyio.sleep_forever()
        assert deadline.cancelled_caught

    anyio.run(run)
    assert running(tmp_path) == []


def test_stop_is_safe_before_start(tmp_path):
    spec = ClusterSpec(run_id="r", folder=tmp_path, system="raft", nodes=("n1", "n2", "n3"))
    processes = Processes(spec)

    async def run():
        await processes.stop()
        await processes.stop()

    anyio.run(run)
    assert processes.died == ()


def test_nodes_are_out_of_reach_of_ctrl_c(cluster):
    async def run():
        async with cluster(count=1) as processes:
            pid = processes._processes["n1"]._process.pid
            assert os.getpgid(pid) == pid != os.getpgid(0)
            os.kill(pid, signal.SIGTERM)
            with anyio.fail_after(10):
                while processes.died != (("n1", 0),):
                    await anyio.sleep(0.01)

    anyio.run(run)


def test_a_nodes_clock_runs_wrong_while_it_is_told_to(cluster, ask, tmp_path):
    async def run():
        async with cluster(1, system="raft", options={"election_timeout_ms": 600_000, "heartbeat_ms": 50}) as processes:
            await anyio.sleep(0.3)
            assert await processes.leader() is None, "nobody stands before ten minutes are over"
            await processes.skew(["n1"], 0, 600_000)
            await processes.skew(["n1"], 0, 600_000)
            with anyio.fail_after(10):
                while await processes.leader() is None:
                    await anyio.sleep(0.02)
            await processes.skew(["n1"], 0, 0)
            await processes.pause(["n1"])
            with pytest.raises(VictimError, match="n1's clock can't be set"):
                await processes.skew(["n1"], 5, 0)

    anyio.run(run)
