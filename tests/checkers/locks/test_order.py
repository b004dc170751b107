"""LC-9: grants and ends of holds must follow from each other in some order."""

from __future__ import annotations

from itertools import permutations
from random import Random

import pytest

from keelhaul.checkers.locks.order import LockOrder
from keelhaul.checkers.verdict import Verdict


def judged(script):
    return LockOrder().check(script.evidence())


def test_lc_9_a_grant_while_somebody_holds_and_gives_back_later(script):
    script.acquire(0, 10, 1, token=5)
    script.acquire(20, 30, 2, token=6, until=90)
    script.release(40, 50, 1, [[10, 40]], token=5)
    result = judged(script)
    assert result.verdict is Verdict.INVALID
    assert result.reason.startswith("LC-9 lock l: in no order do these follow from each other: process 1's acquire")
    assert "process 2's acquire (row 2 → 3) is granted with token 6" in result.reason


def test_lc_9_the_reason_names_only_the_holds_that_it_takes(script):
    for number in range(5):
        script.acquire(100 * number, 100 * number + 10, 3, token=number)
        script.release(100 * number + 20, 100 * number + 30, 3, [[100 * number + 10, 100 * number + 20]], token=number)
    script.acquire(500, 510, 1, token=5)
    script.acquire(520, 530, 2, token=6)
    script.release(540, 550, 1, [[510, 540]], token=5)
    reason = judged(script).reason
    assert "process 3" not in reason
    assert reason.count(";") == 3, "two grants, a release, and an end that nobody told of"


def test_lc_9_near_miss_the_grant_and_the_release_overlap(script):
    script.acquire(0, 10, 1, token=5)
    script.acquire(20, 45, 2, token=6)
    script.release(40, 50, 1, [[10, 40]], token=5)
    assert judged(script).verdict is Verdict.VALID


def test_lc_9_a_release_that_succeeded_must_have_freed_the_lock_in_its_time(script):
    """By what clients believed nothing is wrong: process 1 stopped believing when it began to release."""
    script.acquire(0, 10, 1, token=5)
    script.acquire(20, 30, 2, token=6)
    script.release(35, 40, 2, [[30, 35]], token=6)
    script.release(32, 50, 1, [[10, 15]], token=5)
    assert judged(script).verdict is Verdict.INVALID


def test_lc_9_near_miss_a_holder_whose_lease_ran_out(script):
    script.acquire(0, 10, 1, token=5)
    script.acquire(20, 30, 2, token=6)
    script.release(40, 50, 1, [[10, 15]], token=5, outcome="fail")
    assert judged(script).verdict is Verdict.VALID


def test_lc_9_a_lease_that_had_not_run_out(script):
    script.acquire(0, 10, 1, token=5)
    script.acquire(20, 30, 2, token=6)
    script.release(40, 50, 1, [[10, 40]], token=5, outcome="fail")
    assert judged(script).verdict is Verdict.INVALID


def test_lc_9_shared_goes_with_shared_and_with_nothing_else(script):
    script.acquire(0, 10, 1, token=5, mode="shared")
    script.acquire(20, 30, 2, token=6, mode="shared")
    assert judged(script).verdict is Verdict.VALID
    script.acquire(32, 38, 3, token=7)
    for process, token in ((1, 5), (2, 6)):
        script.release(40, 50, process, [[10, 40]], token=token, mode="shared")
    assert judged(script).verdict is Verdict.INVALID


def test_lc_9_near_miss_two_locks(script):
    script.acquire(0, 10, 1, token=5)
    script.acquire(20, 30, 2, lock="m", token=6)
    script.release(40, 50, 1, [[10, 40]], token=5)
    assert judged(script).verdict is Verdict.VALID


def test_an_acquire_that_nobody_answered_may_be_left_out(script):
    script.acquire(0, 10, 1, token=5)
    script.row(11, "invoke", 2, "acquire", ["l", {"mode": "exclusive"}])
    script.row(12, "info", 2, "acquire", ["l", {"mode": "exclusive"}])
    script.release(40, 50, 1, [[10, 40]], token=5)
    assert judged(script).verdict is Verdict.VALID


def test_without_tokens_each_release_belongs_to_the_grant_before_it(script):
    for start in (0, 100):
        script.acquire(start, start + 10, 1)
        script.release(start + 20, start + 30, 1, [[start + 10, start + 20]])
        script.acquire(start + 40, start + 50, 2)
        script.release(start + 60, start + 70, 2, [[start + 50, start + 60]])
    assert judged(script).verdict is Verdict.VALID


def test_nothing_was_held_is_unknown(script):
    assert judged(script).verdict is Verdict.UNKNOWN


def allowed(holds):
    """Brute force: holds are (asked, granted, giving, given), exclusive, all given back. Try every order of holds."""

    def fits(order):
        at = -1
        for asked, granted, giving, given in order:
            at = max(at, asked)
            if at >= granted:
                return False
            at = max(at, giving)
            if at >= given:
                return False
        return True

    return any(map(fits, permutations(holds)))


@pytest.mark.parametrize("seed", range(120))
def test_lc_9_agrees_with_trying_every_order(script, seed):
    random = Random(seed)
    instants = random.sample(range(1, 60), 16)
    holds = [tuple(sorted(instants[4 * n : 4 * n + 4])) for n in range(4)]
    if seed % 2:  # such as a lock might allow: each hold near its own time
        holds = [tuple(5 * at + n for at in sorted(random.sample(range(7 * n, 7 * n + 14), 4))) for n in range(4)]
    for process, (asked, granted, giving, given) in enumerate(holds):
        script.acquire(asked, granted, process, token=process)
        script.release(giving, given, process, [[granted, giving]], token=process)
    assert judged(script).verdict is (Verdict.VALID if allowed(holds) else Verdict.INVALID)
