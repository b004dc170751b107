"""Stale answers: what is seen to be one, what isn't, and what shows it."""

from keelhaul.checkers import linearizability
from keelhaul.checkers.linearizability import staleness
from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.result import Invalid, NotApplicable
from keelhaul.checkers.models.registry import model_named

MODEL = model_named("cas-register")


def history(*rows):
    """Make columns of (f, argument, result, invoked, returned)."""
    f, argument, result, invoked, returned = (list(column) for column in zip(*rows, strict=True))
    return Operations(f, argument, result, invoked, returned, list(range(len(f))), list(range(len(f))))


def core(*rows):
    answer = staleness.decide(MODEL, history(*rows), Budget())
    return answer.core if isinstance(answer, Invalid) else None


def test_a_value_that_was_replaced_is_stale():
    one, other = ("write", 1, None, 0, 1), ("write", 2, None, 2, 3)
    assert core(one, ("read", None, 1, 4, 5)) is None
    assert core(one, other, ("read", None, 1, 4, 5)) == [1, 2]
    assert core(one, other, ("cas", ("array", 1, 3), None, 4, 5)) == [1, 2]
    assert core(one, ("read", None, 3, 2, 3), ("write", 3, None, 4, 5)) == [0, 1]
    assert core(("read", None, 3, 2, 3), ("write", 3, None, 4, 5)) == [0]


def test_what_is_concurrent_may_have_come_later():
    stale = ("read", None, 1, 6, 9)
    assert core(("write", 1, None, 0, 3), ("write", 2, None, 2, 4), stale) is None
    assert core(("write", 1, None, 0, 1), ("write", 2, None, 2, 7), stale) is None
    assert core(("write", 1, None, 0, 1), ("write", 2, None, 2, 3), stale, ("write", 1, None, 8, OPEN)) is None
    assert core(("write", 1, None, 0, 1), ("write", 2, None, 2, 3), stale, ("write", 1, None, 10, 11)) == [1, 2]


def test_the_initial_value_is_gone_once_another_is_seen():
    seen = ("read", None, 1, 1, 2)
    assert core(("write", 1, None, 0, OPEN), seen, ("read", None, None, 3, 4)) == [1, 2]
    assert core(("write", 1, None, 0, OPEN), ("read", None, None, 3, 4)) is None


def test_an_open_write_takes_effect_once():
    first = ("read", None, 1, 3, 4), ("read", None, 2, 5, 6)
    again = ("read", None, 1, 7, 8), ("read", None, 2, 9, 10)
    writes = ("write", 1, None, 0, OPEN), ("write", 2, None, 1, OPEN)
    other = ("cas", ("array", 2, 1), None, 2, OPEN)
    assert core(*writes, *first) is None
    assert core(*writes, *first, *again) == [2, 3, 4]
    assert core(*writes, other, *first, *again) == [3, 4, 5, 6]
    assert core(*writes, other, *first, *again[:1]) is None


def test_a_cas_shows_another_value_than_whichever_is_needed():
    swap = ("cas", ("array", None, 1), None, 0, 1)
    assert core(swap, ("read", None, None, 2, 3)) == [0, 1]
    assert core(swap, ("read", None, 1, 2, 3)) is None
    assert core(("cas", ("array", None, None), None, 0, 1), ("read", None, None, 2, 3)) is None


def test_it_says_nothing_of_histories_without_a_stale_answer():
    answer = staleness.decide(MODEL, history(("write", 1, None, 0, 1)), Budget())
    assert isinstance(answer, NotApplicable)
    counted = history(("read", None, 0, 0, 1))
    assert isinstance(staleness.decide(model_named("counter"), counted, Budget()), NotApplicable)


def test_the_portfolio_asks_it_where_values_repeat():
    rows = [("write", value, None, 2 * at, 2 * at + 1) for at, value in enumerate((1, 1, 2))]
    outcome = linearizability.check(MODEL, history(*rows, ("read", None, 1, 6, 7)))
    assert (outcome.algorithm, outcome.problem()) == ("staleness", None)
    assert {2, 3} <= set(outcome.refutation)
