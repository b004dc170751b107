"""A client's session: where it goes, and what the answers make of an operation."""

from __future__ import annotations

import pytest

from keelhaul.nodes.errors import DEFINITE, ErrorCode, error_body
from keelhaul.workloads.client import ATTEMPTS_MAX, Completion, Request, Session
from keelhaul.workloads.register import RegisterProtocols

NODES = ("n1", "n2", "n3")
READ, WRITE = {"type": "read", "key": "k"}, {"type": "write", "key": "k", "value": 1}
NOT_ME = ErrorCode.TEMPORARILY_UNAVAILABLE


def session(f="write", home=0):
    value = {"read": ["k", None], "write": ["k", 1], "cas": ["k", [1, 2]]}[f]
    return Session(RegisterProtocols(), f, value, NODES, home)


def begun(f="write", home=0):
    made = session(f, home)
    made.begin()
    return made


@pytest.mark.parametrize(("home", "node"), [(0, "n1"), (1, "n2"), (2, "n3"), (3, "n1"), (10, "n2")])
def test_the_first_request_goes_home(home, node):
    assert session(home=home).begin() == Request(node, WRITE)


def test_success():
    assert begun("write").replied({"type": "write_ok"}) == Completion("ok", ["k", 1])
    assert begun("read").replied({"type": "read_ok", "value": 7}) == Completion("ok", ["k", 7])
    assert begun("cas").replied({"type": "cas_ok"}) == Completion("ok", ["k", [1, 2]])


# --- going elsewhere


def test_a_hint_is_followed():
    assert begun().replied(error_body(NOT_ME, "not the leader", leader="n3")) == Request("n3", WRITE)


@pytest.mark.parametrize("hint", [None, "n9", 3, ["n1"], {"n1": 1}])
def test_no_usable_hint_is_a_failure(hint):
    reply = error_body(NOT_ME, "not the leader", leader=hint)
    assert begun().replied(reply) == Completion("fail", ["k", 1], [11, "not the leader"])


def test_only_not_me_is_followed():
    reply = error_body(ErrorCode.ABORT, "overwritten", leader="n2")
    assert begun().replied(reply) == Completion("fail", ["k", 1], [14, "overwritten"])


def test_a_refused_connection_leads_to_the_next_node():
    made = begun(home=2)
    assert made.refused() == Request("n1", WRITE)
    assert made.refused() == Request("n2", WRITE)


def test_after_some_attempts_it_gives_up_with_a_failure():
    made = begun()
    requests = [made.refused() for _ in range(ATTEMPTS_MAX)]
    assert [isinstance(following, Request) for following in requests] == [True] * (ATTEMPTS_MAX - 1) + [False]
    assert requests[-1] == Completion("fail", ["k", 1], "connection refused")


def test_hints_are_not_followed_in_circles():
    made, followed = begun(), 0
    following = made.replied(error_body(NOT_ME, "not the leader", leader="n2"))
    while isinstance(following, Request):
        followed += 1
        following = made.replied(error_body(NOT_ME, "not the leader", leader="n1" if followed % 2 else "n2"))
    assert followed == ATTEMPTS_MAX - 1
    assert following.type == "fail"


def test_refusals_and_hints_count_together():
    made = begun()
    made.refused()
    made.replied(error_body(NOT_ME, "not the leader", leader="n1"))
    made.refused()
    assert made.refused() == Completion("fail", ["k", 1], "connection refused")


# --- nobody knows


@pytest.mark.parametrize("f", ["write", "cas"])
def test_a_change_whose_answer_is_missing_may_have_happened(f):
    value = session(f)._value
    assert begun(f).broken() == Completion("info", value, "connection lost")
    assert begun(f).timed_out() == Completion("info", value, "timeout")


def test_a_read_whose_answer_is_missing_did_nothing():
    assert begun("read").broken() == Completion("fail", ["k", None], "connection lost")
    assert begun("read").timed_out() == Completion("fail", ["k", None], "timeout")


def test_a_change_is_indefinite_also_after_harmless_attempts():
    made = begun()
    made.refused()
    made.replied(error_body(NOT_ME, "not the leader", leader="n3"))
    assert made.broken().type == "info"


# --- error codes


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_is_definite_or_not(code):
    reply = error_body(code, "text")
    expected = "fail" if code in DEFINITE else "info"
    assert begun("write").replied(reply) == Completion(expected, ["k", 1], [int(code), "text"])
    assert begun("read").replied(reply) == Completion("fail", ["k", None], [int(code), "text"])


def test_which_codes_are_definite():
    """Written out: a code that moves from one side to the other changes what verdicts mean."""
    assert {int(code) for code in DEFINITE} == {10, 11, 12, 14, 20, 22}
    assert {int(code) for code in ErrorCode} - {int(code) for code in DEFINITE} == {0, 13, 1000}


@pytest.mark.parametrize("code", [None, "11", 11.0, True, -1, 1, 999, 10**30, [11]])
def test_a_code_that_nobody_knows_is_indefinite(code):
    assert begun("write").replied({"type": "error", "code": code, "text": "?"}).type == "info"
    assert begun("write").replied({"type": "error"}).type == "info"


# --- answers that aren't


@pytest.mark.parametrize("kind", ["read_ok", "cas_ok", "write", "ok", "", "x" * 1000])
def test_an_answer_to_something_else_is_indefinite(kind):
    completion = begun("write").replied({"type": kind, "value": 3})
    assert completion.type == "info"
    assert "which answers something else" in completion.error
    assert len(completion.error) < 120


def test_a_read_that_is_answered_without_a_value_has_read_nothing():
    completion = begun("read").replied({"type": "read_ok"})
    assert completion == Completion("fail", ["k", None], "a reply without 'value'")
