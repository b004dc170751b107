"""What the terminal shows while many runs go on."""

import io
import sys

import pytest

from keelhaul.harness.torture_console import TortureLines, TortureLive, TortureQuiet, make_torture_observer

SECOND = 1_000_000_000
TOTALS = {"verdict": "invalid", "runs": 3, "valid": 1, "invalid": 1, "unknown": 1}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("CI", "NO_COLOR", "FORCE_COLOR", "TTY_INTERACTIVE", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")


def row(seed, verdict):
    return {"seed": seed, "run": "r", "verdict": verdict, "reason": f"why {seed}", "reproduce": f"again {seed}"}


ROWS = [row(1, "valid"), row(2, "invalid"), row(3, "unknown")]


def test_lines_name_failures_at_once_and_counts_every_five_seconds():
    out, results, now = io.StringIO(), io.StringIO(), [0]
    lines = TortureLines(out, results, lambda: now[0])
    lines.started("raft", "simulation", 3)
    for seconds, one in zip((1, 2, 6), ROWS, strict=True):
        now[0] = seconds * SECOND
        lines.ran(one)
    lines.finished(ROWS, TOTALS)
    assert out.getvalue().splitlines() == [
        "raft in simulation, 3 runs",
        "✗ invalid  seed 2: why 2",
        "? unknown  seed 3: why 3",
        "3 of 3 runs: 1 valid, 1 invalid, 1 unknown",
    ]
    assert "again 2" in results.getvalue()


@pytest.mark.parametrize("columns", ["1", "30", "120"])
def test_live_counts_and_gives_the_cursor_back(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    out, results = Terminal(), io.StringIO()
    observer = TortureLive(out, results)
    observer.started("raft [bold]", "simulation", 3)
    for one in ROWS:
        observer.ran(one)
    observer.finished(ROWS, TOTALS)
    observer.close()
    assert out.getvalue().count("\x1b[?25l") == out.getvalue().count("\x1b[?25h") == 1
    assert "3 runs: 1 valid, 1 invalid, 1 unknown" in results.getvalue()
    if columns == "120":
        assert "raft [bold] in simulation" in out.getvalue()
        assert "1 valid, 1 invalid, 1 unknown" in out.getvalue()
        assert "✗ invalid  seed 2: why 2" in out.getvalue()


def test_json_keeps_standard_output_empty(capsys):
    observer = make_torture_observer(quiet=False, json=True)
    observer.started("raft", "simulation", 3)
    observer.ran(ROWS[1])
    observer.said("a sentence")
    observer.finished(ROWS, TOTALS)
    out, err = capsys.readouterr()
    assert out == ""
    assert "again 2" in err
    assert "a sentence" in err


def test_quiet_writes_nothing(capsys):
    observer = make_torture_observer(quiet=True, json=False)
    assert type(observer) is TortureQuiet
    observer.started("raft", "simulation", 3)
    observer.ran(ROWS[1])
    observer.said("a sentence")
    observer.finished(ROWS, TOTALS)
    observer.close()
    assert capsys.readouterr() == ("", "")


def test_a_terminal_is_drawn_on(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert type(make_torture_observer(quiet=False, json=False)) is TortureLive
