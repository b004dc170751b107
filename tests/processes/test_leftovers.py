"""Sweeping what a killed harness left, on real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import anyio
import pytest

from keelhaul.harness.environments import leftovers

pytestmark = pytest.mark.processes

HARNESS = """
import sys
from pathlib import Path
import anyio
from keelhaul.harness.environments.environment import ClusterSpec
from keelhaul.harness.environments.processes import Processes

async def run():
    spec = ClusterSpec(run_id="doomed", folder=Path(sys.argv[1]), system=sys.argv[2], nodes=("n1", "n2", "n3"))
    processes = Processes(spec)
    await processes.start()
    await processes.pause(["n2"])
    print("started", flush=True)
    await anyio.sleep_forever()

anyio.run(run)
"""


def hosts_in(folder):
    listed = subprocess.run(["ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=True)
    return [int(line.split()[0]) for line in listed.stdout.splitlines() if f"{folder}/nodes/" in line]


def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def doomed_harness(tmp_path, register_system):
    """A harness in a process of its own, with three nodes of which n2 is frozen."""
    folder = tmp_path / "doomed"
    harness = subprocess.Popen([sys.executable, "-c", HARNESS, str(folder), register_system], stdout=subprocess.PIPE)
    assert harness.stdout.readline() == b"started\n"
    yield harness, folder
    harness.kill()
    harness.wait()
    harness.stdout.close()
    for pid in hosts_in(folder):
        os.kill(pid, signal.SIGKILL)


def test_nodes_of_a_killed_harness_end_by_themselves_and_frozen_ones_are_swept(cluster, doomed_harness, tmp_path):
    harness, folder = doomed_harness

    async def run():
        async with cluster() as processes:
            await processes.pause(["n3"])
            # As long as both harnesses live there is nothing to sweep.
            assert not [line for line in leftovers.sweep_processes() if "doomed" in line]
            assert len(hosts_in(folder)) == 3
            harness.send_signal(signal.SIGKILL)
            harness.wait()
            until(lambda: len(hosts_in(folder)) == 1)
            swept = [line for line in leftovers.sweep_processes() if "doomed" in line]
            assert len(swept) == 1
            assert swept[0].startswith("ended node n2 of run doomed (process ")
            assert f"harness (process {harness.pid}) is gone" in swept[0]
            assert hosts_in(folder) == []
            # The live run was not touched.
            assert processes.died == ()
            assert len(hosts_in(tmp_path)) == 3

    anyio.run(run)


def test_processes_are_found_without_proc_too(cluster, monkeypatch, tmp_path):
    monkeypatch.setattr(leftovers, "_PROC", tmp_path / "no proc here")

    async def run():
        async with cluster(count=1):
            hosts = [found for found in leftovers._processes() if f"{tmp_path}/nodes/n1" in found.command]
            assert [found.parent for found in hosts] == [os.getpid()]
            assert not leftovers.is_orphan(hosts[0])
            assert leftovers.is_orphan(hosts[0]._replace(parent=1))

    anyio.run(run)
