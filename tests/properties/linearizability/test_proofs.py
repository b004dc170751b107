"""The verifier: what it accepts is so, and what was tampered with it rejects."""

from collections import Counter
from random import Random

import pytest

from keelhaul.checkers.linearizability import verify
from keelhaul.checkers.linearizability.actions import actions_of
from tests.oracle.brute import linearizable
from tests.oracle.corrupted import KINDS, judged, refutations, witnesses
from tests.oracle.differential import drawn
from tests.oracle.specifications import SPECIFICATIONS

ORDERS = ("swap", "move", "backwards")
"""What these do to a refutation leaves it one, for it has no order."""
CORRUPTED = 3_000
"""Of each kind of proof. `python -m tests.oracle.corrupted` does 10,000."""


def test_linearizations_that_were_tampered_with_are_rejected():
    rejected, right, problems = judged(witnesses(0), CORRUPTED, complete=True)
    assert not problems
    assert min(rejected[kind] for kind in KINDS) > CORRUPTED / 40, rejected
    assert right.total() > CORRUPTED / 20, right


def test_refutations_that_were_tampered_with_are_rejected():
    rejected, _, problems = judged(refutations(0), CORRUPTED, complete=False)
    assert not problems
    assert min(rejected[kind] for kind in KINDS if kind not in ORDERS) > CORRUPTED / 40, rejected


@pytest.mark.parametrize("name", SPECIFICATIONS)
def test_what_may_be_left_out_never_makes_a_refutation_of_what_is_valid(name):
    """Any sub-history that is closed by the verifier's rules and has no legal order: then nor has the whole."""
    seen, specification = Counter(), SPECIFICATIONS[name]
    for seed in range(1500):
        case, random = drawn(name, seed), Random(f"subsets/{seed}")
        actions = actions_of(case.model, case.operations)
        parts = verify.parts_of(case.model, case.operations, actions, range(len(case.operations)))
        for _ in range(6 if parts else 0):
            part = random.choice(parts)
            core = sorted(random.sample(part, random.randint(1, len(part))))
            if verify.problem_with_refutation(case.model, case.operations, core) is None:
                assert not linearizable(specification, case.operations), (name, seed, core)
                seen["smaller" if len(core) < len(part) else "whole"] += 1
    assert min(seen["smaller"], seen["whole"]) > 60, seen


def test_a_proof_names_operations_of_the_history_it_is_about():
    case = drawn("register", 1)
    assert verify.problem_with_linearization(case.model, case.operations, [99]) is not None
    assert verify.problem_with_refutation(case.model, case.operations, [99]) is not None
    assert verify.problem_with_refutation(case.model, case.operations, []) is not None
