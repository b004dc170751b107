"""What is said of a violation: the operation, what it could have met, and where values came from."""

import json
from random import Random

import pytest

from benchmarks.faulty_objects import OBJECTS, recorded
from keelhaul.checkers import linearizability
from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.linearizability import Call, Operations
from keelhaul.checkers.linearizability.actions import actions_of
from keelhaul.checkers.linearizability.checker import Linearizable
from keelhaul.checkers.linearizability.counting import in_words
from keelhaul.checkers.models.registers import cas_register
from keelhaul.checkers.models.registry import model_named


@pytest.fixture
def explained(build):
    """Returns the sentence and the details of a history's first violation; rows are of one key."""

    def run(*rows, key="k3", failed_cas="ignore"):
        history = build(*((kind, process, f, [key, value]) for kind, process, f, value in rows))
        checker = Linearizable(cas_register(), keyed=True, failed_cas=failed_cas)
        result = checker.check(Evidence(history=history))
        json.dumps(result.details)
        return result.reason, result.details["violations"][0]

    return run


def done(process, f, value, result=None):
    return [("invoke", process, f, value), ("ok", process, f, result if f == "read" else value)]


def opened(process, f, value):
    return [("invoke", process, f, value), ("info", process, f, value)]


def values(details):
    return [(item["value"], item["sure"]) for item in details["possible"]]


def test_a_stale_read(explained):
    sentence, details = explained(
        *done(1, "write", 5),
        *done(2, "write", 7),
        *opened(12, "write", 9),
        *done(3, "read", None, 9),
        *done(2, "write", 7),
        *opened(112, "write", 9),
        *done(17, "read", None, 5),
    )
    assert sentence == (
        "key k3: process 17's read (row 12 → 13) returned 5, but given all that had completed before it did, "
        "the register could only hold 7, left by process 2's write (row 8 → 9) (or hold 9, if the open write of 9 by "
        "process 112 took effect). It would have needed the register to hold 5, as process 1's write (row 0 → 1) left "
        "it."
    )
    assert details["key"] == "k3"
    assert details["operation"] == {
        "process": 17,
        "f": "read",
        "value": ["k3", None],
        "outcome": "ok",
        "result": ["k3", 5],
        "invoked": 12,
        "completed": 13,
    }
    assert values(details) == [(7, True), (9, False)]
    assert [item["process"] for item in details["pending"]] == [12, 112]
    assert [item["process"] for item in details["prefix"]] == [1, 2, 12, 3, 2, 112]
    assert details["prefix_length"] == 6
    assert [item["process"] for item in details["refutation"]] == [1, 2, 17]


def test_an_open_write_that_nobody_could_notice_is_still_a_possible_value(explained):
    sentence, details = explained(*done(0, "write", 1), *opened(9, "write", 8), *done(0, "read", None, 2))
    assert (
        "could only hold 1, left by process 0's write (row 0 → 1) (or hold 8, if the open write of 8 by process 9"
        in sentence
    )
    assert values(details) == [(1, True), (8, False)]


def test_an_open_cas_on_what_an_open_write_would_put_in(explained):
    _, details = explained(
        *done(0, "write", 1), *opened(9, "write", 8), *opened(10, "cas", [8, 4]), *done(0, "read", None, 2)
    )
    assert sorted(values(details)) == [(1, True), (4, False), (8, False)]


def test_an_open_write_that_was_used_up_is_no_possible_value(explained):
    _, details = explained(
        *opened(9, "write", 8), *done(0, "read", None, 8), *done(0, "write", 1), *done(0, "read", None, 8)
    )
    assert values(details) == [(1, True)]


def test_an_open_write_that_was_used_and_then_left_out_is_no_possible_value(explained):
    _, details = explained(
        *opened(9, "write", 8), *done(0, "read", None, 8), *done(0, "write", 1), *done(0, "read", None, 2)
    )
    assert values(details) == [(1, True)]


def test_a_write_under_way_is_a_possible_value(explained):
    sentence, details = explained(
        *done(0, "write", 1), ("invoke", 4, "write", 6), *done(0, "read", None, 2), ("ok", 4, "write", 6)
    )
    assert "(or hold 6, if the concurrent write of 6 by process 4 took effect)" in sentence
    assert values(details) == [(1, True), (6, False)]


def test_all_values_while_it_was_under_way_are_told_not_only_the_last(explained):
    writes = [row for value in (2, 3) for row in done(0, "write", value)]
    sentence, details = explained(*done(0, "write", 1), ("invoke", 5, "read", None), *writes, ("ok", 5, "read", 9))
    assert "could only hold 1, hold 2 or hold 3. It would have needed the register to hold 9, as nothing" in sentence
    assert values(details) == [(1, True), (2, True), (3, True)]


def test_a_value_that_was_only_passed_through_is_possible_too(explained):
    """3 is never what the register holds after a return, but it was there."""
    _, details = explained(
        ("invoke", 5, "read", None),
        ("invoke", 0, "write", 3),
        ("invoke", 1, "cas", [3, 4]),
        ("ok", 1, "cas", [3, 4]),
        ("ok", 0, "write", 3),
        ("ok", 5, "read", 9),
    )
    assert values(details) == [(None, True), (3, True), (4, True)]


def test_a_cas(explained):
    sentence, _ = explained(*done(0, "write", 1), *done(3, "cas", [2, 4]))
    assert "process 3's cas (row 2 → 3) found 2 and put in 4, but given" in sentence


def test_an_observed_failed_cas(explained):
    rows = [*done(0, "write", 1), ("invoke", 3, "cas", [1, 4]), ("fail", 3, "cas", [1, 4])]
    sentence, _ = explained(*rows, failed_cas="observe")
    assert "process 3's cas (row 2 → 3) failed, so it did not find 1, but given" in sentence
    assert "could only hold 1, left by process 0's write (row 0 → 1)." in sentence


def test_null_is_where_it_began(explained):
    sentence, _ = explained(*done(0, "write", 1), *done(0, "read", None, None))
    assert sentence.endswith("needed the register to hold null, as it was at first.")


def test_odd_keys_and_values_are_written_as_json(explained):
    sentence, _ = explained(*done(0, "write", {"a": True}), *done(0, "read", None, ["x"]), key=["k", 1])
    assert sentence.startswith('key ["k", 1]: ')
    assert 'returned ["x"]' in sentence
    assert 'could only hold {"a": true}, left by' in sentence


def test_long_things_are_cut(explained):
    rows = [row for process in range(60) for row in opened(100 + process, "write", process)]
    sentence, details = explained(
        *rows, *[row for at in range(20) for row in done(0, "write", "x" * 500 + str(at))], *done(1, "read", None, -1)
    )
    assert len(sentence) < 1000
    assert "and so on, 57 more" in sentence
    assert len(details["prefix"]) == 10
    assert details["prefix_length"] == 21
    assert len(details["pending"]) == 50
    assert len(details["possible"]) == 50


def test_what_a_refutation_begins_with_is_not_to_blame():
    """A counter is read at 5 and again, though 2 were added meanwhile; what it was before is left out."""
    rows = [("add", 5, 5), ("read", None, 5), ("add", 2, 2), ("read", None, 5)]
    calls = [Call(at, f, argument, result, 2 * at, 2 * at + 1) for at, (f, argument, result) in enumerate(rows)]
    reason = linearizability.check("counter", calls).reason
    assert reason.startswith("process 3's read (row 6 → 7) returned 5, but"), reason
    assert "the counter could only be 7" in reason


def calls_of(*rows):
    """Take (process, function, argument, result, invoked, returned)."""
    names = ("process", "f", "argument", "result", "invoked", "returned")
    return [Call(**dict(zip(names, row, strict=True))) for row in rows]


@pytest.mark.parametrize(
    ("permits", "core", "rows", "expected"),
    [
        (2, [0, 1], [("acquire", 2, 0, 1), ("acquire", 1, 2, 3)], "by row 3, at least 3 more permits were acquired"),
        (2, [0], [("release", 1, 0, 1)], "by row 1, at least 1 more permit was released"),
        (
            1,
            [4, 6],
            [
                ("acquire", 1, 0, 1),
                ("release", 1, 2, 20),
                ("acquire", 1, 3, 4),
                ("acquire", 1, 5, 21),
                ("release", 1, 6, 7),
                ("release", 1, 8, 9),
                ("release", 1, 10, 11),
            ],
            "from row 6 to row 11, at least 2 more permits were released than acquired, of 1",
        ),
        (2, [0], [("acquire", 2, 0, 1)], None),
    ],
)
def test_of_permits_it_is_said_how_many_are_too_many(permits, core, rows, expected):
    model = model_named(f"semaphore:{permits}")
    f, argument, invoked, returned = (list(column) for column in zip(*rows, strict=True))
    history = Operations(f, argument, argument, invoked, returned, list(range(len(f))), range(len(f)))
    said = in_words(model.bounded, history, actions_of(model, history), core, lambda units: None)
    assert said == expected if expected is None else said.startswith(expected), said


def test_where_many_permits_were_taken_before_the_sum_is_told():
    history = recorded(Random("refutations/semaphore/10/0"), OBJECTS["semaphore"], 1_000, 10, "answer")
    outcome = linearizability.check("semaphore:3", history)
    assert "at least 4 more permits were acquired than released, of 3. It would have needed a permit" in outcome.reason
    assert len(outcome.violations[0].details["refutation"]) == 4


def test_of_a_long_history_of_a_lock_it_is_counted_how_often_it_was_held():
    """Shorter ones are told what had left it held."""
    reasons = []
    for count in (500, 12_000):
        history = recorded(Random("explain/mutex/3"), OBJECTS["mutex"], count, 10, "answer")
        reasons.append(linearizability.check("mutex", history).reason)
    assert "the lock could only be held, left by" in reasons[0]
    assert "at least 2 more permits were acquired than released, of 1." in reasons[1]


def test_of_large_values_it_is_said_what_contradicts_what():
    """What a list of many could have held fills pages."""
    puts = [(at, "append", at, at, at, 200 + at) for at in range(12)]
    seen, other = list(range(12)), [*range(10), 11, 10]
    reads = [(20, "read", None, seen, 300, 301), (21, "read", None, other, 302, 303)]
    sentence = linearizability.check("list", calls_of(*puts, *reads)).reason
    assert sentence.startswith(
        "process 21's read (row 26 → 27) returned [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 10], which contradicts process "
        "20's read (row 24 → 25), which returned [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], whatever else happened."
    )


def test_states_are_listed_only_if_they_are_all():
    """Of many sets, a search that ends early knows some; the others are no less possible, so the report has none."""
    for count, listed in ((3, 8), (14, 0)):
        puts = [(at, "add", at, at, at, 200 + at) for at in range(count)]
        read = (20, "read", None, [*range(count), 99], 100, 300)
        outcome = linearizability.check("grow-only-set", calls_of(*puts, read))
        assert len(outcome.violations[0].details["possible"]) == listed
        assert "could only" not in outcome.reason
        assert "which nothing explains" in outcome.reason
