"""LC-3: updates under a lock form one chain; a fenced resource takes no older token."""

from __future__ import annotations

from keelhaul.checkers.checker import NodeTrace
from keelhaul.checkers.locks.resource import FencedTokens, GuardedResource
from keelhaul.checkers.verdict import Verdict


def judged(script, traces=()):
    return GuardedResource().check(script.evidence(traces))


def accepted(*tokens):
    return NodeTrace("n6", tuple({"type": "accept", "lock": "l", "token": token} for token in tokens))


def test_lc_3_two_updates_of_the_same_state_have_lost_one(script):
    script.update(0, 10, 1, [4, "a"], [5, "b"], token=1)
    script.update(5, 20, 2, [4, "a"], [5, "c"], token=2)
    result = judged(script, (accepted(2, 1),))
    assert result.verdict is Verdict.INVALID
    assert "both read update number 4" in result.reason
    assert "n6 took a write with token 1 for lock l after one with 2" in result.reason


def test_lc_3_near_miss_a_chain(script):
    script.update(0, 10, 1, [4, "a"], [5, "b"])
    script.update(11, 20, 2, [5, "b"], [6, "c"])
    assert judged(script).verdict is Verdict.VALID


def test_lc_3_near_miss_one_of_the_two_was_not_acknowledged(script):
    script.update(0, 10, 1, [4, "a"], [5, "b"])
    script.update(5, 20, 2, [4, "a"], [5, "c"], outcome="info")
    assert judged(script).verdict is Verdict.VALID


def test_lc_3_near_miss_another_lock(script):
    script.update(0, 10, 1, [4, "a"], [5, "b"], "x")
    script.update(5, 20, 2, [4, "a"], [5, "c"], "y")
    assert judged(script).verdict is Verdict.VALID


def test_no_update_at_all_is_unknown(script):
    script.acquire(0, 10, 1)
    assert judged(script).verdict is Verdict.UNKNOWN


def test_lc_3_a_fenced_resource_that_takes_an_older_token_breaks_its_promise(script):
    result = FencedTokens().check(script.evidence((accepted(3, 5, 4),)))
    assert (result.verdict, "token 4 for lock l after one with 5" in result.reason) == (Verdict.INVALID, True)


def test_lc_3_near_miss_the_same_token_again(script):
    assert FencedTokens().check(script.evidence((accepted(3, 5, 5),))).verdict is Verdict.VALID


def test_without_traces_nobody_knows(script):
    assert FencedTokens().check(script.evidence()).verdict is Verdict.UNKNOWN
