"""Changes in the order in which gets show them: a linearization, the sign that there is none, or left to others."""

from copy import deepcopy

from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.result import Invalid, Valid, Within
from keelhaul.checkers.linearizability.texts import glance

A, B = ("append", "a", None, 0, 1), ("append", "b", None, 2, 3)


def seen(*rows):
    """Take (f, argument, result, invoked, returned); return the order, the core in braces, or None."""
    f, argument, result, invoked, returned = (list(column) for column in zip(*rows, strict=True))
    columns = Operations(f, argument, result, invoked, returned, list(range(len(f))), list(range(len(f))))
    answer = glance(columns, range(len(f)), Budget())
    if isinstance(answer, Valid):
        return list(answer.order)
    return {*answer.core} if isinstance(answer, Invalid) else answer


def test_a_get_tells_the_order_of_the_appends():
    one, other = ("append", "a", None, 0, 3), ("append", "b", None, 1, 2)
    assert seen(one, other, ("get", None, "ba", 4, 5)) == [1, 0, 2]
    assert seen(one, other, ("get", None, "ab", 4, 5)) == [0, 1, 2]
    assert seen(one, ("append", "b", None, 4, 5), ("get", None, "ba", 6, 7)) == {0, 1, 2}


def test_what_nobody_got_stands_where_there_is_time_for_it():
    put, unseen = ("put", "p", None, 4, 5), ("append", "a", None, 0, 3)
    assert seen(unseen, put, ("get", None, "p", 6, 7)) == [0, 1, 2]
    assert seen(("get", None, "", 0, 1), ("append", "a", None, 2, 3), put, ("get", None, "p", 6, 7)) == [0, 1, 2, 3]
    assert seen(put, ("append", "a", None, 6, OPEN), ("get", None, "p", 7, 8), ("get", None, None, 9, OPEN)) is not None
    assert seen(put, ("append", "a", None, 6, 7), ("get", None, "p", 8, 9)) == {0, 1, 2}


def test_a_get_that_shows_less_than_was_shown_before_it_is_stale():
    assert seen(A, B, ("get", None, "ab", 4, 5), ("get", None, "a", 6, 7)) == {2, 3}
    assert seen(A, B, ("get", None, "ab", 4, 7), ("get", None, "a", 5, 6)) == {1, 2, 3}
    assert seen(A, ("get", None, "a", 2, 3), ("get", None, None, 4, 5)) == {0, 1, 2}
    assert seen(A, ("append", "b", None, 2, 6), ("get", None, "ab", 3, 5), ("get", None, "a", 4, 7)) == [0, 3, 1, 2]


def test_gets_of_one_stretch_have_texts_that_begin_each_other():
    b, c = ("append", "b", None, 2, 7), ("append", "c", None, 3, 8)
    assert seen(("put", "p", None, 0, 1), b, c, ("get", None, "pb", 9, 11), ("get", None, "pc", 10, 12)) == {3, 4}
    assert seen(b, c, ("get", None, "b", 9, 11), ("get", None, "c", 10, 12)) == {2, 3}
    assert seen(b, c, ("get", None, "bc", 9, 11), ("get", None, "c", 10, 12)) == {2, 3}


def test_nothing_stands_between_two_of_a_stretch():
    p, q = ("put", "p", None, 0, 1), ("put", "q", None, 2, 3)
    assert seen(p, q, ("get", None, "q", 4, 5), ("get", None, "p", 6, 7)) == {0, 1, 2, 3}
    assert seen(p, q, ("get", None, "", 4, 5)) == {0, 2}
    assert seen(p, ("put", "q", None, 2, 6), ("get", None, "p", 3, 5), ("get", None, "q", 4, 7)) == [0, 2, 1, 3]


def test_of_two_that_appended_the_same_the_earliest_in_time_is_taken():
    put, again, unseen = ("put", "q", None, 2, 3), ("append", "a", None, 4, 5), ("append", "c", None, 6, 9)
    assert seen(A, put, again, ("get", None, "qa", 6, 7)) == [0, 1, 2, 3]
    assert seen(A, put, ("get", None, "qa", 4, 5), ("append", "a", None, 6, 7)) is None
    assert seen(A, B, again, ("get", None, "aba", 6, 7)) == [0, 1, 2, 3]
    assert seen(A, B, again, unseen, ("get", None, "abac", 7, 8)) == [0, 1, 2, 3, 4]
    assert seen(A, B, ("get", None, "ba", 4, 5), again) is None


def test_what_cannot_be_taken_apart_at_a_glance_is_left_to_others():
    assert seen(A, ("get", None, "x", 2, 3)) is None
    assert seen(A, ("get", None, "aa", 2, 3)) is None
    assert seen(A, ("put", "p", None, 2, 3), ("get", None, "ap", 4, 5)) is None
    assert seen(("put", "p", None, 0, 1), ("delete", None, None, 2, 3), ("get", None, "", 4, 5)) is None
    assert seen(("put", "p", None, 0, 1), ("put", "p", None, 2, 3), ("get", None, "p", 4, 5)) is None


def test_a_text_that_begins_another_one_or_is_empty_refutes_nothing():
    bc, shown = ("append", "bc", None, 2, 3), ("get", None, "abc", 4, 5)
    assert seen(A, bc, shown, ("append", "b", None, 6, 7), ("append", "c", None, 8, 9)) is None
    assert seen(A, ("get", None, "a", 2, 3), ("put", "", None, 4, 5), ("get", None, "", 6, 7)) is None


def test_who_may_have_written_it_twice_refutes_nothing():
    again = ("append", "a", None, 6, 7)
    assert seen(A, ("get", None, "", 2, 5), again) is None


def test_a_text_that_lost_its_end_is_refuted_whoever_wrote_it_twice_unless_a_put_began_it_anew():
    ended = [A, B, ("get", None, "ab", 4, 5), ("append", "b", None, 6, 7), ("get", None, "a", 8, 11)]
    assert seen(*ended) == {2, 4}
    for put in [("put", "a", None, 9, 12), ("put", "", None, 9, 10), ("put", "a", None, 10, OPEN)]:
        assert seen(*ended, put) is None
    for put in [("put", "b", None, 9, 10), ("put", "a", None, 12, 13)]:
        assert seen(*ended, put) == {2, 4}
    assert seen(("put", "a", None, -2, -1), *ended) == {3, 5}
    assert seen(("put", "a", None, -2, 6), *ended) is None


def test_what_may_be_no_operation_of_the_model_is_not_judged():
    stale = [A, B, ("get", None, "ab", 4, 5), ("get", None, "a", 6, 7)]
    assert seen(*stale) is not None
    strange = [("swap", "s", None), ("put", 5, None), ("append", None, None), ("get", None, 5)]
    for wrong in [(*said, 8, 9) for said in strange]:
        assert seen(*stale, wrong) is None
        assert seen(A, B, wrong) is None


def test_an_order_within_a_part_is_told_by_the_parts_positions():
    order = Within([7, 2, 4], [2, 4, 7])
    assert list(order) == [2, 0, 1]
    assert order == [2, 0, 1] == deepcopy(order)
    assert order != [2, 1, 0]
    assert (len(order), order[0], repr(order)) == (3, 2, "[2, 0, 1]")
