"""Texts that grow, by what gets show: what contradicts itself, what is decided by time, what is a guess."""

from __future__ import annotations

import pytest

from keelhaul.checkers.linearizability import Call, check
from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import Operations
from keelhaul.checkers.linearizability.result import NotApplicable
from keelhaul.checkers.linearizability.versions import decide
from keelhaul.checkers.models.key_value import key_value
from keelhaul.checkers.verdict import Verdict


def operations(*calls):
    """Calls from "append a;", "get a;b;" (what it answered), "put a;", "delete"; one after the other, or with
    (invoked, returned)."""
    made = []
    for number, call in enumerate(calls):
        said, invoked, returned = (call, 2 * number, 2 * number + 1) if isinstance(call, str) else call
        f, _, text = said.partition(" ")
        result = text if f == "get" else None
        made.append(Call(number, f, None if f in ("get", "delete") else text, result, invoked, returned))
    return Operations.of(made)


def judged(*calls):
    """The verdict, by this algorithm, with a proof that holds."""
    outcome = check("key-value", operations(*calls), algorithm="versions")
    assert outcome.problem() is None
    return outcome.verdict


@pytest.mark.parametrize(
    "calls",
    [
        ["append a;", "get a;", "append b;", "get a;b;", "get a;b;"],
        ["append a;", "put b;", "append c;", "get b;c;"],
        ["get ", "append a;", "put b;"],
        [("append a;", 0, 9), ("append b;", 1, 8), ("get b;", 2, 7), ("get b;a;", 3, 6)],
        ["append a;", "get a;", "delete", "get ", "append b;", "get b;"],
        ["delete", "delete", "get ", "put a;", "append b;", "delete", "append c;", "get c;"],
        [("append a;", 0, None), "append b;", "get b;"],
        [("append a;", 0, None), "append b;", "get b;a;"],
    ],
)
def test_legal(calls):
    assert judged(*calls) is Verdict.VALID


@pytest.mark.parametrize(
    "calls",
    [
        pytest.param(["append a;", "get b;"], id="nobody wrote it"),
        pytest.param(["append a;", "get a;a;"], id="twice in one text"),
        pytest.param([("append a;", 0, 9), ("append b;", 1, 8), "get a;b;", "get b;a;"], id="two orders"),
        pytest.param([("put a;", 0, 9), ("append b;", 1, 8), "get b;a;"], id="put behind something"),
        pytest.param([("append a;", 0, 9), ("append b;", 1, 8), "get a;", "get b;"], id="two beginnings"),
        pytest.param(
            [("append a;", 0, 9), ("append b;", 1, 8), ("append c;", 2, 7), "get a;b;", "get a;c;"], id="a fork"
        ),
        pytest.param(["append aa;", "get a"], id="half a text"),
        pytest.param(["append a;", "append b;", "get b;a;"], id="against time"),
        pytest.param(["append a;", "append b;", "get a;"], id="lost"),
        pytest.param(["put a;", "get a;", "put b;", "get b;", "get a;"], id="back again"),
        pytest.param(["get a;", "append a;"], id="from the future"),
        pytest.param(["put a;", "get "], id="gone"),
        pytest.param(["append a;", "delete", "get a;"], id="deleted"),
        pytest.param(["delete", "append a;", "append b;", "delete", "get a;b;"], id="deleted again"),
    ],
)
def test_illegal(calls):
    assert judged(*calls) is Verdict.INVALID


@pytest.mark.parametrize(
    "calls",
    [["append a;", "append aa;", "append a;a", "get a;"], ["put ", "get "]],
    ids=["one begins another", "empty"],
)
def test_what_cannot_be_taken_apart_for_certain_is_left_to_others(calls):
    assert isinstance(decide(key_value(), operations(*calls), Budget()), NotApplicable)


def test_texts_that_are_written_again_later_are_told_apart_by_time():
    rounds = ["append a;", "get a;", "append b;", "get a;b;", "delete"]
    assert judged(*rounds, *rounds, "append a;", "get a;") is Verdict.VALID


def test_a_guess_that_leads_nowhere_says_nothing():
    """Each get may have seen either append; only the later one explains the first get, and the earlier one the second.
    texts.py takes the earliest everywhere, and versions.py the latest."""
    calls = [("append a;", 0, 5), ("put p;", 1, 2), ("append a;", 6, 7), ("get p;a;", 8, 9), ("put q;", 10, 11)]
    calls += [("append b;", 12, 13), ("append c;", 14, 21), ("get q;b;c;", 15, 20), ("append b;", 16, None)]
    assert isinstance(decide(key_value(), operations(*calls), Budget()), NotApplicable)
    outcome = check("key-value", operations(*calls))
    assert (outcome.verdict, outcome.algorithm) == (Verdict.VALID, "engine")


def test_the_core_shows_why_a_change_stands_where_it_does():
    """That b follows a, a get says; without it there is no contradiction."""
    calls = [("append a;", 0, 1), ("append b;", 2, 3), ("get a;b;", 4, 5), ("put c;", 6, 7), ("get a;", 8, 9)]
    outcome = check("key-value", operations(*calls), algorithm="versions")
    assert outcome.verdict is Verdict.INVALID
    assert outcome.problem() is None
