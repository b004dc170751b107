"""What the engine says that it keeps is what it keeps, whatever states are made of: a limit is neither passed by more
than a tenth nor told of when a half of it would do."""

import tracemalloc
from dataclasses import dataclass
from random import Random

import pytest

from benchmarks.drawn import register
from keelhaul.checkers import linearizability
from keelhaul.checkers.linearizability import Budget, Call, Model, absorption
from keelhaul.checkers.linearizability.budget import BudgetSpent
from keelhaul.checkers.linearizability.result import Valid
from keelhaul.checkers.linearizability.timeline import Timeline
from keelhaul.checkers.models.model import ILLEGAL
from keelhaul.checkers.models.registry import model_named
from keelhaul.checkers.models.sizes import Factor, new_parts
from keelhaul.checkers.models.transitions import Transitions
from keelhaul.checkers.verdict import Verdict

LIMIT_MB = 4
AT_ONCE = 14


def texts(state, argument):
    return (state or "") + f"{argument:04}" * 500


def sums(state, argument):
    """Many orders come to the same."""
    return (state or "") + "x" * (10 << argument)


def tuples(state, argument):
    return (*(state or ()), *range(argument, argument + 300))


def made_anew(state, argument):
    """All pairs are made anew, and so are their numbers."""
    counts = dict(state or ((key, 1000) for key in range(1000, 1050)))
    return tuple((key + 0, (3 * count + argument) % 9973) for key, count in counts.items())


def shared(state, argument):
    """The pairs are shared."""
    return (*(state or tuple((key, (key,)) for key in range(200))), (argument, (argument,)))


def numbers(state, argument):
    return (state or 0) * 7 + argument


@dataclass(frozen=True)
class Composed:
    items: tuple
    names: frozenset


def composed(state, argument):
    items, names = ((), frozenset()) if state is None else (state.items, state.names)
    return Composed((*items, (argument, "x" * (500 + argument))), names | {f"name {argument} of {len(items)}"})


def growing(change):
    def step(state, action):
        return change(state, action.argument) if action.f == "put" else ILLEGAL

    return Model(name="growing", step=step)


@pytest.mark.parametrize("change", [texts, sums, tuples, made_anew, shared, numbers, composed])
def test_a_limit_is_kept_whatever_states_are_made_of(change):
    calls = [Call(at, "put", at, None, 0.0, 1.0) for at in range(AT_ONCE)] + [Call(99, "look", None, 0, 2.0, 3.0)]
    budget = Budget(megabytes=LIMIT_MB)
    linearizability.check(growing(change), calls[-1:])  # whatever is made once
    tracemalloc.start()
    try:
        outcome = linearizability.check(growing(change), calls, budget=budget)
        peak_mb = tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()
    assert outcome.verdict is Verdict.UNKNOWN
    assert f"{LIMIT_MB} MB" in outcome.reason
    assert LIMIT_MB / 2 < peak_mb < LIMIT_MB * 1.1
    assert budget.held == 0


def test_what_is_too_much_does_not_count():
    budget = Budget(megabytes=1)
    budget.hold(900_000)
    with pytest.raises(BudgetSpent, match="1 MB"):
        budget.hold(200_000)
    assert budget.held == 900_000
    budget.hold(-900_000)
    assert budget.held == 0


def test_a_large_state_is_told_of_at_once():
    told = []
    transitions = Transitions(growing(sums), [linearizability.Action("put", 14)], told.append)
    transitions.after(transitions.initial, 0)
    assert sum(told) > 10 << 14


def test_transitions_that_leave_no_new_state_are_told_of():
    told = []
    actions = [linearizability.Action("look", at) for at in range(2_000)]
    transitions = Transitions(growing(sums), actions, told.append)
    for at in range(len(actions)):
        transitions.after(transitions.initial, at)
    assert len(transitions.known) > transitions.tell_at
    transitions.tell()
    assert sum(told) > 100 * len(actions)
    assert len(transitions.known) <= transitions.tell_at


def test_answers_that_are_asked_for_again_are_not_kept_twice():
    transitions = Transitions(growing(sums), [linearizability.Action("put", 14), linearizability.Action("put", 15)])
    tracemalloc.start()
    try:
        for first, second in ((0, 1), (1, 0)):
            (between,) = transitions.after(transitions.initial, first)
            transitions.after(between, second)
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert kept < 6.5 * (10 << 14)
    transitions.ask_again()


ADD = linearizability.Action("add")
PAIRS = tuple((key, key + 1000) for key in range(1000))


@pytest.mark.parametrize(
    ("state", "before", "least", "most"),
    [
        ((*PAIRS, "x" * 1000), PAIRS, 1_000, 1_100),
        ((*PAIRS, (1, "x" * 1000)), PAIRS, 1_000, 1_200),
        (PAIRS[5:], PAIRS, 0, 0),
        ((*PAIRS[:500], (500, 0), *PAIRS[501:]), PAIRS, 40, 120),
        (tuple(tuple(pair) for pair in map(list, PAIRS)), PAIRS, 40_000, 60_000),
        (frozenset(PAIRS[1:]), frozenset(PAIRS), 0, 0),
        (frozenset(map(tuple, map(list, PAIRS))), frozenset(PAIRS), 40_000, 60_000),
        (Composed((*PAIRS, "x" * 1000), frozenset()), Composed(PAIRS, frozenset()), 9_000, 9_500),
        ((1, (2, (3, ()))), (2, (3, ())), 1, 300),
        ((*PAIRS, PAIRS), PAIRS, 0, 0),
        (5, "x", 0, 0),
    ],
)
def test_of_a_state_what_is_new_counts(state, before, least, most):
    assert least <= new_parts(state, before, ADD) <= most


def test_of_a_state_what_was_given_is_not_new():
    argument = ("x" * 100_000, ("y" * 100_000,))
    assert new_parts((*PAIRS, *argument), PAIRS, ADD._replace(argument=argument)) == 0
    assert new_parts((*PAIRS, argument), PAIRS, ADD._replace(result=argument)) == 0


def test_what_was_given_is_looked_for_among_a_few():
    """Or each part of a state would be compared with each part of a long argument."""
    argument = tuple(range(1000, 61_000))
    assert new_parts(argument[::-1], (), ADD._replace(argument=argument)) > 20 * 60_000


def test_a_state_may_be_a_type():
    assert new_parts((int, Composed), (), ADD) > 200


def test_very_large_states_are_looked_at_here_and_there():
    pairs = tuple((key, key + 1000) for key in range(30_000))
    assert 1_000_000 < new_parts(tuple(map(tuple, map(list, pairs))), pairs, ADD) < 2_000_000


def test_states_are_looked_at_ever_more_rarely():
    factor, looks = Factor(), 0
    for at in range(10_000):
        if at >= factor.next:
            looks += 1
            factor.look(("x" * 1000,), (), ADD)
    assert 20 < looks < 60
    assert 20 < factor.value < 40


def test_a_violation_of_a_model_whose_states_are_types_is_explained():
    def step(state, action):
        if action.f == "become":
            return {"int": int, "str": str}[action.argument]
        return state if state is not None and state.__name__ == action.result else ILLEGAL

    calls = [Call(0, "become", "int", None, 0, 1), Call(1, "become", "str", None, 0.5, 1.5)]
    outcome = linearizability.check(Model(name="typed", step=step), [*calls, Call(2, "name", None, "float", 2, 3)])
    assert outcome.verdict is Verdict.INVALID
    assert "<class 'int'>" in outcome.reason


def test_a_timeline_is_told_of_beforehand_and_given_back():
    """What it is found to take, at most, is no more than what is said, and not much less."""
    operations, model = register(Random(1), 20_000, 10, domain=2), model_named("register")
    needed_mb = absorption.OPERATION_BYTES * len(operations) / 1e6
    budget = Budget(megabytes=needed_mb + 20)
    tracemalloc.start()
    Timeline(model.initial, operations, Budget())
    found_mb = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    assert 0.7 * needed_mb < found_mb < needed_mb
    assert isinstance(absorption.decide(model, operations, budget), Valid)
    assert budget.held == 0
    with pytest.raises(BudgetSpent, match="MB"):
        absorption.decide(model, operations, Budget(megabytes=needed_mb))
