"""The steady state: slots, windows, acknowledgements, what was lost (MP4, MP5, MP9, MP12)."""

from __future__ import annotations

import pytest


def write(cluster, value, at="n1"):
    return cluster.request(at, "write", key="k", value=value)


def slots(packets):
    return [slot for packet in packets for slot, _ in packet.body["slots"]]


@pytest.fixture
def cluster(paxos_of):
    made = paxos_of(3, window=4)
    made.elect("n1")
    return made


def test_mp4_a_write_takes_one_round_to_each_acceptor_and_one_write_to_disk(cluster):
    writes = {name: member.writes for name, member in cluster.members.items()}
    asked = write(cluster, "v")
    assert len(cluster.on_way("accept")) == 2
    assert cluster.pass_on("accept") == 2
    assert cluster.pass_on("accepted") == 2
    assert cluster.answer(asked)["type"] == "write_ok"
    assert cluster.on_way() == []
    assert [cluster.members[name].writes - count for name, count in writes.items()] == [1, 1, 1]


def test_mp4_mp12_no_more_than_a_window_is_proposed_beyond_what_is_executed(cluster):
    for number in range(6):
        write(cluster, number)
    assert slots(cluster.on_way("accept", dest="n2")) == [1, 2, 3, 4]
    cluster.run()
    assert cluster.state("n1").executed == 6


def test_mp4_slots_are_chosen_out_of_order_and_executed_in_order(cluster):
    asked = [write(cluster, number) for number in range(3)]
    first, second, third = cluster.on_way("accept", dest="n2")
    cluster.packets = []
    cluster.deliver(third, keep=True)
    cluster.pass_on("accepted")
    assert [record["slot"] for record in cluster.told("chosen", "n1")] == [3]
    assert (cluster.state("n1").executed, cluster.answer(asked[2])) == (0, None)
    cluster.deliver(first, keep=True)
    cluster.deliver(second, keep=True)
    cluster.pass_on("accepted")
    assert [record["index"] for record in cluster.told("apply", "n1")] == [1, 2, 3]
    assert all(cluster.answer(number) for number in asked)


def test_mp5_the_leaders_own_acceptance_counts_only_when_it_is_on_disk(cluster):
    cluster.hold_disk("n1")
    asked = write(cluster, "v")
    cluster.pass_on("accept", dest="n2")
    cluster.pass_on("accepted")
    assert cluster.answer(asked) is None
    cluster.sync("n1")
    assert cluster.answer(asked)["type"] == "write_ok"


def test_mp5_it_is_not_needed_if_others_are_enough(cluster):
    cluster.hold_disk("n1")
    asked = write(cluster, "v")
    cluster.pass_on("accept")
    cluster.pass_on("accepted")
    assert cluster.answer(asked)["type"] == "write_ok"


def test_mp5_acceptances_of_another_ballot_or_twice_of_one_member_do_not_count(paxos_of):
    cluster = paxos_of(5)
    cluster.elect("n1")
    asked = write(cluster, "v")
    for source, ballot in (("n2", [1, "n1"]), ("n2", [1, "n1"]), ("n3", [0, "n1"]), ("n3", [1, "n3"])):
        cluster.tell("n1", source, type="accepted", ballot=ballot, slots=[1], decided=0)
    assert cluster.answer(asked) is None
    cluster.tell("n1", "n3", type="accepted", ballot=[1, "n1"], slots=[1], decided=0)
    assert cluster.answer(asked)["type"] == "write_ok"


def test_mp9_a_lost_accept_is_sent_again_to_those_who_have_not_answered(cluster):
    write(cluster, "a")
    write(cluster, "b")
    first = cluster.on_way("accept", dest="n2")[0]
    cluster.deliver(first)
    cluster.lose("accept")
    cluster.pass_on("accepted")
    cluster.beat("n1")
    assert cluster.state("n1").executed == 2
    assert cluster.state("n3").executed == 0 or cluster.chosen("n3")[:1]


def test_mp9_nothing_is_sent_again_before_it_is_late(paxos_of):
    cluster = paxos_of(3, retransmit_ms=40, heartbeat_ms=20)
    cluster.elect("n1")
    write(cluster, "a")
    cluster.lose("accept")
    cluster.fire("n1", "heartbeat")
    assert cluster.on_way("accept") == []


def test_2_6_only_the_last_thousand_rounds_of_heartbeats_are_remembered(paxos_of):
    cluster = paxos_of(1)
    cluster.elect("n1")
    for _ in range(1100):
        cluster.fire("n1", "heartbeat")
    leadership = cluster.state("n1").leadership
    assert len(leadership.round_sent_ns) == 1000
    assert max(leadership.round_sent_ns) == leadership.round


def test_more_commands_than_the_backlog_holds_are_refused(cluster, monkeypatch):
    from keelhaul.nodes.paxos.multi import proposing

    monkeypatch.setattr(proposing, "BACKLOG_MAX", 2)
    asked = [write(cluster, number) for number in range(7)]
    assert [number for number in asked if cluster.answer(number)] == asked[6:]
    assert cluster.answer(asked[6])["code"] == 11


def test_large_commands_travel_in_several_messages(cluster, monkeypatch):
    from keelhaul.nodes.paxos.multi import proposing

    monkeypatch.setattr(proposing, "WEIGHT_MAX", 1000)
    for number in range(3):
        write(cluster, f"{number}" * 400)
    cluster.lose("accept")
    cluster.wait(50)
    cluster.fire("n1", "heartbeat")
    assert [slots([packet]) for packet in cluster.on_way("accept", dest="n2")] == [[1, 2], [3]]


def test_a_leader_remembers_when_it_sent_the_last_thousand_heartbeats_and_no_more(paxos_of):
    cluster = paxos_of(1)
    cluster.elect("n1")
    for _ in range(1005):
        cluster.fire("n1", "heartbeat")
    rounds = cluster.state("n1").leadership.round_sent_ns
    assert (min(rounds), len(rounds)) == (max(rounds) - 999, 1000)


# --- MP8


def test_mp8_a_follower_names_the_leader(cluster):
    cluster.beat("n1")
    refused = cluster.answer(write(cluster, "v", at="n2"))
    assert (refused["code"], refused["leader"]) == (11, "n1")


def test_mp8_s2_the_same_command_of_a_session_in_two_slots_is_done_once(cluster):
    registered = cluster.request("n1", "register")
    cluster.run()
    session = cluster.answer(registered)["session"]
    fields = {"session": session, "seq": 1, "acked": 0, "key": "k", "from": None, "to": 1}
    wrote = cluster.request("n1", "write", key="k", value=None)
    asked = [cluster.request("n1", "cas", **fields) for _ in range(2)]
    cluster.run()
    assert cluster.answer(wrote)["type"] == "write_ok"
    first, again = (cluster.answer(number) for number in asked)
    assert {**first, "in_reply_to": 0} == {**again, "in_reply_to": 0}
    assert first["type"] == "cas_ok"
