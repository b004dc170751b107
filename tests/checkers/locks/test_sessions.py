"""LC-5 and LC-13 as clients saw it: when their sessions ended."""

from __future__ import annotations

import pytest

from keelhaul.checkers.locks.sessions import SessionsLast
from keelhaul.checkers.verdict import Verdict

MS = 1_000_000


def judged(script, at, *, told, until=1000, grace=500):
    over = {"session": 7, "told": told, "at_ns": at * MS, "until_ns": until * MS, "grace_ns": grace * MS}
    script.row(0, "invoke", 1, "acquire", ["l", {"mode": "exclusive"}])
    script.row(5000, "fail", 1, "acquire", ["l", {"mode": "exclusive", "sessions_over": [over]}])
    return SessionsLast().check(script.evidence())


@pytest.mark.parametrize(("at", "verdict"), [(999, Verdict.INVALID), (1000, Verdict.VALID), (1200, Verdict.VALID)])
def test_lc_5_a_client_that_is_told_before_its_lease_is_over(script, at, verdict):
    result = judged(script, at, told=True)
    assert result.verdict is verdict
    assert result.reason.startswith("LC-5 session 7 was told") is (verdict is Verdict.INVALID)


@pytest.mark.parametrize(("at", "verdict"), [(1499, Verdict.INVALID), (1500, Verdict.VALID)])
def test_lc_13_a_client_gives_a_session_up_after_lease_and_grace_and_not_before(script, at, verdict):
    result = judged(script, at, told=False)
    assert result.verdict is verdict
    assert result.reason.startswith("LC-13 session 7 was given up") is (verdict is Verdict.INVALID)


def test_a_history_of_something_else_is_unknown(script):
    script.row(0, "invoke", 1, "write", 7)
    script.row(1, "ok", 1, "write", 7)
    assert SessionsLast().check(script.evidence()).verdict is Verdict.UNKNOWN
