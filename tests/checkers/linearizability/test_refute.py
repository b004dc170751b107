"""Refutations of registers are small: of failures of a thousand operations, half have eight operations or fewer."""

from random import Random
from statistics import median

import pytest

from keelhaul.checkers import linearizability
from keelhaul.checkers.models.registry import model_named
from keelhaul.checkers.verdict import Verdict
from tests.oracle.draws import simulated
from tests.oracle.specifications import SPECIFICATIONS

OPERATIONS = 1_000
FAILURES = 5
KINDS = {
    "register, unique values": ("register", {"unique": True}),
    "register, five values": ("cas-register", {"domain": 5}),
}


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
    assert median(sizes) <= 8, sizes
    assert [outcome.problem() for outcome in outcomes] == [None] * FAILURES
