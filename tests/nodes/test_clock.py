"""A node's own clock (G1): rates, jumps, and that it never goes back."""

from __future__ import annotations

from copy import deepcopy
from random import Random

import pytest

from keelhaul.nodes.clock import Clock

S, MS = 1_000_000_000, 1_000_000


def test_g1_it_starts_anywhere_and_counts_true_time():
    clock = Clock(5 * S, 700 * S)
    assert [clock.read(each * S) for each in (5, 6, 9)] == [700 * S, 701 * S, 704 * S]
    assert clock.when(710 * S) == 15 * S


@pytest.mark.parametrize("rate_ppm", [-900_000, -20_000, 0, 1, 20_000, 900_000])
def test_a_rate_counts_from_when_it_was_set(rate_ppm):
    clock = Clock(0, 0)
    clock.skew(10 * S, rate_ppm)
    assert clock.read(10 * S) == 10 * S
    assert clock.read(11 * S) == 11 * S + 1000 * rate_ppm
    clock.skew(11 * S, 0)
    assert clock.read(12 * S) == 12 * S + 1000 * rate_ppm


def test_a_jump_ahead_is_seen_at_once_and_its_end_is_no_jump():
    clock = Clock(0, 0)
    clock.skew(S, 0, 50 * MS)
    assert clock.read(S) == S + 50 * MS
    clock.skew(2 * S, 0)
    assert clock.read(3 * S) == 3 * S + 50 * MS


def test_g1_a_jump_back_is_a_standstill_for_that_long():
    clock = Clock(0, 0)
    clock.skew(S, 0, -50 * MS)
    assert [clock.read(S + each * MS) for each in (0, 49, 50, 51)] == [S, S, S, S + MS]


def test_a_standstill_that_is_ended_early_is_over():
    clock = Clock(0, 0)
    clock.skew(S, 0, -10 * S)
    clock.skew(2 * S, 0)
    assert clock.read(3 * S) == 2 * S


def test_g1_it_never_goes_back_and_shows_in_time_what_was_asked_for():
    random = Random("clock")
    for _ in range(200):
        true_ns, clock = 0, Clock(0, random.randrange(10**12))
        shown = [clock.read(0)]
        for _ in range(30):
            true_ns += random.randrange(S)
            if random.randrange(3) == 0:
                clock.skew(true_ns, random.randint(-900_000, 900_000), random.randint(-S, S))
            shown.append(clock.read(true_ns))
            wanted_ns = shown[-1] + random.randrange(1, S)
            at_ns = clock.when(wanted_ns)
            assert deepcopy(clock).read(at_ns) >= wanted_ns
            assert deepcopy(clock).read(max(at_ns - 2, true_ns)) < wanted_ns
        assert shown == sorted(shown)
