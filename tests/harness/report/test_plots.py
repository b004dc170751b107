"""The data that the page's script draws."""

import json

import pytest

from keelhaul.checkers.history import History, Row
from keelhaul.harness.report import plots
from keelhaul.harness.report.plots import drawn, plot_data, rates

SECOND = 1_000_000_000


def data_of(history, named=None):
    return plot_data(history, history.operations, (), named or {})


def test_an_operation_arrives_whole(history_of):
    history = history_of(
        (5, "invoke", 3, "cas", [1, [2**60, 0]]),
        (6, "invoke", 4, "read", [1, None]),
        (9, "fail", 3, "cas", None, [11, "not leader"]),
    )
    data = data_of(history, named={1: True, 0: False})
    (lane, process, f, value, outcome, result, error, *numbers), read = data["operations"]
    assert [data["strings"][at] for at in (process, f, value, result, error)] == [
        "3",
        "cas",
        "[1,[1152921504606846976,0]]",
        "",
        '[11,"not leader"]',
    ]
    assert (lane, outcome, numbers) == (0, 1, [5, 9, 0, 2, 1])
    assert read[-5:] == [6, -1, 1, -1, 2]
    assert read[4] == 2
    assert data["span_ns"] == 9
    assert data["lanes"] == ["3", "4"]


def test_a_retired_process_leaves_its_lane_to_its_successor(history_of):
    history = history_of(
        (0, "invoke", 0, "read", None),
        (1, "invoke", 1, "read", None),
        (5, "info", 0, "read", None, "timeout"),
        (6, "invoke", 2, "read", None),
        (7, "invoke", 3, "read", None),
    )
    data = data_of(history)
    assert [operation[0] for operation in data["operations"]] == [0, 1, 0, 2]
    assert data["lanes"] == ["0, 2…", "1", "3"]


def test_times_that_javascript_cannot_count_are_capped(history_of):
    data = data_of(history_of((2**70, "invoke", 2**70, "read", 2**70)))
    assert data["span_ns"] == 2**53 - 1
    assert str(2**70) in data["strings"]
    json.dumps(data, allow_nan=False)


def many(count):
    return History.of(
        Row(2 * at + half, at * 10 + half, kind, 0, "read")
        for at in range(count)
        for half, kind in enumerate(("invoke", "ok"))
    ).operations


def test_all_are_drawn_up_to_the_cap(monkeypatch):
    monkeypatch.setattr(plots, "OPERATIONS_DRAWN_MAX", 10)
    assert drawn(many(10), {}) == list(many(10))
    assert [operation.invoked for operation in drawn(many(30), {})] == list(range(0, 20, 2))


@pytest.mark.parametrize(
    ("named", "begin"), [({30: False}, 20), ({0: True}, 0), ({58: True}, 40), ({36: False, 40: True}, 30)]
)
def test_the_drawn_part_lies_around_what_is_named(monkeypatch, named, begin):
    monkeypatch.setattr(plots, "OPERATIONS_DRAWN_MAX", 10)
    assert [operation.invoked for operation in drawn(many(30), named)] == list(range(begin, begin + 20, 2))


def test_named_operations_far_away_are_drawn_too(monkeypatch):
    monkeypatch.setattr(plots, "OPERATIONS_DRAWN_MAX", 10)
    assert [operation.invoked for operation in drawn(many(30), {2: True, 58: False})] == [*range(0, 20, 2), 58]


def test_rates_are_per_second_and_by_outcome(history_of):
    history = history_of(
        (0, "invoke", 0, "read", None),
        (1, "ok", 0, "read", None),
        (2, "invoke", 0, "read", None),
        (SECOND, "fail", 0, "read", None),
        (SECOND + 1, "invoke", 0, "read", None),
        (SECOND + 2, "invoke", 1, "read", None),
        (3 * SECOND // 2, "info", 0, "read", None),
    )
    found = rates(history.operations, 3 * SECOND // 2)
    assert found == {"bucket_ns": SECOND, "series": {"ok": [1, 0], "fail": [0, 2], "info": [0, 2]}}


def test_a_short_rest_has_no_rate(history_of):
    operations = history_of((0, "invoke", 0, "read", None), (SECOND + 9, "ok", 0, "read", None)).operations
    assert rates(operations, SECOND + 9)["series"]["ok"] == [0]


def test_rates_of_nothing_and_of_ages(history_of):
    assert rates((), 0)["series"] == {"ok": [], "fail": [], "info": []}
    operations = history_of((0, "invoke", 0, "read", None), (0, "ok", 0, "read", None)).operations
    assert len(rates(operations, 0)["series"]["ok"]) == 1
    assert len(rates(operations, 2**53)["series"]["ok"]) <= 600
