"""The verifier: what it accepts is so, and what was tampered with it rejects."""

from collections import Counter
from random import Random

import pytest

from keelhaul.checkers import linearizability
from keelhaul.checkers.linearizability import verify
from keelhaul.checkers.linearizability.actions import actions_of
from keelhaul.checkers.linearizability.operations import OPEN
from keelhaul.checkers.verdict import Verdict
from tests.oracle.brute import linearizable, next_states
from tests.oracle.differential import drawn
from tests.oracle.specifications import SPECIFICATIONS

CORRUPTED = 10_000


def tampered(random, order, count):
    """Swap, move, drop, double, or add something."""
    order, kind = list(order), random.choice(("swap", "move", "drop", "double", "add"))
    if kind == "add" or not order:
        return [*order, random.choice([count, -1, *range(count)])]
    at, other = random.randrange(len(order)), random.randrange(len(order))
    if kind == "swap":
        order[at], order[other] = order[other], order[at]
    elif kind == "move":
        order.insert(other, order.pop(at))
    elif kind == "drop":
        del order[at]
    else:
        order.insert(other, order[at])
    return order


def is_linearization(specification, operations, order):
    """Say so by the specification alone."""
    if sorted(set(order)) != sorted(order) or not set(order) <= set(range(len(operations))):
        return False
    returned = {at for at, row in enumerate(operations.returned) if row != OPEN}
    in_time = all(
        operations.returned[later] > operations.invoked[earlier]
        for place, earlier in enumerate(order)
        for later in order[place:]
    )
    states = {specification.initial}
    for at in order:
        states = {after for state in states for after in next_states(specification, state, operations, at)}
    return returned <= set(order) and in_time and bool(states)


def test_linearizations_that_were_tampered_with_are_rejected():
    names, seen, seed = list(SPECIFICATIONS), Counter(), 0
    while seen["wrong"] < CORRUPTED:
        seed += 1
        name = names[seed % len(names)]
        case = drawn(name, seed)
        outcome = linearizability.check(case.model, case.operations)
        if outcome.verdict is not Verdict.VALID:
            continue
        positions = {index: at for at, index in enumerate(case.operations.index)}
        order = [positions[index] for index in outcome.witness]
        assert verify.problem_with_linearization(case.model, case.operations, order) is None
        random = Random(f"tampered/{seed}")
        for _ in range(4):
            other = tampered(random, order, len(case.operations))
            right = is_linearization(SPECIFICATIONS[name], case.operations, other)
            accepted = verify.problem_with_linearization(case.model, case.operations, other) is None
            assert accepted is right, (name, seed, order, other)
            seen["right" if right else "wrong"] += 1
    assert seen["right"] > CORRUPTED / 20, seen


def test_refutations_that_were_tampered_with_are_rejected():
    names, seen, seed = list(SPECIFICATIONS), Counter(), 0
    while seen["wrong"] < CORRUPTED // 4:
        seed += 1
        name = names[seed % len(names)]
        case = drawn(name, seed)
        outcome = linearizability.check(case.model, case.operations)
        if outcome.verdict is not Verdict.INVALID:
            continue
        positions = {index: at for at, index in enumerate(case.operations.index)}
        core = [positions[index] for index in outcome.refutation]
        assert verify.problem_with_refutation(case.model, case.operations, core) is None
        random = Random(f"tampered/{seed}")
        for _ in range(4):
            other = tampered(random, core, len(case.operations))
            if len(set(other)) == len(other) and all(0 <= at < len(case.operations) for at in other):
                right = not linearizable(SPECIFICATIONS[name], case.operations.select(sorted(other)))
            else:
                right = False
            if not right:  # a larger or another core may be a refutation too
                assert verify.problem_with_refutation(case.model, case.operations, other) is not None, (name, seed)
                seen["wrong"] += 1


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
