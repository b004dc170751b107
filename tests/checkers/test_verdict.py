"""The rule that merges verdicts, in full."""

from itertools import permutations

import pytest

from keelhaul.checkers.verdict import Result, Verdict, merge

V, U, I = Verdict.VALID, Verdict.UNKNOWN, Verdict.INVALID  # noqa: E741


@pytest.mark.parametrize(
    ("verdicts", "merged"),
    [((), U), ((V,), V), ((U,), U), ((I,), I), ((V, V), V), ((V, U), U), ((V, I), I), ((U, I), I), ((V, U, I), I)],
)
def test_the_worst_wins_in_any_order(verdicts, merged):
    assert {merge(order) for order in permutations(verdicts)} == {merged}


@pytest.mark.parametrize("verdict", [U, I])
def test_only_valid_needs_no_reason(verdict):
    assert Result(V).reason == ""
    with pytest.raises(AssertionError):
        Result(verdict)
