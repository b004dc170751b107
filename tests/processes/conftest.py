"""What the tests with real processes share: a system that starts quickly, and clusters that are always taken down."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import anyio
import pytest

from keelhaul.harness.environments.connection import Connection
from keelhaul.harness.environments.environment import ClusterSpec
from keelhaul.harness.environments.processes import Processes

REGISTER = "durable_register:DurableRegister"


@pytest.fixture
def register_system(monkeypatch):
    """The small node of the host's tests, importable here and in child processes."""
    folder = str(Path(__file__).parents[1] / "nodes" / "host")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", folder, prepend=os.pathsep)
    return REGISTER


@pytest.fixture
def cluster(tmp_path, register_system):
    """Open a cluster of processes: `async with cluster(count) as processes`."""

    @contextlib.asynccontextmanager
    async def opened(count=3, system=register_system, **more):
        spec = ClusterSpec(
            run_id="run-1",
            folder=tmp_path,
            system=system,
            nodes=tuple(f"n{number}" for number in range(1, count + 1)),
            **more,
        )
        processes = Processes(spec)
        try:
            await processes.start()
            yield processes
        finally:
            await processes.stop()

    return opened


@pytest.fixture
def ask():
    """Make one request over a connection of its own: `await ask(processes, "n1", type="read")`."""

    async def asked(processes, node, **body):
        connection = await Connection.open(*processes.address(node), "c1", 5.0, node_name=node)
        try:
            with anyio.fail_after(5):
                return await connection.request(body)
        finally:
            connection.close()

    return asked
