"""LC-12 as clients heard it: in order, without gaps, never too early."""

from __future__ import annotations

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.history import History, Row
from keelhaul.checkers.locks.notices import NoticesInOrder
from keelhaul.checkers.verdict import Verdict


def told(number, epoch=3, session=7, event="contents_modified", path="f1", index=None, generation=None):
    return [session, epoch, number, event, path, 100 + number if index is None else index, 50, generation or number]


FAIL_OVER = "failed_over"


def read(process, heard=(), generation=9, path="f1"):
    """A read and what its client had heard by then."""
    details = {"contents": "x", "instance": 50, "generation": generation, "cached": False}
    return process, path, {**details, **({"heard": list(heard)} if heard else {})}


def judged(*reads):
    rows = []
    for process, path, details in reads:
        rows.append(("invoke", process, "read", [path, {}]))
        rows.append(("ok", process, "read", [path, details]))
    history = History.of([Row(index, index, *row) for index, row in enumerate(rows)])
    return NoticesInOrder().check(Evidence(history=history))


def test_lc_12_near_miss_all_in_order_and_anew_under_another_master():
    first = read(1, [told(1), told(2)])
    then = read(1, [told(3), told(0, epoch=4, event=FAIL_OVER), told(1, epoch=4, index=200)])
    result = judged(first, then)
    assert (result.verdict, result.details["notices"]) == (Verdict.VALID, 5)


def test_lc_12_a_notice_that_was_lost():
    result = judged(read(1, [told(1), told(3)]))
    assert (
        result.reason
        == "LC-12 session 7, as process 1's read (row 0 → 1) tells, heard notice 3 of epoch 3 after notice 1"
    )


def test_lc_12_entries_that_go_back():
    assert "heard of entry 90" in judged(read(1, [told(1, index=100), told(2, index=90)])).reason


def test_lc_12_an_epoch_that_goes_back():
    assert "epoch 3 after epoch 4" in judged(read(1, [told(1, epoch=4), told(1, epoch=3)])).reason


def test_lc_12_a_read_that_shows_less_than_was_heard_of_before():
    result = judged(read(1, [told(1, generation=5)]), read(2, generation=4))
    assert result.verdict is Verdict.INVALID
    assert "process 2's read (row 2 → 3) of f1 shows generation 4" in result.reason


def test_lc_12_near_miss_it_shows_that_or_something_newer_or_another_file():
    heard = read(1, [told(1, generation=5)])
    assert judged(heard, read(2, generation=5), read(2, generation=6), read(2, generation=1, path="f2")).verdict is (
        Verdict.VALID
    )


def test_lc_12_near_miss_the_read_was_asked_for_before():
    """A notice says what is so by the time at which it is heard; this read's own client heard it meanwhile."""
    assert judged(read(1, [told(1, generation=5)], generation=4)).verdict is Verdict.VALID


def test_lc_12_a_file_that_is_gone_again_is_less_than_what_was_heard_of():
    gone = (2, "f1", {"contents": None, "instance": None, "generation": None, "cached": True})
    assert judged(read(1, [told(1)]), gone).verdict is Verdict.INVALID
