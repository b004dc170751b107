"""The acceptor's two answers (§2.1: 1b, 2b), what it writes first, and what it knows after a crash."""

from __future__ import annotations

import pytest

K = {"key": "k"}
NOBODY = [0, ""]


def prepare(cluster, round_, proposer="n1", at="n3"):
    return cluster.tell(at, proposer, type="prepare", ballot=[round_, proposer], **K)


def accept(cluster, round_, value, proposer="n1", at="n3"):
    return cluster.tell(at, proposer, type="accept", ballot=[round_, proposer], value=value, **K)


def bodies(packets):
    return [(packet.dest, packet.body["type"]) for packet in packets]


@pytest.fixture
def cluster(synod_of):
    return synod_of(3)


def test_1b_a_higher_ballot_is_promised_and_tells_that_nothing_was_accepted(cluster):
    (promise,) = prepare(cluster, 3)
    assert promise.dest == "n1"
    assert promise.body == {"type": "promise", "key": "k", "ballot": [3, "n1"], "accepted": None}


def test_1b_the_same_prepare_again_gets_the_same_promise_and_writes_nothing(cluster):
    (first,) = prepare(cluster, 3)
    records = cluster.disk_records("n3")
    (again,) = prepare(cluster, 3)
    assert again.body == first.body
    assert cluster.disk_records("n3") == records


def test_1b_a_lower_ballot_is_refused_with_what_was_promised(cluster):
    prepare(cluster, 3, "n2")
    (nack,) = prepare(cluster, 3, "n1")
    assert nack.body == {"type": "nack", "key": "k", "ballot": [3, "n1"], "promised": [3, "n2"]}


def test_edge_a_round_that_overflows_to_another_nodes_same_round_is_ordered_by_name(cluster):
    prepare(cluster, 3, "n1")
    (promise,) = prepare(cluster, 3, "n2")
    assert promise.body["type"] == "promise"
    assert prepare(cluster, 3, "n1")[0].body["type"] == "nack"


def test_2b_a_promised_ballot_is_accepted_and_every_learner_told(cluster):
    prepare(cluster, 3)
    told = accept(cluster, 3, "v")
    assert bodies(told) == [("n1", "accepted"), ("n2", "accepted")]  # its own learner needs no wire
    assert told[0].body == {"type": "accepted", "key": "k", "ballot": [3, "n1"], "value": "v"}


def test_2b_a_lower_ballot_than_promised_is_refused(cluster):
    prepare(cluster, 4, "n2")
    assert bodies(accept(cluster, 3, "v")) == [("n1", "nack")]
    assert cluster.instance("n3").acceptor.value is None


def test_edge_accept_before_prepare_raises_the_promise_too(cluster):
    accept(cluster, 5, "v", "n2")
    assert cluster.instance("n3").acceptor.promised == (5, "n2")
    assert prepare(cluster, 5, "n1")[0].body["type"] == "nack"
    assert accept(cluster, 4, "w", "n1")[0].body["type"] == "nack"


def test_edge_prepare_doubled_after_accept_tells_of_that_acceptance(cluster):
    prepare(cluster, 3)
    accept(cluster, 3, "v")
    (promise,) = prepare(cluster, 3)
    assert promise.body["accepted"] == [[3, "n1"], "v"]


def test_2b_the_same_accept_again_is_told_again_and_written_once(cluster):
    accept(cluster, 3, "v")
    records = cluster.disk_records("n3")
    assert bodies(accept(cluster, 3, "v")) == [("n1", "accepted"), ("n2", "accepted")]
    assert cluster.disk_records("n3") == records


def test_1b_a_promise_tells_of_the_newest_acceptance_only(cluster):
    accept(cluster, 3, "v")
    accept(cluster, 5, "w", "n2")
    (promise,) = prepare(cluster, 7)
    assert promise.body["accepted"] == [[5, "n2"], "w"]


# --- §2.5


def test_2_5_a_promise_is_on_disk_before_it_is_told(cluster):
    cluster.hold_disk("n3")
    assert prepare(cluster, 3) == []
    cluster.sync("n3")
    assert bodies(cluster.on_way()) == [("n1", "promise")]


def test_2_5_an_acceptance_is_on_disk_before_it_is_told(cluster):
    cluster.hold_disk("n3")
    assert accept(cluster, 3, "v") == []
    cluster.sync("n3")
    assert bodies(cluster.on_way()) == [("n1", "accepted"), ("n2", "accepted")]


def test_2_5_a_repeated_answer_waits_for_the_first_ones_write(cluster):
    cluster.hold_disk("n3")
    prepare(cluster, 3)
    assert prepare(cluster, 3) == []


def test_edge_restart_between_writing_a_promise_and_telling_it(cluster):
    cluster.hold_disk("n3")
    prepare(cluster, 3, "n2")
    cluster.members["n3"].held.clear()  # on disk, but never said
    cluster.hold_disk("n3", held=False)
    cluster.crash("n3")
    cluster.restart("n3")
    assert prepare(cluster, 2)[0].body["type"] == "nack"
    assert prepare(cluster, 3, "n2")[0].body["type"] == "promise"


def test_2_5_promise_and_acceptance_outlive_a_crash_in_one_record(cluster):
    accept(cluster, 5, "v", "n2")
    cluster.crash("n3")
    cluster.restart("n3")
    assert accept(cluster, 4, "w")[0].body["type"] == "nack"
    assert prepare(cluster, 6)[0].body["accepted"] == [[5, "n2"], "v"]
    assert cluster.told("boot", "n3")[-1]["slots"][0][:3] == ["k", [5, "n2"], [5, "n2"]]


def test_2_5_what_was_not_written_was_never_said(cluster):
    cluster.hold_disk("n3")
    prepare(cluster, 5, "n2")
    cluster.crash("n3")
    cluster.hold_disk("n3", held=False)
    cluster.restart("n3")
    assert prepare(cluster, 3)[0].body["type"] == "promise"


def test_instances_of_different_keys_have_nothing_in_common(cluster):
    accept(cluster, 5, "v", "n2")
    (promise,) = cluster.tell("n3", "n1", type="prepare", key="other", ballot=[1, "n1"])
    assert promise.body["type"] == "promise"
    assert promise.body["accepted"] is None
