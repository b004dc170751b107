"""All checkers together: the merge, the order of reasons, and a checker that fails."""

import json

import pytest

from keelhaul.checkers.compose import check_all
from keelhaul.checkers.verdict import Result, Verdict


class Says:
    """A checker that returns, or raises, what it was given."""

    def __init__(self, said):
        self._said = said

    def check(self, evidence):
        if isinstance(self._said, BaseException):
            raise self._said
        return self._said


VALID, UNKNOWN, INVALID = (Says(Result(verdict, "because")) for verdict in Verdict)


def test_reasons_are_sentences_with_names_and_the_gravest_come_first(evidence):
    judgement = check_all({"a": UNKNOWN, "b": INVALID, "c": VALID, "d": INVALID}, evidence())
    assert judgement.verdict is Verdict.INVALID
    assert judgement.reasons == ("b: because", "d: because", "a: because")
    assert list(judgement.results) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("error", [RuntimeError("no luck"), AssertionError(), RecursionError("deep"), MemoryError()])
def test_a_checker_that_fails_is_unknown_and_costs_the_others_nothing(evidence, error):
    judgement = check_all({"broken": Says(error), "good": VALID}, evidence())
    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.results["good"].verdict is Verdict.VALID
    assert type(error).__name__ in judgement.reasons[0]
    assert judgement.reasons[0].startswith("broken: the checker itself failed (")
    assert "check:" in judgement.results["broken"].details["where"][-1]
    json.dumps(judgement.results["broken"].details)


def test_a_failure_does_not_hide_a_violation(evidence):
    assert check_all({"broken": Says(ValueError("x")), "bad": INVALID}, evidence()).verdict is Verdict.INVALID


def test_what_is_no_result_is_a_failure(evidence):
    assert check_all({"broken": Says(None)}, evidence()).verdict is Verdict.UNKNOWN


def test_an_interrupt_is_not_swallowed(evidence):
    with pytest.raises(KeyboardInterrupt):
        check_all({"a": Says(KeyboardInterrupt())}, evidence())


def test_no_checkers_is_unknown(evidence):
    assert check_all({}, evidence()).verdict is Verdict.UNKNOWN
