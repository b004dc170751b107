"""Registers with repeated values: single rules, what is left when the budget isn't enough, and size."""

import gc
import weakref
from random import Random

import pytest

from benchmarks.drawn import register
from keelhaul.checkers import linearizability
from keelhaul.checkers.linearizability import absorption, verify
from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.result import Invalid, NotApplicable, Unknown, Valid
from keelhaul.checkers.models.registers import cas_register
from keelhaul.checkers.models.registry import model_named
from tests.oracle.draws import simulated
from tests.oracle.specifications import SPECIFICATIONS

MODEL = cas_register()


def history(*rows):
    """Make columns of (f, argument, result, invoked, returned); a cas that ended "failed" denies."""
    f, argument, result, invoked, returned = (list(column) for column in zip(*rows, strict=True))
    failed = [found == "failed" for found in result]
    return Operations(
        f=f,
        argument=[("array", *value) if name == "cas" else value for name, value in zip(f, argument, strict=True)],
        result=[None if found == "failed" else found for found in result],
        invoked=invoked,
        returned=returned,
        process=list(range(len(f))),
        index=list(range(len(f))),
        failed=failed if any(failed) else None,
    )


def decided(*rows):
    operations = history(*rows)
    answer = absorption.decide(MODEL, operations, Budget())
    if isinstance(answer, Valid):
        assert verify.problem_with_linearization(MODEL, operations, list(answer.order)) is None
    return answer


def test_a_write_that_nobody_saw_stands_in_front_of_another():
    answer = decided(
        ("write", 1, None, 0, 4), ("write", 2, None, 1, 3), ("read", None, 2, 5, 6), ("read", None, 2, 7, 8)
    )
    assert list(answer.order) == [0, 1, 2, 3]


def test_the_same_value_may_be_written_in_between():
    assert isinstance(
        decided(("write", 1, None, 0, 1), ("write", 2, None, 2, 7), ("write", 1, None, 3, 8), ("read", None, 1, 9, 10)),
        Valid,
    )


def test_a_value_that_was_surely_replaced_is_not_read():
    answer = decided(
        ("write", 1, None, 0, 1), ("write", 1, None, 2, 3), ("write", 2, None, 4, 5), ("read", None, 1, 6, 7)
    )
    assert isinstance(answer, Invalid)
    assert answer.stuck == 3
    assert list(map(list, answer.prefixes)) == [[0, 1, 2]]


def test_a_cas_from_a_value_to_the_same_only_reads():
    swap = ("cas", (1, 1), (1, 1), 4, 5)
    assert isinstance(decided(("write", 1, None, 0, 1), ("write", 1, None, 2, 3), swap), Valid)
    assert isinstance(decided(("write", 1, None, 0, 1), ("write", 2, None, 2, 3), swap), Invalid)


def test_a_denial_needs_another_value_at_some_moment():
    denial = ("cas", (1, 3), "failed", 4, 7)
    assert isinstance(decided(("write", 1, None, 0, 1), ("write", 1, None, 2, 3), denial), Invalid)
    for returned in (6, OPEN):
        assert isinstance(decided(("write", 1, None, 0, 1), denial, ("write", 2, None, 5, returned)), Valid)


def test_an_open_operation_takes_effect_once():
    rows = [("write", 1, None, 0, OPEN), ("write", 2, None, 1, 2), ("read", None, 1, 3, 4)]
    assert isinstance(decided(*rows), Valid)
    rows += [("write", 2, None, 5, 6), ("read", None, 1, 7, 8)]
    assert isinstance(decided(*rows), Invalid)
    assert isinstance(decided(("write", 1, None, -1, OPEN), *rows), Valid)


def test_another_model_is_not_its_business():
    answer = absorption.decide(model_named("counter"), history(("read", None, 0, 0, 1)), Budget())
    assert isinstance(answer, NotApplicable)


def crowded(seed, operations, processes, **options):
    """Draw a history in which values repeat, for many processes."""
    options = {"domain": 5, "info": 0.02, "mutations": 0, **options}
    specification = SPECIFICATIONS["cas-register"]
    return simulated(Random(seed), specification, operations=operations, processes=processes, **options)


@pytest.mark.parametrize("processes", [5, 30, 100])
def test_a_crowd_is_decided_with_few_units_of_work(processes):
    """Twenty an operation; the generic engine takes more than any budget at a hundred processes."""
    operations = crowded(1, 1000, processes)
    answer = absorption.decide(MODEL, operations, Budget(work=20 * len(operations)))
    assert isinstance(answer, Valid)
    assert verify.problem_with_linearization(MODEL, operations, list(answer.order)) is None


def test_scarce_open_operations_are_used_where_nothing_else_will_do():
    """In depth, that takes more than any budget: drawn on lightly, they are missed thousands later."""
    operations = register(Random("26#10000/5/0.01/0.1/5/5"), 10_000, 5, domain=5, cas=0.1, info=0.01, mutated=5)
    answer = absorption.decide(MODEL, operations, Budget(work=150 * len(operations)))
    assert isinstance(answer, Valid)
    assert verify.problem_with_linearization(MODEL, operations, list(answer.order)) is None


def test_beyond_the_budget_it_says_how_far_it_came():
    operations = crowded(2, 1000, 20)
    answer = absorption.decide(MODEL, operations, Budget(work=1000))
    assert isinstance(answer, Unknown)
    assert 0 < answer.settled < answer.total < 1000
    assert answer.window is not None
    assert answer.window[0] < answer.window[1]
    assert "1000 units of work" in answer.reason


def test_memory_counts_while_it_is_held_and_is_given_back():
    operations = crowded(3, 8000, 30)
    limit_mb = (absorption.OPERATION_BYTES * len(operations) + 50_000) / 1e6
    budget = Budget(megabytes=limit_mb)
    answer = absorption.decide(MODEL, operations, budget)
    assert isinstance(answer, Unknown)
    assert f"{limit_mb:g} MB" in answer.reason
    assert budget.held == 0


def test_a_search_is_let_go_without_the_cycle_collection():
    """Files are checked with the collection off: what one search keeps must not stay until the last."""
    searches = weakref.WeakSet()

    class Watched(absorption._Search):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            searches.add(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(absorption, "_Search", Watched)
        gc.disable()
        try:
            assert isinstance(absorption.decide(MODEL, crowded(4, 500, 10), Budget()), Valid)
            assert not searches
        finally:
            gc.enable()


def test_the_portfolio_takes_it_where_values_repeat():
    outcome = linearizability.check("cas-register", crowded(5, 300, 40))
    assert outcome.algorithm == "absorption"
    assert outcome.problem() is None
