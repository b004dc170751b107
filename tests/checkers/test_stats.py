"""Counts by function and outcome, and the verdict on what never succeeded."""

import json

from keelhaul.checkers.stats import Stats, count_operations
from keelhaul.checkers.verdict import Verdict


def test_operations_are_counted_by_function_and_outcome(build):
    history = build(
        ("invoke", 0, "write", 1),
        ("ok", 0, "write", 1),
        ("invoke", 0, "read", None),
        ("fail", 0, "read", None),
        ("invoke", 0, "write", 1),
        ("info", 0, "write", 1),
        ("info", "nemesis", "heal", None),
        ("invoke", 1, "read", None),
    )
    assert count_operations(history) == {
        "": {"invoke": 4, "ok": 1, "fail": 1, "info": 2},
        "read": {"invoke": 2, "ok": 0, "fail": 1, "info": 1},
        "write": {"invoke": 2, "ok": 1, "fail": 0, "info": 1},
    }


def test_rates_are_per_second_of_the_history(evidence, operation):
    result = Stats().check(evidence(*(operation(at, at + 10, "ok", 0) for at in range(0, 2000, 20))))
    assert result.verdict is Verdict.VALID
    assert result.details["seconds"] == 1.99
    assert result.details["per_second"] == {"ok": 50.3, "fail": 0.0, "info": 0.0}
    assert result.details["by_function"] == {"read": {"invoke": 100, "ok": 100, "fail": 0, "info": 0}}
    json.dumps(result.details)


def test_a_function_that_never_succeeded_is_unknown(evidence, operation):
    given = evidence(operation(0, 1, "ok", 0), operation(2, 3, "fail", 0, "cas"), operation(4, 5, "info", 0, "write"))
    result = Stats().check(given)
    assert result.verdict is Verdict.UNKNOWN
    assert result.reason == "not exercised: no cas and no write ever succeeded"


def test_nothing_at_all_is_unknown(evidence):
    assert Stats().check(evidence()).reason == "not exercised: no operation was invoked"
