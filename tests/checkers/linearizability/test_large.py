"""Large values: hashed once, equal as ever, and asked for within the budget."""

import copy
from random import Random

import pytest

from benchmarks.drawn import register
from keelhaul.checkers import linearizability
from keelhaul.checkers.linearizability.budget import Budget, BudgetSpent
from keelhaul.checkers.linearizability.large import LARGE_ITEMS, Large, with_large_values_once
from keelhaul.checkers.linearizability.operations import Operations
from keelhaul.checkers.verdict import Verdict


class Counted(int):
    """An item that counts how often it is hashed."""

    hashed = 0

    def __hash__(self):
        Counted.hashed += 1
        return super().__hash__()


def large(number, items=LARGE_ITEMS + 1):
    """Return a new large value."""
    return ("array", *map(Counted, range(number, number + items)))


def histories(seed, count=200, mutated=0, cas=0.0):
    """Return a history of small values, and one of large ones in their place."""
    small = register(Random(seed), count, 6, domain=4, cas=cas, mutated=mutated)

    def enlarged(value):
        if isinstance(value, tuple):
            return ("array", *map(enlarged, value[1:]))
        return None if value is None else large(value)

    big = small.select(range(len(small)))
    big.index = range(len(small))
    big.argument, big.result = map(enlarged, small.argument), map(enlarged, small.result)
    big.argument, big.result = list(big.argument), list(big.result)
    return small, big


def hashes(values):
    Counted.hashed = 0
    for value in values:
        hash(value)
    return Counted.hashed


@pytest.mark.parametrize("seed", range(6))
def test_verdicts_are_those_of_small_values(seed):
    small, big = histories(seed, mutated=seed % 3, cas=0.1 * (seed % 2))
    expected = linearizability.check("cas-register", small)
    found = linearizability.check("cas-register", big)
    assert found.verdict is expected.verdict
    assert found.problem() is None
    assert (found.reason == "") is (found.verdict is Verdict.VALID)


def test_each_value_is_hashed_once_when_all_are_taken():
    _, big = histories(1)
    taken = with_large_values_once(big, Budget())
    assert taken.argument == big.argument
    assert hashes(taken.argument) <= 4 * (LARGE_ITEMS + 1)
    assert hashes(taken.argument) == 0
    assert hashes(big.argument) > 0


def test_a_large_value_within_a_cas_is_hashed_once_too():
    swap = ("array", large(1), large(2))
    operations = Operations(["cas"] * 2, [swap, swap], [None] * 2, [0, 2], [1, 3], [0, 0], [0, 1])
    taken = with_large_values_once(operations, Budget())
    assert taken.argument == [swap, swap]
    hashes(taken.argument)
    assert hashes(taken.argument) == 0


def test_small_values_are_left_alone():
    small, _ = histories(2)
    assert with_large_values_once(small, Budget()) is small


def test_large_values_cost_more_of_the_budget_than_small_ones():
    operations = Operations(
        ["write"] * 9, [large(0, 7_000)] * 9, [None] * 9, range(0, 18, 2), range(1, 19, 2), [0] * 9, range(9)
    )
    budget = Budget(work=900)
    assert with_large_values_once(operations, budget) is operations
    with pytest.raises(BudgetSpent):
        budget.spend()


def test_an_empty_tuple_is_small():
    operations = Operations(["write"], [()], [None], [0], [1], [0], [0])
    assert with_large_values_once(operations, Budget()) is operations


def test_it_equals_a_tuple_both_ways_and_is_none_of_another():
    value = Large(("array", 1, 2))
    assert value == ("array", 1, 2)
    assert value != ("array", 1, 3)
    assert value == Large(("array", 1, 2))
    assert {("array", 1, 2): 5}[value] == 5
    differs = [value != other for other in (Large(("array", 1, 2)), ("array", 1, 2), Large(("array", 1, 3)))]
    assert differs == [False, False, True]


def test_another_process_makes_up_its_own_hash():
    value = Large(("array", "text"))
    hash(value)
    other = copy.copy(value)
    assert type(other) is Large
    assert other == value
    assert "_hash" not in vars(other)
