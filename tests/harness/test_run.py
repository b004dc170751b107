"""A run from scenario to verdict: what it leaves, and what other programs may rely on."""

from __future__ import annotations

import gc
import json
from dataclasses import replace

import pytest

from keelhaul.checkers.history import History
from keelhaul.harness import codec, plan_file, scenario, store
from keelhaul.harness import run as run_module
from keelhaul.harness.environments.environment import SetupError
from keelhaul.nemesis.plan import Plan, TimedFault
from keelhaul.nodes.raft.node import Raft

S = 1_000_000_000


def stored(finished):
    return json.loads((finished.folder / "verdict.json").read_text())


def test_a_run_leaves_everything_in_its_folder(runs, small):
    finished = runs.run(small)
    assert finished.folder.parent == runs.folder / "raft-register"
    names = {entry.name for entry in finished.folder.iterdir()}
    assert names == {"scenario.toml", "plan.json", "history.jsonl", "verdict.json", "report.html", "run.log", "nodes"}
    assert scenario.load(finished.folder / "scenario.toml") == small
    assert plan_file.read_plan(finished.folder).requested == ("partition", "kill", "pause")
    assert len(store.read_traces(finished.folder, small.members)) == 5
    assert runs.observer.sentences == []


def test_links_point_at_the_newest_run(runs, small):
    first, second = runs.run(small), runs.run(replace(small, seed=2))
    assert first.folder != second.folder
    for name in ("latest", "current", "raft-register/latest"):
        assert (runs.folder / name).resolve() == second.folder


def test_the_verdict_record_is_what_other_programs_rely_on(runs, small):
    finished = runs.run(small)
    record = stored(finished)
    assert record == json.loads(json.dumps(finished.record))
    assert record["verdict"] == "valid"
    assert record["reasons"] == []
    assert record["seed"] == 1
    assert record["environment"] == "simulation"
    assert record["run"] == str(finished.folder)
    assert record["reproduce"] == f"keelhaul replay {finished.folder}"
    assert set(record["operations"]) == {"invoke", "ok", "fail", "info"}
    for fault in record["faults"]:
        assert set(fault) == {"kind", "requested", "in_force", "skipped"}
        assert fault["in_force"] >= 1
    assert [fault["kind"] for fault in record["faults"]] == ["partition", "kill", "pause"]
    assert record["leader_changes"] >= 1
    assert set(record["checkers"]) == {
        "linearizable",
        "raft-invariants",
        "raft-liveness",
        "crashes",
        "stats",
        "availability",
        "exercised",
    }
    assert all(checker == {"verdict": "valid", "reason": ""} for checker in record["checkers"].values())
    assert record["crashes"] == []
    assert record["interrupted"] is False
    assert record["history_sha256"] == store.sha256_of(finished.folder / "history.jsonl")


def test_operations_are_counted_from_the_history(runs, small):
    finished = runs.run(small)
    history = codec.read_history(finished.folder / "history.jsonl")
    rows = [row.type for row in history.rows if row.process != "nemesis"]
    assert finished.record["operations"] == {name: rows.count(name) for name in ("invoke", "ok", "fail", "info")}


def test_a_planted_bug_is_found_and_the_reason_names_rows(runs, small):
    """As the command line would, one seed after the other; one of twenty must show it."""
    for seed in range(1, 21):
        finished = runs.run(replace(small, seed=seed, mutant="reply-before-commit"), brief=True)
        if finished.record["verdict"] == "invalid":
            break
    assert finished.record["verdict"] == "invalid"
    (reason, *_) = finished.record["reasons"]
    assert reason.startswith("linearizable: key k")
    assert "(row " in reason
    assert finished.record["mutant"] == "reply-before-commit"
    assert 'mutant = "reply-before-commit"' in (finished.folder / "scenario.toml").read_text()


def test_without_the_planted_bug_the_same_seeds_are_valid(runs, small):
    for seed in range(1, 4):
        assert runs.run(replace(small, seed=seed), brief=True).record["verdict"] == "valid"


def test_a_node_that_ends_by_itself_is_the_systems_fault_not_ours(runs, small, monkeypatch):
    step, steps = Raft.step, []

    def failing(node, now_ns, event):
        if node._state.config.name == "n2":
            steps.append(event)
            assert len(steps) != 500, "a rule is broken"
        return step(node, now_ns, event)

    monkeypatch.setattr(Raft, "step", failing)
    finished = runs.run(small)
    assert finished.record["verdict"] == "invalid"
    (reason,) = [reason for reason in finished.record["reasons"] if reason.startswith("crashes: ")]
    assert "a node ended by itself: n2 at " in reason
    assert "AssertionError: a rule is broken" in reason
    assert len(finished.record["crashes"]) == 1


def test_a_given_plan_is_carried_out_instead_of_the_seeds(runs, small):
    plan = Plan((TimedFault(id=0, kind="kill", start_ns=2 * S, stop_ns=3 * S, target="n4"),), ("kill",))
    finished = runs.run(small, plan=plan)
    assert plan_file.read_plan(finished.folder) == plan
    assert finished.record["faults"] == [{"kind": "kill", "requested": 1, "in_force": 1, "skipped": 0}]


def test_a_fault_that_never_took_effect_is_not_exercised(runs, small):
    plan = Plan((TimedFault(id=0, kind="kill", start_ns=2 * S, stop_ns=3 * S, target="n9"),), ("kill",))
    finished = runs.run(small, plan=plan)
    assert finished.record["verdict"] == "unknown"
    assert "kill was never in force (1 requested: 1 skipped; there is no node n9)" in finished.record["reasons"][0]


def test_a_run_without_faults_is_judged_like_any(runs, small):
    finished = runs.run(replace(small, faults=(), time_limit_s=1.0))
    assert finished.record["verdict"] == "valid"
    assert finished.record["faults"] == []


# --- brief runs


def test_a_valid_run_in_brief_keeps_its_verdict_and_what_it_takes_to_replay(runs, small):
    finished = runs.run(small, brief=True)
    names = {entry.name for entry in finished.folder.iterdir()}
    assert names == {"scenario.toml", "plan.json", "verdict.json", "run.log"}
    assert not (runs.folder / "latest").exists()


def test_a_simulated_run_leaves_nothing_to_the_search_for_cycles(runs, small):
    """Its values would wait for it, and it would take a tenth of the run's own time."""
    runs.run(small, brief=True)
    gc.collect()
    gc.disable()
    try:
        runs.run(small, brief=True)
        assert gc.collect() < 1000
    finally:
        gc.enable()


def test_a_failing_run_in_brief_is_kept_in_full(runs, small):
    nothing_happens = replace(small, rate=0.01)
    finished = runs.run(nothing_happens, brief=True)
    assert finished.record["verdict"] == "unknown"
    names = {entry.name for entry in finished.folder.iterdir()}
    assert names == {"scenario.toml", "plan.json", "history.jsonl", "verdict.json", "report.html", "run.log", "nodes"}


def test_a_failing_run_in_brief_keeps_the_same_traces_as_one_that_kept_them_all_along(runs, small):
    failing = replace(small, seed=6, mutant="reply-before-commit", rate=0.05)
    full, brief = runs.run(failing), runs.run(failing, brief=True)
    assert full.record["verdict"] == brief.record["verdict"] != "valid"
    assert brief.record["leader_changes"] == full.record["leader_changes"]
    for node in failing.members:
        told = [(run.folder / "nodes" / node / "trace.jsonl").read_bytes() for run in (full, brief)]
        assert told[0] == told[1] != b""


def test_a_run_that_cannot_be_repeated_says_that_its_traces_are_gone(runs, small, monkeypatch):
    record, times = run_module.record, []

    def another(chosen, plan, folder, observer, **more):
        times.append(folder)
        return record(replace(chosen, seed=len(times)), plan, folder, observer, **more)

    monkeypatch.setattr(run_module, "record", another)
    finished = runs.run(replace(small, rate=0.01), brief=True)
    assert len(times) == 2
    assert not (finished.folder / "nodes").exists()
    assert "the nodes' traces were not kept: this run can't be repeated" in runs.observer.sentences


# --- failures of ours


def test_a_report_that_cannot_be_written_costs_nothing_else(runs, small, monkeypatch):
    def fails(*_):
        raise RuntimeError("no ink")

    monkeypatch.setattr("keelhaul.harness.report.page.write_report", fails)
    finished = runs.run(small)
    assert stored(finished)["verdict"] == "valid"
    assert runs.observer.sentences == ["the report could not be written: RuntimeError: no ink"]


def test_a_failure_of_the_harness_leaves_what_was_recorded_and_no_verdict(runs, small, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(run_module, "judge", fails)
    with pytest.raises(RuntimeError):
        runs.run(small)
    (folder,) = (runs.folder / "raft-register").glob("*Z-1")
    assert len(codec.read_history(folder / "history.jsonl")) > 500
    assert not (folder / "verdict.json").exists()


def test_an_environment_that_cannot_be_had_leaves_no_verdict(runs, small, monkeypatch):
    class Nowhere:
        died = ()

        def __init__(self, *_):
            pass

        async def start(self):
            raise SetupError("no engine answers")

        async def collect(self):
            pass

        async def stop(self):
            pass

    monkeypatch.setattr("keelhaul.harness.environments.processes.Processes", Nowhere)
    with pytest.raises(SetupError, match="no engine answers"):
        runs.run(replace(small, environment="processes"))
    (folder,) = (runs.folder / "raft-register").glob("*Z-1")
    assert not (folder / "verdict.json").exists()


def test_recording_judges_nothing(small, tmp_path, listening):
    recorded = run_module.record(small, Plan(()), tmp_path, listening)
    assert History.of(recorded.rows)
    assert not (tmp_path / "verdict.json").exists()
    assert recorded.crashes == ()
    assert recorded.interrupted is False
