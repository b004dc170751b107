"""Refutations are small: of failures of a thousand operations, half have eight operations or fewer; a few more for
counters, where every change that overlaps an answer may be in it or not. What may begin one."""

from dataclasses import replace
from random import Random
from statistics import median

import pytest

from keelhaul.checkers import linearizability
from keelhaul.checkers.linearizability import verify
from keelhaul.checkers.linearizability.operations import Operations
from keelhaul.checkers.models.registry import model_named
from keelhaul.checkers.verdict import Verdict
from tests.oracle.draws import simulated
from tests.oracle.specifications import SPECIFICATIONS

OPERATIONS = 1_000
FAILURES = 5
KINDS = {
    "register, unique values": ("register", {"unique": True}),
    "register, five values": ("cas-register", {"domain": 5}),
    "counter": ("counter", {}),
    "lock with readers": ("read-write-lock", {}),
    "lock that may be taken again": ("reentrant-mutex", {}),
    "lock with an owner": ("owner-mutex", {}),
}
MOST = {"counter": 12}


def failures(kind):
    """Draw histories of a thousand operations that have no linearization, and check them."""
    name, drawn_of = KINDS[kind]
    found, seed = [], 0
    while len(found) < FAILURES and seed < 60:
        random = Random(f"refute/{kind}/{seed}")
        seed += 1
        sizes = {"operations": OPERATIONS, "processes": 5, "info": 0.005, "mutations": 3}
        operations = simulated(random, SPECIFICATIONS[name], **sizes, **drawn_of)
        outcome = linearizability.check(model_named(name), operations)
        if outcome.verdict is Verdict.INVALID:
            found.append(outcome)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_half_of_the_refutations_have_eight_operations_or_fewer(kind):
    outcomes = failures(kind)
    assert len(outcomes) == FAILURES
    sizes = [len(outcome.refutation) for outcome in outcomes]
    assert median(sizes) <= MOST.get(kind, 8), sizes
    assert [outcome.problem() for outcome in outcomes] == [None] * FAILURES


def operations_of(*rows):
    """Take (function, argument, result, invoked, returned), in order of invocation."""
    f, argument, result, invoked, returned = (list(column) for column in zip(*rows, strict=True))
    numbers = list(range(len(rows)))
    return Operations(f, argument, result, invoked, returned, numbers, numbers)


def test_a_core_begins_with_what_tells_the_state():
    operations = operations_of(
        ("add", 5, 5, 0, 1), ("read", None, 5, 2, 3), ("add", 2, 2, 4, 5), ("read", None, 5, 6, 7)
    )
    model = model_named("counter")
    assert verify.problem_with_refutation(model, operations, [1, 2, 3]) is None
    assert verify.problem_with_refutation(model, operations, [2, 3]) == "operation 0 may not be left out"
    assert verify.problem_with_refutation(model, operations, [1, 3]) is not None


def test_what_overlaps_the_beginning_may_stand_on_either_side_of_it():
    operations = operations_of(("add", 2, 2, 0, 5), ("read", None, 2, 1, 2), ("read", None, 2, 6, 7))
    assert verify.problem_with_refutation(model_named("counter"), operations, [0, 1, 2]) is not None


def test_where_values_are_left_out_a_core_begins_with_nothing_in_it():
    """A queue with a value that is put in only if there is no other: it tells the state, but not that without it."""
    queue = model_named("fifo-queue")

    def step(state, action):
        if action.f != "begin":
            return queue.step(state, action)
        return linearizability.ILLEGAL if state else (action.argument,)

    def about(action):
        return action.result if action.f == "dequeue" else action.argument

    def tells(action, after):
        return [(action.argument,)] if action.f == "begin" else None

    model = replace(queue, step=step, about=about, tells=tells, functions=(), problem=None, kinds={}, family="")
    operations = operations_of(
        ("begin", 1, 1, 0, 1), ("enqueue", 2, 2, 2, 3), ("dequeue", None, 1, 4, 5), ("dequeue", None, 2, 6, 7)
    )
    assert linearizability.check(model, operations).verdict is Verdict.VALID
    assert verify.problem_with_refutation(model, operations, [0, 1, 3]) is not None
