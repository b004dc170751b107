"""A member of the lock service between its clients and its log, here of one member, whose disk is done at once."""

from __future__ import annotations

from random import Random

import pytest

from keelhaul.nodes.errors import ErrorCode
from keelhaul.nodes.events import Boot, ClientRequest, Persist, Reply, SetTimer, StorageDone, TimerFired, Trace
from keelhaul.nodes.lock.commands import command_of
from keelhaul.nodes.lock.master import NotDone
from keelhaul.nodes.lock.on_paxos import LockOnPaxos
from keelhaul.nodes.lock.on_raft import LockOnRaft
from keelhaul.nodes.node import NodeConfig
from keelhaul.nodes.replicated_log import MalformedCommand

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


def test_a_session_that_is_closed_is_over(master):
    session = master.open_session()
    assert master.ask("close_session", seq=1, **session)["type"] == "close_session_ok"
    again = master.ask("acquire", seq=2, lock="l", mode="exclusive", wait=False, **session)
    assert again["reason"] == "session_expired"


def test_a_file_is_read_as_it_was_written(master):
    session = master.open_session()
    where = {"epoch": session["epoch"], "session": session["session"]}
    assert master.ask("get", path="f", **where)["exists"] is False
    master.ask("open", seq=1, path="f", create=True, ephemeral=False, **session)
    written = {"path": "f", "contents": "text", "if_generation": None, "sequencer": None}
    assert master.ask("set_contents", seq=2, **written, **session)["type"] == "set_contents_ok"
    found = master.ask("get", path="f", **where)
    assert (found["exists"], found["contents"]) == (True, "text")


def test_3_8_a_copy_may_be_kept_by_who_asks_for_that_and_never_of_an_ephemeral_file(master):
    session = master.open_session()
    where = {"epoch": session["epoch"], "session": session["session"]}
    master.ask("open", seq=1, path="f", create=True, ephemeral=False, **session)
    master.ask("open", seq=2, path="e", create=True, ephemeral=True, **session)
    cacheable = {
        (path, asked): master.ask("get", path=path, cache=asked, **where).get("cacheable", False)
        for path in ("f", "e")
        for asked in (True, False)
    }
    assert cacheable == {("f", True): True, ("f", False): False, ("e", True): False, ("e", False): False}


@pytest.mark.parametrize("ask", ["propose", "confirm"])
def test_what_the_log_refuses_is_told_to_who_asked_for_it(make, ask):
    alone = Alone(make, members=("n1", "n2", "n3"))
    told = []
    if ask == "propose":
        alone.node.propose(["master", "n1"], told.append)
    else:
        alone.node.confirm(told.append)
    alone.ask("locate")  # any event
    assert told == [NotDone(True, None)]


def test_a_sequencer_is_a_lock_a_mode_and_a_token_or_nothing():
    written = {"epoch": 1, "session": 1, "seq": 1, "acked": 0, "path": "f", "contents": "", "if_generation": None}
    for sequencer in (None, ["l", "exclusive", 5], ["l", "shared", 0]):
        assert command_of({"type": "set_contents", **written, "sequencer": sequencer})[-1] == sequencer
    for sequencer in (
        "l",
        ["l", "exclusive"],
        ["l", "exclusive", 5, 6],
        ["l", "shut", 5],
        ["l", "shared", "5"],
        [1, 2, 3],
    ):
        with pytest.raises(MalformedCommand) as refused:
            command_of({"type": "set_contents", **written, "sequencer": sequencer})
        assert refused.value.code == ErrorCode.MALFORMED_REQUEST


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
