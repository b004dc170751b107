"""The oracle itself, against plain permutations: an oracle that is wrong proves nothing."""

from collections import Counter
from itertools import permutations
from random import Random

import pytest

from keelhaul.checkers.linearizability.operations import OPEN
from tests.oracle.brute import linearizable, next_states, order_of
from tests.oracle.draws import arbitrary, simulated, with_keys
from tests.oracle.specifications import SPECIFICATIONS


def by_permutations(specification, operations):
    """Say whether some of the operations, in some order, are legal and in time."""
    positions = range(len(operations))
    sure = {at for at in positions if operations.returned[at] != OPEN}
    orders = (order for count in range(len(sure), len(operations) + 1) for order in permutations(positions, count))
    return any(
        sure <= set(order) and in_time(operations, order) and legal(specification, operations, order)
        for order in orders
    )


def in_time(operations, order):
    return not any(
        operations.returned[later] < operations.invoked[earlier]
        for place, earlier in enumerate(order)
        for later in order[place + 1 :]
    )


def legal(specification, operations, order):
    states = {specification.initial}
    for at in order:
        states = {after for state in states for after in next_states(specification, state, operations, at)}
    return bool(states)


@pytest.mark.parametrize("name", SPECIFICATIONS)
def test_the_oracle_equals_plain_permutations(name):
    specification, seen = SPECIFICATIONS[name], Counter()
    for seed in range(300):
        random = Random(f"permutations/{seed}")
        draw = (simulated, arbitrary)[seed % 2]
        drawn = draw(random, specification, operations=5, observe=seed % 3 == 0)
        expected = by_permutations(specification, drawn)
        assert linearizable(specification, drawn) is expected, seed
        seen[expected] += 1
    assert min(seen[True], seen[False]) > 30, seen


@pytest.mark.parametrize("name", SPECIFICATIONS)
def test_what_a_correct_object_did_is_linearizable(name):
    specification = SPECIFICATIONS[name]
    for seed in range(200):
        drawn = simulated(Random(f"correct/{seed}"), specification, operations=10, mutations=0, observe=seed % 2 == 0)
        order = order_of(specification, drawn)
        assert order is not None, seed
        assert in_time(drawn, order)
        assert legal(specification, drawn, order)


def test_keys_are_judged_each_by_itself():
    register = SPECIFICATIONS["register"]
    for seed in range(200):
        random = Random(f"keys/{seed}")
        parts = [simulated(random, register, operations=4) for _ in range(3)]
        assert linearizable(register, with_keys(random, parts)) is all(linearizable(register, part) for part in parts)
