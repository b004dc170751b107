"""The naive lock server, and that it fails as its head says."""

from __future__ import annotations

from random import Random

import pytest

from keelhaul.nodes.events import Boot, ClientRequest, Received, Reply, Send, TimerFired
from keelhaul.nodes.naive_lock import BEAT, NaiveLock
from keelhaul.nodes.node import NodeConfig

MEMBERS = ("n1", "n2", "n3")
MS = 1_000_000


class Cluster:
    """Three members whose messages all arrive, but for those over a cut."""

    def __init__(self):
        self.now_ns = 0
        self.nodes = {}
        self.cut = []
        self.answers = {}
        for name in MEMBERS:
            self.boot(name)

    def boot(self, name):
        self.nodes[name] = NaiveLock(NodeConfig(name=name, members=MEMBERS), Random(1))
        self.carry_out(name, self.nodes[name].step(self.now_ns, Boot((), 1)))

    def carry_out(self, name, effects):
        for effect in effects:
            if isinstance(effect, Reply):
                self.answers[effect.body["in_reply_to"]] = effect.body
            elif isinstance(effect, Send) and effect.dest in self.nodes and {name, effect.dest} not in self.cut:
                self.carry_out(effect.dest, self.nodes[effect.dest].step(self.now_ns, Received(name, effect.body)))

    def pass_time(self, beats=10):
        for _ in range(beats):
            self.now_ns += 50 * MS
            for name, node in self.nodes.items():
                self.carry_out(name, node.step(self.now_ns, TimerFired(BEAT, node._generation)))

    def ask(self, name, kind, owner, wait=False, lock="l"):
        number = len(self.answers) + 1000
        body = {"type": kind, "lock": lock, "owner": owner, "wait": wait, "msg_id": number}
        self.carry_out(name, self.nodes[name].step(self.now_ns, ClientRequest("c", body)))
        return self.answers.get(number)


@pytest.fixture
def cluster():
    found = Cluster()
    found.pass_time()
    return found


def test_left_alone_it_works(cluster):
    assert cluster.ask("n1", "acquire", "a")["type"] == "acquire_ok"
    assert cluster.ask("n1", "acquire", "b")["reason"] == "held"
    assert cluster.ask("n2", "acquire", "b")["leader"] == "n1"
    assert cluster.ask("n1", "release", "b")["reason"] == "not_holder"
    assert cluster.ask("n1", "release", "a")["type"] == "release_ok"
    assert cluster.ask("n1", "acquire", "b")["type"] == "acquire_ok"


def test_who_waits_is_served_in_order(cluster):
    cluster.ask("n1", "acquire", "a")
    assert cluster.ask("n1", "acquire", "b", wait=True) is None
    cluster.ask("n1", "release", "a")
    assert cluster.ask("n1", "release", "b")["type"] == "release_ok"


def test_the_next_one_takes_over_with_what_it_heard(cluster):
    cluster.ask("n1", "acquire", "a")
    del cluster.nodes["n1"]
    cluster.pass_time()
    assert cluster.ask("n2", "acquire", "b")["reason"] == "held"


def test_a_cut_makes_two_primaries_that_give_one_lock_away_twice(cluster):
    cluster.cut = [{"n1", "n2"}, {"n1", "n3"}]
    cluster.pass_time()
    assert cluster.ask("n1", "acquire", "a")["type"] == "acquire_ok"
    assert cluster.ask("n2", "acquire", "b")["type"] == "acquire_ok"


def test_a_primary_that_comes_back_has_forgotten_who_holds_what(cluster):
    cluster.ask("n1", "acquire", "a")
    cluster.boot("n1")
    cluster.pass_time()
    assert cluster.ask("n1", "acquire", "b")["type"] == "acquire_ok"


def test_a_dead_client_holds_its_lock_for_ever(cluster):
    cluster.ask("n1", "acquire", "dead")
    cluster.pass_time(1000)
    assert cluster.ask("n1", "acquire", "b")["reason"] == "held"


def test_it_says_what_it_lacks(cluster):
    assert cluster.ask("n1", "open_session", "a")["code"] == 10
