"""What models promise about their actions holds, looked at one short run after the other."""

from itertools import product
from random import Random

import pytest

from keelhaul.checkers.models.model import Action, Kind
from keelhaul.checkers.models.registry import model_named
from keelhaul.checkers.values import freeze

RUN_MAX = 3
VALUES = ("a", "b", "ab", "")

TEXTS = (
    [Action(f, value) for f in ("put", "append") for value in VALUES] + [Action("delete")],
    [Action("get", None, text) for text in ("", None, "a", "b", "ab", "aab", "ba")],
)
LISTS = (
    [Action("append", value) for value in (1, 2)],
    [Action("read", None, freeze(items)) for items in product((1, 2), repeat=2)] + [Action("read", None, freeze([]))],
)
SETS = (
    [Action("add", value) for value in (1, 2, 3)],
    [Action("read", None, freeze(items)) for items in ([], [1], [2, 1], [1, 2, 3], [3, 3])],
)


@pytest.mark.parametrize(("name", "said"), [("key-value", TEXTS), ("list", LISTS), ("grow-only-set", SETS)])
def test_what_a_state_does_not_reach_does_not_happen_before_something_blind(name, said):
    model, (changes, observers) = model_named(name), said
    growing = [change for change in changes if model.kind(change) is not Kind.BLIND]
    starts = {state for change in changes for state in model.successors(model.initial, change)} | {model.initial}
    unreached = 0
    for start, needed in product(sorted(starts, key=repr), observers):
        for count in range(RUN_MAX + 1):
            for run in product(growing, repeat=count):
                states = [start]
                for change in run:
                    states = [after for state in states for after in model.successors(state, change)]
                if any(model.successors(state, needed) for state in states):
                    assert model.reaches(start, needed), (start, needed, run)
        unreached += not model.reaches(start, needed)
        assert model.reaches(start, needed._replace(result=None, outcome="open"))
    assert unreached > 0


def transactions():
    """All of one or two parts, on two registers and two values."""
    parts = [("array", f, name, value) for f in "rw" for name in "xy" for value in (0, 1)]
    for count in (1, 2):
        for answer in product(parts, repeat=count):
            asked = [part if part[1] == "w" else (*part[:3], None) for part in answer]
            yield Action("txn", ("array", *asked), ("array", *answer))


@pytest.fixture(scope="module")
def registers():
    return model_named('multi-register:{"x":0,"y":0}'), [*transactions()]


def legal(model, states, run):
    for action in run:
        states = [after for state in states for after in model.successors(state, action)]
    return bool(states)


def test_a_transaction_does_not_see_what_it_does_not_notice(registers):
    """Of a legal run, what the last notices, and what that notices, is a legal run."""
    model, every = registers
    random, shorter = Random(0), 0
    for _ in range(30_000):
        run = random.choices(every, k=RUN_MAX)
        if legal(model, [model.initial], run):
            kept = [run[-1]]
            for action in reversed(run[:-1]):
                if any(model.notices(needed, action) for needed in kept):
                    kept.insert(0, action)
            assert legal(model, [model.initial], kept), (run, kept)
            shorter += len(kept) < RUN_MAX
    assert shorter > 1_000


def test_what_a_transaction_tells_allows_for_all_that_may_come_after_it(registers):
    model, every = registers
    partly = 0
    for state in product((0, 1), repeat=2):
        held = tuple(zip("xy", state, strict=True))
        for first, second in product(every, repeat=2):
            if legal(model, [held], [first, second]):
                told = model.tells(first, [second])
                assert legal(model, told, [second]), (held, first, second)
                partly += any(len(known) == 1 for known in told)
    assert partly > 0


@pytest.mark.parametrize(("name", "put"), [("list", "append"), ("grow-only-set", "add")])
def test_what_a_read_rests_on_may_come_first(name, put):
    """From any state that it changes, if it is the only one of its like, and what it leaves still reaches the read."""
    model, random, moved = model_named(name), Random(0), 0
    for _ in range(20_000):
        puts = [Action(put, random.randrange(4)) for _ in range(random.randint(1, 4))]
        states = model.replay([Action(put, random.randrange(4)) for _ in range(random.randint(0, 2))])
        held = list(states[0])
        shown = held + [action.argument for action in puts]
        read = Action("read", None, ("array", *dict.fromkeys(shown)) if name == "grow-only-set" else ("array", *shown))
        assert legal(model, states, [*puts, read])
        for at, change in enumerate(puts):
            after = model.successors(states[0], change)
            if puts.count(change) == 1 and after != states and model.reaches(after[0], read):
                assert (put, change.argument) in model.rests_on(read)
                assert legal(model, after, [*puts[:at], *puts[at + 1 :], read]), (states, puts, change)
                moved += at > 0
    assert moved > 1_000 or name == "list"


@pytest.mark.parametrize("name", ["mutex", "semaphore:1", "semaphore:3"])
def test_a_legal_run_keeps_the_number_within_its_bounds(name):
    model, random, kept = model_named(name), Random(0), 0
    bounded = model.bounded
    for _ in range(5_000):
        counts = (None,) if name == "mutex" else (None, 1, 2, 3)
        run = [Action(random.choice(("acquire", "release")), random.choice(counts)) for _ in range(5)]
        number, within = 0, True
        for action in run:
            number += bounded.amount(action)
            within = within and bounded.least <= number <= bounded.most
        assert within or not legal(model, [model.initial], run), run
        kept += within
    assert 0 < kept < 5_000
