"""Who votes on which slot, and how that changes (MP12)."""

from __future__ import annotations

import pytest

from keelhaul.nodes.paxos.multi.configs import Configs
from keelhaul.nodes.paxos.quorums import majority


def reconfigure(cluster, voters, at="n1"):
    return cluster.request(at, "reconfigure", voters=voters)


def write(cluster, value, at="n1"):
    return cluster.request(at, "write", key="k", value=value)


@pytest.fixture
def cluster(paxos_of):
    made = paxos_of(5, window=3, initial_voters=3)
    made.elect("n1")
    return made


def voters_of(cluster, name):
    return cluster.answer(cluster.request(name, "status"))["voters"]


def test_mp12_each_slot_has_the_newest_set_that_is_in_force_there():
    configs = Configs(["n1"], majority)
    configs.add(5, ["n1", "n2"])
    assert [configs.at(slot).voters for slot in (1, 4, 5, 99)] == [("n1",), ("n1",), ("n1", "n2"), ("n1", "n2")]
    assert [row.first for row in configs.from_slot(4)] == [1, 5]
    copy = Configs(["n9"], majority)
    copy.restore(configs.image(4))
    assert copy.image(1) == configs.image(1)


def test_mp12_a_change_takes_effect_a_window_after_its_slot(cluster):
    write(cluster, "a")
    cluster.run()
    asked = reconfigure(cluster, ["n3", "n4", "n5"])
    cluster.run()
    assert cluster.answer(asked)["type"] == "reconfigure_ok"
    assert cluster.told("config", "n1")[-1]["first"] == 2 + 3
    changed = [record["slot"] for record in cluster.told("propose", "n1") if record["source"] == "noop"]
    assert changed == [3, 4]  # nothing at all, so that it comes into force without clients' help


def test_mp12_the_new_voters_decide_from_there_on(cluster):
    reconfigure(cluster, ["n1", "n4", "n5"])
    cluster.run()
    cluster.beat("n1")
    assert voters_of(cluster, "n1") == ["n1", "n4", "n5"]
    cluster.crash("n2", "n3")
    asked = write(cluster, "v")
    cluster.run()
    assert cluster.answer(asked)["type"] == "write_ok"
    cluster.crash("n4", "n5")
    cluster.restart("n2", "n3")
    asked = write(cluster, "w")
    cluster.run()
    assert cluster.answer(asked) is None


def test_mp12_nothing_is_proposed_to_new_voters_before_a_quorum_of_them_has_promised(cluster):
    cluster.crash("n4", "n5")
    reconfigure(cluster, ["n1", "n4", "n5"])
    for number in range(4):
        write(cluster, number)
    cluster.run()
    cluster.beat("n1")
    assert max(record["slot"] for record in cluster.told("propose", "n1")) == 3
    cluster.restart("n4")
    for _ in range(4):
        cluster.beat("n1")
    assert cluster.state("n1").executed >= 5


def test_mp12_a_leader_that_does_not_vote_any_more_gives_up_the_lead(cluster):
    reconfigure(cluster, ["n2", "n3", "n4"])
    cluster.run()
    assert cluster.state("n1").role == "follower"
    assert cluster.state("n1").executed == 3  # the last slot of the old voters
    assert voters_of(cluster, "n4") == ["n2", "n3", "n4"]  # told in time, with the last heartbeat
    cluster.elect("n4")
    asked = write(cluster, "v", "n4")
    cluster.run()
    assert cluster.answer(asked)["type"] == "write_ok"


def test_mp12_until_then_it_leads_to_the_last_slot_of_the_old_voters(cluster):
    write(cluster, "a")
    cluster.run()
    reconfigure(cluster, ["n2", "n3", "n4"])
    asked = [write(cluster, "b"), write(cluster, "c")]
    cluster.run()
    assert cluster.told("config", "n1")[-1]["first"] == 2 + 3
    assert [cluster.answer(number)["type"] for number in asked] == ["write_ok", "write_ok"]
    assert (cluster.state("n1").role, cluster.state("n1").executed) == ("follower", 4)


def test_mp12_who_does_not_vote_does_not_stand(cluster):
    cluster.wait(300)
    for _ in range(3):
        cluster.fire("n5", "election")
    assert cluster.state("n5").role == "follower"


def test_mp12_all_voters_can_be_replaced_even_if_the_last_heartbeat_is_lost(cluster):
    reconfigure(cluster, ["n4", "n5"])
    while cluster.state("n1").role == "leader":
        cluster.pass_on("accept")
        cluster.pass_on("accepted")
        cluster.pass_on("prepare")
        cluster.pass_on("promise")
    cluster.lose()
    assert [voters_of(cluster, name) for name in ("n4", "n5")] == [["n1", "n2", "n3"]] * 2
    cluster.wait(600)
    for name in ("n4", "n5"):  # they hear nobody, and ask around
        cluster.fire(name, "election")
    cluster.run()
    cluster.elect("n5")
    asked = write(cluster, "v", "n5")
    cluster.run()
    assert cluster.answer(asked)["type"] == "write_ok"


def test_mp12_a_leader_of_the_next_ballot_knows_the_voters_too(cluster):
    reconfigure(cluster, ["n2", "n4", "n5"])
    cluster.run()
    cluster.elect("n5")
    cluster.run()
    assert voters_of(cluster, "n5") == ["n2", "n4", "n5"]
    cluster.crash("n1", "n3")
    asked = write(cluster, "v", "n5")
    cluster.run()
    assert cluster.answer(asked)["type"] == "write_ok"


def test_mp12_one_change_at_a_time(cluster):
    first = reconfigure(cluster, ["n1", "n2", "n4"])
    cluster.pass_on("accept")
    cluster.pass_on("accepted")
    assert cluster.answer(first)["type"] == "reconfigure_ok"
    refused = cluster.answer(reconfigure(cluster, ["n1"]))  # slots 2 and 3 are still the old voters'
    assert (refused["code"], refused["text"]) == (11, "a change of voters is under way")
    cluster.run()
    assert "code" not in (cluster.answer(reconfigure(cluster, ["n1"])) or {})


@pytest.mark.parametrize(
    ("voters", "text"),
    [
        ([], "voters must be some of n1, n2, n3, n4, n5"),
        (["n1", "n9"], "voters must be some of n1, n2, n3, n4, n5"),
        ("n1", "voters must be some of"),
        (["n1", "n1"], "a voter is there twice"),
    ],
)
def test_voters_that_make_no_sense_are_refused(cluster, voters, text):
    refused = cluster.answer(reconfigure(cluster, voters))
    assert refused["code"] == 22
    assert text in refused["text"]


def test_voters_whose_quorums_need_not_meet_are_refused_with_a_pair(paxos_of):
    cluster = paxos_of(5, phase1_quorum=2, phase2_quorum=2, initial_voters=3)
    cluster.elect("n1")
    refused = cluster.answer(reconfigure(cluster, ["n1", "n2", "n3", "n4"]))
    assert "n1, n2 can win a ballot while n3, n4 have chosen a value" in refused["text"]


def test_only_a_leader_takes_a_change(cluster):
    cluster.beat("n1")
    assert cluster.answer(reconfigure(cluster, ["n1"], "n2"))["leader"] == "n1"


def test_mp12_a_snapshot_brings_the_voters_along(paxos_of):
    cluster = paxos_of(5, window=2, initial_voters=3, snapshot_threshold=3, snapshot_trailing=0)
    cluster.elect("n1")
    reconfigure(cluster, ["n1", "n2", "n4"])
    cluster.run("n1", "n2", "n4")
    for number in range(4):
        write(cluster, number)
        cluster.run("n1", "n2", "n4")
    for _ in range(3):
        cluster.beat("n1")
    assert cluster.told("snapshot_installed", "n5") != []
    assert voters_of(cluster, "n5") == ["n1", "n2", "n4"]
