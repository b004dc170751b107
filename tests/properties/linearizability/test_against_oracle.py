"""Every algorithm against a search that tries everything, on many small histories: the verdict and the proof."""

from collections import Counter
from random import Random

import pytest

from keelhaul.checkers import linearizability
from keelhaul.checkers.linearizability.portfolio import ALGORITHMS
from keelhaul.checkers.verdict import Verdict
from tests.oracle.brute import linearizable
from tests.oracle.differential import compare, drawn, models_of, problem
from tests.oracle.draws import simulated, with_keys
from tests.oracle.specifications import SPECIFICATIONS

HISTORIES = 20_000
"""For each algorithm; python -m tests.oracle.differential takes more."""


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_algorithm_answers_what_the_oracle_does_and_proves_it(algorithm):
    seen, wrong = compare(algorithm, range(HISTORIES))
    assert not wrong, wrong[:5]
    assert seen["unknown"] == 0
    expected = ("invalid", "not applicable") if algorithm == "staleness" else ("valid", "invalid")
    assert min(seen[answer] for answer in expected) > HISTORIES / 20, seen


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_algorithm_that_is_asked_about_another_kind_of_object_doesnt_apply_or_is_right(algorithm):
    for name in [name for name in SPECIFICATIONS if name not in models_of(algorithm)]:
        found = {problem(ALGORITHMS[algorithm], drawn(name, seed))[1] for seed in range(100)}
        assert found == {None}, name


@pytest.mark.parametrize("name", SPECIFICATIONS)
def test_a_check_start_to_end_answers_what_the_oracle_does_and_proves_it(name):
    seen = Counter()
    for seed in range(10**9, 10**9 + 700):
        case = drawn(name, seed)
        outcome = linearizability.check(case.model, case.operations)
        expected = linearizable(SPECIFICATIONS[name], case.operations)
        assert outcome.verdict is (Verdict.VALID if expected else Verdict.INVALID), seed
        assert outcome.problem() is None, seed
        assert bool(outcome.reason) is not expected, seed
        seen[expected] += 1
    assert min(seen[True], seen[False]) > 70, seen


@pytest.mark.parametrize("name", ["cas-register", "key-value"])
def test_keys_are_judged_one_by_one_and_their_witnesses_are_merged(name):
    specification, seen = SPECIFICATIONS[name], Counter()
    for seed in range(1500):
        random = Random(f"keys/{seed}")
        parts = [simulated(random, specification, operations=6, unique=seed % 2 == 0) for _ in range(3)]
        operations = with_keys(random, parts)
        outcome = linearizability.check(name, operations)
        expected = linearizable(specification, operations)
        assert outcome.verdict is (Verdict.VALID if expected else Verdict.INVALID), seed
        assert outcome.problem() is None, seed
        seen[expected] += 1
    assert min(seen.values()) > 100, seen
