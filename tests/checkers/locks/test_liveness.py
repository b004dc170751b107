"""LC-8: after the heal every lock can be had again."""

from __future__ import annotations

import pytest

from keelhaul.checkers.locks.liveness import LocksComeBack
from keelhaul.checkers.verdict import Verdict

FINAL = {"final_functions": ("acquire",)}


def healed(script, at=100):
    script.row(at, "info", "nemesis", "heal", {"phase": "invoke"})
    script.row(at, "info", "nemesis", "heal", {"phase": "done", "outcome": "lifted"})


def judged(script, patience_ms=1000):
    return LocksComeBack(patience_ms * 10**6).check(script.evidence(**FINAL))


def test_lc_8_near_miss_each_lock_was_had_once(script):
    healed(script)
    script.row(110, "invoke", 1, "acquire", ["l", {}])
    script.row(1200, "fail", 1, "acquire", ["l", {}])
    script.acquire(1210, 1220, 1)
    assert judged(script).verdict is Verdict.VALID


@pytest.mark.parametrize(("until", "verdict"), [(1100, Verdict.INVALID), (1099, Verdict.UNKNOWN)])
def test_lc_8_a_lock_that_stays_out_of_reach(script, until, verdict):
    healed(script)
    script.acquire(105, 106, 2, "other")
    script.row(110, "invoke", 1, "acquire", ["l", {}])
    script.row(until, "fail", 1, "acquire", ["l", {}])
    result = judged(script)
    assert result.verdict is verdict
    assert result.reason.startswith("LC-8 l could not be acquired")


def test_what_failed_before_the_heal_says_nothing(script):
    script.row(10, "invoke", 1, "acquire", ["l", {}])
    script.row(20, "fail", 1, "acquire", ["l", {}])
    healed(script)
    assert judged(script).verdict is Verdict.VALID


def test_a_history_without_a_heal_claims_nothing(script):
    script.row(10, "invoke", 1, "acquire", ["l", {}])
    assert judged(script).verdict is Verdict.VALID
