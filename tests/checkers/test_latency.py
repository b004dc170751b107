"""Quantiles, exactly."""

import pytest

from keelhaul.checkers.latency import latencies, quantile

MS = 1_000_000


RANKS = {
    1: {0: 1, 500: 1, 1000: 1},
    2: {500: 1, 501: 2},
    3: {500: 2},
    10: {900: 9, 901: 10, 990: 10},
    20: {950: 19},
    21: {950: 20},
    100: {0: 1, 500: 50, 950: 95, 990: 99, 1000: 100},
    101: {990: 100},
    1000: {999: 999},
}


@pytest.mark.parametrize(
    ("count", "thousandths", "expected"),
    [(count, share, rank) for count, row in RANKS.items() for share, rank in row.items()],
)
def test_a_quantile_is_the_smallest_value_that_covers_its_share(count, thousandths, expected):
    ordered = range(1, count + 1)
    assert quantile(ordered, thousandths) == expected
    assert sum(value <= expected for value in ordered) * 1000 >= count * thousandths


def test_latencies_are_by_function_and_outcome(evidence, operation):
    history = evidence(
        operation(0, 3, "ok", 0, "write"),
        operation(0, 1, "ok", 1, "read"),
        operation(10, 15, "ok", 1, "read"),
        operation(20, 1020, "info", 1, "read"),
        [(30, "invoke", 2, "read", None)],
    ).history
    assert latencies(history) == {
        "read": {
            "ok": {"count": 2, "min": 1 * MS, "p50": 1 * MS, "p95": 5 * MS, "p99": 5 * MS, "max": 5 * MS},
            "info": {"count": 1, **dict.fromkeys(("min", "p50", "p95", "p99", "max"), 1000 * MS)},
        },
        "write": {"ok": {"count": 1, **dict.fromkeys(("min", "p50", "p95", "p99", "max"), 3 * MS)}},
    }


def test_nothing_has_no_latency(evidence):
    assert latencies(evidence().history) == {}
