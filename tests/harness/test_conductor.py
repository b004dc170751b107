"""What both drivers share: rows before dispatches, homes, the end of a phase, and rates for onlookers."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from keelhaul.harness import seeds
from keelhaul.harness.conductor import FINAL_RETRY_NS, Conductor
from keelhaul.harness.interpreter import Completed
from keelhaul.harness.store import HistoryWriter
from keelhaul.nemesis.injector import Injector
from keelhaul.nemesis.plan import Plan
from keelhaul.workloads.client import Completion
from keelhaul.workloads.registry import WORKLOADS

S = 1_000_000_000
NO_FAULTS = Injector(Plan(()), object(), Random, lambda f, value: None, lambda: 0)


class Bench:
    """A conductor, its history, and clients that answer at once."""

    def __init__(self, scenario, writer):
        self.workload = WORKLOADS["register"].make(scenario.workload_options, seeds.draws(scenario.seed, "workload"))
        self.writer, self.conductor = writer, Conductor(scenario, self.workload, writer)
        self.now_ns, self.due = 0, self.conductor.step(0, [])

    def answer(self, outcome="ok"):
        """Complete all that was dispatched, as success or not."""
        completions = []
        for dispatch in self.due.dispatches:
            request = dispatch.session.begin()
            value = [request.body["key"], None] if request.body["type"] == "read" else None
            value = value or [
                request.body["key"],
                request.body.get("value", [request.body.get("from"), request.body.get("to")]),
            ]
            completions.append(Completed(dispatch.ticket, dispatch.thread, Completion(outcome, value)))
        return self.step(self.now_ns, completions)

    def step(self, now_ns, completions=()):
        self.now_ns = now_ns
        self.due = self.conductor.step(now_ns, list(completions))
        return self.due

    def until_done(self):
        """Answer everything; return the moments at which the conductor wanted to be called."""
        moments = []
        while not self.due.done:
            if self.due.dispatches:
                self.answer()
            else:
                moments.append(self.due.wake_ns)
                self.step(self.due.wake_ns)
        return moments


@pytest.fixture
def bench(small, tmp_path):
    """Make a bench for the small scenario with some changes."""
    writers = []

    def bench(**changes):
        writers.append(HistoryWriter(tmp_path / f"history-{len(writers)}.jsonl"))
        return Bench(replace(small, **changes), writers[-1])

    yield bench
    for writer in writers:
        writer.__exit__(None, None, None)


def test_an_invocation_is_in_the_history_before_it_is_dispatched(bench):
    made = bench()
    (dispatch,) = made.due.dispatches
    assert [(row.type, row.process) for row in made.writer.rows] == [("invoke", dispatch.process)]


def test_each_thread_is_at_home_at_its_own_node(bench):
    made = bench(rate=1e6, time_limit_s=0.01)
    homes = {}
    while len(homes) < 10:
        homes |= {dispatch.thread: dispatch.session.begin().node for dispatch in made.due.dispatches}
        made.step(made.now_ns + 2000)
    assert homes == {thread: f"n{thread % 5 + 1}" for thread in range(10)}


def test_a_phase_with_operations_to_its_end_lasts_its_time(bench):
    made = bench(time_limit_s=2.0)
    moments = made.until_done()
    assert made.now_ns == moments[-1] == 2 * S
    assert made.conductor.counts["ok"] == pytest.approx(200, rel=0.3)


def test_a_phase_without_operations_at_its_end_lasts_its_time_too(bench):
    made = bench(rate=0.01, time_limit_s=2.0)
    assert made.until_done() == [2 * S]
    assert made.conductor.counts["invoke"] == 1


def test_finals_are_tried_until_each_has_succeeded(bench):
    made = bench(time_limit_s=0.001)
    made.until_done()
    made.conductor.begin_final_phase(5 * S)
    made.step(5 * S)
    assert len(made.due.dispatches) == 5
    made.answer("fail")
    assert (made.due.done, made.due.wake_ns) == (False, 5 * S + FINAL_RETRY_NS)
    made.step(made.due.wake_ns)
    assert len(made.due.dispatches) == 5
    assert made.answer("ok").done


def test_finals_that_never_succeed_end_with_the_recovery_time(bench):
    made = bench(time_limit_s=0.001, recovery_s=2.0)
    made.until_done()
    made.conductor.begin_final_phase(5 * S)
    made.step(5 * S)
    while not made.due.done:
        made.answer("fail") if made.due.dispatches else made.step(made.due.wake_ns)
    assert 7 * S - 2 * FINAL_RETRY_NS <= made.now_ns <= 7 * S + FINAL_RETRY_NS


def test_rows_of_the_nemesis_are_on_disk_at_once(bench, tmp_path):
    made = bench()
    made.conductor.record_nemesis(0, "start-kill", {"fault": 0})
    assert (tmp_path / "history-0.jsonl").read_bytes().count(b"\n") == 2


def test_snapshots_count_and_give_rates_over_about_the_last_second(bench):
    made = bench(time_limit_s=4.0)
    seen = []
    while not made.due.done:
        if made.due.dispatches:
            made.answer()
        else:
            made.step(made.due.wake_ns)
            seen.append(made.conductor.snapshot(made.now_ns, "main", NO_FAULTS, "n1"))
    last = seen[-1]
    assert (last.phase, last.leader, last.faults, last.down) == ("main", "n1", (), ())
    assert last.ok == made.conductor.counts["ok"]
    assert last.ok_rate == pytest.approx(100, rel=0.4)
    assert last.fail_rate == last.info_rate == 0.0
    assert seen[0].time_limit_ns == 4 * S
