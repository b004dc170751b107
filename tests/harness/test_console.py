"""What the terminal shows while a run goes on: what is written when, and to which stream."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from keelhaul.harness.console import Lines, Live, OnlyTheEnd, Quiet, make_observer, panel
from keelhaul.harness.progress import RunFacts, Snapshot

SECOND = 1_000_000_000
FACTS = RunFacts(
    scenario="raft-register", environment="simulation", seed=7, nodes=("n1", "n2", "n3"), time_limit_ns=60 * SECOND
)
RECORD = {
    "verdict": "valid",
    "reasons": ["nothing was found"],
    "operations": {"invoke": 3, "ok": 2, "fail": 1, "info": 0},
}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


class Clock:
    """Real time, as told by the test."""

    def __init__(self):
        self.now_ns = 0
        self.reads = 0

    def __call__(self):
        self.reads += 1
        return self.now_ns


def snapshot(time_ns=SECOND, phase="main", **more):
    return Snapshot(time_ns=time_ns, time_limit_ns=60 * SECOND, phase=phase, **more)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("CI", "NO_COLOR", "FORCE_COLOR", "TTY_INTERACTIVE", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")


def lines_of(stream):
    return stream.getvalue().splitlines()


def test_lines_are_written_every_five_seconds_and_at_changes():
    out, clock = io.StringIO(), Clock()
    lines = Lines(out, io.StringIO(), clock)
    lines.started(FACTS)
    cut = ("partition halves n1 | n2,n3",)
    moments = [
        (0, snapshot()),
        (1, snapshot(2 * SECOND)),
        (2, snapshot(3 * SECOND, faults=cut)),
        (3, snapshot(4 * SECOND, faults=cut)),
        (4, snapshot(5 * SECOND)),
        (8, snapshot(9 * SECOND)),
        (9, snapshot(10 * SECOND, ok=512, ok_rate=98.4, fail=2, info=1, leader="n2", down=("n3",))),
        (9, snapshot(11 * SECOND, "healing")),
    ]
    for seconds, state in moments:
        clock.now_ns = seconds * SECOND
        lines.update(state)
    written = lines_of(out)
    assert written[0] == "raft-register in simulation, seed 7, nodes n1 n2 n3"
    assert [line.split()[0] for line in written[1:]] == ["1.0", "3.0", "5.0", "10.0", "11.0"]
    assert "partition halves n1 | n2,n3" in written[2]
    assert "ok 512 (98/s), fail 2, info 1  leader n2  down n3" in written[4]
    assert "healing" in written[5]


def test_due_follows_the_real_clock():
    clock = Clock()
    for observer, wait_ns in ((Lines(io.StringIO(), io.StringIO(), clock), 5 * SECOND), (live(clock)[0], SECOND // 10)):
        clock.now_ns = 0
        observer.started(FACTS)
        assert observer.due()
        observer.update(snapshot())
        clock.now_ns = wait_ns - 1
        assert not observer.due()
        clock.now_ns = wait_ns
        assert observer.due()
        observer.close()


def live(clock):
    out, results = Terminal(), io.StringIO()
    return Live(out, results, clock), out, results


def test_live_draws_ten_times_a_second_at_most():
    clock = Clock()
    observer, out, _ = live(clock)
    observer.started(FACTS)
    observer.update(snapshot(ok=1))
    drawn = len(out.getvalue())
    for count in range(1_000):
        clock.now_ns += 10_000
        observer.update(snapshot(ok=count))
    assert len(out.getvalue()) == drawn
    clock.now_ns += SECOND
    observer.update(snapshot(ok=4711))
    assert "4711" in out.getvalue()
    observer.close()


def test_live_draws_a_new_phase_at_once():
    observer, out, _ = live(Clock())
    observer.started(FACTS)
    observer.update(snapshot())
    observer.update(snapshot(phase="checking"))
    assert "checking" in out.getvalue()
    observer.close()


def test_live_gives_the_cursor_back_and_writes_the_summary_to_the_results(tmp_path):
    observer, out, results = live(Clock())
    observer.started(FACTS)
    observer.update(snapshot())
    observer.said("the engine was slow")
    observer.finished(RECORD, tmp_path)
    observer.close()
    assert out.getvalue().count("\x1b[?25l") == out.getvalue().count("\x1b[?25h") == 1
    assert "the engine was slow" in out.getvalue()
    assert "✓ valid" in results.getvalue()
    assert "✓ valid" not in out.getvalue()


def test_closing_an_observer_that_never_started_is_fine():
    observer, out, _ = live(Clock())
    observer.update(snapshot())
    observer.close()
    assert out.getvalue() == ""


def test_quiet_with_json_writes_nothing(capsys, tmp_path):
    observer = make_observer(quiet=True, json=True)
    observer.started(FACTS)
    observer.update(snapshot())
    observer.said("anything")
    observer.finished(RECORD, tmp_path)
    observer.close()
    assert not observer.due()
    assert capsys.readouterr() == ("", "")


def test_quiet_alone_writes_the_end_and_nothing_else(capsys, tmp_path):
    observer = make_observer(quiet=True, json=False)
    observer.started(FACTS)
    observer.update(snapshot())
    assert capsys.readouterr() == ("", "")
    observer.finished(RECORD, tmp_path)
    assert "valid" in capsys.readouterr().out


@pytest.mark.parametrize("json", [True, False])
def test_only_results_go_to_standard_output(capsys, tmp_path, json):
    observer = make_observer(quiet=False, json=json)
    observer.started(FACTS)
    observer.update(snapshot())
    observer.said("a sentence")
    observer.finished(RECORD, tmp_path)
    out, err = capsys.readouterr()
    assert ("✓ valid" in err, "✓ valid" in out) == (json, not json)
    assert "a sentence" in err
    assert "a sentence" not in out
    assert json is (out == "")


@pytest.mark.parametrize(
    ("stream", "variables", "expected"),
    [
        (Terminal(), {}, Live),
        (Terminal(), {"CI": "false"}, Live),
        (Terminal(), {"CI": "true"}, Lines),
        (Terminal(), {"TERM": "dumb"}, Lines),
        (io.StringIO(), {}, Lines),
        (io.StringIO(), {"FORCE_COLOR": "1"}, Lines),
    ],
)
def test_what_standard_error_is_decides(monkeypatch, stream, variables, expected):
    monkeypatch.setattr(sys, "stderr", stream)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert type(make_observer(quiet=False, json=False)) is expected
    assert type(make_observer(quiet=True, json=True)) is Quiet
    assert type(make_observer(quiet=True, json=False)) is OnlyTheEnd


@pytest.mark.parametrize("columns", [1, 12, 40, 80, 400])
def test_the_panel_fits_every_width(columns):
    from rich.console import Console

    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=columns, color_system=None)
    state = snapshot(faults=("partition halves n1,n3 | n2",) * 3, down=("n1",), paused=("n2",), leader="n3", ok=10**9)
    console.print(panel("a run with a long name that goes on", state))
    assert max(len(line) for line in lines_of(out)) <= columns
    if columns >= 80:
        assert "partition halves n1,n3 | n2" in out.getvalue()
        assert "n3" in out.getvalue()


def test_a_run_longer_than_its_limit_is_drawn():
    from rich.console import Console

    out = io.StringIO()
    Console(file=out, width=80).print(panel("t", Snapshot(time_ns=5 * SECOND, time_limit_ns=0, phase="final")))
    assert "5.0 of 0 s" in out.getvalue()


def test_control_characters_of_the_system_under_test_are_shown_not_obeyed():
    out = io.StringIO()
    observer = Lines(out, io.StringIO(), Clock())
    observer.said("n1 said \x1b[2J\x07")
    assert out.getvalue() == "n1 said \\x1b[2J\\x07\n"


def test_a_stream_without_unicode_survives():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    Lines(stream, stream, Clock()).finished(RECORD, Path())
    stream.flush()
    assert b"\\u2713 valid" in raw.getvalue()


def test_importing_the_console_does_not_import_rich():
    code = "import sys, keelhaul.harness.console, keelhaul.harness.torture_console; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
