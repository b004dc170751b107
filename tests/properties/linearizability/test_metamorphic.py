"""What a change to a history does to its verdict, whatever that is: no oracle needed, so histories may be longer.

Each law is about what linearizability means, and has to hold for every model to which it applies.
"""

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from keelhaul.checkers import linearizability
from keelhaul.checkers.linearizability.operations import OPEN
from keelhaul.checkers.models.registry import model_named
from keelhaul.checkers.verdict import Verdict
from tests.oracle.draws import simulated, with_keys
from tests.oracle.specifications import SPECIFICATIONS

NAMES = ["register", "cas-register", "key-value", "counter", "set", "grow-only-set", "list", "fifo-queue"]
VALUES = [name for name in NAMES if name not in ("key-value", "counter")]
"""Models that do nothing with values but compare them."""
HISTORIES = 30


def drawn(name, seed):
    """Draw a history of a size that the oracle would not take."""
    random = Random(f"metamorphic/{name}/{seed}")
    longest = 8 if name.endswith("set") else 40  # drawing from a set takes all orders of what is in it
    drawn_of = {"operations": random.randint(longest // 4, longest), "processes": random.randint(2, 6)}
    unique, mutations = seed % 2 == 0, random.choice((0, 2, 4))
    operations = simulated(random, SPECIFICATIONS[name], info=0.1, unique=unique, mutations=mutations, **drawn_of)
    return random, operations


def verdict(name, operations):
    outcome = linearizability.check(model_named(name), operations)
    assert outcome.verdict is not Verdict.UNKNOWN
    return outcome.verdict


def resorted(operations):
    """Put the columns in order of invocation again, and number the events anew."""
    events = sorted([*operations.invoked, *(row for row in operations.returned if row != OPEN)])
    number = {row: place for place, row in enumerate(events)} | {OPEN: OPEN}
    order = sorted(range(len(operations)), key=operations.invoked.__getitem__)
    failed = operations.failed
    return replace(
        operations,
        f=[operations.f[at] for at in order],
        argument=[operations.argument[at] for at in order],
        result=[operations.result[at] for at in order],
        invoked=[number[operations.invoked[at]] for at in order],
        returned=[number[operations.returned[at]] for at in order],
        process=[operations.process[at] for at in order],
        index=list(range(len(order))),
        failed=None if failed is None else [failed[at] for at in order],
    )


def renamed(value, names):
    """Give every number in a frozen value another name; what is "array" or a truth value stays what it is."""
    if isinstance(value, tuple):
        return value if value[0] == "boolean" else (value[0], *(renamed(part, names) for part in value[1:]))
    return value if value is None else names.setdefault(value, f"value {len(names)}")


@pytest.mark.parametrize("name", VALUES)
def test_names_of_values_dont_matter(name):
    seen = Counter()
    for seed in range(HISTORIES):
        _, operations = drawn(name, seed)
        names = {}
        other = replace(
            operations,
            argument=[renamed(value, names) for value in operations.argument],
            result=[renamed(value, names) for value in operations.result],
        )
        seen[verdict(name, operations)] += 1
        assert verdict(name, other) is verdict(name, operations), seed
    assert len(seen) == 2, seen


@pytest.mark.parametrize("name", NAMES)
def test_who_did_it_and_when_exactly_doesnt_matter(name):
    for seed in range(HISTORIES):
        random, operations = drawn(name, seed)
        processes = list(dict.fromkeys(operations.process))
        other_of = dict(zip(processes, random.sample(range(1000), len(processes)), strict=True))
        step = random.randint(2, 9)
        other = replace(
            operations,
            process=[other_of[process] for process in operations.process],
            invoked=[7 + step * row for row in operations.invoked],
            returned=[row if row == OPEN else 7 + step * row for row in operations.returned],
        )
        outcome = linearizability.check(model_named(name), other)
        assert outcome.verdict is verdict(name, operations), seed
        assert outcome.problem() is None, seed


@pytest.mark.parametrize("name", NAMES)
def test_a_wider_interval_never_makes_a_valid_history_invalid(name):
    seen = Counter()
    for seed in range(HISTORIES):
        random, operations = drawn(name, seed)
        at = random.randrange(len(operations))
        invoked = [2 * row for row in operations.invoked]
        returned = [row if row == OPEN else 2 * row for row in operations.returned]
        if random.random() < 0.5:
            invoked[at] = 2 * random.randrange(operations.invoked[at] + 1) - 1
        elif returned[at] != OPEN:
            returned[at] += 2 * random.randrange(20) + 1
        before, after = (
            verdict(name, operations),
            verdict(name, resorted(replace(operations, invoked=invoked, returned=returned))),
        )
        assert after is Verdict.VALID or before is Verdict.INVALID, seed
        seen[before, after] += 1
    assert len(seen) >= 2, seen


@pytest.mark.parametrize("name", NAMES)
def test_not_knowing_an_outcome_never_makes_a_valid_history_invalid(name):
    for seed in range(HISTORIES):
        random, operations = drawn(name, seed)
        returned, result = list(operations.returned), list(operations.result)
        for at in random.sample(range(len(operations)), min(2, len(operations))):
            returned[at], result[at] = OPEN, None
        other = resorted(replace(operations, returned=returned, result=result))
        if verdict(name, operations) is Verdict.VALID:
            assert verdict(name, other) is Verdict.VALID, seed


@pytest.mark.parametrize("name", NAMES)
def test_a_beginning_of_a_valid_history_is_valid(name):
    for seed in range(HISTORIES):
        random, operations = drawn(name, seed)
        cut, _ = operations.until(random.randrange(2 * len(operations)))
        if verdict(name, operations) is Verdict.VALID:
            assert verdict(name, cut) is Verdict.VALID, seed


WRITES = {
    "register": "write",
    "cas-register": "write",
    "key-value": "put",
    "list": "append",
    "grow-only-set": "add",
    "fifo-queue": "enqueue",
}


@pytest.mark.parametrize("name", WRITES)
def test_a_write_of_unknown_outcome_that_nobody_saw_changes_nothing(name):
    seen = Counter()
    for seed in range(HISTORIES):
        random, operations = drawn(name, seed)
        row = random.randrange(2 * len(operations)) * 2 - 1
        other = resorted(
            replace(
                operations,
                f=[*operations.f, WRITES[name]],
                argument=[*operations.argument, "unseen" if name == "key-value" else -1],
                result=[*operations.result, None],
                invoked=[*(2 * row for row in operations.invoked), row],
                returned=[*(row if row == OPEN else 2 * row for row in operations.returned), OPEN],
                process=[*operations.process, 10_000],
                index=range(len(operations) + 1),
            )
        )
        seen[verdict(name, operations)] += 1
        assert verdict(name, other) is verdict(name, operations), seed
    assert len(seen) == 2, seen


READS = {
    "register": "read",
    "cas-register": "read",
    "key-value": "get",
    "counter": "read",
    "list": "read",
    "grow-only-set": "read",
}


@pytest.mark.parametrize("name", READS)
def test_reading_the_same_twice_at_once_is_as_good_as_once(name):
    for seed in range(HISTORIES):
        random, operations = drawn(name, seed)
        reads = [at for at, f in enumerate(operations.f) if f == READS[name] and operations.returned[at] != OPEN]
        if not reads:
            continue
        at = random.choice(reads)
        other = resorted(
            replace(
                operations,
                f=[*operations.f, operations.f[at]],
                argument=[*operations.argument, operations.argument[at]],
                result=[*operations.result, operations.result[at]],
                invoked=[*(4 * row for row in operations.invoked), 4 * operations.invoked[at] + 1],
                returned=[
                    *(row if row == OPEN else 4 * row for row in operations.returned),
                    4 * operations.returned[at] - 1,
                ],
                process=[*operations.process, 10_000],
                index=range(len(operations) + 1),
            )
        )
        assert verdict(name, other) is verdict(name, operations), seed


@pytest.mark.parametrize("name", NAMES)
def test_keys_together_are_valid_exactly_if_each_is(name):
    seen = Counter()
    for seed in range(HISTORIES // 3):
        random = Random(f"keys/{seed}")
        parts = [drawn(name, 3 * seed + number)[1] for number in range(3)]
        each = {verdict(name, part) for part in parts}
        expected = Verdict.INVALID if Verdict.INVALID in each else Verdict.VALID
        assert verdict(name, with_keys(random, parts)) is expected, seed
        seen[expected] += 1
    assert seen[Verdict.INVALID]
