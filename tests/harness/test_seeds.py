"""Streams of randomness: by name, and the same everywhere."""

from __future__ import annotations

from keelhaul.harness import seeds
from keelhaul.workloads.draws import Draws


def test_a_stream_is_the_same_everywhere():
    """Literal numbers: they hold for every version of Python, every hash seed and every machine."""
    stream = seeds.stream(7, "network")
    assert [stream.randrange(1000) for _ in range(4)] == [148, 158, 547, 386]


def test_streams_of_different_names_and_seeds_differ():
    numbers = {seeds.stream(seed, name).random() for seed in range(10) for name in ("network", "disk/n1", "disk/n2")}
    assert len(numbers) == 30


def test_pure_draws_are_named_the_same_way():
    assert seeds.draws(7, "workload") == Draws.named("7/workload")
