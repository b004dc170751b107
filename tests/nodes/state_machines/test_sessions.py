"""Client sessions, exactly once (S1–S7)."""

from __future__ import annotations

import json
from random import Random

import pytest

from keelhaul.nodes.errors import is_definite
from keelhaul.nodes.replicated_log import MalformedCommand
from keelhaul.nodes.state_machines.key_value import KeyValue
from keelhaul.nodes.state_machines.sessions import ANSWERS_MAX, Sessions


class Counting:
    """An inner machine that tells how often it was asked: each command's answer is its number."""

    def __init__(self):
        self.applied = []

    def apply(self, index, command):
        self.applied.append(command)
        return {"type": "ok", "number": len(self.applied)}

    def snapshot(self):
        return list(self.applied)

    def restore(self, image):
        self.applied = list(image)

    @property
    def digest(self):
        return len(self.applied)


def command(session, seq, acked=0, inner="c"):
    return ["session", session, seq, acked, [inner]]


@pytest.fixture
def table():
    """Make a table with one session, number 1."""
    sessions = Sessions(Counting(), sessions_max=3)
    assert sessions.apply(1, ["register"]) == {"type": "register_ok", "session": 1}
    return sessions


# --- requests


def test_requests_become_commands():
    sessions = Sessions(KeyValue())
    write = {"type": "write", "key": "k", "value": 1}
    assert sessions.command_of({"type": "register"}) == ["register"]
    assert sessions.command_of({"type": "expire_sessions", "before": 5}) == ["expire", 5]
    assert sessions.command_of(write) == ["write", "k", 1]
    asked = {**write, "session": 7, "seq": 3, "acked": 2}
    assert sessions.command_of(asked) == ["session", 7, 3, 2, ["write", "k", 1]]


@pytest.mark.parametrize("wrong", [{"session": -1}, {"seq": "1"}, {"seq": None}, {"acked": True}, {"acked": 2**63}])
def test_a_session_is_named_by_whole_numbers(wrong):
    asked = {"type": "read", "key": "k", "session": 7, "seq": 3, "acked": 2, **wrong}
    with pytest.raises(MalformedCommand):
        Sessions(KeyValue()).command_of(asked)
    with pytest.raises(MalformedCommand):
        Sessions(KeyValue()).command_of({"type": "expire_sessions"})


def test_only_what_changes_nothing_reads_only():
    sessions = Sessions(KeyValue())
    assert sessions.reads_only(["read", "k"])
    assert not sessions.reads_only(["write", "k", 1])
    assert not sessions.reads_only(["session", 1, 1, 0, ["read", "k"]]), "it counts as use of the session"
    assert not sessions.reads_only(["register"])
    assert not sessions.reads_only(["expire", 1])


# --- exactly once


def test_s1_a_sessions_number_is_its_entrys_index(table):
    assert table.apply(17, ["register"])["session"] == 17


def test_s2_a_repeated_command_is_answered_and_not_done_again(table):
    first = table.apply(2, command(1, 1))
    assert table.apply(3, command(1, 1)) == first
    assert table.machine.applied == [["c"]]


def test_s2_a_command_of_an_unknown_session_is_never_done(table):
    answer = table.apply(2, command(99, 1))
    assert (answer["reason"], is_definite(answer["code"])) == ("session_expired", False)
    assert table.machine.applied == []


def test_s2_a_command_whose_answer_was_acknowledged_is_stale_and_not_done_again(table):
    table.apply(2, command(1, 1))
    table.apply(3, command(1, 2, acked=1))
    answer = table.apply(4, command(1, 1))
    assert (answer["reason"], is_definite(answer["code"])) == ("stale", False)
    assert len(table.machine.applied) == 2


def test_s2_what_was_acknowledged_once_stays_so(table):
    table.apply(2, command(1, 5, acked=4))
    table.apply(3, command(1, 6, acked=0))  # an older message of the client's
    assert table.apply(4, command(1, 3))["reason"] == "stale"


def test_s3_with_several_requests_open_each_keeps_its_answer(table):
    answers = {seq: table.apply(seq + 1, command(1, seq)) for seq in (3, 1, 2)}
    assert {seq: table.apply(9, command(1, seq)) for seq in (1, 2, 3)} == answers
    assert len(table.machine.applied) == 3


def test_s3_a_session_that_never_acknowledges_is_ended_before_the_table_is_full_of_it(table):
    for seq in range(1, ANSWERS_MAX + 2):
        table.apply(seq + 1, command(1, seq))
    assert table.apply(5000, command(1, 1))["reason"] == "session_expired"


def test_s4_the_table_is_part_of_every_image(table):
    answer = table.apply(2, command(1, 1))
    table.apply(3, ["register"])
    image = json.loads(json.dumps(table.snapshot()))
    other = Sessions(Counting(), sessions_max=3)
    other.restore(image)
    assert other.apply(4, command(1, 1)) == answer
    assert other.machine.applied == [["c"]]
    table.apply(4, command(1, 1))
    assert (other.snapshot(), other.digest) == (table.snapshot(), table.digest)


def test_s5_a_session_ends_when_too_many_newer_ones_were_used_since_by_log_order(table):
    table.apply(2, ["register"])
    table.apply(3, ["register"])
    table.apply(4, command(1, 1))  # so that 2 is the one that was used longest ago
    table.apply(5, ["register"])
    assert table.apply(6, command(2, 1))["reason"] == "session_expired"
    assert table.apply(7, command(1, 2))["type"] == "ok"


def test_s5_an_entry_ends_sessions_that_were_not_used_since_some_index(table):
    table.apply(5, ["register"])
    assert table.apply(6, ["expire", 5])["type"] == "expire_sessions_ok"
    assert table.apply(7, command(1, 1))["reason"] == "session_expired"
    assert table.apply(8, command(5, 1))["type"] == "ok"


def test_s6_a_retry_may_go_to_any_member_and_every_member_gives_the_same_answers():
    """Two members that apply the same log, one of them through an image now and then, agree on everything."""
    random = Random("sessions")
    one, other = Sessions(Counting(), sessions_max=4), Sessions(Counting(), sessions_max=4)
    numbers = []
    for index in range(1, 600):
        if random.random() < 0.05 or not numbers:
            entry = ["register"]
            numbers.append(index)
        elif random.random() < 0.02:
            entry = ["expire", index - 20]
        else:
            entry = command(random.choice(numbers[-6:]), random.randrange(1, 8), random.randrange(3))
        assert one.apply(index, entry) == other.apply(index, entry)
        assert one.digest == other.digest
        if random.random() < 0.05:
            image = json.loads(json.dumps(other.snapshot()))
            other = Sessions(Counting(), sessions_max=4)
            other.restore(image)
    assert len(one.machine.applied) > 50


def test_a_command_without_a_session_is_done_each_time(table):
    assert table.apply(2, ["c"])["number"] == 1
    assert table.apply(3, ["c"])["number"] == 2


def test_the_digest_tells_sessions_apart():
    tables = [Sessions(Counting()) for _ in range(3)]
    tables[1].apply(1, ["register"])
    tables[2].apply(2, ["register"])
    assert len({table.digest for table in tables}) == 3
