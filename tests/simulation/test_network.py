"""The simulated network: who gets what, when, how often."""

from __future__ import annotations

from random import Random

import pytest

from keelhaul.harness.scenario import Simulation
from keelhaul.harness.simulation.network import MS, Network
from keelhaul.harness.simulation.scheduler import Scheduler

CALM = {"latency_ms": 1.0, "jitter_ms": 0.0, "loss_percent": 0.0, "duplicate_percent": 0.0}


class Wire:
    """A network and what it delivered: (time, source, dest, body)."""

    def __init__(self, seed=1, **settings):
        self.scheduler = Scheduler()
        self.delivered = []
        self.network = Network(self.scheduler, Random(seed), Simulation(**{**CALM, **settings}), self._deliver)

    def _deliver(self, source, dest, body):
        self.delivered.append((self.scheduler.now_ns, source, dest, body))

    def run(self):
        while self.scheduler.run_next():
            pass
        return self.delivered


def test_a_message_arrives_after_the_latency_as_it_was_sent():
    wire = Wire()
    wire.network.send("a", "b", {"type": "hello"})
    assert wire.run() == [(MS, "a", "b", {"type": "hello"})]


def test_jitter_comes_on_top_and_messages_overtake_each_other():
    wire = Wire(jitter_ms=2.0)
    for number in range(2000):
        wire.scheduler.at(number * 1000, wire.network.send, "a", "b", {"number": number})
    delays = [time_ns - body["number"] * 1000 for time_ns, _, _, body in wire.run()]
    assert min(delays) >= MS
    assert sum(delays) / len(delays) == pytest.approx(3 * MS, rel=0.1)
    numbers = [body["number"] for _, _, _, body in wire.delivered]
    assert sorted(numbers) == list(range(2000))
    assert numbers != sorted(numbers)


def test_loss_and_duplication_are_as_often_as_set():
    wire = Wire(loss_percent=20.0, duplicate_percent=10.0)
    for number in range(10_000):
        wire.network.send("a", "b", {"number": number})
    counts = [0] * 10_000
    for _, _, _, body in wire.run():
        counts[body["number"]] += 1
    assert {0, 1, 2} == set(counts)
    assert counts.count(0) == pytest.approx(2000, rel=0.1)
    assert counts.count(2) == pytest.approx(1000, rel=0.15)


def test_copies_of_a_message_come_at_their_own_times():
    wire = Wire(duplicate_percent=100.0, jitter_ms=2.0)
    wire.network.send("a", "b", {})
    first, second = (time_ns for time_ns, _, _, _ in wire.run())
    assert first != second


@pytest.mark.parametrize(("loss", "delivered"), [(100.0, 0), (0.0, 100)])
def test_the_extremes_of_loss(loss, delivered):
    wire = Wire(loss_percent=loss)
    for _ in range(100):
        wire.network.send("a", "b", {})
    assert len(wire.run()) == delivered


def test_a_cut_is_one_way():
    wire = Wire()
    wire.network.cut({"b": ("a",)})
    wire.network.send("a", "b", {})
    wire.network.send("b", "a", {})
    wire.network.send("c", "b", {})
    assert [(source, dest) for _, source, dest, _ in wire.run()] == [("b", "a"), ("c", "b")]


def test_a_message_under_way_is_lost_at_its_arrival():
    wire = Wire()
    wire.network.send("a", "b", {})
    wire.scheduler.at(MS // 2, wire.network.cut, {"b": ("a",)})
    assert wire.run() == []


def test_a_message_sent_into_a_cut_is_lost_though_the_cut_is_healed_before_its_arrival():
    wire = Wire()
    wire.network.cut({"b": ("a",)})
    wire.network.send("a", "b", {})
    wire.scheduler.at(MS // 2, wire.network.cut, {})
    assert wire.run() == []


def test_a_cut_replaces_the_one_before():
    wire = Wire()
    wire.network.cut({"b": ("a",)})
    wire.network.cut({"c": ("a",)})
    wire.network.send("a", "b", {})
    wire.network.send("a", "c", {})
    assert [dest for _, _, dest, _ in wire.run()] == ["b"]
    wire.network.cut({})
    wire.network.send("a", "c", {})
    assert wire.run()[-1][2] == "c"
