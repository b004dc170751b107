"""LC-2: what clients believed at the same time, and what they did too late."""

from __future__ import annotations

from keelhaul.checkers.locks.belief import MutualExclusionAsBelieved
from keelhaul.checkers.verdict import Verdict


def judged(script):
    return MutualExclusionAsBelieved().check(script.evidence())


def test_lc_2_two_who_believed_at_once_are_a_violation(script):
    script.acquire(0, 10, 1)
    script.acquire(20, 30, 2)
    script.release(40, 50, 1, [(10, 40)])
    script.release(60, 70, 2, [(30, 60)])
    result = judged(script)
    assert result.verdict is Verdict.INVALID
    assert "from 0.030 s to 0.040 s" in result.reason
    assert "process 1 (granted at row 1)" in result.reason


def test_lc_2_near_miss_one_begins_the_moment_the_other_ends(script):
    script.acquire(0, 10, 1)
    script.release(40, 50, 1, [(10, 40)])
    script.acquire(20, 40, 2)
    script.release(60, 70, 2, [(40, 60)])
    assert judged(script).verdict is Verdict.VALID


def test_lc_2_near_miss_the_lease_had_run_out(script):
    script.acquire(0, 10, 1)
    script.acquire(20, 31, 2)
    script.release(40, 50, 1, [(10, 30)])
    script.release(60, 70, 2, [(31, 60)])
    assert judged(script).verdict is Verdict.VALID


def test_lc_2_near_miss_shared_with_shared(script):
    for process in (1, 2):
        script.acquire(0, 10, process, mode="shared")
        script.release(40, 50, process, [(10, 40)], mode="shared")
    assert judged(script).verdict is Verdict.VALID


def test_shared_with_exclusive_is_a_violation(script):
    script.acquire(0, 10, 1, mode="shared")
    script.release(40, 50, 1, [(10, 40)], mode="shared")
    script.acquire(0, 12, 2)
    script.release(40, 51, 2, [(12, 40)])
    assert judged(script).verdict is Verdict.INVALID


def test_near_miss_two_locks_have_nothing_to_do_with_each_other(script):
    for process, lock in ((1, "a"), (2, "b")):
        script.acquire(0, 10, process, lock)
        script.release(40, 50, process, [(10, 40)], lock)
    assert judged(script).verdict is Verdict.VALID


def test_a_belief_that_went_on_after_jeopardy_counts_in_each_of_its_stretches(script):
    script.acquire(0, 10, 1)
    script.acquire(20, 45, 2)
    script.release(60, 70, 1, [(10, 20), (50, 60)])
    script.release(60, 70, 2, [(45, 55)])
    assert "from 0.050 s to 0.055 s" in judged(script).reason


def test_who_never_told_believed_until_its_lease_as_of_the_grant(script):
    script.acquire(0, 10, 1, until=40)
    script.acquire(20, 30, 2)
    script.release(60, 70, 2, [(30, 60)])
    assert "from 0.030 s to 0.040 s" in judged(script).reason


def test_near_miss_who_never_told_may_have_crashed_in_its_open_operation(script):
    script.acquire(0, 10, 1, until=40)
    script.row(15, "invoke", 1, "update", ["l", {}])
    script.acquire(20, 30, 2)
    script.release(60, 70, 2, [(30, 60)])
    assert judged(script).verdict is Verdict.VALID


def test_without_a_lease_a_belief_lasts_to_the_end(script):
    script.acquire(0, 10, 1)
    script.acquire(20, 30, 2)
    script.release(60, 70, 2, [(30, 60)])
    assert judged(script).verdict is Verdict.INVALID


def test_a_holder_that_acted_after_its_lease_is_told_apart_and_no_violation(script):
    script.acquire(0, 10, 1, until=40)
    script.acquire(45, 50, 2)
    script.update(20, 62, 1, [0, None], [1, "a"], until=40, acted=60)
    script.release(70, 71, 1, [(10, 40)])
    script.release(80, 90, 2, [(50, 80)])
    result = judged(script)
    assert result.verdict is Verdict.VALID
    (told,) = result.details["acted_late"]
    assert "20 ms after its lease had ended" in told
    assert "process 2 (granted at row 4) held it then" in told


def test_near_miss_a_holder_that_acted_in_time_is_not_told(script):
    script.acquire(0, 10, 1, until=40)
    script.update(20, 35, 1, [0, None], [1, "a"], until=40, acted=30)
    assert judged(script).details["acted_late"] == []


def test_nothing_was_held_is_unknown(script):
    script.row(0, "invoke", 1, "acquire", ["l", {"mode": "exclusive"}])
    assert judged(script).verdict is Verdict.UNKNOWN


def test_a_history_of_something_else_is_unknown(script):
    script.row(0, "invoke", 1, "acquire", "l")
    script.row(1, "ok", 1, "acquire", "l")
    assert "can't be read" in judged(script).reason
