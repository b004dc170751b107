"""Multi-Paxos' acceptor: what it answers (MP2, MP7, MP11), what is on disk first (§2.5), with whom it keeps faith."""

from __future__ import annotations

import pytest

from keelhaul.nodes.paxos.multi import ledger

NOOP = ["noop", None, [1, "n1"]]


def command(value, round_=1, node="n1"):
    return ["command", ["write", "k", value], [round_, node]]


def prepare(cluster, round_, proposer="n1", from_slot=1, at="n3"):
    return cluster.tell(at, proposer, type="prepare", ballot=[round_, proposer], from_slot=from_slot)


def accept(cluster, round_, slots, proposer="n1", commit=0, at="n3"):
    return cluster.tell(at, proposer, type="accept", ballot=[round_, proposer], slots=slots, commit=commit)


def heartbeat(cluster, round_, proposer="n1", commit=0, at="n3"):
    return cluster.tell(at, proposer, type="heartbeat", ballot=[round_, proposer], round=1, commit=commit)


def kinds(packets):
    return [(packet.dest, packet.body["type"]) for packet in packets]


@pytest.fixture
def cluster(paxos_of):
    return paxos_of(3)


def test_mp2_a_promise_tells_every_slot_accepted_from_there_on(cluster):
    accept(cluster, 1, [[1, command("a")], [2, command("b")], [4, command("d")]])
    cluster.wait(300)
    (promise,) = prepare(cluster, 2, "n2", from_slot=2)
    assert promise.body == {
        "type": "promise",
        "ballot": [2, "n2"],
        "decided": 0,
        "accepted": [[2, [1, "n1"], command("b")], [4, [1, "n1"], command("d")]],
        "more_from": None,
    }


def test_mp2_a_promise_that_does_not_fit_into_a_message_says_where_there_is_more(cluster, monkeypatch):
    monkeypatch.setattr(ledger, "WEIGHT_MAX", 1000)
    accept(cluster, 1, [[slot, command("x" * 400)] for slot in range(1, 6)])
    cluster.wait(300)
    told = [prepare(cluster, 2, "n2", from_slot)[0].body for from_slot in (1, 3, 5)]
    assert [[row[0] for row in body["accepted"]] for body in told] == [[1, 2], [3, 4], [5]]
    assert [body["more_from"] for body in told] == [3, 5, None]


def test_mp2_one_promise_goes_for_all_slots(cluster):
    prepare(cluster, 5, "n2")
    assert kinds(accept(cluster, 4, [[77, command("a")]])) == [("n1", "nack")]
    assert kinds(accept(cluster, 5, [[77, command("a")]], "n2")) == [("n2", "accepted")]


def test_mp2_slots_that_are_decided_are_said_to_be_and_not_told_as_open(cluster):
    accept(cluster, 1, [[1, command("a")], [2, command("b")]])
    heartbeat(cluster, 1, commit=1)
    cluster.wait(300)
    (promise,) = prepare(cluster, 2, "n2")
    assert (promise.body["decided"], [row[0] for row in promise.body["accepted"]]) == (1, [2])


def test_mp11_a_slot_that_was_dropped_is_answered_as_chosen_never_as_fresh(paxos_of):
    cluster = paxos_of(3, snapshot_threshold=2, snapshot_trailing=0)
    accept(cluster, 1, [[1, command("a")], [2, command("b")], [3, command("c")]])
    heartbeat(cluster, 1, commit=2)
    (accepted,) = accept(cluster, 1, [[1, command("other")], [3, command("c")]])
    assert (accepted.body["slots"], accepted.body["decided"]) == ([3], 2)
    cluster.wait(300)
    (promise,) = prepare(cluster, 2, "n2")
    assert (promise.body["decided"], [row[0] for row in promise.body["accepted"]]) == (2, [3])


def test_1b_a_lower_ballot_is_refused_and_the_same_promised_again(cluster):
    (first,) = prepare(cluster, 3, "n2")
    records = cluster.disk_records("n3")
    assert kinds(prepare(cluster, 3, "n1")) == [("n1", "nack")]
    assert prepare(cluster, 3, "n2")[0].body == first.body
    assert cluster.disk_records("n3") == records


def test_1b_a_promise_that_is_asked_for_again_is_neither_written_nor_a_reason_to_wait_again(cluster):
    prepare(cluster, 5)
    writes, deadline_ns = cluster.members["n3"].writes, cluster.state("n3").election_deadline_ns
    cluster.wait(100)
    assert kinds(prepare(cluster, 5)) == [("n1", "promise")]
    assert (cluster.members["n3"].writes, cluster.state("n3").election_deadline_ns) == (writes, deadline_ns)


def test_edge_accept_before_prepare_raises_the_promise_for_all_slots(cluster):
    accept(cluster, 5, [[3, command("a", 5, "n2")]], "n2")
    assert kinds(accept(cluster, 4, [[1, command("b")]])) == [("n1", "nack")]
    assert cluster.state("n3").promised == (5, "n2")


def test_2b_the_same_slot_again_is_answered_again_and_written_once(cluster):
    accept(cluster, 1, [[1, command("a")]])
    records = cluster.disk_records("n3")
    assert accept(cluster, 1, [[1, command("a")]])[0].body["slots"] == [1]
    assert cluster.disk_records("n3") == records


@pytest.mark.parametrize("ask", [prepare, lambda cluster, round_: accept(cluster, round_, [[1, NOOP]])])
def test_2_5_nothing_is_told_before_it_is_on_disk(cluster, ask):
    cluster.hold_disk("n3")
    assert ask(cluster, 1) == []
    cluster.sync("n3")
    assert len(cluster.on_way()) == 1


def test_2_5_promise_and_acceptances_outlive_a_crash(cluster):
    accept(cluster, 4, [[2, command("b")]])
    cluster.crash("n3")
    cluster.restart("n3")
    assert kinds(prepare(cluster, 3, "n2")) == [("n2", "nack")]
    assert prepare(cluster, 5, "n2")[0].body["accepted"] == [[2, [4, "n1"], command("b")]]


def test_edge_restart_between_writing_a_promise_and_telling_it(cluster):
    cluster.hold_disk("n3")
    prepare(cluster, 5, "n2")
    cluster.members["n3"].held.clear()
    cluster.hold_disk("n3", held=False)
    cluster.crash("n3")
    cluster.restart("n3")
    assert kinds(accept(cluster, 4, [[1, NOOP]])) == [("n1", "nack")]


def test_2_5_an_acceptance_of_slots_long_gone_promises_nothing_that_the_disk_does_not_hold(paxos_of):
    cluster = paxos_of(3, snapshot_threshold=1, snapshot_trailing=0)
    accept(cluster, 1, [[1, command("a")]])
    heartbeat(cluster, 1, commit=1)
    accept(cluster, 9, [[1, command("a")]], "n2")
    records = cluster.disk_records("n3")
    accept(cluster, 9, [[1, command("a")]], "n2")
    assert cluster.disk_records("n3") == records  # once is enough
    cluster.crash("n3")
    cluster.restart("n3")
    assert cluster.told("boot", "n3")[-1]["promised"] == [9, "n2"]


def test_mp7_a_heartbeat_of_a_lower_ballot_is_refused_and_followed_no_more(cluster):
    prepare(cluster, 5, "n2")
    assert kinds(heartbeat(cluster, 4)) == [("n1", "nack")]
    assert cluster.state("n3").leader is None


# --- faith with a leader (§2.7)


def test_2_7_nobody_else_is_answered_while_a_leader_is_heard(cluster):
    heartbeat(cluster, 1)
    cluster.wait(299)
    assert prepare(cluster, 2, "n2") == []
    cluster.wait(1)
    assert kinds(prepare(cluster, 2, "n2")) == [("n2", "promise")]


def test_2_7_the_leader_itself_may_ask_again(cluster):
    heartbeat(cluster, 1)
    assert kinds(prepare(cluster, 2, "n1")) == [("n1", "promise")]


def test_2_6_an_acceptor_that_restarts_where_leases_are_on_keeps_silent_for_an_election_timeout(paxos_of):
    cluster = paxos_of(3, read_mode="lease")
    cluster.crash("n3")
    cluster.restart("n3")
    cluster.wait(299)
    assert prepare(cluster, 2, "n2") == []
    cluster.wait(1)
    assert kinds(prepare(cluster, 2, "n2")) == [("n2", "promise")]


@pytest.mark.parametrize("mode", ["log", "confirm", "quorum"])
def test_2_6_without_leases_it_answers_at_once(paxos_of, mode):
    cluster = paxos_of(3, read_mode=mode)
    cluster.crash("n3")
    cluster.restart("n3")
    assert kinds(prepare(cluster, 2, "n2")) == [("n2", "promise")]
