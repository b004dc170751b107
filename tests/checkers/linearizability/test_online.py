"""Checking online gives the verdict that checking afterwards gives, after every row; and forgets what is settled."""

from __future__ import annotations

from random import Random

import pytest

from keelhaul.checkers import linearizability
from keelhaul.checkers.linearizability.online import Online
from keelhaul.checkers.linearizability.operations import OPEN, MalformedOperation
from keelhaul.checkers.models.registry import model_named
from keelhaul.checkers.values import thaw
from keelhaul.checkers.verdict import Verdict
from tests.oracle.brute import linearizable
from tests.oracle.differential import Case, drawn
from tests.oracle.draws import simulated
from tests.oracle.specifications import SPECIFICATIONS

HISTORIES = 1500
"""Of each model; many more when this file is run by hand."""


def rows_of(random, operations):
    """A history's rows, as a recorder would have written them: (row, type, process, f, value).

    Open operations end in an info somewhere after their invocation, or in nothing; a failure may be thrown in.
    """
    events, next_of = [], {}
    for at in reversed(range(len(operations))):
        process, f, argument = operations.process[at], operations.f[at], thaw(operations.argument[at])
        invoked, returned = operations.invoked[at], operations.returned[at]
        events.append((invoked, "invoke", process, f, argument))
        if operations.failed is not None and operations.failed[at]:
            events.append((returned, "fail", process, f, argument))
        elif returned != OPEN:
            events.append((returned, "ok", process, f, thaw(operations.result[at])))
        elif process in next_of:
            events.append((random.uniform(invoked, next_of[process]), "info", process, f, argument))
        elif random.random() < 0.7:
            events.append((invoked + random.randint(0, 9) + 0.5, "info", process, f, argument))
        next_of[process] = invoked
    if len(operations) and random.random() < 0.3:  # an operation that certainly did nothing
        f, argument = operations.f[0], thaw(operations.argument[0])
        if f != "cas":
            first = random.randint(0, 9) - 0.25
            events += [(first, "invoke", 999, f, argument), (first + random.randint(0, 9), "fail", 999, f, argument)]
    events.sort(key=lambda event: event[0])
    return [(row, *event[1:]) for row, event in enumerate(events)]


def followed(case, rows):
    """A checker that has taken the rows."""
    checker = Online(case.model, failed_cas="observe" if case.operations.failed else "ignore")
    for row in rows:
        checker.take(*row)
    return checker


def disagreements(name, seeds):
    """The seeds at which online and the oracle differ, and how many histories were valid."""
    wrong, valid, given_up = [], 0, 0
    for seed in seeds:
        case = drawn(name, seed)
        expected = linearizable(SPECIFICATIONS[name], case.operations)
        found = followed(case, rows_of(Random(seed), case.operations)).finish()
        valid += expected
        given_up += found is Verdict.UNKNOWN
        if found is (Verdict.INVALID if expected else Verdict.VALID):
            wrong.append(seed)
    assert given_up <= len(seeds) // 1000, "hardly any is given up"
    return wrong, valid


@pytest.mark.parametrize("name", list(SPECIFICATIONS))
def test_online_and_afterwards_agree(name):
    wrong, valid = disagreements(name, range(HISTORIES))
    assert wrong == []
    assert HISTORIES // 10 < valid < HISTORIES * 9 // 10, "both verdicts are met often"


ROOM = [
    ("invoke", 1, "write", 0),
    ("ok", 1, "write", 0),
    ("invoke", 2, "write", 1),
    ("invoke", 1, "write", 0),
    ("ok", 1, "write", 0),
    ("ok", 2, "write", 1),
    ("invoke", 2, "read", None),
    ("ok", 2, "read", 0),
]
"""The write of 1 took effect before the second write of 0, by which nothing changes."""
LIKES = [
    ("invoke", 1, "append", "x"),
    ("invoke", 2, "put", "v"),
    ("ok", 2, "put", "v"),
    ("invoke", 3, "append", "x"),
    ("invoke", 2, "get", None),
    ("ok", 2, "get", "vx"),
    ("ok", 1, "append", "x"),
    ("ok", 3, "append", "x"),
    ("invoke", 2, "get", None),
    ("ok", 2, "get", "vx"),
]
"""Of two appends that do the same, the one that returns first took effect before the put, unseen; so it is the other
one that was seen."""


@pytest.mark.parametrize(("name", "rows"), [("register", ROOM), ("key-value", LIKES)])
def test_two_orders_that_are_easily_lost(name, rows):
    checker = Online(model_named(name))
    assert [checker.take(at, *row) for at, row in enumerate(rows)] == [None] * len(rows)
    assert checker.finish() is Verdict.VALID


@pytest.mark.parametrize(("name", "seed"), [("register", 7316), ("register", 1777), ("cas-register", 1014)])
def test_histories_that_found_a_mistake_once(name, seed):
    assert disagreements(name, [seed])[0] == []


@pytest.mark.parametrize("name", list(SPECIFICATIONS))
def test_the_first_violation_is_found_as_soon_as_what_overlaps_is_over(name):
    """Each beginning gets the verdict that it would get if the history ended there."""
    early = 0
    for seed in range(HISTORIES // 15):
        case = drawn(name, seed)
        rows = rows_of(Random(seed), case.operations)
        verdicts = [followed(case, rows[:end]).finish() for end in range(len(rows) + 1)]
        assert verdicts == sorted(verdicts, key=[Verdict.VALID, Verdict.INVALID].index), "once invalid, always invalid"
        checker = followed(case, [])
        for row, verdict in zip(rows, verdicts[1:], strict=True):
            assert checker.take(*row) is None or verdict is Verdict.INVALID, "never before it is sure"
            if not checker.waiting():
                assert (checker.found is not None) == (verdict is Verdict.INVALID), "at once, with nothing to wait for"
                early += verdict is Verdict.INVALID
    assert early


@pytest.mark.parametrize("name", ["cas-register", "key-value", "set", "owner-mutex", "counter"])
def test_they_agree_on_long_histories_too(name):
    valid = 0
    for seed in range(20):
        random, mutations = Random(seed), seed % 2
        specification = SPECIFICATIONS[name]
        operations = simulated(random, specification, operations=150, processes=5, info=0.02, mutations=mutations)
        case = Case(name, model_named(name), operations)
        afterwards = linearizability.check(case.model, operations).verdict
        assert followed(case, rows_of(random, operations)).finish() is afterwards
        valid += afterwards is Verdict.VALID
    assert 10 <= valid < 20


def test_keys_are_followed_each_by_itself():
    rows = [
        (0, "invoke", 0, "write", ["x", 1]),
        (1, "invoke", 1, "read", ["y", None]),
        (2, "ok", 0, "write", ["x", 1]),
        (3, "ok", 1, "read", ["y", None]),
        (4, "invoke", 1, "read", ["x", None]),
        (5, "ok", 1, "read", ["x", 2]),
        (6, "info", "nemesis", "start-partition", {}),
    ]
    checker = Online(model_named("register"), keyed=True)
    assert [checker.take(*row) is not None for row in rows] == [False] * 5 + [True] * 2
    assert checker.found.row == 5
    assert checker.found.reason.startswith('key "x": process 1\'s read (row 4 → 5) returned 2, which no order explains')
    assert "hold 1" in checker.found.reason


def test_an_operation_that_hangs_holds_back_only_its_own_key():
    checker = Online(model_named("register"), keyed=True)
    checker.take(0, "invoke", 9, "write", ["x", 1])
    checker.take(1, "invoke", 1, "read", ["y", None])
    assert checker.take(2, "ok", 1, "read", ["y", 7]) is not None


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([(0, "invoke", 0, "write", 7)], r"row 0: a value with a key is \[key, value\]"),
        ([(0, "invoke", 0, "read", ["x", None]), (1, "ok", 0, "read", ["y", 1])], "answers for"),
        ([(0, "invoke", 0, "jump", ["x", 1]), (1, "info", 0, "jump", ["x", 1])], "jump"),
        ([(0, "invoke", 0, "write", ["x", {1}])], "row 0"),
    ],
)
def test_what_is_no_operation_of_the_model_is_refused(rows, says):
    checker = Online(model_named("register"), keyed=True)
    *before, last = rows
    for row in before:
        checker.take(*row)
    with pytest.raises(MalformedOperation, match=says):
        checker.take(*last)


def long_run(random, operations, processes, info):
    """Rows of a correct register under load, with crashes: far too long to be kept."""
    state, row, underway = 0, 0, {}
    names = list(range(processes))
    for number in range(operations):
        thread = random.randrange(processes)
        if thread not in underway:
            f = random.choice(("read", "write"))
            underway[thread] = f, number
            yield row, "invoke", names[thread], f, number if f == "write" else None
        else:
            f, value = underway.pop(thread)
            if f == "write" and random.random() < info:
                yield row, "info", names[thread], f, value
                names[thread] += processes
                row += 1
                continue
            if f == "write":
                state = value
            yield row, "ok", names[thread], f, state if f == "read" else value
        row += 1


@pytest.mark.parametrize(("processes", "most"), [(2, 40), (10, 200), (30, 600)])
def test_what_is_remembered_is_bounded_by_the_concurrency_not_by_the_length(processes, most):
    checker = Online(model_named("register:0"))
    peaks = []
    for row in long_run(Random(processes), 4000, processes, info=0):
        assert checker.take(*row) is None
        peaks.append(checker.remembered())
    assert max(peaks) < most
    assert max(peaks[2000:]) <= max(peaks[:2000]) * 1.5


def test_what_stays_open_is_remembered_but_does_not_slow_the_rest():
    checker = Online(model_named("register:0"))
    for row in long_run(Random(1), 4000, 5, info=0.05):
        assert checker.take(*row) is None
    assert checker.finish() is Verdict.VALID
    assert checker.remembered() < 400


def test_an_object_with_too_many_ways_is_left_to_the_check_afterwards():
    checker = Online(model_named("counter"), configurations_max=100)
    row = 0
    for process in range(12):
        checker.take(row, "invoke", process, "add", 1 << process)
        row += 1
    checker.take(row, "invoke", 12, "read", None)
    checker.take(row + 1, "ok", 12, "read", (1 << 12) - 1)
    for process in range(12):
        checker.take(row + 2 + process, "ok", process, "add", 1 << process)
    assert checker.undecided
    assert checker.finish() is Verdict.UNKNOWN
    assert checker.remembered() == 0


if __name__ == "__main__":
    import sys

    for each in SPECIFICATIONS:
        print(each, *disagreements(each, range(int(sys.argv[1]), int(sys.argv[2]))), flush=True)
