"""A run in virtual time: its phases, and what ends it."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import pytest

from keelhaul.checkers.history import History
from keelhaul.harness import seeds
from keelhaul.harness.conductor import Conductor
from keelhaul.harness.console import Quiet
from keelhaul.harness.simulation.driver import SimulatedRun, run_now
from keelhaul.harness.simulation.world import World
from keelhaul.harness.store import HistoryWriter
from keelhaul.nemesis.plan import Plan, TimedFault
from keelhaul.workloads.registry import WORKLOADS

S = 1_000_000_000
KILL = TimedFault(id=0, kind="kill", start_ns=2 * S, stop_ns=4 * S, target="n1")


@pytest.fixture(autouse=True)
def interruptible():
    """A shell that puts the tests into the background has them ignore interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Watching(Quiet):
    """Takes every look; calls `at_look` with the snapshot."""

    def __init__(self, at_look=lambda snapshot: None):
        self.snapshots, self.at_look = [], at_look

    def due(self):
        return True

    def update(self, snapshot):
        self.snapshots.append(snapshot)
        self.at_look(snapshot)


@pytest.fixture
def drive(tmp_path):
    """Run a scenario; return whether it was completed, its history, and the snapshots."""

    def drive(scenario, plan=None, at_look=lambda snapshot: None, observer=None):
        workload = WORKLOADS["register"].make(scenario.workload_options, seeds.draws(scenario.seed, "workload"))
        observer = observer or Watching(at_look)
        with HistoryWriter(tmp_path / "history.jsonl") as writer:
            conductor = Conductor(scenario, workload, writer)
            world = World(scenario, tmp_path)
            completed = SimulatedRun(scenario, plan or Plan(()), world, conductor, observer).run()
        return completed, History.of(writer.rows), getattr(observer, "snapshots", [])

    return drive


def heal_rows(history):
    return [row for row in history.nemesis if row.f == "heal"]


def test_phases_come_in_order_and_last_as_set(drive, small):
    completed, history, snapshots = drive(small, Plan((KILL,)))
    assert completed
    assert list(dict.fromkeys(snapshot.phase for snapshot in snapshots))[:2] == ["main", "quiet"]
    begun, over = heal_rows(history)
    assert 6 * S <= begun.time <= over.time < 7.1 * S
    finals = [operation for operation in history.operations if operation.invoked > over.index]
    assert min(operation.invoked_ns for operation in finals) == over.time + 1 * S
    assert {operation.f for operation in finals} == {"read"}
    assert {operation.value[0] for operation in finals if operation.outcome == "ok"} == {"k0", "k1", "k2", "k3", "k4"}


def test_a_main_phase_with_few_operations_lasts_its_time_all_the_same(drive, small):
    """The plan goes on to its end, though no operation is due any more."""
    _, history, _ = drive(replace(small, rate=0.2), Plan((replace(KILL, start_ns=4 * S, stop_ns=5 * S),)))
    assert [row.f for row in history.nemesis] == ["start-kill", "start-kill", "stop-kill", "stop-kill", "heal", "heal"]
    assert heal_rows(history)[0].time == 6 * S


def test_operations_in_flight_at_the_end_of_the_main_phase_are_not_cancelled(drive, small):
    _, history, _ = drive(replace(small, rate=1000.0))
    begun, _ = heal_rows(history)
    before = [operation for operation in history.operations if operation.invoked < begun.index]
    assert max(operation.invoked_ns for operation in before) < 6 * S
    assert all(operation.completed_ns is not None and operation.completed_ns <= begun.time for operation in before)


def test_nothing_is_asked_for_in_the_quiet_period(drive, small):
    _, history, _ = drive(small, Plan((KILL,)))
    _, over = heal_rows(history)
    assert not [row for row in history.rows if over.time <= row.time < over.time + 1 * S and row.type == "invoke"]


def test_snapshots_tell_what_goes_on(drive, small):
    _, history, snapshots = drive(small, Plan((KILL,)))
    by_time = {snapshot.time_ns: snapshot for snapshot in snapshots}
    assert by_time[3 * S].down == ("n1",)
    assert by_time[3 * S].faults == ("kill n1",)
    assert by_time[5 * S].down == ()
    assert by_time[1 * S].leader in small.members
    assert by_time[5 * S].ok_rate == pytest.approx(100, rel=0.5)
    assert snapshots[-1].ok == pytest.approx(sum(row.type == "ok" for row in history.rows), abs=60)


def test_looking_changes_nothing(drive, small):
    _, watched, snapshots = drive(small, Plan((KILL,)))
    _, unwatched, none = drive(small, Plan((KILL,)), observer=Quiet())
    assert snapshots
    assert not none
    assert watched == unwatched


# --- Ctrl-C


def interrupting(moment_ns):
    """At that time, send this process what Ctrl-C sends."""

    def at_look(snapshot):
        if snapshot.time_ns == moment_ns:
            os.kill(os.getpid(), signal.SIGINT)

    return at_look


def test_an_interrupt_in_the_middle_of_a_fault_heals_and_keeps_what_was_recorded(drive, small):
    completed, history, _ = drive(small, Plan((KILL,)), interrupting(3 * S))
    assert not completed
    begun, over = heal_rows(history)
    assert begun.time == 3 * S
    assert begun.value["faults"] == [0]
    assert over.value["outcome"] == "lifted"
    assert over.index == len(history) - 1
    assert sum(operation.outcome == "ok" for operation in history.operations) > 50


def test_an_interrupt_in_the_quiet_period_keeps_what_was_recorded_too(drive, small):
    completed, history, _ = drive(small, Plan(()), interrupting(int(6.5 * S)))
    assert not completed
    assert heal_rows(history)[-1].index == len(history) - 1


def test_after_a_run_interrupts_are_what_they_were(drive, small):
    before = signal.getsignal(signal.SIGINT)
    drive(replace(small, time_limit_s=0.1), at_look=interrupting(0))
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_the_second_interrupt_ends_it_at_once(drive, small):
    def twice(snapshot):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        drive(small, at_look=twice)


def test_a_worker_that_ignores_interrupts_is_not_interrupted(drive, small):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        completed, _, _ = drive(replace(small, time_limit_s=1.0), at_look=interrupting(S // 2))
    finally:
        signal.signal(signal.SIGINT, before)
    assert completed


# --- coroutines


def test_coroutines_are_run_on_the_spot_and_must_not_wait():
    async def answer():
        return 42

    async def wait():
        await Forever()

    assert run_now(answer()) == 42
    with pytest.raises(AssertionError, match="must not wait"):
        run_now(wait())


class Forever:
    """What an event loop would be needed for."""

    def __await__(self):
        yield
