"""LC-4, as clients were told."""

from __future__ import annotations

from keelhaul.checkers.locks.tokens import TokenOrder
from keelhaul.checkers.verdict import Verdict


def judged(script):
    return TokenOrder().check(script.evidence())


def test_lc_4_a_later_grant_with_a_smaller_token_is_a_violation(script):
    script.acquire(0, 10, 1, token=7)
    script.acquire(11, 20, 2, token=6)
    result = judged(script)
    assert result.verdict is Verdict.INVALID
    assert "its token is smaller" in result.reason


def test_lc_4_near_miss_grants_side_by_side_may_come_in_any_order(script):
    script.acquire(0, 10, 1, token=7)
    script.acquire(9, 20, 2, token=6)
    assert judged(script).verdict is Verdict.VALID


def test_lc_4_near_miss_each_lock_counts_by_itself(script):
    script.acquire(0, 10, 1, "a", token=7)
    script.acquire(11, 20, 2, "b", token=6)
    assert judged(script).verdict is Verdict.VALID


def test_lc_4_a_token_given_twice_is_a_violation(script):
    script.acquire(0, 10, 1, token=7)
    script.acquire(5, 20, 2, token=7)
    assert "one token for two holds" in judged(script).reason


def test_lc_4_near_miss_shared_holders_may_share_a_number(script):
    script.acquire(0, 10, 1, token=7, mode="shared")
    script.acquire(5, 20, 2, token=7, mode="shared")
    assert judged(script).verdict is Verdict.VALID


def test_a_shared_and_an_exclusive_hold_may_not(script):
    script.acquire(0, 10, 1, token=7, mode="shared")
    script.acquire(5, 20, 2, token=7)
    assert judged(script).verdict is Verdict.INVALID


def test_where_there_are_no_tokens_there_is_nothing_to_judge(script):
    script.acquire(0, 10, 1)
    script.acquire(11, 20, 2)
    result = judged(script)
    assert (result.verdict, result.details["tokens"]) == (Verdict.VALID, 0)


def test_the_largest_of_all_earlier_tokens_counts(script):
    script.acquire(0, 10, 1, token=9)
    script.acquire(1, 11, 2, token=3)
    script.acquire(12, 20, 3, token=5)
    assert "token 9" in judged(script).reason
