"""What the terminal says at the end of one run and of many."""

import io
from pathlib import Path

import pytest

from keelhaul.harness.summary import FAILURES_SHOWN_MAX, console_for, run_summary, torture_summary

REPRODUCE = "keelhaul run scenarios/raft-register.toml --env simulation --seed 7 --mutant reply-before-commit --nodes 5"
RECORD = {
    "verdict": "invalid",
    "reasons": ["linearizability: the read at row 812 [bold]can't[/bold] be explained \x1b[31m"],
    "seed": 7,
    "environment": "simulation",
    "operations": {"invoke": 100, "ok": 90, "fail": 7, "info": 3},
    "faults": [{"kind": "partition", "requested": 4, "in_force": 3, "skipped": 1}],
    "leader_changes": 2,
    "checkers": {
        "linearizability": {"verdict": "invalid", "reason": "the read at row 812"},
        "stats": {"verdict": "valid", "reason": ""},
    },
    "reproduce": REPRODUCE,
}


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "90")


def summary_of(record, folder=Path("store/run")):
    out = io.StringIO()
    run_summary(console_for(out), record, folder)
    return out.getvalue()


def test_a_run_is_summed_up(tmp_path):
    (tmp_path / "report.html").touch()
    text = summary_of(RECORD, tmp_path)
    lines = text.splitlines()
    assert lines[1] == "✗ invalid"
    assert "the read at row 812 [bold]can't[/bold] be explained \\x1b[31m" in text
    assert "operations      100 invoked: 90 ok, 7 fail, 3 info" in lines
    assert "leader changes  2" in lines
    assert ["partition", "4", "3", "1"] in [line.split() for line in lines]
    assert ["stats", "✓", "valid"] in [line.split() for line in lines]
    assert f"store           {tmp_path}" in lines
    assert f"report          {tmp_path}/report.html" in lines
    assert lines[-1] == f"reproduce       {REPRODUCE}"


def test_no_report_is_promised_that_is_not_there(tmp_path):
    assert "report" not in summary_of({"verdict": "valid"}, tmp_path).replace(str(tmp_path), "")


def test_a_record_with_nothing_in_it_is_unknown():
    assert summary_of({}).splitlines()[1] == "? unknown"


@pytest.mark.parametrize("columns", ["1", "20", "300"])
def test_every_width_is_survived_and_the_command_stays_whole(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    assert f"reproduce       {REPRODUCE}\n" in summary_of(RECORD)


def test_colour_is_forced_and_forbidden_by_the_environment(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[1;35m✗ invalid" in summary_of(RECORD)
    monkeypatch.delenv("FORCE_COLOR")
    assert "\x1b" not in summary_of(RECORD)


def torture_of(rows, **totals):
    out = io.StringIO()
    torture_summary(console_for(out), rows, totals)
    return out.getvalue()


def row(seed, verdict):
    return {
        "seed": seed,
        "run": f"store/raft/{seed}",
        "verdict": verdict,
        "reason": f"why {seed}",
        "reproduce": f"keelhaul run x --seed {seed}",
    }


def test_invalid_runs_come_first_and_each_has_its_command():
    rows = [row(1, "valid"), row(2, "unknown"), row(3, "invalid"), row(4, "invalid")]
    text = torture_of(rows, verdict="invalid", runs=4, valid=1, invalid=2, unknown=1)
    order = [text.index(f"keelhaul run x --seed {seed}\n") for seed in (3, 4, 2)]
    assert order == sorted(order)
    assert "why 1" not in text
    assert "store/raft/3" in text
    assert text.splitlines()[-1] == "✗ invalid  4 runs: 1 valid, 2 invalid, 1 unknown"


def test_what_is_left_out_is_counted():
    rows = [row(seed, "invalid") for seed in range(FAILURES_SHOWN_MAX + 3)]
    assert "and 3 more that are not valid" in torture_of(rows, verdict="invalid", runs=len(rows))


def test_all_valid_is_one_line():
    text = torture_of([row(1, "valid")], verdict="valid", runs=1, valid=1)
    assert text.split("\n") == ["", "✓ valid  1 run: 1 valid, 0 invalid, 0 unknown", ""]
