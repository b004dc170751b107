"""One simulated machine, with a node that does what the test says."""

from __future__ import annotations

from random import Random

import pytest

from keelhaul.harness.simulation.disk import MS, Disk
from keelhaul.harness.simulation.machine import CLOCK_OFFSET_NS_MAX, Machine
from keelhaul.harness.simulation.scheduler import Scheduler
from keelhaul.nodes.events import (
    Boot,
    ClientRequest,
    Persist,
    Received,
    Reply,
    Send,
    SetTimer,
    StorageDone,
    TimerFired,
    Trace,
)


class Node:
    """Notes its events; answers each with the effects that the bench holds for it."""

    def __init__(self, bench):
        self.bench = bench

    def step(self, now_ns, event):
        self.bench.events.append(event)
        self.bench.clocks.append(now_ns)
        effects = self.bench.effects.pop(0) if self.bench.effects else []
        if isinstance(effects, Exception):
            raise effects
        return effects


class Bench:
    """A machine and all that comes out of it. `effects` are those of the next events, one list each."""

    def __init__(self):
        self.events, self.clocks, self.effects = [], [], []
        self.out, self.crashes, self.incarnations = [], [], []
        self.scheduler = Scheduler()
        self.disk = Disk(Random(1), fsync_ms=1.0)
        self.machine = Machine(
            "n1",
            self.scheduler,
            self.disk,
            Random(1),
            self._make_node,
            lambda source, dest, body: self.out.append((self.scheduler.now_ns, "send", dest, body)),
            lambda client, body: self.out.append((self.scheduler.now_ns, "reply", client, body)),
            self.crashes.append,
        )

    def _make_node(self, incarnation):
        self.incarnations.append(incarnation)
        return Node(self)

    def started(self, *effects):
        """Start it; these are the effects of the boot and the events after it."""
        self.effects += effects
        self.machine.start()
        return self

    def run(self, until_ns=None):
        while self.scheduler._heap and (until_ns is None or self.scheduler._heap[0][0] <= until_ns):
            self.scheduler.run_next()

    def sent(self):
        return [body for _, _, _, body in self.out]


def message(number):
    return Received("n2", {"type": "x", "number": number})


def persist(ticket):
    return Persist(ticket, (["entry", ticket],))


# --- starting


def test_g2_the_first_event_is_the_boot_with_what_the_disk_holds():
    bench = Bench().started([persist(1)])
    bench.run()
    assert bench.events == [Boot((), 1), StorageDone(1)]
    bench.machine.kill()
    bench.machine.start()
    assert bench.events[-1] == Boot((["entry", 1],), 2)
    assert bench.incarnations == [1, 2]


def test_clocks_start_anywhere_and_differ_by_incarnation():
    bench = Bench().started()
    bench.machine.kill()
    bench.machine.start()
    first_ns, second_ns = bench.clocks
    assert first_ns != second_ns
    assert all(0 <= clock_ns < CLOCK_OFFSET_NS_MAX for clock_ns in bench.clocks)


def test_within_an_incarnation_the_clock_goes_with_the_time():
    bench = Bench().started()
    bench.scheduler.at(7 * MS, bench.machine.handle, message(1))
    bench.run()
    assert bench.clocks[1] - bench.clocks[0] == 7 * MS


# --- effects


def test_messages_and_replies_without_a_ticket_leave_at_once_in_order():
    bench = Bench().started([Send("n2", {"a": 1}), Reply("c1", {"b": 2}), Send("n3", {"c": 3})])
    assert bench.out == [(0, "send", "n2", {"a": 1}), (0, "reply", "c1", {"b": 2}), (0, "send", "n3", {"c": 3})]


def test_g4_what_waits_for_a_ticket_leaves_when_that_is_on_disk():
    bench = Bench().started(
        [
            persist(1),
            Send("n2", {"held": 1}, after=1),
            Send("n2", {"free": 1}),
            persist(2),
            Reply("c1", {"held": 2}, after=2),
        ]
    )
    assert bench.sent() == [{"free": 1}]
    bench.run()
    (_, *_), (first_ns, *first), (second_ns, *second) = bench.out
    assert (first, second) == (["send", "n2", {"held": 1}], ["reply", "c1", {"held": 2}])
    assert 0 < first_ns < second_ns


def test_a_ticket_releases_before_the_node_hears_of_it():
    bench = Bench().started([persist(1), Send("n2", {"held": 1}, after=1)], [Send("n2", {"told": 1})])
    bench.run()
    assert bench.sent() == [{"held": 1}, {"told": 1}]


def test_what_names_a_ticket_that_is_on_disk_already_leaves_at_once():
    bench = Bench().started([persist(1)])
    bench.run()
    bench.effects.append([Send("n2", {"late": 1}, after=1)])
    bench.machine.handle(message(1))
    assert bench.sent() == [{"late": 1}]


def test_timers_fire_once_after_their_delay_with_their_generation():
    bench = Bench().started([SetTimer("election", 3, 5 * MS), SetTimer("heartbeat", 1, 2 * MS)])
    bench.run()
    assert bench.events[1:] == [TimerFired("heartbeat", 1), TimerFired("election", 3)]
    assert bench.scheduler.now_ns == 5 * MS


def test_traces_are_kept_with_incarnation_and_clocks():
    bench = Bench().started([Trace({"type": "boot"}), Trace({"type": "role", "role": "follower", "term": 1})])
    bench.scheduler.at(5, bench.machine.handle, message(1))
    bench.effects.append([Trace({"type": "role", "role": "leader", "term": 2})])
    bench.run()
    offset_ns = bench.clocks[0]
    assert bench.machine.traces == [
        {"type": "boot", "incarnation": 1, "time": offset_ns, "at": 0},
        {"type": "role", "role": "follower", "term": 1, "incarnation": 1, "time": offset_ns, "at": 0},
        {"type": "role", "role": "leader", "term": 2, "incarnation": 1, "time": offset_ns + 5, "at": 5},
    ]
    assert bench.machine.role["role"] == "leader"


# --- kill


def test_a_killed_machine_handles_nothing_and_says_nothing_more():
    bench = Bench().started([persist(1), Send("n2", {"held": 1}, after=1), SetTimer("election", 1, MS)])
    bench.machine.kill()
    bench.machine.handle(message(1))
    bench.run()
    assert len(bench.events) == 1
    assert bench.out == []
    assert not bench.machine.is_up


def test_timers_and_writes_of_an_earlier_incarnation_mean_nothing_to_the_next():
    bench = Bench().started([persist(1), Send("n2", {"held": 1}, after=1), SetTimer("election", 1, 5 * MS)])
    bench.machine.kill()
    bench.started([persist(1), Send("n2", {"held": "again"}, after=1)])
    bench.run()
    assert bench.events[2:] == [StorageDone(1)]
    assert bench.sent() == [{"held": "again"}]


def test_a_restart_forgets_who_led():
    bench = Bench().started([Trace({"type": "role", "role": "leader", "term": 1})])
    bench.machine.kill()
    bench.machine.start()
    assert bench.machine.role is None
    assert len(bench.machine.traces) == 1, "what was told stays told"


def test_a_machine_that_is_up_is_not_started_again():
    with pytest.raises(AssertionError):
        Bench().started().machine.start()


# --- pause


def test_a_paused_machine_handles_nothing_and_then_all_in_order():
    bench = Bench().started([SetTimer("election", 1, 2 * MS)])
    bench.machine.pause()
    bench.machine.handle(message(1))
    bench.run()
    bench.machine.handle(ClientRequest("c1", {"type": "read"}))
    bench.machine.handle(message(2))
    assert len(bench.events) == 1
    bench.machine.resume()
    assert bench.events[1:] == [
        message(1),
        TimerFired("election", 1),
        ClientRequest("c1", {"type": "read"}),
        message(2),
    ]


def test_what_waits_for_a_ticket_does_not_leave_a_paused_machine():
    """The disk goes on, but nobody is there to send."""
    bench = Bench().started([persist(1), Send("n2", {"held": 1}, after=1)])
    bench.machine.pause()
    bench.run()
    assert bench.out == []
    assert bench.disk.records() == (["entry", 1],)
    bench.machine.resume()
    assert bench.sent() == [{"held": 1}]


def test_a_message_handled_before_the_ticket_is_released_waits_for_it_also_after_a_pause():
    bench = Bench().started([persist(1)])
    bench.machine.pause()
    bench.machine.handle(message(1))
    bench.effects.append([Send("n2", {"reply to": 1}, after=1)])
    bench.run()
    bench.machine.resume()
    assert bench.events[1:] == [message(1), StorageDone(1)]
    assert bench.sent() == [{"reply to": 1}]


def test_a_machine_that_is_killed_while_paused_forgets_what_waited():
    bench = Bench().started()
    bench.machine.pause()
    bench.machine.handle(message(1))
    bench.machine.kill()
    bench.machine.resume()
    bench.machine.start()
    assert bench.events == [Boot((), 1), Boot((), 2)]
    bench.machine.handle(message(2))
    assert bench.events[-1] == message(2), "a started machine is not paused"


def test_what_waited_for_a_killed_machine_does_not_come_up_at_a_later_pause():
    bench = Bench().started()
    bench.machine.pause()
    bench.machine.handle(message(1))
    bench.machine.kill()
    bench.machine.start()
    bench.machine.pause()
    bench.machine.resume()
    assert bench.events == [Boot((), 1), Boot((), 2)]


# --- a node that fails


@pytest.mark.parametrize("failure", [AssertionError("a rule is broken"), KeyError("entry"), ZeroDivisionError()])
def test_a_node_that_raises_is_a_crash_and_no_failure_of_ours(failure):
    bench = Bench().started([])
    bench.effects.append(failure)
    bench.scheduler.at(5, bench.machine.handle, message(1))
    bench.run()
    (said,) = bench.crashes
    assert said == f"n1 at 5 ns of the run: {type(failure).__name__}: {failure}"
    assert not bench.machine.is_up
    bench.machine.handle(message(2))
    assert bench.events[-1] == message(1)


def test_a_crashed_node_loses_what_a_killed_one_does_and_starts_again():
    bench = Bench().started([persist(1), Send("n2", {"held": 1}, after=1)])
    bench.effects.append(RuntimeError("no"))
    bench.machine.handle(message(1))
    bench.run()
    assert bench.out == []
    bench.machine.start()
    assert bench.events[-1].incarnation == 2


def test_a_node_that_fails_at_its_boot_is_a_crash_too():
    bench = Bench().started(AssertionError("an unknown record on disk"))
    assert len(bench.crashes) == 1
    assert not bench.machine.is_up


def test_a_node_that_fails_after_a_pause_does_not_handle_the_rest():
    bench = Bench().started([])
    bench.machine.pause()
    bench.machine.handle(message(1))
    bench.machine.handle(message(2))
    bench.effects.append(RuntimeError("no"))
    bench.machine.resume()
    assert bench.events[1:] == [message(1)]
    assert len(bench.crashes) == 1


# --- clocks that run too fast or too slow


def drifting(ppm):
    """Make a bench whose machine's clock may be wrong by so many millionths."""
    bench = Bench()
    bench.machine._clock_drift_ppm = ppm
    return bench


def test_a_clock_without_drift_is_true():
    bench = Bench()
    bench.machine.start()
    bench.scheduler.at(10**9, bench.machine.handle, StorageDone(1))
    bench.scheduler.run_next()
    assert bench.clocks[1] - bench.clocks[0] == 10**9


@pytest.mark.parametrize("ppm", [1, 20_000, 500_000])
def test_a_drifting_clock_stays_within_its_bound_and_its_timers_keep_to_it(ppm):
    bench = drifting(ppm)
    rates = set()
    for _ in range(30):
        bench.effects = [[SetTimer("election", 1, MS)]]
        begun_ns = bench.scheduler.now_ns
        bench.machine.start()
        assert bench.scheduler.run_next()
        true_ns, local_ns = bench.scheduler.now_ns - begun_ns, bench.clocks[-1] - bench.clocks[-2]
        assert MS <= local_ns <= MS + 3, "a timer never fires early, nor late by its own clock"
        assert abs(local_ns - true_ns) <= true_ns * ppm // 10**6 + 2
        rates.add(true_ns)
        bench.machine.kill()
    assert len(rates) > 1 or ppm == 1


# --- clocks


def ticking(bench, delay_ms=10):
    """Boot it with a node that sets a timer again whenever that runs out."""
    again = [[SetTimer("tick", number, delay_ms * MS)] for number in range(1, 200)]
    bench.started(*again)
    return bench


def ticks(bench):
    return [at for at, event in zip(bench.clocks, bench.events, strict=True) if isinstance(event, TimerFired)]


@pytest.mark.parametrize(("rate_ppm", "ticked"), [(0, 100), (100_000, 110), (-100_000, 90), (-900_000, 10)])
def test_timers_run_out_when_the_nodes_own_clock_says_so(rate_ppm, ticked):
    bench = ticking(Bench())
    bench.machine.skew(rate_ppm, 0)
    bench.run(1000 * MS)
    assert abs(len(ticks(bench)) - ticked) <= 1
    shown = [after - before for before, after in zip(ticks(bench), ticks(bench)[1:], strict=False)]
    assert all(10 * MS <= each <= 10 * MS + 10 for each in shown)


def test_a_jump_ahead_lets_timers_run_out_at_once():
    bench = Bench().started([SetTimer("t", 1, 50 * MS)])
    bench.scheduler.at(10 * MS, bench.machine.skew, 0, 45 * MS)
    bench.run(10 * MS)
    assert [type(event) for event in bench.events] == [Boot, TimerFired]
    assert bench.clocks[1] - bench.clocks[0] == 55 * MS
    bench.run()
    assert len(bench.events) == 2, "what was to fire at 50 ms must not fire again"


def test_a_jump_back_holds_timers_up_for_that_long_and_the_clock_never_goes_back():
    bench = Bench().started([SetTimer("t", 1, 50 * MS)])
    bench.scheduler.at(10 * MS, bench.machine.skew, 0, -30 * MS)
    bench.scheduler.at(39 * MS, bench.machine.handle, message(1))
    bench.run()
    assert [type(event) for event in bench.events] == [Boot, Received, TimerFired]
    assert bench.scheduler.now_ns == 80 * MS
    assert [at - bench.clocks[0] for at in bench.clocks] == [0, 10 * MS, 50 * MS]
    assert bench.clocks == sorted(bench.clocks)


def test_a_clock_that_is_set_right_goes_on_from_what_it_shows():
    bench = Bench().started()
    bench.machine.skew(100_000, 0)
    bench.run(100 * MS)
    bench.scheduler.at(100 * MS, bench.machine.skew, 0, 0)
    bench.scheduler.at(200 * MS, bench.machine.handle, message(1))
    bench.run()
    assert bench.clocks[1] - bench.clocks[0] == 210 * MS


def test_a_restart_brings_a_right_clock():
    bench = Bench().started()
    bench.machine.skew(-900_000, 0)
    bench.machine.kill()
    bench.started()
    bench.scheduler.at(50 * MS, bench.machine.handle, message(1))
    bench.run()
    assert bench.clocks[2] - bench.clocks[1] == 50 * MS


def test_its_own_drift_and_a_skew_together_never_stop_the_clock():
    bench = Bench()
    bench.machine._clock_drift_ppm = 500_000
    bench.started()
    for rate_ppm in (-900_000, 900_000):
        bench.machine.skew(rate_ppm, 0)
        assert abs(bench.machine._clock.rate_ppm) <= 900_000
