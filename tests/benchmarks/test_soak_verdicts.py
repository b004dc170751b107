"""What a soak counts as clean: nothing but valid runs, and at most one in a hundred that was not exercised."""

from collections import Counter

import pytest

from benchmarks.soak import clean


@pytest.mark.parametrize(
    ("verdicts", "is_clean"),
    [
        ({"valid": 100}, True),
        ({"valid": 99, "not exercised": 1}, True),
        ({"valid": 98, "not exercised": 2}, False),
        ({"not exercised": 1}, False),
        ({"valid": 1999, "invalid": 1}, False),
        ({"valid": 1999, "unknown": 1}, False),
        ({"valid": 1999, "harness failed": 1}, False),
    ],
)
def test_only_valid_runs_and_few_idle_ones_are_clean(verdicts, is_clean):
    assert clean(Counter(verdicts)) is is_clean
