"""What counts as chosen at those who don't lead, and how they catch up (MP6, MP9, MP10; §2.8)."""

from __future__ import annotations

import pytest


def command(value, round_=1, node="n1"):
    return ["command", ["write", "k", value], [round_, node]]


def accept(cluster, round_, slots, proposer="n1", commit=0, at="n3"):
    return cluster.tell(at, proposer, type="accept", ballot=[round_, proposer], slots=slots, commit=commit)


def heartbeat(cluster, round_, commit, proposer="n1", at="n3"):
    return cluster.tell(at, proposer, type="heartbeat", ballot=[round_, proposer], round=1, commit=commit)


def learns(packets):
    return [(packet.dest, packet.body["first"]) for packet in packets if packet.body["type"] == "learn"]


@pytest.fixture
def cluster(paxos_of):
    return paxos_of(3)


def test_mp6_a_leaders_commit_decides_what_was_accepted_from_just_this_leader(cluster):
    accept(cluster, 1, [[1, command("a")], [2, command("b")]])
    assert learns(heartbeat(cluster, 1, commit=2)) == []
    assert cluster.chosen("n3") == [["write", "k", "a"], ["write", "k", "b"]]


def test_mp6_what_was_accepted_from_an_older_leader_is_asked_for_instead(cluster):
    accept(cluster, 1, [[1, command("a")], [2, command("b")]])
    accept(cluster, 2, [[1, command("a")]], "n2")
    assert learns(heartbeat(cluster, 2, 2, "n2")) == [("n2", 2)]
    assert cluster.chosen("n3") == [["write", "k", "a"]]


def test_mp6_a_commit_beyond_what_was_accepted_decides_nothing_there(cluster):
    accept(cluster, 1, [[2, command("b")]])
    assert learns(heartbeat(cluster, 1, commit=2)) == [("n1", 1)]
    assert cluster.state("n3").executed == 0


def test_mp10_only_what_is_chosen_is_taught(cluster):
    accept(cluster, 1, [[1, command("a")], [2, command("b")], [3, command("c")]])
    heartbeat(cluster, 1, commit=2)
    (reply,) = cluster.tell("n3", "n2", type="learn", first=1)
    assert reply.body == {"type": "learn_reply", "slots": [[1, command("a")], [2, command("b")]], "decided": 2}


def test_mp9_who_is_behind_asks_and_goes_on_asking_while_there_is_more(paxos_of, monkeypatch):
    from keelhaul.nodes.paxos.multi import ledger

    monkeypatch.setattr(ledger, "ENTRIES_MAX", 2)
    cluster = paxos_of(3)
    cluster.elect("n1")
    for number in range(5):
        cluster.request("n1", "write", key="k", value=number)
        cluster.run("n1", "n2")
    assert cluster.state("n3").executed == 0
    cluster.beat("n1")
    assert cluster.state("n3").executed == 5


def test_mp9_one_question_at_a_time_unless_it_is_late(cluster):
    assert learns(heartbeat(cluster, 1, commit=5)) == [("n1", 1)]
    assert learns(heartbeat(cluster, 1, commit=5)) == []
    cluster.wait(50)
    assert learns(heartbeat(cluster, 1, commit=5)) == [("n1", 1)]


def test_mp9_a_learned_answer_that_is_of_no_use_does_not_start_a_loop(cluster):
    assert cluster.tell("n3", "n2", type="learn_reply", slots=[], decided=9) == []


def test_what_is_known_to_be_chosen_survives_a_restart_without_asking(cluster):
    accept(cluster, 1, [[1, command("a")]])
    cluster.tell("n3", "n1", type="learn_reply", slots=[[1, command("b", 2, "n2")]], decided=1)
    accept(cluster, 3, [[2, command("c")]])  # a write with which the hint rides along
    cluster.crash("n3")
    cluster.restart("n3")
    assert cluster.chosen("n3") == [["write", "k", "b"]]
    assert cluster.state("n3").executed == 1


def test_a_hint_alone_is_not_worth_a_write(cluster):
    accept(cluster, 1, [[1, command("a")]])
    records = cluster.disk_records("n3")
    heartbeat(cluster, 1, commit=1)
    assert cluster.state("n3").executed == 1
    assert cluster.disk_records("n3") == records


def test_ap2_an_entry_of_another_leader_in_the_slot_is_no_answer_to_who_waits(cluster):
    cluster.elect("n1")
    asked = cluster.request("n1", "write", key="k", value="v")
    cluster.tell("n1", "n2", type="learn_reply", slots=[[1, command("v", 5, "n2")]], decided=1)
    assert cluster.answer(asked)["code"] == 14  # definitely not done: another entry has its slot
