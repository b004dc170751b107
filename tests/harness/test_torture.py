"""Many runs: counts, what is kept, and what the failure of one costs the others: nothing."""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import replace

import pytest

from keelhaul.harness import run as run_module
from keelhaul.harness import torture as torture_module
from keelhaul.harness.environments.environment import SetupError
from keelhaul.harness.exit_codes import of_runs
from keelhaul.harness.torture import torture
from keelhaul.harness.validation import UsageError


class Watching:
    """Notes what it is told; calls `at_row` after each row."""

    def __init__(self, at_row=lambda row: None):
        self.begun, self.rows, self.ended, self.at_row = [], [], [], at_row

    def started(self, scenario, environment, runs):
        self.begun.append((scenario, environment, runs))

    def ran(self, row):
        self.rows.append(row)
        self.at_row(row)

    def said(self, sentence):
        raise AssertionError(sentence)

    def finished(self, rows, totals):
        self.ended.append((rows, totals))

    def close(self):
        pass


@pytest.fixture
def tortured(tmp_path, small):
    """Torture a short scenario; return the summary and the observer."""

    def tortured(seeds, jobs=1, at_row=lambda row: None, fail_fast=False, **changes):
        observer = Watching(at_row)
        scenario = replace(small, **{"time_limit_s": 2.5, **changes})
        return torture(scenario, seeds, jobs, tmp_path / "store", observer, fail_fast=fail_fast), observer

    return tortured


def kept(tmp_path):
    """The names of what each run's folder holds, by seed."""
    folders = (tmp_path / "store" / "raft-register").iterdir()
    return {int(folder.name.split("-")[1]): {entry.name for entry in folder.iterdir()} for folder in folders}


BRIEF = {"scenario.toml", "plan.json", "verdict.json", "run.log"}
FULL = BRIEF | {"history.jsonl", "report.html", "nodes"}


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_seed_is_run_once_and_valid_runs_are_kept_in_brief(tortured, tmp_path, jobs):
    summary, observer = tortured(range(3, 9), jobs)
    assert summary.totals == {"verdict": "valid", "runs": 6, "valid": 6, "unknown": 0, "invalid": 0}
    assert summary.failures == ()
    assert not summary.interrupted
    assert not summary.harness_failed
    assert observer.begun == [("raft-register", "simulation", 6)]
    assert sorted(row["seed"] for row in observer.rows) == [3, 4, 5, 6, 7, 8]
    assert observer.ended == [([], summary.totals)]
    assert kept(tmp_path) == dict.fromkeys(range(3, 9), BRIEF)


def test_jobs_do_not_change_what_is_found(tortured):
    alone, together = (tortured(range(1, 9), jobs, mutant="reply-before-commit")[0] for jobs in (1, 2))
    assert alone.totals == together.totals
    assert [(row.seed, row.reason) for row in alone.failures] == [(row.seed, row.reason) for row in together.failures]


def test_failing_runs_are_kept_in_full_with_reason_and_command(tortured, tmp_path):
    summary, observer = tortured(range(1, 7), mutant="reply-before-commit", time_limit_s=6.0)
    assert summary.totals["invalid"] >= 1
    assert summary.totals["verdict"] == "invalid"
    assert sum(summary.totals[name] for name in ("valid", "invalid", "unknown")) == 6
    failing = {row.seed: FULL for row in summary.failures}
    assert kept(tmp_path) == {**dict.fromkeys(range(1, 7), BRIEF), **failing}
    for row in summary.failures:
        assert row.reproduce == f"keelhaul replay {row.run}"
        assert row.reason.startswith("linearizable: ")
    assert {row["seed"] for row in observer.rows} == set(range(1, 7))


def test_a_run_that_proves_nothing_is_unknown(tortured):
    summary, _ = tortured(range(1, 3), rate=0.01)
    assert summary.totals == {"verdict": "unknown", "runs": 2, "valid": 0, "unknown": 2, "invalid": 0}
    assert [row.seed for row in summary.failures] == [1, 2]
    assert "not exercised" in summary.failures[0].reason or "stats" in summary.failures[0].reason


def plant(monkeypatch, verdicts):
    """Let the run of each seed end as told: with a verdict, or by raising."""

    def execute(scenario, store, observer, brief):
        ending = verdicts[scenario.seed]
        if isinstance(ending, BaseException):
            raise ending
        record = {"run": "folder", "verdict": ending, "reasons": [ending], "reproduce": "command"}
        return run_module.Finished(folder=store, record=record, interrupted=False)

    monkeypatch.setattr(run_module, "execute", execute)


def code(summary):
    return of_runs(summary.totals["verdict"], interrupted=summary.interrupted, harness_failed=summary.harness_failed)


def test_a_run_in_which_we_failed_costs_the_others_nothing(tortured, monkeypatch):
    plant(monkeypatch, {1: "valid", 2: RuntimeError("a mistake of ours"), 3: "valid"})
    summary, _ = tortured(range(1, 4))
    assert summary.totals == {"verdict": "unknown", "runs": 3, "valid": 2, "unknown": 1, "invalid": 0}
    (row,) = summary.failures
    assert (row.seed, row.run, row.verdict) == (2, None, "unknown")
    assert row.reason == "the harness failed: RuntimeError: a mistake of ours"
    assert summary.harness_failed
    assert code(summary) == 255


def test_invalid_is_masked_by_nothing_and_comes_first(tortured, monkeypatch):
    plant(monkeypatch, {1: "unknown", 2: RuntimeError(), 3: "invalid", 4: "valid", 5: "invalid"})
    summary, observer = tortured(range(1, 6))
    assert summary.totals == {"verdict": "invalid", "runs": 5, "valid": 1, "unknown": 2, "invalid": 2}
    assert [row.seed for row in summary.failures] == [3, 5, 1, 2]
    assert [row["seed"] for row in observer.ended[0][0]] == [3, 5, 1, 2]
    assert code(summary) == 1


def test_fail_fast_stops_at_the_first_invalid_run(tortured, monkeypatch):
    plant(monkeypatch, {1: "unknown", 2: RuntimeError(), 3: "invalid", 4: "valid"})
    summary, _ = tortured(range(1, 5), fail_fast=True)
    assert summary.totals["runs"] == 3
    assert code(summary) == 1


def test_fail_fast_with_several_jobs_leaves_no_worker(tortured):
    summary, observer = tortured(range(1, 1000), 2, fail_fast=True, mutant="reply-before-commit", time_limit_s=6.0)
    assert summary.totals["invalid"] == 1
    assert len(observer.rows) < 100
    assert multiprocessing.active_children() == []


def test_what_no_seed_could_mend_ends_it(tortured, monkeypatch):
    for error in (SetupError("no engine"), UsageError(["no such store"])):
        plant(monkeypatch, {1: error})
        with pytest.raises(type(error)):
            tortured(range(1, 5))


def test_what_no_seed_could_mend_ends_it_also_in_a_worker(tortured, tmp_path):
    (tmp_path / "store").touch()
    with pytest.raises(UsageError, match="no run can be stored there"):
        tortured(range(1, 5), 2)
    assert multiprocessing.active_children() == []


def test_an_interrupt_gives_the_summary_so_far(tortured):
    def interrupt(row):
        if row["seed"] == 2:
            raise KeyboardInterrupt

    summary, observer = tortured(range(1, 6), at_row=interrupt)
    assert summary.interrupted
    assert summary.totals["runs"] == 2
    assert code(summary) == 130
    assert len(observer.ended) == 1


def test_an_interrupted_run_is_not_counted(tortured, monkeypatch):
    plant(monkeypatch, {1: "valid", 2: KeyboardInterrupt()})
    summary, _ = tortured(range(1, 5))
    assert (summary.interrupted, summary.totals["runs"]) == (True, 1)


def test_a_killed_worker_costs_no_run(tortured, tmp_path):
    """Somebody kills a worker: what was under way is run again, each seed alone, and the rest goes on."""
    killed = []

    def kill_one(row):
        if not killed:
            child = multiprocessing.active_children()[0]
            child.kill()
            killed.append(child.pid)

    summary, observer = tortured(range(1, 25), 2, at_row=kill_one)
    assert killed
    assert sorted(row["seed"] for row in observer.rows) == list(range(1, 25))
    assert summary.totals == {"verdict": "valid", "runs": 24, "valid": 24, "unknown": 0, "invalid": 0}
    assert not summary.harness_failed
    assert multiprocessing.active_children() == []


def test_a_run_that_kills_every_worker_is_our_failure_and_costs_the_others_nothing():
    """`os._exit` stands for a run that ends its process, whatever the seed."""
    rows = list(torture_module._one_by_one(os._exit, [3, 5]))
    assert [(row.seed, row.verdict, row.harness_failed) for row in rows] == [(3, "unknown", True), (5, "unknown", True)]
    assert rows[0].reason == "the worker process of the harness that made this run was killed, twice"


def test_no_seeds_are_no_verdict(tortured):
    summary, _ = tortured(range(5, 5))
    assert summary.totals == {"verdict": "unknown", "runs": 0, "valid": 0, "unknown": 0, "invalid": 0}
