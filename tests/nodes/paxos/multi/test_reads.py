"""Reads in the four modes (§2.6), and what each must wait for."""

from __future__ import annotations

import pytest

MODES = ("log", "confirm", "lease", "quorum")


def read(cluster, at="n1"):
    return cluster.request(at, "read", key="k")


def write(cluster, value, at="n1"):
    return cluster.request(at, "write", key="k", value=value)


@pytest.fixture
def led(paxos_of):
    """Make three members, led by n1, that have executed a write of "old"."""

    def made(mode, **options):
        cluster = paxos_of(3, read_mode=mode, **options)
        cluster.elect("n1")
        write(cluster, "old")
        cluster.run()
        cluster.beat("n1")
        return cluster

    return made


@pytest.mark.parametrize("mode", MODES)
def test_2_6_a_read_sees_the_write_before_it(led, mode):
    cluster = led(mode)
    asked = read(cluster)
    cluster.run()
    assert cluster.answer(asked) == {"type": "read_ok", "value": "old", "in_reply_to": asked}


@pytest.mark.parametrize(
    ("mode", "messages", "writes"), [("log", 4, 3), ("confirm", 4, 0), ("lease", 0, 0), ("quorum", 4, 0)]
)
def test_2_6_what_a_read_costs(led, mode, messages, writes):
    cluster = led(mode)
    writes_before = sum(member.writes for member in cluster.members.values())
    asked = read(cluster)
    sent = 0
    while cluster.packets:
        sent += 1
        cluster.deliver(cluster.packets[0])
    assert cluster.answer(asked) is not None
    assert sent == messages
    assert sum(member.writes for member in cluster.members.values()) - writes_before == writes


@pytest.mark.parametrize("mode", ["log", "confirm", "lease"])
def test_2_6_a_follower_refuses_and_names_the_leader(led, mode):
    cluster = led(mode)
    assert cluster.answer(read(cluster, "n2"))["leader"] == "n1"


def test_2_6_a_candidate_refuses(led):
    cluster = led("confirm")
    cluster.wait(300)
    cluster.stand("n2")
    assert cluster.state("n2").role == "candidate"
    assert cluster.answer(read(cluster, "n2"))["code"] == 11


# --- confirm


@pytest.mark.parametrize("mode", ["confirm", "lease"])
def test_2_6_a_candidate_refuses_too_and_says_nothing_of_leading(led, mode):
    cluster = led(mode)
    cluster.stand("n2")
    assert cluster.state("n2").leadership is not None
    asked = read(cluster, "n2")
    assert cluster.answer(asked)["type"] == "error"
    assert cluster.on_way("heartbeat", "n2") == []


def test_2_6_confirm_a_round_that_began_before_the_read_does_not_count(led):
    cluster = led("confirm")
    cluster.wait(50)
    cluster.fire("n1", "heartbeat")
    early = cluster.on_way("heartbeat")
    cluster.packets = []
    asked = read(cluster)
    for packet in early:
        cluster.deliver(packet, keep=True)
    cluster.lose("heartbeat")
    cluster.pass_on("heartbeat_ack")
    assert cluster.answer(asked) is None
    cluster.beat("n1")
    assert cluster.answer(asked)["value"] == "old"


def test_2_6_confirm_a_deposed_leader_answers_nothing(led):
    cluster = led("confirm")
    cluster.wait(300)
    cluster.stand("n2")
    cluster.run("n2", "n3")
    write(cluster, "new", "n2")
    cluster.run("n2", "n3")
    asked = read(cluster)
    cluster.run()
    assert cluster.answer(asked)["type"] == "error"
    assert cluster.state("n1").role == "follower"


def test_2_6_confirm_the_set_must_be_a_quorum_of_phase_2(led):
    cluster = led("confirm", phase1_quorum=1, phase2_quorum=3)
    asked = read(cluster)
    cluster.pass_on("heartbeat", dest="n2")
    cluster.pass_on("heartbeat_ack")
    assert cluster.answer(asked) is None  # n3 alone could have made another leader
    cluster.run()
    assert cluster.answer(asked)["value"] == "old"


def test_2_6_confirm_waits_until_what_earlier_leaders_chose_is_executed(led):
    cluster = led("confirm")
    wrote = write(cluster, "new")
    cluster.pass_on("accept", dest="n3")
    cluster.pass_on("accepted")
    assert cluster.answer(wrote)["type"] == "write_ok"
    cluster.crash("n1")
    cluster.packets = []
    cluster.wait(300)
    cluster.stand("n2")
    cluster.pass_on("prepare", dest="n3")
    cluster.pass_on("promise")
    assert cluster.leaders() == ["n2"]
    asked = read(cluster, "n2")
    cluster.pass_on("heartbeat")
    cluster.pass_on("heartbeat_ack")
    assert cluster.answer(asked) is None
    cluster.run("n2", "n3")
    for _ in range(3):
        cluster.beat("n2", "n2", "n3")
    assert cluster.answer(asked)["value"] == "new"


def test_2_6_confirm_several_reads_share_a_round_and_later_ones_take_the_next(led):
    cluster = led("confirm")
    first = read(cluster)
    second, third = read(cluster), read(cluster)
    cluster.pass_on("heartbeat")
    cluster.pass_on("heartbeat_ack")
    assert cluster.answer(first) is not None
    assert (cluster.answer(second), cluster.answer(third)) == (None, None)
    assert len(cluster.on_way("heartbeat")) == 2
    cluster.run()
    assert cluster.answer(second)["value"] == cluster.answer(third)["value"] == "old"


# --- lease


def test_2_6_lease_it_is_counted_from_sending_and_allows_for_drift(led):
    cluster = led("lease", clock_drift_percent=2)
    lease_ms = 300 * 98 // 102 - 5
    cluster.wait(lease_ms - 1, "n1")
    assert cluster.answer(read(cluster)) is not None
    cluster.wait(2, "n1")
    asked = read(cluster)
    assert cluster.answer(asked) is None
    cluster.run()  # by a round of heartbeats, then
    assert cluster.answer(asked)["value"] == "old"


def test_2_6_lease_it_needs_acknowledgements_of_a_quorum_of_phase_2(led):
    cluster = led("lease", phase1_quorum=1, phase2_quorum=3)
    cluster.wait(290)
    cluster.fire("n1", "heartbeat")
    cluster.pass_on("heartbeat", dest="n2")
    cluster.pass_on("heartbeat_ack")
    cluster.lose()
    cluster.wait(10, "n1")
    assert cluster.answer(read(cluster)) is None


def test_2_6_lease_nobody_can_be_elected_before_it_is_over(led):
    cluster = led("lease")
    cluster.wait(285)
    assert cluster.state("n1").settings.lease_ns < 285 * 1_000_000
    cluster.fire("n2", "election")
    assert (
        cluster.state("n2").role == "follower"
        or cluster.tell("n3", "n2", type="prepare", ballot=[9, "n2"], from_slot=1) == []
    )


# --- quorum


def test_2_6_quorum_any_member_answers(led):
    cluster = led("quorum")
    asked = read(cluster, "n3")
    cluster.run()
    assert cluster.answer(asked)["value"] == "old"


def test_2_6_quorum_what_is_accepted_but_not_chosen_must_be_waited_for(led):
    cluster = led("quorum")
    wrote = write(cluster, "new")
    cluster.pass_on("accept", dest="n2")
    cluster.lose("accepted")
    cluster.lose("accept")
    asked = read(cluster, "n2")
    cluster.pass_on("how_far")
    cluster.pass_on("so_far")
    assert (cluster.answer(asked), cluster.answer(wrote)) == (None, None)
    cluster.packets = []
    cluster.beat("n1")
    cluster.beat("n1")
    assert cluster.answer(asked)["value"] == "new"


def test_2_6_quorum_answers_of_another_question_or_incarnation_do_not_count(led):
    cluster = led("quorum")
    asked = read(cluster, "n3")
    cluster.lose()
    for question in ([1, 7], [9, 1]):
        cluster.tell("n3", "n1", type="so_far", question=question, highest=0, decided=0)
    assert cluster.answer(asked) is None
    cluster.tell("n3", "n1", type="so_far", question=[1, 1], highest=0, decided=0)
    assert cluster.answer(asked)["value"] == "old"


def test_2_6_quorum_mp12_the_old_voters_are_asked_up_to_their_last_slot(paxos_of):
    cluster = paxos_of(5, window=3, initial_voters=3, read_mode="quorum")
    cluster.elect("n1")
    write(cluster, "old")
    cluster.run()
    cluster.request("n1", "reconfigure", voters=["n3", "n4", "n5"])  # in force from slot 5 on
    write(cluster, "older")
    wrote = write(cluster, "new")  # in slot 4
    late = [packet for packet in cluster.on_way("accept") if packet.body["slots"][0][0] == 4]
    cluster.packets = [packet for packet in cluster.packets if packet not in late]
    cluster.run()
    cluster.wait(50)
    cluster.fire("n1", "heartbeat")
    cluster.lose("accept")
    cluster.run()
    assert cluster.state("n5").executed == 3
    for packet in late:
        if packet.dest == "n2":
            cluster.deliver(packet, keep=True)
    cluster.pass_on("accepted", "n2")
    assert cluster.answer(wrote)["type"] == "write_ok"
    cluster.lose()
    asked = read(cluster, "n5")
    for _ in range(2):
        cluster.pass_on("how_far")
        cluster.pass_on("so_far")
    assert cluster.answer(asked) is None  # n4 and n5 have never heard of slot 4
    cluster.run()
    assert cluster.answer(asked)["value"] == "new"


def test_2_6_quorum_mp12_a_question_begins_anew_when_a_snapshot_brings_other_voters(paxos_of):
    options = {"window": 2, "initial_voters": 3, "snapshot_threshold": 3, "snapshot_trailing": 0}
    cluster = paxos_of(4, read_mode="quorum", **options)
    cluster.elect("n1")
    cluster.request("n1", "reconfigure", voters=["n1", "n2"])
    for number in range(4):
        write(cluster, number)
        cluster.run("n1", "n2", "n3")
    asked = read(cluster, "n4")
    late = cluster.on_way("how_far", dest="n3")
    cluster.lose("how_far")
    for _ in range(3):
        cluster.beat("n1")
    assert cluster.told("snapshot_installed", "n4") != []
    for packet in late:  # an answer of a voter that was
        cluster.deliver(packet, keep=True)
    cluster.packets = [packet for packet in cluster.packets if packet not in late]
    cluster.run()
    if cluster.answer(asked) is None:
        cluster.fire("n4", "read")
        cluster.run()
    assert cluster.answer(asked)["value"] == 3


def test_2_6_quorum_mp12_the_voters_of_the_next_slot_are_asked_and_no_later_ones(paxos_of):
    cluster = paxos_of(5, read_mode="quorum", window=3, initial_voters=3)
    cluster.elect("n1")
    cluster.request("n1", "reconfigure", voters=["n4", "n5"])
    for slot in (1, 2):  # slot 3 is the last of the old voters'
        cluster.tell("n1", "n2", type="accepted", ballot=[1, "n1"], slots=[slot], decided=0)
    assert cluster.state("n1").executed == 2
    read(cluster)
    assert sorted(packet.dest for packet in cluster.on_way("how_far")) == ["n2", "n3"]
    cluster.pass_on("how_far", dest="n2")
    cluster.pass_on("so_far")
    assert cluster.on_way("how_far", dest="n4") == []


def test_2_6_quorum_who_does_not_answer_is_asked_again_and_at_last_it_is_given_up(led):
    cluster = led("quorum")
    asked = read(cluster, "n3")
    cluster.lose()
    cluster.fire("n3", "read")
    assert len(cluster.on_way("how_far")) == 2
    for _ in range(12):
        cluster.lose()
        cluster.fire("n3", "read")
    assert cluster.answer(asked)["code"] == 11
    assert "read" not in cluster.members["n3"].timers


def test_2_6_quorum_what_is_not_on_disk_is_not_told_as_accepted(led):
    cluster = led("quorum")
    cluster.hold_disk("n2")
    write(cluster, "new")
    cluster.pass_on("accept", dest="n2")
    cluster.tell("n2", "n3", type="how_far", question=[1, 1])
    assert cluster.on_way("so_far") == []
