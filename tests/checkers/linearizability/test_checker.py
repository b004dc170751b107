"""The checker: one verdict from all keys, its reasons, and what it can't judge."""

import json

import pytest

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.linearizability.checker import Linearizable
from keelhaul.checkers.models.registers import cas_register
from keelhaul.checkers.verdict import Verdict


@pytest.fixture
def check(build):
    def run(*rows, **options):
        checker = Linearizable(cas_register(), keyed=True, **options)
        result = checker.check(Evidence(history=build(*rows)))
        json.dumps(result.details)
        return result

    return run


def done(process, f, key, value, result=None):
    return [("invoke", process, f, [key, value]), ("ok", process, f, [key, result if f == "read" else value])]


GOOD = [*done(0, "write", "good", 1), *done(0, "read", "good", None, 1)]
BAD = [*done(0, "write", "bad", 1), *done(0, "read", "bad", None, 2)]
WORSE = [*done(0, "read", "worse", None, 3)]


def hard(key, clients=12):
    """So many at once, and every value twice, that no quick algorithm decides it; then two that need each other."""
    return [
        *(("invoke", client, "cas", [key, [client % 4, (client + 1) % 4]]) for client in range(clients)),
        *(("invoke", 50 + client, "write", [key, client % 3]) for client in range(clients)),
        *(("ok", client, "cas", [key, [client % 4, (client + 1) % 4]]) for client in range(clients)),
        *(("ok", 50 + client, "write", [key, client % 3]) for client in range(clients)),
        ("invoke", 98, "cas", [key, [7, 8]]),
        ("invoke", 99, "cas", [key, [8, 7]]),
        ("ok", 98, "cas", [key, [7, 8]]),
        ("ok", 99, "cas", [key, [8, 7]]),
    ]


def test_all_keys_are_judged_and_the_first_violation_is_the_reason(check):
    assert check(*GOOD).verdict is Verdict.VALID
    result = check(*GOOD, *BAD, *WORSE)
    assert result.verdict is Verdict.INVALID
    assert result.reason.startswith("key bad: ")
    assert result.reason.endswith("(2 keys are violated.)")
    assert [violation["key"] for violation in result.details["violations"]] == ["bad", "worse"]
    assert (result.details["parts"], result.details["judged"]) == (3, 5)


def test_the_operations_that_a_violation_rests_on_are_listed(check):
    stale = [*done(0, "write", "bad", 1), *done(0, "write", "bad", 2), *done(1, "read", "bad", None, 1)]
    result = check(*GOOD, *stale)
    named = [(named["f"], named["invoked"], named["completed"]) for named in result.details["operations"]]
    assert named[0] == ("read", 8, 9)
    assert sorted(named[1:]) == [("read", 8, 9), ("write", 4, 5), ("write", 6, 7)]


def test_what_is_undecided_is_unknown_and_says_how_far_it_came(check):
    result = check(*GOOD, *hard("hard"), work_max=400)
    assert result.verdict is Verdict.UNKNOWN
    assert result.reason.startswith("key hard: undecided: the budget of ")
    assert "of 26 operations are explained" in result.reason
    assert result.details["undecided"][0]["key"] == "hard"


def test_a_violation_is_not_hidden_by_an_undecided_key(check):
    result = check(*hard("hard"), *BAD, work_max=400)
    assert result.verdict is Verdict.INVALID
    assert len(result.details["undecided"]) == 1


def test_what_cannot_be_read_is_unknown_even_beside_a_violation(check):
    result = check(*BAD, ("invoke", 5, "write", "no pair"))
    assert result.verdict is Verdict.UNKNOWN
    assert "row 4" in result.reason


def test_nothing_to_judge_is_unknown(check):
    assert check().verdict is Verdict.UNKNOWN
    assert check(("invoke", 0, "read", ["a", None])).verdict is Verdict.UNKNOWN


def test_work_is_all_that_limits_it(check):
    assert check(*BAD, work_max=0).verdict is Verdict.UNKNOWN
