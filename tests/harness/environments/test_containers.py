"""What the environment makes of an engine that refuses; played. What it does with one that works: tests/containers."""

from __future__ import annotations

import anyio
import pytest

from keelhaul.harness.environments import containers
from keelhaul.harness.environments.container_engine import EngineError, Listed, NoEngine
from keelhaul.harness.environments.containers import Containers
from keelhaul.harness.environments.environment import ClusterSpec, SetupError


class PlayedEngine:
    """Refuses what is named in `refused`; records every call."""

    def __init__(self, *refused: str) -> None:
        self.refused = refused
        self.calls: list[tuple[str, ...]] = []
        self.made: list[str] = []

    def _record(self, call: str, *details: str) -> None:
        self.calls.append((call, *details))
        if call in self.refused:
            raise EngineError(f"{call}: refused", 500)

    def create_network(self, name, labels):
        self._record("create_network", name)

    def create(self, name, image, command, **more):
        self._record("create", name)
        self.made.append(name)

    def start(self, name):
        self._record("start", name)

    def containers(self, label):
        return [Listed(name, name, "created", {}) for name in self.made]

    def networks(self, label):
        return []

    def remove(self, name):
        self._record("remove", name)
        self.made.remove(name)

    def close(self):
        self._record("close")


@pytest.fixture
def spec(tmp_path):
    return ClusterSpec(run_id="odd id/1", folder=tmp_path, system="raft", nodes=("n1", "n2"))


@pytest.fixture(autouse=True)
def image(monkeypatch):
    def ensure(engine, say):
        say("building")
        return "keelhaul-node:0123456789ab"

    monkeypatch.setattr(containers, "ensure_image", ensure)


def start_and_stop(cluster):
    async def whole():
        try:
            await cluster.start()
        finally:
            await cluster.collect()
            await cluster.stop()
            await cluster.stop()

    anyio.run(whole)


def test_no_engine_is_a_matter_of_setup(spec):
    def connect():
        raise NoEngine("tried nothing", "Do something")

    with pytest.raises(SetupError, match=r"Docker: tried nothing\. Do something"):
        start_and_stop(Containers(spec, connect=connect))


def test_what_was_made_before_a_refusal_is_removed(spec):
    engine = PlayedEngine("start")
    with pytest.raises(SetupError, match=r"the cluster did not come up: n1: start: refused; n2: start: refused"):
        start_and_stop(Containers(spec, connect=lambda: engine))
    assert engine.calls[0] == ("create_network", "keelhaul-odd-id-1")
    removed = sorted(call[1] for call in engine.calls if call[0] == "remove")
    assert removed == ["keelhaul-odd-id-1-n1-network", "keelhaul-odd-id-1-n2-network"]
    assert engine.made == []
    assert engine.calls[-1] == ("close",)


def test_a_refused_network_makes_no_container(spec):
    engine = PlayedEngine("create_network")
    with pytest.raises(SetupError, match="create_network: refused"):
        start_and_stop(Containers(spec, connect=lambda: engine))
    assert engine.calls == [("create_network", "keelhaul-odd-id-1"), ("close",)]


def test_what_takes_long_is_told_on_the_event_loops_own_thread(spec):
    import threading

    said = []
    cluster = Containers(
        spec, connect=lambda: PlayedEngine("create"), say=lambda text: said.append((text, threading.current_thread()))
    )
    with pytest.raises(SetupError):
        start_and_stop(cluster)
    assert said == [("building", threading.main_thread())]


def test_nothing_is_done_before_start(spec):
    async def body():
        cluster = Containers(spec, connect=lambda: pytest.fail("connected"))
        assert await cluster.leader() is None
        await cluster.collect()
        await cluster.stop()

    anyio.run(body)
