"""The simulated environment: clients' connections, faults, leaders. The nodes do what the test says."""

from __future__ import annotations

import pytest

from keelhaul.harness.simulation import world as world_module
from keelhaul.harness.simulation.driver import run_now
from keelhaul.harness.simulation.world import CLIENT_LATENCY_NS, World
from keelhaul.nodes.events import Boot, ClientRequest, Received, Reply, Send, Trace

MS = 1_000_000


class Node:
    """Answers every request after telling all peers, unless it was told to be silent or to fail."""

    def __init__(self, config, random):
        self.config = config

    def step(self, now_ns, event):
        if isinstance(event, ClientRequest):
            kind = event.body["type"]
            if kind == "fail":
                raise AssertionError("a rule is broken")
            if kind == "silent":
                return []
            if kind == "lead":
                return [Trace({"type": "role", "role": event.body["role"], "term": event.body["term"]})]
            if kind == "tell":
                return [Send(peer, {"type": "told"}) for peer in self.config.members if peer != self.config.name]
            return [Reply(event.client, {"type": "ok", "by": self.config.name, "in_reply_to": event.body["msg_id"]})]
        if isinstance(event, Boot):
            return [Trace({"type": "boot"})]
        assert isinstance(event, Received)
        return [Trace({"type": "told", "source": event.source})]


class Bench:
    """A started world and what its clients were told: (request's name, answer's node or None, why not)."""

    def __init__(self, scenario, folder):
        self.world = World(scenario, folder)
        self.answers = []
        run_now(self.world.start())

    def ask(self, node, kind="hello", name="", **more):
        return self.world.request(
            node, {"type": kind, **more}, lambda body, why: self.answers.append((name, body and body["by"], why))
        )

    def do(self, coroutine):
        return run_now(coroutine)

    def run(self, duration_ns=10_000 * MS):
        end_ns = self.world.scheduler.now_ns + duration_ns
        self.world.scheduler.at(end_ns, lambda: None)
        while self.world.scheduler.now_ns < end_ns:
            self.world.scheduler.run_next()

    def told(self, node):
        return [record["source"] for record in self.world.machines[node].traces if record["type"] == "told"]


@pytest.fixture
def bench(monkeypatch, small, tmp_path):
    monkeypatch.setattr(world_module, "node_factory", lambda system: Node)
    return Bench(small, tmp_path)


# --- clients


def test_a_request_is_answered_by_its_node(bench):
    bench.ask("n3")
    bench.run()
    assert bench.answers == [("", "n3", "")]


def test_connections_have_latency_both_ways(bench):
    bench.ask("n3")
    bench.run(CLIENT_LATENCY_NS - 1)
    assert bench.answers == []


def test_a_dead_machine_refuses(bench):
    bench.do(bench.world.kill(["n3"]))
    bench.ask("n3")
    bench.run()
    assert bench.answers == [("", None, "refused")]


def test_a_machine_that_dies_breaks_what_waits_on_it_and_nothing_else(bench):
    bench.ask("n3", "silent", "mine")
    bench.ask("n2", "silent", "other")
    bench.run()
    bench.do(bench.world.kill(["n3"]))
    bench.run()
    assert bench.answers == [("mine", None, "broken")]


def test_a_paused_machine_says_nothing_until_it_goes_on(bench):
    bench.do(bench.world.pause(["n3"]))
    bench.ask("n3")
    bench.run()
    assert bench.answers == []
    bench.do(bench.world.resume(["n3"]))
    bench.run()
    assert bench.answers == [("", "n3", "")]


def test_what_was_given_up_is_never_answered(bench):
    early, late = bench.ask("n3", name="early"), bench.ask("n3", "silent", "late")
    bench.world.give_up(early)
    bench.run()
    bench.world.give_up(late)
    bench.do(bench.world.kill(["n3"]))
    bench.run()
    assert bench.answers == []


def test_each_request_is_answered_once(bench):
    """A reply that is under way when the machine dies arrives, or the connection breaks; never both."""
    for moment in range(0, 2 * CLIENT_LATENCY_NS, CLIENT_LATENCY_NS // 20):
        bench.answers.clear()
        bench.ask("n3")
        bench.run(moment)
        bench.do(bench.world.kill(["n3"]))
        bench.run()
        assert len(bench.answers) == 1
        bench.do(bench.world.restart(["n3"]))


def test_partitions_are_between_nodes_and_do_not_cut_clients_off(bench):
    bench.do(bench.world.cut({node: tuple(o for o in bench.world.nodes if o != node) for node in bench.world.nodes}))
    bench.ask("n1")
    bench.run()
    assert bench.answers == [("", "n1", "")]


# --- faults


def test_a_cut_outlives_a_restart(bench):
    bench.do(bench.world.cut({"n2": ("n1",)}))
    bench.do(bench.world.kill(["n2"]))
    bench.do(bench.world.restart(["n2"]))
    bench.ask("n1", "tell")
    bench.run()
    assert [bench.told(node) for node in ("n2", "n3")] == [[], ["n1"]]
    bench.do(bench.world.cut({}))
    bench.ask("n1", "tell")
    bench.run()
    assert bench.told("n2") == ["n1"]


def test_restart_and_resume_leave_alone_what_runs(bench):
    bench.do(bench.world.restart(bench.world.nodes))
    bench.do(bench.world.resume(bench.world.nodes))
    assert [len(machine.traces) for machine in bench.world.machines.values()] == [1] * 5


def test_clocks_of_the_nodes_that_are_named_go_wrong_and_right_again(bench):
    bench.do(bench.world.skew(["n1", "n2"], 500_000, 0))
    bench.run(100 * MS)
    bench.do(bench.world.skew(["n1"], 0, 0))
    bench.run(100 * MS)
    passed = [
        machine._clock.read(200 * MS) - machine.traces[0]["time"]
        for machine in map(bench.world.machines.__getitem__, ("n1", "n2", "n3"))
    ]
    assert passed == [250 * MS, 300 * MS, 200 * MS]


def test_a_machine_that_is_down_has_no_clock_to_set(bench):
    bench.do(bench.world.kill(["n1"]))
    bench.do(bench.world.skew(["n1"], 500_000, 0))
    bench.do(bench.world.restart(["n1"]))
    assert bench.world.machines["n1"]._clock.rate_ppm == 0


def test_a_node_that_fails_is_a_crash_of_its_own(bench):
    bench.ask("n2", "fail")
    bench.ask("n3")
    bench.run()
    (crash,) = bench.world.crashes
    assert crash.startswith("n2 at ")
    assert crash.endswith("AssertionError: a rule is broken")
    assert ("", "n3", "") in bench.answers
    bench.ask("n2", name="later")
    bench.run()
    assert ("later", None, "refused") in bench.answers


def test_a_connection_to_a_node_that_fails_breaks(bench):
    bench.ask("n2", "silent", "before")
    bench.run()
    bench.ask("n2", "fail", "cause")
    bench.run()
    assert sorted(bench.answers) == [("before", None, "broken"), ("cause", None, "broken")]


def test_a_crashed_node_is_started_again_by_the_heal(bench):
    bench.ask("n2", "fail")
    bench.run()
    bench.do(bench.world.restart(bench.world.nodes))
    bench.ask("n2", name="later")
    bench.run()
    assert ("later", "n2", "") in bench.answers


# --- who leads


def lead(bench, node, role, term):
    bench.ask(node, "lead", role=role, term=term)
    bench.run()


def test_nobody_leads_until_somebody_says_so(bench):
    assert bench.do(bench.world.leader()) is None
    lead(bench, "n2", "candidate", 1)
    assert bench.do(bench.world.leader()) is None
    lead(bench, "n2", "leader", 1)
    assert bench.do(bench.world.leader()) == "n2"
    lead(bench, "n2", "follower", 2)
    assert bench.do(bench.world.leader()) is None


def test_of_several_leaders_the_one_of_the_highest_term_counts(bench):
    lead(bench, "n4", "leader", 3)
    lead(bench, "n2", "leader", 1)
    assert bench.do(bench.world.leader()) == "n4"


@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_who_cannot_answer_does_not_lead(bench, fault):
    lead(bench, "n4", "leader", 3)
    bench.do(getattr(bench.world, fault)(["n4"]))
    assert bench.do(bench.world.leader()) is None


# --- the rest of an environment


def test_traces_are_collected_into_the_folder(bench, tmp_path):
    bench.do(bench.world.collect())
    bench.do(bench.world.stop())
    assert sorted(path.parent.name for path in tmp_path.glob("nodes/*/trace.jsonl")) == ["n1", "n2", "n3", "n4", "n5"]
    assert [trace.node for trace in bench.world.traces()] == ["n1", "n2", "n3", "n4", "n5"]
