"""The rules of a history, each broken once; and what rows pair up to."""

import pytest

from keelhaul.checkers.history import NEMESIS, History, HistoryError, Operation, Row


def rows(*given):
    return [Row(at, at, *row) for at, row in enumerate(given)]


def test_rows_pair_up_to_operations():
    history = History.of(
        rows(
            ("invoke", 0, "write", ["a", 1]),
            ("invoke", 1, "read", ["a", None]),
            ("info", NEMESIS, "start-kill", {"fault": 1}),
            ("ok", 1, "read", ["a", 1]),
            ("info", 0, "write", ["a", 1], "timeout"),
            ("invoke", 2, "cas", ["a", [1, 2]]),
            ("fail", 2, "cas", ["a", [1, 2]], [22, "no"]),
            ("invoke", 2, "read", ["a", None]),
        )
    )
    assert history.operations == (
        Operation(0, "write", ["a", 1], "info", None, "timeout", 0, None, 0, 4),
        Operation(1, "read", ["a", None], "ok", ["a", 1], None, 1, 3, 1, 3),
        Operation(2, "cas", ["a", [1, 2]], "fail", ["a", [1, 2]], [22, "no"], 5, 6, 5, 6),
        Operation(2, "read", ["a", None], "info", None, None, 7, None, 7, None),
    )
    assert [row.f for row in history.nemesis] == ["start-kill"]
    assert len(history) == 8


def test_an_empty_history_is_one():
    assert History.of([]).operations == ()


def test_operations_are_named_by_their_rows():
    history = History.of(rows(("invoke", 7, "read", None), ("ok", 7, "read", 1), ("invoke", 7, "write", 2)))
    assert [operation.named() for operation in history.operations] == [
        "process 7's read (row 0 → 1)",
        "process 7's write (row 2, open)",
    ]


INVOKE = Row(0, 0, "invoke", 0, "read")

BROKEN = {
    "index skipped": ([INVOKE, Row(2, 1, "ok", 0, "read")], "row 1: its index is 2"),
    "index not from 0": ([Row(1, 0, "invoke", 0, "read")], "row 0: its index is 1"),
    "index a truth value": ([INVOKE, Row(True, 1, "ok", 0, "read")], "row 1: its index is True"),
    "index a fraction": ([Row(0.0, 0, "invoke", 0, "read")], "row 0: its index is 0.0"),
    "unknown type": ([Row(0, 0, "okay", 0, "read")], "row 0: its type is 'okay'"),
    "type a list": ([Row(0, 0, ["ok"], 0, "read")], "row 0: its type is"),
    "time goes back": ([Row(0, 5, "invoke", 0, "read"), Row(1, 4, "ok", 0, "read")], "row 1: its time is 4"),
    "time negative": ([Row(0, -1, "invoke", 0, "read")], "row 0: its time is -1"),
    "time not a number": ([Row(0, float("nan"), "invoke", 0, "read")], "row 0: its time is nan"),
    "time a text": ([Row(0, "0", "invoke", 0, "read")], "row 0: its time is '0'"),
    "f not a name": ([Row(0, 0, "invoke", 0, None)], "row 0: its f is None"),
    "process negative": ([Row(0, 0, "invoke", -1, "read")], "row 0: its process is -1"),
    "process a truth value": ([Row(0, 0, "invoke", True, "read")], "row 0: process True"),
    "process a stranger": ([Row(0, 0, "info", "gremlin", "read")], "row 0: process 'gremlin'"),
    "nemesis invokes": ([Row(0, 0, "invoke", NEMESIS, "start-kill")], "row 0: process 'nemesis' with type 'invoke'"),
    "completion without invocation": ([Row(0, 0, "ok", 0, "read")], "row 0: process 0 completes what it never invoked"),
    "two completions": (
        [INVOKE, Row(1, 1, "ok", 0, "read"), Row(2, 2, "fail", 0, "read")],
        "row 2: process 0 completes what it never invoked",
    ),
    "two invocations": ([INVOKE, Row(1, 1, "invoke", 0, "read")], "row 1: process 0 invokes while row 0 is still open"),
    "another function": (
        [INVOKE, Row(1, 1, "ok", 0, "write")],
        "row 1: it completes 'write', but row 0 invoked 'read'",
    ),
    "life after info": (
        [INVOKE, Row(1, 1, "info", 0, "read"), Row(2, 2, "invoke", 0, "read")],
        "row 2: process 0 goes on after its info at row 1",
    ),
    "a second info": (
        [INVOKE, Row(1, 1, "info", 0, "read"), Row(2, 2, "info", 0, "read")],
        "row 2: process 0 goes on after its info at row 1",
    ),
    "an enormous number": ([Row(10**5000, 0, "invoke", 0, "read")], "row 0: its index is an enormous number"),
}


@pytest.mark.parametrize(("given", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_rule_is_named_with_its_row(given, message):
    with pytest.raises(HistoryError) as caught:
        History.of(given)
    assert str(caught.value).startswith(message)


def test_a_bad_value_is_not_repeated_at_length():
    with pytest.raises(HistoryError) as caught:
        History.of([Row(0, 0, "x" * 10_000, 0, "read")])
    assert len(str(caught.value)) < 300


def test_the_first_broken_row_is_named():
    with pytest.raises(HistoryError, match="row 1:"):
        History.of([INVOKE, Row(7, 1, "ok", 0, "read"), Row(9, 0, "no", 0, "read")])
