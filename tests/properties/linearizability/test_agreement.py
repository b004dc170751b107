"""Algorithms against each other on histories that are far too long for the oracle, each verdict with its proof."""

from collections import Counter
from dataclasses import replace
from itertools import combinations
from random import Random

import pytest

from keelhaul.checkers.linearizability import verify
from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.online import Online
from keelhaul.checkers.linearizability.portfolio import ALGORITHMS, FAMILIES
from keelhaul.checkers.linearizability.result import Invalid, Valid
from keelhaul.checkers.models.registry import MODELS, model_named
from keelhaul.checkers.verdict import Verdict
from tests.checkers.linearizability.test_online import rows_of
from tests.oracle.differential import BEGUN
from tests.oracle.draws import simulated
from tests.oracle.lock_draws import locks_by_process
from tests.oracle.specifications import SPECIFICATIONS

WORK_MAX = 300_000
SIZES = {100: 8, 1_000: 2}
"""How many histories of each size, half of them with some answers changed."""
READ_AS_A_WHOLE = ("list", "grow-only-set", "key-value")
"""Histories of these are as long as their reads. A set that shrinks answers in any order, and a stack keeps so
much in doubt that one algorithm or the other gives up: they aren't drawn."""


def of_length(name, count, seed):
    """Draw a history; `seed` decides whether it is mutated, and whether values tell who wrote them."""
    random, mutated = Random(f"agreement/{name}/{count}/{seed}"), seed % 2
    if name in ("owner-mutex", "fenced-lock"):
        return locks_by_process(random, operations=count, mistakes=0.5 * mutated / count, tokens=name == "fenced-lock")
    if name == "grow-only-set":  # what a list did, a set could have done
        listed = of_length("list", count, seed)
        return replace(listed, f=["add" if f == "append" else f for f in listed.f])
    sizes = {"operations": count, "processes": random.choice((3, 5)), "info": 20 / count, "mutations": mutated}
    return simulated(random, SPECIFICATIONS[name], unique=seed % 4 < 2 or count > 1_000, **sizes)


def answers(name, operations):
    """What each algorithm that may try says, and online; None where it doesn't apply or gives up."""
    model = model_named(BEGUN.get(name, name))
    found = {}
    for algorithm in (*FAMILIES.get(model.family, ()), "engine"):
        answer = ALGORITHMS[algorithm](model, operations, Budget(work=WORK_MAX))
        found[algorithm] = {Valid: Verdict.VALID, Invalid: Verdict.INVALID}.get(type(answer))
        if isinstance(answer, Valid):
            assert verify.problem_with_linearization(model, operations, list(answer.order)) is None, algorithm
    online = Online(model, configurations_max=500)
    for row in rows_of(Random(1), operations):
        online.take(*row)
    verdict = online.finish()
    found["online"] = None if verdict is Verdict.UNKNOWN else verdict
    return found


@pytest.mark.parametrize("name", [name for name in MODELS if name not in (*READ_AS_A_WHOLE, "set", "stack")])
def test_all_pairs_of_algorithms_agree(name):
    compare(name, SIZES)


@pytest.mark.parametrize("name", READ_AS_A_WHOLE)
def test_all_pairs_agree_where_all_is_read(name):
    compare(name, {100: 8})


def compare(name, sizes):
    pairs, seen = Counter(), Counter()
    for count, histories in sizes.items():
        for seed in range(histories):
            found = {by: verdict for by, verdict in answers(name, of_length(name, count, seed)).items() if verdict}
            assert len(set(found.values())) <= 1, (count, seed, found)
            pairs.update(combinations(found, 2))
            seen.update(set(found.values()))
    assert pairs
    assert seen[Verdict.VALID]
