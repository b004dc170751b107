"""The command line that starts a node in its container."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from keelhaul.harness.environments.container_node import host_command
from keelhaul.harness.environments.environment import ClusterSpec


def test_the_command_line_names_everything():
    spec = ClusterSpec(
        run_id="r1", folder=Path(), system="raft", nodes=("n1", "n2"), options={"lease_ms": 9}, mutant="m", seed=7
    )
    at = {"n1": "10.0.0.2:7000", "n2": "10.0.0.3:7000"}
    line = " ".join(host_command(spec, "n2", at))
    assert line == (
        "python3 -m keelhaul.nodes.host --system raft --name n2 --cluster r1 --data /data --listen 10.0.0.3:7000 "
        "--members n1,n2 --seed 7 --peer n1=10.0.0.2:7000 --option lease_ms=9 --mutant m"
    )
    assert "--mutant" not in host_command(replace(spec, mutant=None), "n2", at)
