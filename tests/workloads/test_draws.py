"""Random draws as a value."""

from __future__ import annotations

from collections import Counter

import pytest

from keelhaul.workloads.draws import Draws


def bits(draws, count):
    """The numbers at that many positions."""
    found = []
    for _ in range(count):
        found.append(draws.bits())
        draws = draws.next()
    return found


def test_the_numbers_are_those_of_splitmix64():
    """The published test vector of seed 1234567."""
    assert bits(Draws(1234567), 5) == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_a_named_stream_is_the_same_everywhere():
    assert Draws.named("7/workload") == Draws(4130280098432678879)
    assert bits(Draws.named("7/workload"), 2) == [2641061366028366379, 10187381130110401561]


def test_a_position_asked_twice_says_the_same():
    draws = Draws.named("7/workload").next()
    assert draws.bits() == draws.bits()
    assert draws.below(10) == draws.below(10)
    assert draws.choice("abc") == draws.choice("abc")
    assert draws == Draws.named("7/workload").next()


def test_streams_of_different_names_differ():
    assert len({Draws.named(f"{seed}/{name}").bits() for seed in range(50) for name in ("a", "b")}) == 100


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
def test_below_is_uniform(limit):
    draws, counts = Draws.named("x"), Counter()
    for _ in range(1000 * limit if limit < 100 else 20000):
        counts[draws.below(limit)] += 1
        draws = draws.next()
    assert set(counts) == set(range(limit))
    mean = counts.total() / limit
    assert all(abs(count - mean) < 6 * mean**0.5 for count in counts.values())


def test_a_choice_is_one_of_the_items():
    assert {Draws(number).choice(("a", "b", "c")) for number in range(100)} == {"a", "b", "c"}
