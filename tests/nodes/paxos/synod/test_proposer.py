"""The proposer (§2.1: 1a, 2a, Nack; §2.7), and what reads may say."""

from __future__ import annotations

from itertools import pairwise

import pytest

K = {"key": "k"}


def propose(cluster, name, value):
    return cluster.request(name, "propose", value=value, **K)


def promise(cluster, source, ballot, accepted=None, at="n1"):
    return cluster.tell(at, source, type="promise", ballot=ballot, accepted=accepted, **K)


def accepts(packets):
    """The Accepts among these: {dest: (ballot, value)}."""
    return {
        packet.dest: (packet.body["ballot"], packet.body["value"])
        for packet in packets
        if packet.body["type"] == "accept"
    }


def test_1a_a_proposal_asks_everybody_in_a_round_above_all_that_were_seen(synod_of):
    cluster = synod_of(3)
    cluster.tell("n1", "n2", type="nack", ballot=[1, "n1"], promised=[41, "n2"], **K)
    propose(cluster, "n1", "v")
    assert [(packet.dest, packet.body["ballot"]) for packet in cluster.on_way("prepare")] == [
        ("n2", [42, "n1"]),
        ("n3", [42, "n1"]),
    ]


def test_1a_what_the_own_acceptor_promised_counts_as_seen_over_a_restart(synod_of):
    cluster = synod_of(3, disks={"n1": [["promise", "k", 7, "n3"]]})
    propose(cluster, "n1", "v")
    assert cluster.on_way("prepare")[0].body["ballot"] == [8, "n1"]


def test_2_5_a_round_is_on_disk_before_anybody_hears_of_it(synod_of):
    cluster = synod_of(3)
    cluster.hold_disk("n1")
    propose(cluster, "n1", "v")
    assert cluster.on_way() == []
    cluster.sync("n1")
    assert len(cluster.on_way("prepare")) == 2


def test_1a_no_ballot_is_used_by_two_incarnations(synod_of):
    cluster = synod_of(3)
    propose(cluster, "n1", "v")
    first = cluster.on_way("prepare")[0].body["ballot"]
    cluster.crash("n1")
    cluster.restart("n1")
    cluster.packets.clear()
    propose(cluster, "n1", "w")
    assert cluster.on_way("prepare")[0].body["ballot"] > first


def test_2a_the_own_value_only_if_nobody_reports_one(synod_of):
    cluster = synod_of(3)
    propose(cluster, "n1", "own")
    assert accepts(promise(cluster, "n2", [1, "n1"])) == {"n2": ([1, "n1"], "own"), "n3": ([1, "n1"], "own")}


def test_edge_promises_with_accepted_values_of_several_ballots_lead_to_the_highest(synod_of):
    cluster = synod_of(5)
    propose(cluster, "n1", "own")
    cluster.lose()
    cluster.fire("n1")  # its own acceptor's promise came over no wire
    assert promise(cluster, "n2", [1, "n1"], [[0, "n9"], "older"]) == []
    told = promise(cluster, "n4", [1, "n1"], [[0, "n8"], "oldest"])
    assert {value for _, value in accepts(told).values()} == {"older"}


def test_edge_the_accepted_value_equals_the_own(synod_of):
    cluster = synod_of(3)
    asked = propose(cluster, "n1", "same")
    told = promise(cluster, "n2", [1, "n1"], [[0, "n9"], "same"])
    assert {value for _, value in accepts(told).values()} == {"same"}
    cluster.packets = told
    cluster.run()
    assert cluster.answer(asked)["value"] == "same"


def test_2a_nothing_is_proposed_before_a_quorum_of_distinct_acceptors_has_promised(synod_of):
    cluster = synod_of(5)
    propose(cluster, "n1", "v")
    assert [accepts(promise(cluster, "n2", [1, "n1"])) for _ in range(4)] == [{}] * 4
    assert len(accepts(promise(cluster, "n3", [1, "n1"]))) == 4


def test_2a_a_promise_of_another_ballot_is_dropped(synod_of):
    cluster = synod_of(3)
    propose(cluster, "n1", "v")
    assert promise(cluster, "n2", [0, "n1"]) == []
    assert promise(cluster, "n2", [1, "n2"]) == []


def test_px_6_a_promise_that_comes_late_changes_nothing_any_more(synod_of):
    cluster = synod_of(3)
    propose(cluster, "n1", "v")
    promise(cluster, "n2", [1, "n1"])
    assert promise(cluster, "n3", [1, "n1"], [[0, "n9"], "w"]) == []
    assert [record["digest"] for record in cluster.told("propose")] == [cluster.told("request")[0]["digest"]]


def test_nack_ends_the_ballot_for_good_and_the_next_one_begins_with_prepare(synod_of):
    cluster = synod_of(3)
    propose(cluster, "n1", "v")
    cluster.lose()
    cluster.tell("n1", "n2", type="nack", ballot=[1, "n1"], promised=[6, "n3"], **K)
    assert promise(cluster, "n2", [1, "n1"]) == []
    assert promise(cluster, "n3", [1, "n1"]) == []
    cluster.fire("n1")
    assert {(packet.body["type"], tuple(packet.body["ballot"])) for packet in cluster.on_way()} == {
        ("prepare", (7, "n1"))
    }


def test_nack_of_another_ballot_ends_nothing_but_its_round_is_remembered(synod_of):
    cluster = synod_of(3)
    propose(cluster, "n1", "v")
    cluster.tell("n1", "n2", type="nack", ballot=[0, "n1"], promised=[6, "n3"], **K)
    assert len(accepts(promise(cluster, "n2", [1, "n1"]))) == 2
    assert cluster.instance("n1").proposer.round_seen == 6


def test_2_7_the_pauses_after_collisions_are_random_and_their_bound_doubles_up_to_the_most(synod_of):
    bounds_ms = []
    for collisions in range(8):
        longest = 0
        for seed in range(30):
            cluster = synod_of(3, seed=seed, backoff_ms=10, backoff_max_ms=300)
            propose(cluster, "n1", "v")
            for _ in range(collisions + 1):
                attempt = cluster.instance("n1").proposer.attempt
                if attempt is None:
                    cluster.fire("n1")
                    attempt = cluster.instance("n1").proposer.attempt
                seen = [attempt.ballot.round + 1, "n3"]
                cluster.tell("n1", "n2", type="nack", ballot=attempt.ballot, promised=seen, **K)
            (_, due_ns) = next(iter(cluster.members["n1"].timers.values()))
            longest = max(longest, due_ns - cluster.members["n1"].clock_ns)
        bounds_ms.append(longest / 1e6)
    for bound_ms, allowed_ms in zip(bounds_ms, (10, 20, 40, 80, 160, 300, 300, 300), strict=True):
        assert 0.7 * allowed_ms < bound_ms <= allowed_ms
    assert all(one < other for one, other in pairwise(bounds_ms[:5]))


def test_what_is_lost_is_said_again_to_those_who_have_not_answered(synod_of):
    cluster = synod_of(3)
    propose(cluster, "n1", "v")
    cluster.lose("prepare", dest="n2")
    cluster.pass_on("prepare")
    cluster.lose("promise")
    cluster.fire("n1")
    assert sorted(packet.dest for packet in cluster.on_way("prepare")) == ["n2", "n3"]
    cluster.pass_on("prepare", dest="n2")
    cluster.pass_on("promise")
    cluster.lose("accept", dest="n3")
    cluster.pass_on("accept")
    cluster.lose("accepted")
    cluster.fire("n1")
    assert sorted(packet.dest for packet in cluster.on_way("accept")) == ["n2", "n3"]


def test_it_is_said_again_after_twice_as_long_each_time_up_to_the_most(synod_of):
    cluster = synod_of(3, retransmit_ms=40, backoff_max_ms=300)
    propose(cluster, "n1", "v")
    waits_ms = []
    for _ in range(5):
        ((_, due_ns),) = cluster.members["n1"].timers.values()
        waits_ms.append((due_ns - cluster.members["n1"].clock_ns) / 1e6)
        cluster.fire("n1")
    assert waits_ms == [40, 80, 160, 300, 300]


# --- reads


def test_the_pauses_before_it_is_said_again_double_up_to_the_most(synod_of):
    cluster = synod_of(3, retransmit_ms=10, backoff_max_ms=75)
    member = cluster.members["n1"]
    propose(cluster, "n1", "v")
    pauses_ms = []
    for _ in range(5):
        ((timer, (_, due_ns)),) = member.timers.items()
        pauses_ms.append((due_ns - member.clock_ns) // 1_000_000)
        cluster.fire("n1", timer)
    assert pauses_ms == [10, 20, 40, 75, 75]


def test_a_read_finds_nothing_and_leaves_a_fence_behind(synod_of):
    cluster = synod_of(3)
    propose(cluster, "n2", "late")
    cluster.pass_on("prepare")
    cluster.pass_on("promise")
    cluster.lose("accepted")
    held = cluster.on_way("accept")
    cluster.packets = []
    asked = cluster.request("n1", "read", **K)
    cluster.tell("n1", "n3", type="nack", ballot=[1, "n1"], promised=[1, "n2"], **K)
    cluster.packets = []
    cluster.fire("n1")
    cluster.run("n1", "n3")
    cluster.packets = held  # n2's ballot is older than the fence: no quorum accepts it any more
    assert cluster.answer(asked)["value"] is None
    cluster.pass_on("accept")
    assert {packet.body["type"] for packet in cluster.on_way(dest="n2")} == {"nack"}


def test_a_read_helps_on_what_it_finds_before_it_answers(synod_of):
    cluster = synod_of(3)
    propose(cluster, "n2", "v")
    cluster.pass_on("prepare")
    cluster.pass_on("promise")
    cluster.pass_on("accept", dest="n3")
    cluster.crash("n2")
    cluster.packets = []
    asked = cluster.request("n1", "read", **K)
    for _ in range(3):
        cluster.run("n1", "n3")
        if cluster.answer(asked) is None:
            cluster.fire("n1")
    assert cluster.answer(asked)["value"] == "v"


def test_a_read_that_came_during_an_attempt_is_not_answered_undecided_by_it(synod_of):
    cluster = synod_of(3)
    early = cluster.request("n1", "read", **K)
    late = cluster.request("n1", "read", **K)
    promise(cluster, "n2", [1, "n1"])
    assert cluster.answer(early)["value"] is None
    assert cluster.answer(late) is None
    assert cluster.instance("n1").proposer.attempt.ballot == (2, "n1")


def test_everybody_is_answered_with_the_chosen_value_whatever_they_proposed(synod_of):
    cluster = synod_of(3)
    asked = [propose(cluster, "n1", 1), propose(cluster, "n1", 2), cluster.request("n1", "read", **K)]
    cluster.run()
    assert [cluster.answer(number) for number in asked] == [
        {"type": kind, "value": 1, "in_reply_to": number}
        for number, kind in zip(asked, ("propose_ok", "propose_ok", "read_ok"), strict=True)
    ]


# --- liveness, quorums


@pytest.mark.parametrize("seed", range(10))
def test_2_7_five_proposers_at_once_decide_within_20_election_timeouts(synod_of, seed):
    cluster = synod_of(5, seed=seed)
    asked = [propose(cluster, name, name) for name in cluster.names]
    for _ in range(20 * 300):  # rounds of a millisecond, in each of which everything under way arrives
        for packet in list(cluster.packets):
            cluster.deliver(packet)
        cluster.wait(1)
        for name, member in cluster.members.items():
            if any(due_ns <= member.clock_ns for _, due_ns in member.timers.values()):
                cluster.fire(name)
        if all(cluster.answer(number) for number in asked):
            break
    assert len({cluster.answer(number)["value"] for number in asked}) == 1


@pytest.mark.parametrize(("q1", "q2"), [(1, 3), (3, 1)])
def test_edge_q1_of_one_and_q2_of_all_and_the_other_way_round(synod_of, q1, q2):
    cluster = synod_of(3, phase1_quorum=q1, phase2_quorum=q2)
    asked = propose(cluster, "n1", "v")
    if q1 == 1:
        assert len(cluster.on_way("accept")) == 2  # its own promise was enough
        cluster.run("n1", "n2")
        assert cluster.answer(asked) is None  # but everybody must accept
        cluster.fire("n1")
    cluster.run()
    assert cluster.answer(asked)["value"] == "v"
    if q2 == 1:
        other = synod_of(3, phase1_quorum=q1, phase2_quorum=q2)
        asked = propose(other, "n1", "v")
        other.pass_on("prepare", dest="n2")
        other.pass_on("promise")
        assert other.on_way("accept") == []
        other.pass_on("prepare", dest="n3")
        other.pass_on("promise")
        assert other.answer(asked)["value"] == "v"  # its own acceptance was enough


@pytest.mark.parametrize("size", [1, 3, 4, 5, 7])
def test_a_value_is_chosen_in_clusters_of_any_size(synod_of, size):
    cluster = synod_of(size)
    asked = propose(cluster, "n1", "v")
    cluster.run()
    assert cluster.answer(asked)["value"] == "v"


def test_a_cluster_of_four_without_one_goes_on_and_without_two_does_not(synod_of):
    cluster = synod_of(4)
    cluster.crash("n4")
    asked = propose(cluster, "n1", "v")
    cluster.run()
    assert cluster.answer(asked)["value"] == "v"
    cluster.crash("n3")
    asked = cluster.request("n1", "propose", key="other", value="w")
    cluster.run()
    assert cluster.answer(asked) is None
