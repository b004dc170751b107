"""The injector: what it does to a victim, in which order, and what it writes of it."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from keelhaul.nemesis.injector import PATIENCE_NS, RETRY_NS, Injector
from keelhaul.nemesis.plan import Plan, TimedFault
from keelhaul.nemesis.topology import isolate, union
from keelhaul.nemesis.victim import VictimError

S = 1_000_000_000
NODES = ("n1", "n2", "n3", "n4", "n5")


class Recording:
    """A victim that notes what is done to it; it fails and takes its time where it is told to."""

    nodes = NODES

    def __init__(self, leader="n1"):
        self.leads = leader
        self.calls = []
        self.failing = {}
        self.takes_ns = {}
        self.now_ns = 0

    async def leader(self):
        await asyncio.sleep(0)
        return self.leads

    async def _note(self, name, argument):
        await asyncio.sleep(0)
        self.calls.append((name, argument))
        self.now_ns += self.takes_ns.get(name, 0)
        if name in self.failing:
            raise self.failing[name]

    async def cut(self, grudge):
        await self._note("cut", grudge)

    async def kill(self, nodes):
        await self._note("kill", tuple(nodes))

    async def restart(self, nodes):
        await self._note("restart", tuple(nodes))

    async def pause(self, nodes):
        await self._note("pause", tuple(nodes))

    async def resume(self, nodes):
        await self._note("resume", tuple(nodes))

    async def skew(self, nodes, rate_ppm, jump_ms):
        await self._note("skew", (tuple(nodes), rate_ppm, jump_ms))


class Driven:
    """An injector, its victim and the rows that it wrote."""

    def __init__(self, *faults, leader="n1"):
        self.victim = Recording(leader)
        self.rows = []
        self.injector = Injector(
            Plan(faults), self.victim, lambda fault: Random(f"7/{fault}"), self._record, lambda: self.victim.now_ns
        )

    def _record(self, f, value):
        self.rows.append((f, value))

    def fire(self, now_ns):
        self.victim.now_ns = max(self.victim.now_ns, now_ns)
        asyncio.run(self.injector.fire())

    def heal(self):
        return asyncio.run(self.injector.heal())

    def carry_out(self):
        """Fire whenever something is due; return at which times that was."""
        times = []
        while (due_ns := self.injector.due_ns()) is not None:
            times.append(due_ns)
            self.fire(due_ns)
        return times

    def steps(self):
        """Each row in brief: f, the fault's id, and what became of it."""
        return [(f, value.get("fault"), value.get("outcome", value["phase"])) for f, value in self.rows]


def kill(number, start_s, stop_s, target="n1"):
    return TimedFault(id=number, kind="kill", start_ns=int(start_s * S), stop_ns=int(stop_s * S), target=target)


def pause(number, start_s, stop_s, target="n1"):
    return TimedFault(id=number, kind="pause", start_ns=int(start_s * S), stop_ns=int(stop_s * S), target=target)


def lonely(number, start_s, stop_s, target="n1"):
    return TimedFault(
        id=number,
        kind="partition",
        start_ns=int(start_s * S),
        stop_ns=int(stop_s * S),
        shape="isolate-one",
        target=target,
    )


def cut(number, start_s, stop_s, shape="halves"):
    return TimedFault(id=number, kind="partition", start_ns=int(start_s * S), stop_ns=int(stop_s * S), shape=shape)


def skew(number, start_s, stop_s, target="n1", **by):
    kind = "clock-rate" if "rate_ppm" in by else "clock-offset"
    return TimedFault(id=number, kind=kind, start_ns=int(start_s * S), stop_ns=int(stop_s * S), target=target, **by)


def test_an_empty_plan_is_never_due():
    assert Driven().injector.due_ns() is None


def test_one_fault_from_beginning_to_end():
    driven = Driven(kill(0, 1, 2, "n3"))
    assert driven.carry_out() == [1 * S, 2 * S]
    assert driven.victim.calls == [("kill", ("n3",)), ("restart", ("n3",))]
    assert driven.rows == [
        ("start-kill", {"fault": 0, "target": "n3", "phase": "invoke"}),
        ("start-kill", {"fault": 0, "target": "n3", "phase": "done", "outcome": "in_force", "nodes": ["n3"]}),
        ("stop-kill", {"fault": 0, "target": "n3", "phase": "invoke"}),
        ("stop-kill", {"fault": 0, "target": "n3", "phase": "done", "outcome": "lifted", "nodes": ["n3"]}),
    ]
    assert not driven.injector.in_force


def test_a_partition_says_its_grudge_and_a_pause_its_nodes():
    driven = Driven(lonely(0, 1, 3, "n2"), pause(1, 2, 4, "n5"))
    driven.carry_out()
    grudge = isolate(NODES, "n2")
    assert driven.rows[1][1] == {
        "fault": 0,
        "shape": "isolate-one",
        "target": "n2",
        "phase": "done",
        "outcome": "in_force",
        "grudge": {node: list(dropped) for node, dropped in grudge.items()},
    }
    assert driven.victim.calls == [("cut", grudge), ("pause", ("n5",)), ("cut", {}), ("resume", ("n5",))]


def test_nothing_happens_before_it_is_due():
    driven = Driven(kill(0, 1, 2))
    driven.fire(1 * S - 1)
    assert driven.rows == []
    assert driven.injector.due_ns() == 1 * S


def test_faults_are_taken_by_time_whatever_their_order_in_the_plan():
    driven = Driven(kill(1, 3, 4), kill(0, 1, 2))
    driven.carry_out()
    assert [fault for _, fault, _ in driven.steps()] == [0, 0, 0, 0, 1, 1, 1, 1]


def test_at_the_same_time_ends_come_before_beginnings():
    """Else the next fault would find its node still down."""
    driven = Driven(kill(0, 1, 2, "n1"), kill(1, 2, 3, "n1"))
    driven.carry_out()
    assert driven.victim.calls == [("kill", ("n1",)), ("restart", ("n1",))] * 2


def test_a_driver_that_comes_late_shifts_what_follows_so_that_gaps_and_durations_stay():
    driven = Driven(kill(0, 1, 2, "n1"), pause(1, 3, 4, "n2"))
    driven.fire(5 * S)
    assert driven.victim.calls == [("kill", ("n1",))]
    assert driven.injector.due_ns() == 6 * S
    assert driven.carry_out() == [6 * S, 7 * S, 8 * S]
    assert [what for what, _ in driven.victim.calls] == ["kill", "restart", "pause", "resume"]


def test_a_victim_that_takes_its_time_still_gets_its_stable_stretches():
    """Between the end of one fault and the beginning of the next lies as much as planned, whatever both take."""
    driven = Driven(kill(0, 1, 2, "n1"), pause(1, 4, 5, "n2"), kill(2, 6, 7, "n3"))
    driven.victim.takes_ns = {"kill": 3 * S, "restart": 5 * S, "pause": 2 * S, "resume": 1 * S}
    # Killed from 1 to 4, for 1 s; restarted from 5 to 10; 2 s later paused from 12 to 14, for 1 s; and so on.
    assert driven.carry_out() == [1 * S, 5 * S, 12 * S, 15 * S, 17 * S, 21 * S]


def test_overlapping_faults_overlap_also_on_a_slow_victim():
    driven = Driven(kill(0, 1, 3, "n1"), pause(1, 2, 4, "n2"))
    driven.victim.takes_ns = {"kill": S // 2}
    assert driven.carry_out() == [1 * S, int(2.5 * S), int(3.5 * S), int(4.5 * S)]


def test_what_could_not_be_installed_is_lifted_when_it_has_lasted():
    driven = Driven(kill(0, 1, 3, "n1"))
    driven.victim.takes_ns, driven.victim.failing = {"kill": S // 2}, {"kill": VictimError("it took too long")}
    assert driven.carry_out() == [1 * S, int(3.5 * S)]
    assert driven.victim.calls == [("kill", ("n1",)), ("restart", ("n1",))]


def test_ends_at_the_same_time_come_in_order_of_the_faults():
    driven = Driven(kill(0, 1, 5, "n1"), pause(1, 2, 5, "n2"), kill(2, 3, 4, "n3"))
    driven.carry_out()
    assert [step for step in driven.steps() if step[2] == "lifted"] == [
        ("stop-kill", 2, "lifted"),
        ("stop-kill", 0, "lifted"),
        ("stop-pause", 1, "lifted"),
    ]


def test_of_overlapping_partitions_the_union_is_in_force():
    driven = Driven(lonely(0, 1, 3, "n1"), lonely(1, 2, 4, "n2"))
    driven.carry_out()
    first, second = isolate(NODES, "n1"), isolate(NODES, "n2")
    assert driven.victim.calls == [
        ("cut", first),
        ("cut", union([first, second], NODES)),
        ("cut", second),
        ("cut", {}),
    ]


def test_each_fault_draws_from_its_own_stream():
    """Taking a fault away doesn't change whom the others hit."""
    both, alone = Driven(kill(0, 1, 2, "one"), cut(1, 3, 4)), Driven(cut(1, 3, 4))
    both.carry_out()
    alone.carry_out()
    assert both.victim.calls[2:] == alone.victim.calls


def test_symbols_are_resolved_when_the_fault_fires():
    driven = Driven(kill(0, 1, 2, "leader"), pause(1, 3, 4, "leader"))
    driven.fire(1 * S)
    driven.victim.leads = "n4"
    driven.carry_out()
    assert driven.victim.calls == [("kill", ("n1",)), ("restart", ("n1",)), ("pause", ("n4",)), ("resume", ("n4",))]


# --- a leader that nobody knows


def test_a_leader_fault_waits_for_a_leader_and_then_lasts_as_planned():
    driven = Driven(kill(0, 1, 3, "leader"), leader=None)
    driven.fire(1 * S)
    assert driven.rows == []
    assert driven.injector.due_ns() == 1 * S + RETRY_NS
    driven.fire(1 * S + RETRY_NS)
    driven.victim.leads = "n2"
    found_ns = driven.injector.due_ns()
    assert found_ns == 1 * S + 2 * RETRY_NS
    driven.fire(found_ns)
    assert driven.steps()[-1] == ("start-kill", 0, "in_force")
    assert driven.injector.due_ns() == found_ns + 2 * S


def test_a_leader_that_never_comes_is_a_skipped_fault_with_its_reason():
    driven = Driven(kill(0, 1, 3, "leader"), leader=None)
    times = driven.carry_out()
    assert times[-1] == 1 * S + PATIENCE_NS
    assert driven.victim.calls == []
    assert driven.rows[-1] == (
        "start-kill",
        {"fault": 0, "target": "leader", "phase": "done", "outcome": "skipped", "reason": "nobody is known to lead"},
    )


def test_a_waiting_fault_does_not_hold_up_the_end_of_another():
    driven = Driven(kill(0, 1, 2.1, "n3"), pause(1, 2, 3, "leader"), leader=None)
    driven.fire(1 * S)
    times = driven.carry_out()
    assert times[:3] == [2 * S, 2 * S + RETRY_NS, 2 * S + 2 * RETRY_NS]
    assert ("stop-kill", 0, "lifted") in driven.steps()
    assert driven.steps()[-1] == ("start-pause", 1, "skipped")


def test_a_fault_behind_a_waiting_one_comes_late_but_whole():
    driven = Driven(kill(0, 1, 2, "leader"), pause(1, 1.1, 2.1, "n3"), leader=None)
    driven.carry_out()
    assert driven.steps()[1] == ("start-kill", 0, "skipped")
    assert driven.victim.calls == [("pause", ("n3",)), ("resume", ("n3",))]
    assert driven.victim.now_ns == int(2.1 * S) + PATIENCE_NS


def test_the_lonely_leader_of_a_partition_is_waited_for_too():
    driven = Driven(lonely(0, 1, 2, "leader"), leader=None)
    driven.fire(1 * S)
    driven.victim.leads = "n3"
    driven.carry_out()
    assert driven.victim.calls == [("cut", isolate(NODES, "n3")), ("cut", {})]


# --- what can't be done


def test_a_node_that_is_hit_already_is_not_hit_again():
    driven = Driven(kill(0, 1, 4, "n1"), pause(1, 2, 3, "n1"), pause(2, 2.5, 3, "all"))
    driven.carry_out()
    assert driven.victim.calls == [("kill", ("n1",)), ("restart", ("n1",))]
    skipped = [value["reason"] for _, value in driven.rows if value.get("outcome") == "skipped"]
    assert skipped == ["n1 is under another fault already", "all means 5 nodes, and only 4 can be hit now"]


def test_partitions_cut_off_nodes_that_are_down_too():
    driven = Driven(kill(0, 1, 4, "n1"), lonely(1, 2, 3, "n1"))
    driven.carry_out()
    assert ("cut", isolate(NODES, "n1")) in driven.victim.calls


def test_a_shape_that_these_members_cannot_take_is_skipped():
    driven = Driven(cut(0, 1, 2, "bridge"))
    driven.victim.nodes = ("n1", "n2")
    driven.carry_out()
    assert driven.victim.calls == []
    assert driven.rows[-1][1]["reason"] == "2 members can't be cut into the shape bridge"


@pytest.mark.parametrize(
    ("fault", "begin", "end"),
    [(kill(0, 1, 2), "kill", "restart"), (pause(0, 1, 2), "pause", "resume"), (lonely(0, 1, 2), "cut", "cut")],
)
def test_a_fault_that_could_not_be_installed_is_indeterminate_and_lifted_at_its_end(fault, begin, end):
    """Nobody knows whether it is in force: so it counts as in force for everything but the verdict."""
    driven = Driven(fault)
    driven.victim.failing[begin] = VictimError("the engine didn't answer")
    driven.fire(1 * S)
    f, value = driven.rows[-1]
    assert f == f"start-{fault.kind}"
    assert (value["outcome"], value["reason"]) == ("indeterminate", "the engine didn't answer")
    assert list(driven.injector.in_force) == [0]
    driven.victim.failing.clear()
    driven.carry_out()
    assert driven.victim.calls[-1][0] == end
    assert driven.steps()[-1] == (f"stop-{fault.kind}", 0, "lifted")


def test_a_fault_that_could_not_be_lifted_is_indeterminate_and_costs_the_next_nothing():
    driven = Driven(kill(0, 1, 2, "n1"), pause(1, 3, 4, "n2"))
    driven.victim.failing["restart"] = VictimError("no such container")
    driven.carry_out()
    assert driven.rows[3] == (
        "stop-kill",
        {"fault": 0, "target": "n1", "phase": "done", "outcome": "indeterminate", "reason": "no such container"},
    )
    assert driven.steps()[-1] == ("stop-pause", 1, "lifted")


def test_a_leader_that_is_gone_at_a_second_look_is_hit_all_the_same():
    """It is asked for once a try: a fault must not be skipped because the answer came and went."""
    driven, answers = Driven(kill(0, 1, 2, "leader")), iter(["n2"])

    async def leader():
        return next(answers, None)

    driven.victim.leader = leader
    driven.carry_out()
    assert driven.victim.calls == [("kill", ("n2",)), ("restart", ("n2",))]


# --- the final heal


def test_heal_lifts_everything_links_first_then_the_frozen_then_the_dead():
    driven = Driven(kill(0, 1, 9, "n1"), pause(1, 2, 9, "n2"), lonely(2, 3, 9, "n3"), kill(3, 8, 9, "n4"))
    for second in (1, 2, 3):
        driven.fire(second * S)
    driven.victim.calls.clear()
    assert driven.heal() is True
    assert driven.victim.calls == [("cut", {}), ("resume", NODES), ("restart", NODES)]
    assert driven.rows[-2:] == [
        ("heal", {"phase": "invoke", "faults": [0, 1, 2]}),
        ("heal", {"phase": "done", "faults": [0, 1, 2], "outcome": "lifted"}),
    ]


def test_after_the_heal_the_plan_is_over():
    driven = Driven(kill(0, 1, 9, "n1"), kill(1, 2, 9, "n2"), pause(2, 1, 9, "leader"), leader=None)
    driven.fire(1 * S)
    driven.heal()
    assert driven.injector.due_ns() is None
    assert driven.injector.in_force == {}
    rows = list(driven.rows)
    driven.fire(100 * S)
    assert driven.rows == rows


def test_heal_lifts_also_what_no_record_shows():
    driven = Driven()
    assert driven.heal() is True
    assert driven.victim.calls == [("cut", {}), ("resume", NODES), ("restart", NODES)]


def test_heal_tries_every_step_and_says_what_failed():
    driven = Driven(kill(0, 1, 9))
    driven.fire(1 * S)
    driven.victim.failing = {"cut": VictimError("no iptables"), "resume": RuntimeError("a mistake of ours")}
    assert driven.heal() is False
    assert [name for name, _ in driven.victim.calls] == ["kill", "cut", "resume", "restart"]
    assert driven.rows[-1] == (
        "heal",
        {
            "phase": "done",
            "faults": [0],
            "outcome": "indeterminate",
            "reason": "no iptables; RuntimeError: a mistake of ours",
        },
    )
    assert driven.injector.in_force == {}


def test_heal_after_a_failed_installation():
    driven = Driven(lonely(0, 1, 9))
    driven.victim.failing["cut"] = VictimError("half of it is in force")
    driven.fire(1 * S)
    driven.victim.failing.clear()
    assert driven.heal() is True
    assert driven.victim.calls[-3] == ("cut", {})


# --- for onlookers


def test_sentences_for_people():
    driven = Driven(kill(0, 1, 9, "n1"), lonely(1, 1, 9, "n2"))
    driven.fire(1 * S)
    assert [made.sentence() for made in driven.injector.in_force.values()] == [
        "kill n1",
        "partition isolate-one: n1⊘n2 n2⊘n1,n3,n4,n5 n3⊘n2 n4⊘n2 n5⊘n2",
    ]


def test_clocks_go_wrong_and_are_set_right_at_their_own_end():
    driven = Driven(skew(0, 1, 3, "n2", rate_ppm=-15_000), skew(1, 2, 4, "n4", jump_ms=20))
    assert driven.carry_out() == [1 * S, 2 * S, 3 * S, 4 * S]
    assert driven.victim.calls == [
        ("skew", (("n2",), -15_000, 0)),
        ("skew", (("n4",), 0, 20)),
        ("skew", (("n2",), 0, 0)),
        ("skew", (("n4",), 0, 0)),
    ]
    assert driven.rows[0] == ("start-clock-rate", {"fault": 0, "target": "n2", "rate_ppm": -15_000, "phase": "invoke"})
    assert driven.rows[3][1] == {
        "fault": 1,
        "target": "n4",
        "jump_ms": 20,
        "phase": "done",
        "outcome": "in_force",
        "nodes": ["n4"],
    }


def test_a_clock_fault_in_few_words():
    driven = Driven(skew(0, 1, 3, "n2", rate_ppm=-15_000), skew(1, 1, 3, "n4", jump_ms=20))
    driven.fire(1 * S)
    assert [made.sentence() for made in driven.injector.in_force.values()] == [
        "clock-rate -1.5 % n2",
        "clock-offset +20 ms n4",
    ]


def test_the_heal_sets_every_clock_right_that_was_ever_touched_and_no_other():
    driven = Driven(skew(0, 1, 2, "n2", rate_ppm=5), skew(1, 3, 9, "n4", jump_ms=5), skew(2, 20, 30, "n5", jump_ms=5))
    for at_s in (1, 2, 3):
        driven.fire(at_s * S)
    assert driven.heal()
    assert driven.victim.calls[-2:] == [("restart", NODES), ("skew", (("n2", "n4"), 0, 0))]
    untouched = Driven(kill(0, 1, 2))
    assert untouched.heal()
    assert [name for name, _ in untouched.victim.calls] == ["cut", "resume", "restart"]


def test_a_node_whose_clock_is_wrong_is_not_hit_by_another_fault():
    driven = Driven(skew(0, 1, 5, "n1", rate_ppm=5), kill(1, 2, 3, "n1"))
    driven.carry_out()
    assert ("start-kill", 1, "skipped") in driven.steps()


def test_a_clock_that_cannot_be_set_is_in_doubt_and_lifted_all_the_same():
    driven = Driven(skew(0, 1, 5, "n1", rate_ppm=5))
    driven.victim.failing["skew"] = VictimError("no answer")
    driven.carry_out()
    assert driven.steps()[1] == ("start-clock-rate", 0, "indeterminate")
    assert driven.victim.calls == [("skew", (("n1",), 5, 0)), ("skew", (("n1",), 0, 0))]
