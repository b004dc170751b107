"""Changes of membership: one voter at a time and jointly, learners, and what must not happen (M1–M11)."""

from __future__ import annotations

from itertools import pairwise

import pytest

from keelhaul.nodes.raft import membership
from keelhaul.nodes.raft.configuration import Configuration

E_MS, MS = 300, 1_000_000


def voters(cluster, name):
    return cluster.state(name).configuration.voters


def reconfigure(cluster, leader, names, learners=(), *among):
    """Ask for these voters, and let everything happen that then happens by itself; return the answer."""
    asked = cluster.request(leader, "reconfigure", voters=names.split(), learners=list(learners))
    cluster.run(*among)
    return cluster.answer(asked)


@pytest.fixture
def led(cluster_of):
    """Make members of which the first few vote, led by n1, with everything committed everywhere."""

    def make(size=3, initial_voters=0, **options):
        cluster = cluster_of(size, initial_voters=initial_voters, **options)
        cluster.elect("n1")
        cluster.beat("n1")
        return cluster

    return make


# --- quorums


@pytest.mark.parametrize(
    ("old", "new", "names", "enough"),
    [
        ("", "123", "12", True),
        ("", "123", "1", False),
        ("", "1234", "12", False),
        ("", "1234", "124", True),
        ("", "12", "1", False),
        ("", "123456", "123", False),
        ("", "123", "1456", False),
        ("123", "345", "1234", True),
        ("123", "345", "123", False),
        ("123", "345", "345", False),
        ("123", "345", "1245", True),
    ],
)
def test_e4_m5_a_quorum_is_more_than_half_of_each_group(old, new, names, enough):
    assert Configuration(tuple(new), tuple(old)).has_quorum(list(names)) is enough


def test_c1_m5_what_is_agreed_is_what_a_majority_of_each_group_has():
    held = {"1": 9, "2": 7, "3": 5, "4": 3, "5": 1}
    assert Configuration(tuple("123")).agreed(held) == 7
    assert Configuration(tuple("1234")).agreed(held) == 5
    assert Configuration(tuple("345"), tuple("123")).agreed(held) == 3


def test_everybody_gets_the_log_once_and_learners_do_not_vote():
    joint = Configuration(("n3", "n1"), ("n1", "n2"), ("n4",), 7)
    assert joint.members == ("n3", "n1", "n2", "n4")
    assert [joint.votes(name) for name in ("n1", "n2", "n3", "n4")] == [True, True, True, False]
    assert Configuration.of(joint.payload(), 7) == joint


# --- which configuration is in force


def test_m1_it_counts_from_when_it_is_in_the_log(led):
    cluster = led()
    cluster.request("n1", "reconfigure", voters=["n1", "n2"])
    assert voters(cluster, "n1") == ("n1", "n2")
    assert voters(cluster, "n2") == ("n1", "n2", "n3")
    cluster.deliver_all("n1", "n2")
    assert voters(cluster, "n2") == ("n1", "n2")
    assert cluster.state("n2").commit_index == 1


def test_m1_a_restart_knows_it_from_the_log(led):
    cluster = led()
    reconfigure(cluster, "n1", "n1 n2")
    cluster.crash("n2")
    cluster.restart("n2")
    assert voters(cluster, "n2") == ("n1", "n2")


def test_m8_a_configuration_that_is_cut_off_counts_no_more_even_if_several_are(cluster_of, disk_of):
    changes = [["entry", 2, 1, "config", [["n1", "n2", "n3"], [], []]], ["entry", 3, 1, "config", [["n1"], [], []]]]
    cluster = cluster_of(4, disks={"n1": [*disk_of(1), *changes]})
    assert voters(cluster, "n1") == ("n1",)
    other = {"prev_index": 1, "prev_term": 1, "entries": [[2, "noop", None]], "leader_commit": 0}
    cluster.tell("n1", "n2", type="append_entries", term=2, **other)
    assert voters(cluster, "n1") == ("n1", "n2", "n3", "n4")


def test_m8_below_them_all_is_the_snapshots(cluster_of):
    cluster = cluster_of(3, snapshot_threshold=3, snapshot_trailing=0)
    cluster.elect("n1")
    reconfigure(cluster, "n1", "n1 n2")
    for number in range(4):
        cluster.request("n1", "write", key="k", value=number)
        cluster.run()
    cluster.crash("n1")
    cluster.restart("n1")
    assert cluster.state("n1").configurations == [cluster.state("n1").snapshot.configuration]
    assert voters(cluster, "n1") == ("n1", "n2")


# --- one at a time


def test_m2_one_voter_less_and_one_more(led):
    cluster = led(4)
    assert reconfigure(cluster, "n1", "n1 n2 n3")["voters"] == ["n1", "n2", "n3"]
    assert reconfigure(cluster, "n1", "n1 n2 n3 n4")["type"] == "reconfigure_ok"
    cluster.beat("n1")
    assert [voters(cluster, name) for name in cluster.names] == [("n1", "n2", "n3", "n4")] * 4
    assert not any(record["old"] for record in cluster.told("n1", "config")), "no joint configuration was needed"


def test_m2_without_joint_consensus_several_changes_are_made_one_by_one(led):
    cluster = led(5, initial_voters=3, joint_consensus=0)
    assert reconfigure(cluster, "n1", "n1 n4 n5")["type"] == "reconfigure_ok"
    sizes = [len(record["voters"]) for record in cluster.told("n1", "config")]
    assert max(sizes) == 5
    seen = [set("123")] + [{name[1] for name in record["voters"]} for record in cluster.told("n1", "config")]
    assert all(len(before ^ after) <= 1 for before, after in pairwise(seen))


def test_m3_one_change_at_a_time(led):
    cluster = led(4)
    cluster.request("n1", "reconfigure", voters=["n1", "n2", "n3"])
    assert reconfigure(cluster, "n1", "n1 n2 n4")["code"] == 11
    assert [record["index"] for record in cluster.told("n1", "config")] == [2]


def test_m3_a_new_leader_commits_the_change_that_it_found_before_it_makes_another(cluster_of, disk_of):
    change = ["entry", 2, 1, "config", [["n1", "n2", "n3"], [], []]]
    cluster = cluster_of(4, disks={"n2": [*disk_of(1), change]})
    cluster.elect_only("n2", "n1", "n3")
    cluster.request("n2", "reconfigure", voters=["n1", "n2"])
    assert voters(cluster, "n2") == ("n1", "n2", "n3")
    cluster.run()
    assert voters(cluster, "n2") == ("n1", "n2")


def test_m4_no_change_before_an_entry_of_the_own_term_is_committed(cluster_of):
    cluster = cluster_of(3)
    cluster.elect_only("n1", "n2", "n3")
    asked = cluster.request("n1", "reconfigure", voters=["n1", "n2"])
    assert voters(cluster, "n1") == ("n1", "n2", "n3")
    cluster.run()
    assert cluster.answer(asked)["type"] == "reconfigure_ok"
    assert cluster.told("n1", "config")[0]["commit_index"] == 1


# --- jointly


def test_m5_several_voters_change_jointly(led):
    cluster = led(5, initial_voters=3)
    assert reconfigure(cluster, "n1", "n3 n4 n5")["type"] == "reconfigure_ok"
    steps = [(record["old"], record["voters"], record["learners"]) for record in cluster.told("n1", "config")]
    assert steps == [
        ([], ["n1", "n2", "n3"], ["n4", "n5"]),
        (["n1", "n2", "n3"], ["n3", "n4", "n5"], []),
        ([], ["n3", "n4", "n5"], []),
    ]


def test_m5_while_it_is_joint_a_majority_of_either_group_alone_commits_nothing(led):
    cluster = led(6, initial_voters=3)
    cluster.request("n1", "reconfigure", voters=["n4", "n5", "n6"])
    while not cluster.state("n1").configuration.old:
        cluster.deliver(cluster.packets[0])
    joint_index = cluster.state("n1").configuration.entry_index
    cluster.packets = [packet for packet in cluster.packets if packet.body["type"] == "append_entries"]
    cluster.drop_all("n1", "n5")
    cluster.drop_all("n1", "n6")
    cluster.run("n1", "n2", "n3", "n4")
    assert cluster.state("n1").commit_index < joint_index
    cluster.beat("n1")
    assert cluster.state("n1").commit_index > joint_index


def test_m5_a_leader_that_finds_a_joint_change_ends_it(cluster_of, disk_of):
    joint = ["entry", 2, 1, "config", [["n1", "n2", "n4"], ["n1", "n2", "n3"], []]]
    cluster = cluster_of(4, initial_voters=3, disks={name: [*disk_of(1), joint] for name in ("n1", "n2", "n3", "n4")})
    cluster.elect("n2")
    cluster.beat("n2")
    assert cluster.state("n2").configuration == Configuration(("n1", "n2", "n4"), (), (), 4)
    assert cluster.state("n2").commit_index == 4


def test_m5_who_is_in_neither_group_steps_down_when_the_new_one_is_committed(led):
    cluster = led(5, initial_voters=3)
    assert reconfigure(cluster, "n1", "n3 n4 n5")["type"] == "reconfigure_ok"
    assert cluster.role("n1") == "follower"
    cluster.elect("n4", "n3", "n4", "n5")
    assert cluster.role("n4") == "leader"


# --- learners


def test_m6_a_new_member_learns_first_and_votes_when_it_has_caught_up(led):
    cluster = led(4, initial_voters=3)
    cluster.request("n1", "reconfigure", voters=["n1", "n2", "n3", "n4"])
    assert cluster.state("n1").configuration.learners == ("n4",)
    cluster.run("n1", "n2", "n3")
    assert voters(cluster, "n1") == ("n1", "n2", "n3"), "it has not caught up: it heard nothing yet"
    cluster.beat("n1")
    cluster.beat("n1")
    assert voters(cluster, "n1") == ("n1", "n2", "n3", "n4")


def test_m6_a_learner_gets_the_log_and_counts_in_no_quorum(led):
    cluster = led(4, initial_voters=3)
    assert reconfigure(cluster, "n1", "n1 n2 n3", ["n4"])["type"] == "reconfigure_ok"
    written = cluster.request("n1", "write", key="k", value=1)
    cluster.run("n1", "n4")
    assert cluster.answer(written) is None
    assert cluster.state("n4").log.last_index == cluster.state("n1").log.last_index
    cluster.fire("n4")
    assert (cluster.role("n4"), cluster.on_way("n4")) == ("follower", [])


def test_m6_a_member_that_does_not_catch_up_in_time_is_given_up_and_nothing_has_changed(led):
    cluster = led(4, initial_voters=3)
    asked = cluster.request("n1", "reconfigure", voters=["n1", "n2", "n3", "n4"])
    cluster.run("n1", "n2", "n3")
    for _ in range(62):  # ten election timeouts
        cluster.beat("n1", "n1", "n2", "n3")
    assert cluster.answer(asked)["code"] == 11
    assert cluster.state("n1").configuration[:3] == (("n1", "n2", "n3"), (), ())


def test_m6_a_change_that_is_given_up_leaves_those_who_listened_before(led):
    cluster = led(5, initial_voters=3)
    assert reconfigure(cluster, "n1", "n1 n2 n3", ["n5"])["type"] == "reconfigure_ok"
    there = ("n1", "n2", "n3", "n5")
    asked = cluster.request("n1", "reconfigure", voters=["n1", "n2", "n3", "n4"])
    cluster.run(*there)
    for _ in range(62):
        cluster.beat("n1", *there)
    assert cluster.answer(asked)["code"] == 11
    assert cluster.state("n1").configuration[:3] == (("n1", "n2", "n3"), (), ("n5",))


def test_m6_a_slow_learner_gets_ten_rounds(led):
    cluster = led(4, initial_voters=3)
    asked = cluster.request("n1", "reconfigure", voters=["n1", "n2", "n3", "n4"])
    cluster.run("n1", "n2", "n3")
    state, rounds = cluster.state("n1"), []
    while not state.change.aborting:
        round_ = state.change.rounds["n4"]
        rounds.append(round_.number)
        cluster.request("n1", "write", key="k", value=1)
        cluster.run("n1", "n2", "n3")
        state.progress["n4"].match_index = round_.target_index  # it has what there was when the round began
        membership.advance(state, round_.began_ns + E_MS * MS)
    cluster.beat("n1", "n1", "n2", "n3")
    assert rounds == list(range(1, 11))
    assert cluster.answer(asked)["code"] == 11


def test_a_voter_can_become_a_learner(led):
    cluster = led(3)
    assert reconfigure(cluster, "n1", "n1 n2", ["n3"])["type"] == "reconfigure_ok"
    assert cluster.state("n1").configuration[:3] == (("n1", "n2"), (), ("n3",))


# --- who leaves


def test_m7_a_leader_that_removes_itself_leads_on_without_counting_itself_and_then_goes(led):
    cluster = led(3)
    asked = cluster.request("n1", "reconfigure", voters=["n2", "n3"])
    cluster.run("n1", "n2")
    assert (cluster.role("n1"), cluster.answer(asked)) == ("leader", None), "n1 and n2 are no majority of n2, n3"
    cluster.beat("n1")
    assert cluster.answer(asked)["type"] == "reconfigure_ok"
    assert cluster.role("n1") == "follower"
    assert {cluster.state(name).commit_index for name in ("n2", "n3")} == {2}, "it told them before it went"


def test_m9_a_removed_member_that_hears_nothing_disturbs_nobody(led):
    cluster = led(4)
    reconfigure(cluster, "n1", "n1 n2 n3", (), "n1", "n2", "n3")  # n4 never hears of it
    terms = [cluster.state(name).term for name in ("n1", "n2", "n3")]
    for _ in range(3):
        cluster.wait(1000, "n4")
        cluster.fire("n4")
        cluster.run()
    assert cluster.role("n1") == "leader"
    assert [cluster.state(name).term for name in ("n1", "n2", "n3")] == terms


def test_a_member_whose_removal_is_committed_does_not_stand(led):
    cluster = led(3)
    reconfigure(cluster, "n1", "n1 n2")
    cluster.beat("n1")
    cluster.tell(
        "n3", "n1", type="append_entries", term=1, prev_index=1, prev_term=1,
        entries=[[1, "config", [["n1", "n2"], [], []]]], leader_commit=2,
    )  # fmt: skip
    cluster.fire("n3")
    assert (cluster.role("n3"), cluster.on_way("n3")) == ("follower", [])


def test_a_member_whose_removal_is_not_committed_may_be_the_only_one_who_can_win(led):
    cluster = led(3)
    cluster.request("n1", "reconfigure", voters=["n2", "n3"])
    cluster.drop_all()
    cluster.crash("n1")
    cluster.restart("n1")
    cluster.wait()
    cluster.fire_until_candidate("n1")
    cluster.run()  # it wins by the votes of n2 and n3, commits its own removal, and goes
    assert (cluster.role("n1"), [record["role"] for record in cluster.told("n1", "role")][-2:]) == (
        "follower",
        ["leader", "follower"],
    )
    assert [voters(cluster, name) for name in cluster.names] == [("n2", "n3")] * 3


def test_a5_a_leader_and_a_candidate_are_heard_whether_or_not_they_are_members_here(cluster_of):
    cluster = cluster_of(3, initial_voters=2)
    request = {"type": "request_vote", "last_index": 0, "last_term": 0, "pre_vote": False, "transfer": False}
    (vote,) = cluster.tell("n1", "n3", **request, term=1)
    assert vote.body["granted"]
    noop = {"prev_index": 0, "prev_term": 0, "entries": [[1, "noop", None]], "leader_commit": 0}
    (reply,) = cluster.tell("n1", "n3", type="append_entries", term=1, **noop)
    assert (reply.body["success"], cluster.state("n1").leader) == (True, "n3")


# --- what is asked for


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"voters": "n1"},
        {"voters": ["n1", 2]},
        {"voters": ["n1", "n9"]},
        {"voters": ["n1", "n1"]},
        {"voters": []},
        {"voters": ["n1"], "learners": ["n1"]},
        {"voters": ["n1"], "learners": 3},
    ],
)
def test_m10_m11_only_known_names_each_once_and_at_least_one_voter(led, asked):
    cluster = led(3)
    refused = cluster.answer(cluster.request("n1", "reconfigure", **asked))
    assert refused["code"] == 12
    assert cluster.state("n1").log.last_index == 1


def test_asking_for_what_is_so_already_is_answered_at_once(led):
    cluster = led(3)
    assert reconfigure(cluster, "n1", "n3 n2 n1")["type"] == "reconfigure_ok"
    assert cluster.state("n1").log.last_index == 1


def test_only_a_leader_takes_it(led):
    cluster = led(3)
    assert reconfigure(cluster, "n2", "n1 n2")["leader"] == "n1"


def test_r_info_a_leader_that_loses_its_place_says_that_nobody_knows(led):
    cluster = led(3)
    asked = cluster.request("n1", "reconfigure", voters=["n1", "n2"])
    cluster.drop_all()
    cluster.tell("n1", "n2", type="append_entries_reply", term=5, success=False, prev_index=0)
    assert cluster.answer(asked)["code"] == 1000
