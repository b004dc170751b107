"""Changes in the order in which gets show them: where that is a linearization, and where it is left to others."""

from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.texts import order_shown


def order(*rows):
    """Take (f, argument, result, invoked, returned)."""
    f, argument, result, invoked, returned = (list(column) for column in zip(*rows, strict=True))
    return order_shown(Operations(f, argument, result, invoked, returned, list(range(len(f))), list(range(len(f)))))


def test_a_get_tells_the_order_of_the_appends():
    one, other = ("append", "a", None, 0, 3), ("append", "b", None, 1, 2)
    assert order(one, other, ("get", None, "ba", 4, 5)) == [1, 0, 2]
    assert order(one, other, ("get", None, "ab", 4, 5)) == [0, 1, 2]
    assert order(one, ("append", "b", None, 4, 5), ("get", None, "ba", 6, 7)) is None


def test_what_nobody_got_stands_where_there_is_time_for_it():
    put, unseen = ("put", "p", None, 4, 5), ("append", "a", None, 0, 3)
    assert order(unseen, put, ("get", None, "p", 6, 7)) == [0, 1, 2]
    assert order(("get", None, "", 0, 1), ("append", "a", None, 2, 3), put, ("get", None, "p", 6, 7)) == [0, 1, 2, 3]
    assert order(put, ("append", "a", None, 6, OPEN), ("get", None, "p", 7, 8)) == [0, 2]
    assert order(put, ("append", "a", None, 6, 7), ("get", None, "p", 8, 9)) is None


def test_of_two_that_wrote_the_same_the_latest_in_time_is_taken():
    rows = [("put", "p", None, 0, 1), ("append", "a", None, 2, 3), ("put", "p", None, 4, 5)]
    assert order(*rows, ("append", "a", None, 6, 7), ("get", None, "pa", 8, 9)) == [0, 1, 2, 3, 4]
    assert order(*rows, ("get", None, "pa", 6, 7)) is None


def test_what_cannot_be_taken_apart_at_a_glance_is_left_to_others():
    assert order(("append", "a", None, 0, 1), ("get", None, "x", 2, 3)) is None
    assert order(("append", "a", None, 0, 1), ("get", None, "aa", 2, 3)) is None
    assert order(("append", "a", None, 0, 1), ("put", "p", None, 2, 3), ("get", None, "ap", 4, 5)) is None
    assert order(("put", "p", None, 0, 1), ("delete", None, None, 2, 3), ("get", None, "", 4, 5)) is None
