"""Every level against its definition, tried out in full on many small histories."""

from collections import Counter
from random import Random

import pytest

from keelhaul.checkers import levels
from keelhaul.checkers.models.registry import model_named
from keelhaul.checkers.verdict import Verdict
from tests.oracle.differential import BEGUN
from tests.oracle.draws import arbitrary, simulated, with_keys
from tests.oracle.levels import Oracle
from tests.oracle.specifications import SPECIFICATIONS

HISTORIES = 120
"""For each model."""
NAMES = [name for name in SPECIFICATIONS if name != "fencing-token"]
"""That one's open operations may answer so much that the oracle takes minutes."""


def drawn(name, seed):
    """Draw a history of one object, or of two that the same processes use."""
    random, specification = Random(f"levels/{name}/{seed}"), SPECIFICATIONS[name]

    def one(count, processes):
        unique, observe = random.random() < 0.5, seed % 5 == 0
        sizes = {"operations": count, "processes": processes, "unique": unique, "observe": observe}
        if random.random() < 0.5:
            mutations, info = random.randint(0, 3), random.choice((0, 0.2))
            return simulated(random, specification, mutations=mutations, info=info, **sizes)
        return arbitrary(random, specification, **sizes)

    if seed % 3:
        return one(random.randint(3, 6), random.randint(1, 3))
    both = with_keys(random, [one(3, 2), one(3, 2)])
    both.process = [process // 2 if process < 4 else process for process in both.process]
    return both


@pytest.mark.parametrize("name", NAMES)
def test_every_level_is_what_its_definition_says(name):
    model, seen = model_named(BEGUN.get(name, name)), Counter()
    for seed in range(HISTORIES):
        operations = drawn(name, seed)
        oracle, found = Oracle(SPECIFICATIONS[name], operations), levels.judge(model, operations)
        for level in levels.LEVELS:
            expected = Verdict.VALID if oracle.holds(level) else Verdict.INVALID
            assert found.of[level].verdict is expected, (level, seed, found.of[level])
            seen[level, expected] += 1
    assert all(count > HISTORIES / 10 for count in seen.values()), seen


@pytest.mark.parametrize("name", ["register", "cas-register", "fifo-queue", "list", "counter", "key-value"])
def test_what_is_told_as_a_reason_is_itself_impossible(name):
    model, seen = model_named(name), 0
    for seed in range(HISTORIES):
        operations = drawn(name, seed)
        found = levels.judge(model, operations)
        for level in ("sequential", "per-key-sequential", "read-your-writes", "monotonic-reads", "monotonic-writes"):
            if found.of[level].verdict is Verdict.INVALID:
                places = [at for at, index in enumerate(operations.index) if index in found.of[level].operations]
                assert not Oracle(SPECIFICATIONS[name], operations.select(places)).holds(level), (level, seed)
                assert found.of[level].reason
                seen += 1
    assert seen > HISTORIES


def test_a_level_that_holds_holds_with_all_that_it_implies():
    for seed in range(HISTORIES):
        found = levels.judge("register", drawn("register", seed))
        holding = {level for level in levels.LEVELS if found.of[level].verdict is Verdict.VALID}
        assert all(set(levels.implied(level)) <= holding for level in holding)
