"""Histories too long for the oracle: algorithms that know nothing of each other must agree, and prove it."""

from collections import Counter
from random import Random

import pytest

from keelhaul.checkers.linearizability import verify
from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.portfolio import ALGORITHMS
from keelhaul.checkers.linearizability.result import Invalid, NotApplicable, Unknown, Valid
from keelhaul.checkers.models.registry import model_named
from tests.oracle.draws import simulated
from tests.oracle.specifications import SPECIFICATIONS, KeyValue


class WithoutDelete(KeyValue):
    """A store in which texts only grow, or are put."""

    def draw(self, random, value):
        return random.choice((("get", None), ("append", f"{value}."), ("append", f"{value}."), ("put", f"{value}.")))


SEQUENTIAL = {**SPECIFICATIONS, "key-value": WithoutDelete()}


def decided(algorithm, model, operations):
    answer = ALGORITHMS[algorithm](model, operations, Budget(work=500_000))
    if isinstance(answer, Valid):
        assert verify.problem_with_linearization(model, operations, list(answer.order)) is None
    return answer


@pytest.mark.parametrize(
    ("name", "first", "second", "unique"),
    [
        ("cas-register", "absorption", "engine", False),
        ("register", "absorption", "engine", False),
        ("cas-register", "absorption", "zones", True),
        ("key-value", "versions", "engine", True),
    ],
)
def test_two_algorithms_agree(name, first, second, unique):
    model, specification, seen = model_named(name), SEQUENTIAL[name], Counter()
    for seed in range(60):
        random = Random(f"agreement/{name}/{seed}")
        operations = simulated(
            random,
            specification,
            operations=random.choice((20, 40)),
            processes=random.choice((2, 3, 5, 8)),
            info=random.choice((0.0, 0.05, 0.2)),
            unique=unique,
            domain=random.choice((2, 3, 5)),
            mutations=random.choice((0, 0, 1, 3)),
            observe=seed % 2 == 0 and second != "zones",
        )
        one, other = decided(first, model, operations), decided(second, model, operations)
        if isinstance(one, NotApplicable | Unknown) or isinstance(other, NotApplicable | Unknown):
            assert not isinstance(one, Unknown)
            continue
        assert type(one) is type(other), seed
        if isinstance(one, Invalid) and isinstance(other, Invalid) and None not in (one.stuck, other.stuck):
            assert one.stuck == other.stuck, seed
        seen[type(one)] += 1
    assert min(seen[Valid], seen[Invalid]) > 5, seen
