"""A member of the lock service between its clients and its log, here of one member, whose disk is done at once."""

from __future__ import annotations

from random import Random

import pytest

from keelhaul.nodes.events import Boot, ClientRequest, Persist, Reply, SetTimer, StorageDone, TimerFired, Trace
from keelhaul.nodes.lock.on_paxos import LockOnPaxos
from keelhaul.nodes.lock.on_raft import LockOnRaft
from keelhaul.nodes.node import NodeConfig

MS = 1_000_000


class Alone:
    """One member; it leads once its election timer has run out, if it is the only one that there is."""

    def __init__(self, make, members=("n1",), **options):
        self.node = make(NodeConfig(name="n1", members=members, options=options), Random("n1"))
        self.now_ns = 10**15
        self.timers = {}
        self.answers = {}
        self.traces = []
        self.step(Boot((), 1))

    def step(self, event):
        for effect in self.node.step(self.now_ns, event):
            if isinstance(effect, Persist):
                self.step(StorageDone(effect.ticket))
            elif isinstance(effect, SetTimer):
                self.timers[effect.timer] = (self.now_ns + effect.delay_ns, effect.generation)
            elif isinstance(effect, Reply):
                self.answers[effect.body["in_reply_to"]] = effect.body
            elif isinstance(effect, Trace):
                self.traces.append(effect.record)

    def fire(self, timer):
        due_ns, generation = self.timers.pop(timer)
        self.now_ns = max(self.now_ns, due_ns)
        self.step(TimerFired(timer, generation))

    def lead(self):
        for _ in range(3):
            if self.node._master is None:
                self.fire("election")
        assert self.node._master is not None

    def ask(self, kind, msg_id=7, **fields):
        """Ask; return the answer, None if there is none yet."""
        self.answers.pop(msg_id, None)
        self.step(ClientRequest("c", {"type": kind, "msg_id": msg_id, **fields}))
        return self.answers.get(msg_id)

    def open_session(self, nonce="client"):
        opened = self.ask("open_session", nonce=nonce)
        return {"epoch": opened["epoch"], "session": opened["session"], "acked": 0}


@pytest.fixture(params=[LockOnRaft, LockOnPaxos])
def make(request):
    return request.param


@pytest.fixture
def master(make):
    alone = Alone(make)
    alone.lead()
    return alone


def test_anybody_may_ask_who_the_master_is_at_any_time(make):
    alone = Alone(make)
    assert alone.ask("locate") == {"type": "locate_ok", "master": None, "in_reply_to": 7}
    alone.lead()
    assert alone.ask("locate")["master"] == "n1"


def test_who_is_not_the_master_does_nothing_and_says_so(make):
    alone = Alone(make, members=("n1", "n2", "n3"))
    refused = alone.ask("open_session", nonce="client")
    assert (refused["type"], refused["code"]) == ("error", 11)
    assert "leader" not in refused


def test_a_session_a_lock_and_its_release(master):
    session = master.open_session()
    granted = master.ask("acquire", seq=1, lock="l", mode="exclusive", wait=False, **session)
    assert granted["type"] == "acquire_ok"
    other = master.open_session("other")
    assert master.ask("acquire", seq=1, lock="l", mode="exclusive", wait=False, **other)["type"] != "acquire_ok"
    released = master.ask("release", seq=2, lock="l", token=granted["token"], **session)
    assert released["type"] == "release_ok"
    assert master.ask("acquire", seq=2, lock="l", mode="exclusive", wait=False, **other)["type"] == "acquire_ok"


def test_a_request_that_no_answer_could_name_is_passed_over(master):
    before = dict(master.answers)
    for msg_id in (None, "7", True, 1.5):
        master.step(ClientRequest("c", {"type": "locate", "msg_id": msg_id}))
    master.step(ClientRequest("c", {"type": "locate"}))
    assert master.answers == before


@pytest.mark.parametrize(("kind", "fields", "code"), [("juggle", {}, 10), ("open_session", {"nonce": 5}, 12)])
def test_what_is_no_request_is_refused_with_its_code(master, kind, fields, code):
    assert master.ask(kind, **fields)["code"] == code


def test_what_concerns_the_log_goes_to_the_log(master):
    assert master.ask("status")["role"] == "leader"


def test_options_go_to_whom_they_belong(make):
    alone = Alone(make, lease_ms=1234, heartbeat_ms=77)
    alone.lead()
    assert alone.ask("open_session", nonce="client")["lease_ms"] == 1234
    due_ns, _ = alone.timers["heartbeat"]
    assert due_ns - alone.now_ns == 77 * MS


def test_an_option_of_nobody_is_refused(make):
    with pytest.raises(ValueError, match="no option 'leash_ms'"):
        Alone(make, leash_ms=1)


def test_g6_the_master_ticks_for_as_long_as_it_is_one(master):
    old = master.timers["lock/tick"]
    master.fire("lock/tick")
    assert master.timers["lock/tick"][1] == old[1] + 1
    again = dict(master.timers)
    master.step(TimerFired("lock/tick", old[1]))  # an old setting
    assert master.timers == again
