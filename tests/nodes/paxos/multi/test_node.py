"""The node around the rules: what a boot finds, requests, and the news for a service above."""

from __future__ import annotations

from functools import partial

import pytest

from keelhaul.nodes.events import ClientRequest
from keelhaul.nodes.paxos import Paxos
from keelhaul.nodes.replicated_log import Applied, Confirm, Confirmed, Following, Leading, Lost, Propose, Refused
from keelhaul.nodes.state_machines.key_value import KeyValue


class Machine(KeyValue):
    """A service's own machine."""


@pytest.fixture
def served(cluster_of):
    """Make members under a service."""

    def make(config, random):
        return Paxos(config, random, Machine())

    return partial(cluster_of, make)


def news(cluster, name, kind):
    return [one for who, one in cluster.news if who == name and isinstance(one, kind)]


def test_everything_is_there_again_after_all_were_killed(paxos_of):
    cluster = paxos_of(3)
    cluster.elect("n1")
    asked = cluster.request("n1", "write", key="k", value="v")
    cluster.run()
    assert cluster.answer(asked)["type"] == "write_ok"
    cluster.crash(*cluster.names)
    cluster.restart(*cluster.names)
    cluster.elect("n3")
    asked = cluster.request("n3", "read", key="k")
    cluster.run()
    assert cluster.answer(asked)["value"] == "v"


def test_an_unknown_record_on_disk_ends_the_node(paxos_of):
    with pytest.raises(AssertionError, match="an unknown record on disk: 'x'"):
        paxos_of(1, disks={"n1": [["x", 1]]})


def test_strangers_and_unknown_messages_are_passed_over(paxos_of):
    cluster = paxos_of(3)
    assert cluster.tell("n1", "n9", type="prepare", ballot=[1, "n9"], from_slot=1) == []
    assert cluster.tell("n1", "n2", type="what") == []
    cluster.step("n1", ClientRequest("c1", {"type": "status"}))
    assert cluster.replies == []


def test_a_malformed_command_is_refused(paxos_of):
    cluster = paxos_of(3)
    assert cluster.answer(cluster.request("n1", "write", key="k"))["code"] == 12


def test_status_tells_role_leader_voters_and_how_far(paxos_of):
    cluster = paxos_of(3)
    cluster.elect("n2")
    cluster.request("n2", "write", key="k", value=1)
    cluster.run()
    status = cluster.answer(cluster.request("n2", "status"))
    assert status | {"in_reply_to": 0} == {
        "type": "status_ok",
        "role": "leader",
        "term": 1,
        "leader": "n2",
        "commit_index": 1,
        "voters": ["n1", "n2", "n3"],
        "in_reply_to": 0,
    }


def test_g6_an_old_setting_of_a_timer_does_nothing(paxos_of):
    cluster = paxos_of(3)
    old = cluster.members["n1"].timers["election"]
    cluster.fire("n1", "election")
    cluster.lose()
    cluster.members["n1"].timers["election"] = (old[0], old[1])
    cluster.fire("n1", "election")
    assert cluster.packets == []


# --- a service above


def test_a_service_hears_that_it_leads_when_all_that_was_chosen_before_is_executed(served):
    cluster = served(3)
    cluster.elect("n1")
    assert [one.epoch for one in news(cluster, "n1", Leading)] == [3]
    cluster.tell("n1", "n2", type="nack", ballot=[1, "n1"], promised=[4, "n2"])
    assert len(news(cluster, "n1", Following)) == 1


def test_a_service_hears_of_the_end_of_a_lead_only_if_it_had_heard_of_its_beginning(served):
    cluster = served(3)
    cluster.wait(300)
    cluster.stand("n1")
    cluster.tell("n1", "n2", type="nack", ballot=[1, "n1"], promised=[4, "n2"])
    assert cluster.state("n1").role == "follower"
    assert news(cluster, "n1", Following) == []


def test_epochs_grow_from_leader_to_leader(served):
    cluster = served(3)
    epochs = []
    for name in ("n2", "n1", "n3"):
        cluster.wait(600)
        cluster.elect(name)
        epochs += [one.epoch for one in news(cluster, name, Leading)]
    assert epochs == sorted(set(epochs))
    assert len(epochs) == 3


def test_what_a_service_proposes_is_applied_with_its_tag_refused_or_lost(served):
    cluster = served(3)
    cluster.step("n2", Propose(5, ["write", "k", 1]))
    assert news(cluster, "n2", Refused) == [Refused(5, None)]
    cluster.elect("n1")
    cluster.step("n1", Propose(6, ["write", "k", 1]))
    cluster.run()
    assert news(cluster, "n1", Applied) == [Applied(1, {"type": "write_ok"}, 6)]
    cluster.step("n1", Propose(7, ["write", "k", 2]))
    cluster.tell("n1", "n2", type="nack", ballot=[1, "n1"], promised=[4, "n2"])
    assert news(cluster, "n1", Lost) == [Lost(7)]


def test_what_a_service_asks_to_be_confirmed_waits_for_a_round(served):
    cluster = served(3)
    cluster.elect("n1")
    cluster.step("n1", Confirm(8))
    assert news(cluster, "n1", Confirmed) == []
    cluster.run()
    assert news(cluster, "n1", Confirmed) == [Confirmed(8)]


def test_a_service_can_ask_who_leads_and_whether_a_lease_holds(served):
    cluster = served(3, read_mode="lease")
    cluster.elect("n1")
    cluster.beat("n1")
    member = cluster.members["n1"]
    assert (member.node.leader, cluster.members["n2"].node.leader) == ("n1", "n1")
    assert member.node.has_lease(member.clock_ns)
    assert not cluster.members["n2"].node.has_lease(cluster.members["n2"].clock_ns)
    assert not member.node.has_lease(member.clock_ns + 300_000_000)
