"""Clusters of stand-ins in real containers. Without an engine these tests are skipped; never where CI is set."""

from __future__ import annotations

import os
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from keelhaul.harness.environments.connection import Connection
from keelhaul.harness.environments.container_engine import Engine, NoEngine, connect
from keelhaul.harness.environments.container_leftovers import RUN
from keelhaul.harness.environments.containers import Containers
from keelhaul.harness.environments.environment import ClusterSpec

STAND_IN = (Path(__file__).parent / "stand_in.py").read_text()


@pytest.fixture(scope="session")
def engine():
    try:
        found = connect()
    except NoEngine as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    yield found
    found.close()


def stand_in(spec: ClusterSpec, node: str, addresses: Mapping[str, str]) -> list[str]:
    return ["python3", "-c", STAND_IN, node, "/data", *(f"{name}={address}" for name, address in addresses.items())]


@pytest.fixture
def spec(tmp_path: Path) -> ClusterSpec:
    return ClusterSpec(run_id=f"test-{uuid.uuid4().hex[:12]}", folder=tmp_path, system="raft", nodes=("n1", "n2", "n3"))


@pytest.fixture
def left(engine: Engine) -> Callable[[str], list[str]]:
    """Returns the names of all containers and networks of a run that the engine still has."""

    def look(run_id: str) -> list[str]:
        label = f"{RUN}={run_id}"
        return [one.name for one in engine.containers(label)] + [name for name, _ in engine.networks(label)]

    return look


@pytest.fixture
def with_cluster(engine: Engine, spec: ClusterSpec, left: Callable[[str], list[str]]):
    """Runs a test's body on a cluster of three stand-ins, and makes sure that nothing of it is left."""

    def run(body: Callable[[Containers], Awaitable[Any]], command: Any = stand_in, **options: Any) -> None:
        async def whole() -> None:
            cluster = Containers(replace(spec, options={**spec.options, **options}), command=command)
            try:
                await cluster.start()
                await body(cluster)
            finally:
                with anyio.CancelScope(shield=True):
                    await cluster.stop()

        try:
            anyio.run(whole)
        finally:
            assert left(spec.run_id) == []

    return run


async def request(cluster: Containers, node: str, kind: str) -> dict[str, Any]:
    connection = await Connection.open(*cluster.address(node), "test", 2.0, node_name=node)
    try:
        with anyio.fail_after(2):
            return await connection.request({"type": kind})
    finally:
        connection.close()


async def heard(cluster: Containers, node: str) -> dict[str, int]:
    return (await request(cluster, node, "heard"))["heard"]


async def incarnation(cluster: Containers, node: str) -> int:
    return (await request(cluster, node, "heard"))["incarnation"]


async def hears_now(cluster: Containers, node: str) -> set[str]:
    """Say whom a node hears from now on; long enough for hundreds of datagrams of each."""
    await anyio.sleep(0.1)  # what was in flight or in the socket
    before = await heard(cluster, node)
    await anyio.sleep(0.4)
    after = await heard(cluster, node)
    return {peer for peer in after if after[peer] > before.get(peer, 0)}


@pytest.fixture(name="request_of")
def _request_of():
    return request


@pytest.fixture(name="heard")
def _heard():
    return heard


@pytest.fixture(name="incarnation")
def _incarnation():
    return incarnation


@pytest.fixture(name="hears_now")
def _hears_now():
    return hears_now


@pytest.fixture(name="stand_in")
def _stand_in():
    return stand_in
