"""Who leads: standing, taking over, giving up (MP1, MP3, MP5, MP7; §2.7)."""

from __future__ import annotations

import pytest

from keelhaul.nodes.paxos.ballot import Ballot


def command(value, round_=1, node="n1"):
    return ["command", ["write", "k", value], [round_, node]]


def promise(cluster, source, at="n1", accepted=(), decided=0, more_from=None):
    ballot = cluster.state(at).leadership.ballot
    body = {"type": "promise", "ballot": ballot, "decided": decided, "accepted": list(accepted), "more_from": more_from}
    return cluster.tell(at, source, **body)


def proposed(cluster, name="n1"):
    """What the leader proposes, by slot: payload and source."""
    state = cluster.state(name)
    sources = {record["slot"]: record["source"] for record in cluster.told("propose", name)}
    return {slot: (row.entry.payload, sources[slot]) for slot, row in sorted(state.leadership.proposals.items())}


def test_mp1_who_hears_no_leader_for_an_election_timeout_stands_in_a_round_above_all_seen(paxos_of):
    cluster = paxos_of(3)
    cluster.tell("n1", "n2", type="prepare", ballot=[7, "n2"], from_slot=1)
    cluster.fire("n1", "election")
    assert cluster.state("n1").role == "follower"  # the promise has put it off
    cluster.fire("n1", "election")
    asked = cluster.on_way("prepare")
    assert [(packet.dest, packet.body["ballot"], packet.body["from_slot"]) for packet in asked] == [
        ("n2", [8, "n1"], 1),
        ("n3", [8, "n1"], 1),
    ]


def test_mp1_a_timer_that_fires_before_a_deadline_that_was_put_off_is_set_to_that(paxos_of):
    cluster = paxos_of(3)
    cluster.wait(200, "n1")
    cluster.tell("n1", "n2", type="heartbeat", ballot=[1, "n2"], round=1, commit=0)
    cluster.fire("n1", "election")
    assert cluster.state("n1").role == "follower"
    assert cluster.members["n1"].timers["election"][1] == cluster.state("n1").election_deadline_ns


def test_mp1_what_the_own_acceptor_promised_counts_as_seen_over_a_restart(paxos_of):
    cluster = paxos_of(3, disks={"n1": [["promise", 7, "n3"]]})
    cluster.stand("n1")
    assert cluster.state("n1").leadership.ballot == Ballot(8, "n1")


@pytest.mark.parametrize("seed", range(20))
def test_mp1_the_timeout_is_drawn_from_e_to_2e(paxos_of, seed):
    cluster = paxos_of(1, seed=seed)
    waits_ms = cluster.members["n1"].timers["election"][1] / 1e6 - cluster.members["n1"].clock_ns / 1e6
    assert 300 <= waits_ms < 600


def test_2_5_the_round_is_on_disk_before_anybody_hears_of_it(paxos_of):
    cluster = paxos_of(3)
    cluster.hold_disk("n1")
    cluster.stand("n1")
    assert cluster.on_way() == []
    cluster.sync("n1")
    assert len(cluster.on_way("prepare")) == 2


def test_2_5_a_ballot_is_not_used_by_two_incarnations(paxos_of):
    cluster = paxos_of(3)
    cluster.stand("n1")
    cluster.crash("n1")
    cluster.restart("n1")
    cluster.stand("n1")
    assert cluster.state("n1").leadership.ballot == Ballot(2, "n1")


def test_2a_a_promise_of_another_ballot_does_not_count(paxos_of):
    cluster = paxos_of(3)
    cluster.stand("n1")
    cluster.lose()
    cluster.tell("n1", "n2", type="promise", ballot=[0, "n1"], decided=0, accepted=[], more_from=None)
    cluster.tell("n1", "n2", type="promise", ballot=[1, "n2"], decided=0, accepted=[], more_from=None)
    assert cluster.state("n1").role == "candidate"


def test_2a_one_acceptor_counts_once(paxos_of):
    cluster = paxos_of(5)
    cluster.stand("n1")
    for _ in range(4):
        promise(cluster, "n2")
    assert cluster.state("n1").role == "candidate"


def test_edge_promises_with_accepted_values_of_several_ballots_lead_to_the_highest_in_each_slot(paxos_of):
    cluster = paxos_of(5)
    cluster.stand("n1")
    cluster.lose()
    promise(cluster, "n2", accepted=[[1, [0, "n8"], command("old")], [2, [0, "n9"], command("new")]])
    promise(cluster, "n3", accepted=[[1, [0, "n9"], command("new")], [2, [0, "n8"], command("old")]])
    assert proposed(cluster) == {1: (["write", "k", "new"], "reported"), 2: (["write", "k", "new"], "reported")}


def test_mp2_a_promise_in_parts_counts_when_it_is_whole(paxos_of):
    cluster = paxos_of(3)
    cluster.stand("n1")
    cluster.lose()
    (again,) = promise(cluster, "n2", accepted=[[1, [0, "n9"], command("a")]], more_from=2)
    assert (again.dest, again.body["type"], again.body["from_slot"]) == ("n2", "prepare", 2)
    assert cluster.state("n1").role == "candidate"
    promise(cluster, "n2", accepted=[[2, [0, "n9"], command("b")]])
    assert proposed(cluster) == {1: (["write", "k", "a"], "reported"), 2: (["write", "k", "b"], "reported")}


def test_mp3_gaps_are_filled_with_nothing_and_new_commands_come_after(paxos_of):
    cluster = paxos_of(3)
    cluster.stand("n1")
    cluster.lose()
    promise(cluster, "n2", accepted=[[2, [0, "n9"], command("b")], [4, [0, "n9"], command("d")]])
    cluster.request("n1", "write", key="k", value="mine")
    assert proposed(cluster) == {
        1: (None, "noop"),
        2: (["write", "k", "b"], "reported"),
        3: (None, "noop"),
        4: (["write", "k", "d"], "reported"),
        5: (["write", "k", "mine"], "command"),
    }


def test_mp3_the_own_acceptances_are_reported_too(paxos_of):
    cluster = paxos_of(3)
    cluster.tell("n1", "n3", type="accept", ballot=[1, "n3"], slots=[[1, command("a", 1, "n3")]], commit=0)
    cluster.wait(300)
    cluster.stand("n1")
    cluster.lose()
    promise(cluster, "n2")
    assert proposed(cluster) == {1: (["write", "k", "a"], "reported")}


def test_mp2_what_somebody_has_decided_is_learned_and_never_filled(paxos_of):
    cluster = paxos_of(3)
    cluster.stand("n1")
    cluster.lose()
    told = promise(cluster, "n2", decided=3, accepted=[[4, [0, "n9"], command("d")]])
    assert [(packet.dest, packet.body["first"]) for packet in told if packet.body["type"] == "learn"] == [("n2", 1)]
    assert proposed(cluster) == {4: (["write", "k", "d"], "reported")}


def test_a_leader_that_cannot_learn_what_is_decided_gives_up_so_that_another_quorum_is_asked(paxos_of):
    cluster = paxos_of(3)
    cluster.stand("n1")
    cluster.lose()
    promise(cluster, "n2", decided=3)
    assert cluster.state("n1").role == "leader"
    for _ in range(13):
        cluster.wait(50)
        ballot = cluster.state("n1").leadership.ballot
        cluster.tell("n1", "n2", type="heartbeat_ack", ballot=ballot, round=1)
        cluster.fire("n1", "heartbeat")
    assert cluster.state("n1").role == "follower"


# --- MP7


def test_mp7_a_nack_ends_the_lead_at_once_and_nobody_knows_what_becomes_of_commands(paxos_of):
    cluster = paxos_of(3)
    cluster.elect("n1")
    asked = cluster.request("n1", "write", key="k", value="v")
    cluster.tell("n1", "n2", type="nack", ballot=[1, "n1"], promised=[4, "n2"])
    assert cluster.state("n1").role == "follower"
    assert cluster.answer(asked)["code"] == 1000  # unknown outcome
    cluster.packets = []
    cluster.wait(50)
    assert cluster.fire("n1", "heartbeat") is None
    assert cluster.on_way("accept") == []


def test_mp7_what_has_no_slot_yet_certainly_never_takes_effect(paxos_of):
    cluster = paxos_of(3, window=1)
    cluster.elect("n1")
    cluster.request("n1", "write", key="k", value="v")
    second = cluster.request("n1", "write", key="k", value="w")
    cluster.tell("n1", "n2", type="nack", ballot=[1, "n1"], promised=[4, "n2"])
    assert cluster.answer(second)["code"] == 11


@pytest.mark.parametrize("kind", ["prepare", "heartbeat", "accept"])
def test_mp7_a_higher_ballot_ends_the_lead(paxos_of, kind):
    cluster = paxos_of(3)
    cluster.elect("n1")
    cluster.wait(300)
    more = {"prepare": {"from_slot": 1}, "heartbeat": {"round": 1, "commit": 0}, "accept": {"slots": [], "commit": 0}}
    cluster.tell("n1", "n2", type=kind, ballot=[9, "n2"], **more[kind])
    assert cluster.state("n1").role == "follower"


def test_mp7_a_nack_of_another_ballot_ends_nothing(paxos_of):
    cluster = paxos_of(3)
    cluster.elect("n1")
    cluster.tell("n1", "n2", type="nack", ballot=[0, "n1"], promised=[4, "n2"])
    assert cluster.state("n1").role == "leader"
    assert cluster.state("n1").round_seen == 4


def test_a_leader_that_no_quorum_answers_for_an_election_timeout_gives_up(paxos_of):
    cluster = paxos_of(3)
    cluster.elect("n1")
    for _ in range(8):
        cluster.beat("n1", "n1")
        if cluster.state("n1").role != "leader":
            break
    assert cluster.state("n1").role == "follower"


def test_2_7_a_candidate_that_nobody_answers_does_not_refuse_the_leader_that_it_cannot_hear(paxos_of):
    cluster = paxos_of(3)
    cluster.elect("n2")
    for _ in range(5):
        cluster.wait(600, "n1")
        cluster.stand("n1") if cluster.state("n1").role == "follower" else cluster.fire("n1", "election")
        cluster.lose(source="n1")
    cluster.beat("n2")
    assert (cluster.state("n1").role, cluster.state("n1").leader, cluster.leaders()) == ("follower", "n2", ["n2"])


def test_2_7_after_a_nack_it_waits_longer_at_each_collision(paxos_of):
    cluster = paxos_of(3, backoff_ms=40, backoff_max_ms=320)
    pauses_ms = []
    for _ in range(5):
        cluster.wait(300)
        cluster.stand("n1")
        ballot = cluster.state("n1").leadership.ballot
        cluster.tell("n1", "n2", type="nack", ballot=ballot, promised=[ballot.round + 1, "n2"])
        pauses_ms.append((cluster.state("n1").election_deadline_ns - cluster.members["n1"].clock_ns) / 1e6)
        cluster.lose()
    assert all(50 <= pause_ms <= 50 + 40 * 2**number for number, pause_ms in enumerate(pauses_ms))
    assert max(pauses_ms) > 90


@pytest.mark.parametrize("seed", range(5))
def test_2_7_five_candidates_at_once_have_a_leader_within_20_election_timeouts(paxos_of, seed):
    cluster = paxos_of(5, seed=seed)
    cluster.wait(300)
    for name in cluster.names:
        cluster.stand(name)
    for _ in range(20 * 300):
        for packet in list(cluster.packets):
            cluster.deliver(packet)
        if len(cluster.leaders()) == 1:
            break
        cluster.wait(1)
        for name, member in cluster.members.items():
            for timer, (_, due_ns) in list(member.timers.items()):
                if due_ns <= member.clock_ns:
                    cluster.fire(name, timer)
    assert len(cluster.leaders()) == 1


@pytest.mark.parametrize(("q1", "q2"), [(1, 3), (3, 1)])
def test_edge_q1_of_one_and_q2_of_all_and_the_other_way_round(paxos_of, q1, q2):
    cluster = paxos_of(3, phase1_quorum=q1, phase2_quorum=q2)
    cluster.stand("n1")
    assert (cluster.state("n1").role == "leader") is (q1 == 1)
    cluster.pass_on("prepare", dest="n2")
    cluster.pass_on("promise")
    assert (cluster.state("n1").role == "leader") is (q1 == 1)
    cluster.run()
    asked = cluster.request("n1", "write", key="k", value="v")
    assert (cluster.answer(asked) is not None) is (q2 == 1)
    cluster.pass_on("accept", dest="n2")
    cluster.pass_on("accepted")
    assert (cluster.answer(asked) is not None) is (q2 == 1)
    cluster.run()
    assert cluster.answer(asked)["type"] == "write_ok"


@pytest.mark.parametrize("size", [1, 3, 4, 5, 7])
def test_clusters_of_any_size_elect_and_write(paxos_of, size):
    cluster = paxos_of(size)
    cluster.elect("n1")
    asked = cluster.request("n1", "write", key="k", value="v")
    cluster.run()
    assert cluster.answer(asked)["type"] == "write_ok"
