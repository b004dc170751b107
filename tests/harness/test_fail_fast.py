"""A run that may fail fast ends at its first violation, is otherwise the same run, and can be replayed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keelhaul.checkers.linearizability.online import Online
from keelhaul.checkers.models.locks import mutex
from keelhaul.checkers.models.registers import cas_register
from keelhaul.harness import scenario
from keelhaul.harness.conductor import Conductor
from keelhaul.harness.replay import replay
from keelhaul.harness.scenario import load, override
from keelhaul.harness.store import HistoryWriter
from tests.harness.test_conductor import Bench

BROKEN = {"mutant": "reply-before-commit", "time_limit_s": 6.0}


def lines(finished):
    return (finished.folder / "history.jsonl").read_bytes().splitlines()


@pytest.fixture
def failing(runs, small):
    """A run that goes on after a violation, and the same that doesn't."""
    for seed in range(1, 20):
        whole = runs.run(replace(small, seed=seed, **BROKEN))
        if whole.record["checkers"]["linearizable"]["verdict"] == "invalid":
            return whole, runs.run(replace(small, seed=seed, fail_fast=True, **BROKEN))
    pytest.fail("the mutant is never caught")


def test_it_ends_at_the_first_violation(runs, failing):
    whole, short = failing
    assert short.record["verdict"] == "invalid"
    assert short.record["checkers"]["linearizable"]["verdict"] == "invalid"
    assert not short.interrupted
    assert len(lines(short)) < len(lines(whole))
    (said,) = [sentence for sentence in runs.observer.sentences if "first violation" in sentence]
    assert "which no order explains" in said


def test_up_to_there_it_is_the_same_run(failing):
    whole, short = failing
    clients = [line for line in lines(short) if b'"nemesis"' not in line]
    assert clients == [line for line in lines(whole) if b'"nemesis"' not in line][: len(clients)]


def test_everything_is_healed_all_the_same(failing):
    _, short = failing
    assert short.record["faults"] != []
    assert b'"heal"' in b"".join(lines(short)[-5:])


def test_it_can_be_replayed(runs, failing):
    _, short = failing
    assert scenario.load(short.folder / "scenario.toml").fail_fast
    assert replay(short.folder, runs.observer).same


def test_a_run_without_a_violation_is_not_touched(runs, small):
    plain, watched = runs.run(small), runs.run(replace(small, fail_fast=True))
    assert lines(plain) == lines(watched)
    assert watched.record["verdict"] == "valid"


def test_after_a_violation_nothing_more_is_begun(small, tmp_path):
    with HistoryWriter(tmp_path / "history.jsonl") as writer:
        bench = Bench(small, writer)
        watch = Online(cas_register(), keyed=True)
        bench.conductor = Conductor(small, bench.workload, writer, watch)
        bench.step(0)
        for row in ((0, "invoke", 0, "read", ["k", None]), (1, "ok", 0, "read", ["k", 1])):
            watch.take(*row)
        due = bench.step(10**9)
        assert (due.dispatches, due.wake_ns, due.done) == ((), None, True)


def test_what_cannot_be_read_is_left_to_the_judge(small, tmp_path):
    """A watch that can't read the workload's values lets the run go on."""
    with HistoryWriter(tmp_path / "history.jsonl") as writer:
        bench = Bench(small, writer)
        bench.conductor = Conductor(small, bench.workload, writer, Online(mutex(), keyed=True))
        bench.until_done()
        assert bench.conductor.violation is None
        assert len(writer.rows) > 20


def test_a_scenario_may_say_so(tmp_path, small):
    path = tmp_path / "s.toml"
    path.write_text(scenario.dump(replace(small, fail_fast=True)))
    assert load(path).fail_fast
    assert not override(load(path), fail_fast=False).fail_fast
    path.write_text(scenario.dump(small).replace("fail_fast = false", "fail_fast = 1"))
    with pytest.raises(scenario.UsageError, match=r"run\.fail_fast: 1 is neither true nor false"):
        load(path)
