"""What a killed harness leaves is swept; what belongs to a live one is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from keelhaul.harness.environments.container_leftovers import RUN, sweep_containers

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("containers")]

HARNESS = """
import sys, time
from pathlib import Path
import anyio
from keelhaul.harness.environments.containers import Containers
from keelhaul.harness.environments.environment import ClusterSpec

async def main():
    spec = ClusterSpec(run_id=sys.argv[1], folder=Path(sys.argv[2]), system="raft", nodes=("n1", "n2", "n3"))
    cluster = Containers(spec, command=stand_in)
    await cluster.start()
    await cluster.cut({"n1": ("n2",)})
    await cluster.pause(["n3"])
    print("up", flush=True)
    time.sleep(600)

def stand_in(spec, node, addresses):
    return ["python3", "-c", sys.argv[3], node, "/data", *(f"{name}={at}" for name, at in addresses.items())]

anyio.run(main)
"""


def test_only_what_a_killed_harness_left_is_swept(engine, spec, left, with_cluster, stand_in):
    run_id = f"{spec.run_id}-killed"
    source = stand_in(spec, "n1", {})[2]
    harness = subprocess.Popen(
        [sys.executable, "-c", HARNESS, run_id, str(spec.folder), source], stdout=subprocess.PIPE, text=True
    )
    try:
        assert harness.stdout.readline() == "up\n"
        assert not [said for said in sweep_containers() if run_id in said], "its harness lives"
        assert len(left(run_id)) == 7
        os.kill(harness.pid, signal.SIGKILL)
    finally:
        harness.kill()
        harness.communicate()

    async def body(cluster):
        said = [sentence for sentence in sweep_containers() if spec.run_id in sentence]
        assert said == [f"Run {run_id}: its harness is gone; removed 7 containers and networks."]
        assert len(left(spec.run_id)) == 7, "the live run was touched"
        assert await cluster.leader() == "n3"

    try:
        with_cluster(body)
        assert left(run_id) == []
    finally:
        for one in engine.containers(f"{RUN}={run_id}"):
            engine.remove(one.name)
        for name, _ in engine.networks(f"{RUN}={run_id}"):
            engine.remove_network(name)
