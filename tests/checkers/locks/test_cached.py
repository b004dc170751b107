"""LC-11: reads of files, cached ones too, are linearizable."""

from __future__ import annotations

import pytest

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.history import History, Row
from keelhaul.checkers.locks.cached import CoherentFiles
from keelhaul.checkers.verdict import Verdict


def judged(*operations):
    """Operations are (begin, end, process, f, path, contents, cached), times in order of rows."""
    rows = []
    for begin, end, process, f, path, contents, *cached in operations:
        rows.append((begin, "invoke", process, f, [path, {"contents": contents} if f == "write" else {}]))
        rows.append((end, "ok", process, f, [path, {"contents": contents, "cached": bool(cached)}]))
    rows.sort(key=lambda row: row[0])
    history = History.of([Row(index, *row) for index, row in enumerate(rows)])
    return CoherentFiles(frozenset({"e1"})).check(Evidence(history=history))


def test_lc_11_a_cached_read_that_shows_what_was_overwritten():
    result = judged(
        (0, 1, 1, "write", "f1", "a"),
        (2, 3, 2, "read", "f1", "a"),
        (4, 5, 1, "write", "f1", "b"),
        (6, 7, 2, "read", "f1", "a", True),
    )
    assert result.verdict is Verdict.INVALID
    assert result.reason.startswith("LC-11 key f1: process 2's read (row 6 → 7)")
    assert (result.details["reads"], result.details["cached"]) == (2, 1)


def test_lc_11_near_miss_the_write_was_still_waiting_for_the_copy():
    result = judged(
        (0, 1, 1, "write", "f1", "a"),
        (4, 8, 1, "write", "f1", "b"),
        (6, 7, 2, "read", "f1", "a", True),
    )
    assert result.verdict is Verdict.VALID


def test_lc_11_a_file_that_was_created_and_not_written_holds_nothing():
    assert judged((0, 1, 1, "read", "f1", None), (2, 3, 1, "read", "f1", "")).verdict is Verdict.VALID


@pytest.mark.parametrize(("path", "verdict"), [("f1", Verdict.INVALID), ("e1", Verdict.UNKNOWN)])
def test_ephemeral_files_are_left_out(path, verdict):
    assert judged((0, 1, 1, "read", path, "from nowhere")).verdict is verdict


def test_rows_that_are_no_files_are_unknown():
    history = History.of([Row(0, 0, "invoke", 1, "read", 7)])
    assert CoherentFiles(frozenset()).check(Evidence(history=history)).verdict is Verdict.UNKNOWN
