"""Images in place of slots (MP11, SN1 … SN5), on the own disk and for those far behind."""

from __future__ import annotations

import json

import pytest


def write_all(cluster, count, *among, at="n1"):
    for number in range(count):
        cluster.request(at, "write", key=f"k{number}", value=number)
        cluster.run(*among)


@pytest.fixture
def behind(paxos_of):
    """Make three members of which n3 knows nothing, while the others have a snapshot."""

    def made(**options):
        given = {"snapshot_threshold": 4, "snapshot_trailing": 0, "snapshot_chunk_chars": 64} | options
        cluster = paxos_of(3, **given)
        cluster.elect("n1")
        write_all(cluster, 5, "n1", "n2")
        return cluster

    return made


def test_sn1_it_is_taken_of_what_is_executed_and_the_slots_behind_it_go(behind):
    cluster = behind()
    state = cluster.state("n1")
    assert (state.snapshot_slot, state.ledger.first_slot, sorted(state.ledger.accepted)) == (4, 5, [5])
    assert [record[0] for record in cluster.disk_records("n1")].count("snapshot") == 1
    assert cluster.disk_records("n1")[0][:2] == ["snapshot", 4]


def test_sn2_some_slots_before_it_stay_so_that_who_is_a_little_behind_needs_none(behind):
    cluster = behind(snapshot_trailing=9)
    cluster.beat("n1")
    assert cluster.state("n3").executed == 5
    assert cluster.told("snapshot_installed", "n3") == []


def test_2_5_promise_round_and_open_slots_are_in_the_new_file(behind):
    cluster = behind()
    kinds = [record[0] for record in cluster.disk_records("n1")]
    assert {"snapshot", "round", "promise", "first", "decided"} <= set(kinds)
    cluster.crash("n1")
    cluster.restart("n1")
    state = cluster.state("n1")
    assert (state.executed, state.promised, state.round_used) == (4, (1, "n1"), 1)
    assert sorted(state.ledger.accepted) == [5]


def test_mp11_a_crash_before_it_is_on_disk_leaves_the_old_file(behind):
    cluster = behind(snapshot_threshold=6)
    cluster.hold_disk("n2")
    write_all(cluster, 1, "n1", "n3")
    cluster.run()
    before = cluster.disk_records("n2")
    cluster.crash("n2")
    cluster.restart("n2")
    assert cluster.disk_records("n2") == before
    assert cluster.state("n2").snapshot_slot == 0


def test_sn4_who_is_too_far_behind_pulls_it_piece_by_piece(behind):
    cluster = behind()
    cluster.beat("n1")
    assert cluster.told("snapshot_installed", "n3")[0]["index"] == 4
    cluster.beat("n1")
    assert cluster.state("n3").executed == 5
    assert cluster.state("n3").machine.digest == cluster.state("n1").machine.digest


def test_sn4_it_is_on_disk_with_what_was_promised(behind):
    cluster = behind()
    cluster.beat("n1")
    cluster.crash("n3")
    cluster.restart("n3")
    assert cluster.state("n3").executed >= 4
    assert cluster.told("boot", "n3")[-1]["snapshot"] == 4


def offered(cluster):
    """Let n3 hear that it is behind; return the offer that it gets."""
    cluster.wait(50)
    cluster.fire("n1", "heartbeat")
    cluster.pass_on("heartbeat", dest="n3")
    cluster.pass_on("learn")
    return cluster.on_way("snapshot_offer")[0]


def test_sn5_pieces_that_are_late_doubled_or_of_another_snapshot_are_passed_over(behind):
    cluster = behind()
    offer = offered(cluster)
    cluster.deliver(offer)
    cluster.pass_on("snapshot_ask")
    (piece,) = cluster.on_way("snapshot_chunk")
    cluster.tell("n3", "n2", **piece.body)
    cluster.tell("n3", "n1", **{**piece.body, "slot": 3})
    assert cluster.state("n3").fetch.received == 0
    cluster.deliver(piece, keep=True)
    cluster.deliver(piece)
    assert cluster.state("n3").fetch.received == 64
    cluster.run()
    assert cluster.told("snapshot_installed", "n3")[0]["index"] == 4


def test_sn5_a_piece_that_was_lost_is_asked_for_again_when_the_snapshot_is_offered_again(behind):
    cluster = behind()
    cluster.deliver(offered(cluster))
    cluster.pass_on("snapshot_ask")
    cluster.pass_on("snapshot_chunk")
    assert cluster.lose("snapshot_ask") == 1
    cluster.deliver(offered(cluster))
    (asked,) = cluster.on_way("snapshot_ask")
    assert (asked.dest, asked.body["offset"]) == ("n1", 64)


def test_sn5_a_whole_that_does_not_fit_its_checksum_is_not_installed(behind):
    cluster = behind(snapshot_chunk_chars=100_000)
    offer = offered(cluster)
    cluster.tell("n3", "n1", **{**offer.body, "checksum": 1})
    text = cluster.state("n1").snapshot_text
    cluster.tell("n3", "n1", type="snapshot_chunk", slot=4, offset=0, piece=text)
    assert cluster.state("n3").executed == 0
    assert cluster.state("n3").fetch is None


def test_sn4_what_was_accepted_behind_it_goes_and_what_was_beyond_stays(behind):
    cluster = behind()
    old, new = ([kind, None, [1, "n1"]] for kind in ("noop", "noop"))
    cluster.tell("n3", "n1", type="accept", ballot=[1, "n1"], slots=[[2, old], [9, new]], commit=0)
    cluster.tell("n3", "n1", type="learn_reply", slots=[[3, old]], decided=0)
    cluster.beat("n1")
    ledger = cluster.state("n3").ledger
    assert min(ledger.accepted) > 4
    assert min(ledger.chosen, default=5) > 4
    assert 9 in ledger.accepted
    cluster.crash("n3")
    cluster.restart("n3")
    assert 9 in cluster.state("n3").ledger.accepted


def test_sn3_an_offer_of_what_is_known_already_is_of_no_use(behind):
    cluster = behind()
    body = {"type": "snapshot_offer", "slot": 4, "size": 9, "checksum": 1}
    assert cluster.tell("n2", "n1", **body) == []


def test_a_teacher_that_has_a_newer_snapshot_offers_that_one(behind):
    cluster = behind()
    (told,) = cluster.tell("n1", "n3", type="snapshot_ask", slot=2, offset=0)
    assert (told.body["type"], told.body["slot"]) == ("snapshot_offer", 4)


def test_sn5_what_is_being_pulled_is_kept_though_there_is_a_newer_one_by_then(behind):
    cluster = behind()
    cluster.deliver(offered(cluster))
    while cluster.on_way(dest="n3") or cluster.on_way(source="n3"):
        cluster.pass_on(source="n3")
        pieces = cluster.on_way("snapshot_chunk")
        cluster.packets = []
        write_all(cluster, 4, "n1", "n2")  # at each piece, another snapshot
        for piece in pieces:
            cluster.deliver(piece, keep=True)
    assert cluster.state("n1").snapshot_slot > 8
    assert cluster.told("snapshot_installed", "n3")[0]["index"] == 4
    for _ in range(3):
        cluster.beat("n1")
    assert cluster.state("n3").executed == cluster.state("n1").executed


def test_a_teacher_that_dies_is_left_for_another_after_an_election_timeout(behind):
    cluster = behind()
    cluster.deliver(offered(cluster))
    cluster.packets = []
    body = {**cluster_offer(cluster, "n2")}
    assert cluster.tell("n3", "n2", **body) == []
    cluster.wait(300)
    (asked,) = cluster.tell("n3", "n2", **body)
    assert (asked.dest, asked.body["type"], asked.body["offset"]) == ("n2", "snapshot_ask", 0)


def cluster_offer(cluster, teacher):
    (offer,) = cluster.tell(teacher, "n3", type="learn", first=1)
    return offer.body


def test_s4_sessions_are_in_it(behind):
    cluster = behind(snapshot_threshold=3)
    registered = cluster.request("n1", "register")
    cluster.run("n1", "n2")
    session = cluster.answer(registered)["session"]
    asked = cluster.request("n1", "write", session=session, seq=1, acked=0, key="k", value=1)
    cluster.run("n1", "n2")
    write_all(cluster, 3, "n1", "n2")
    for _ in range(4):
        cluster.beat("n1")
    assert str(session) in json.dumps(json.loads(cluster.state("n3").snapshot_text))
    assert cluster.answer(asked)["type"] == "write_ok"


def test_a_new_leader_that_was_brought_up_by_a_snapshot_serves_reads_without_a_write(paxos_of):
    cluster = paxos_of(3, snapshot_threshold=4, snapshot_trailing=0, read_mode="confirm")
    cluster.elect("n1")
    write_all(cluster, 4, "n1", "n2")
    cluster.beat("n1", "n1", "n2")
    cluster.crash("n1")
    cluster.wait(300)
    cluster.stand("n3")
    cluster.run("n2", "n3")
    assert cluster.leaders() == ["n3"]
    assert cluster.told("snapshot_installed", "n3") != []
    asked = cluster.request("n3", "read", key="k3")
    for _ in range(3):
        cluster.beat("n3", "n2", "n3")
    assert cluster.answer(asked)["value"] == 3
