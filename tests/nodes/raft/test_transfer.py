"""Handing the leadership over (T1–T6, LR1)."""

from __future__ import annotations

import pytest


def timeout_now(cluster, leader):
    """Make the message by which this leader would tell somebody to stand."""
    state = cluster.state(leader)
    return {
        "type": "timeout_now",
        "term": state.term,
        "last_index": state.log.last_index,
        "last_term": state.log.last_term,
    }


@pytest.fixture
def led(cluster_of):
    """Make three members, led by n1, with everything committed everywhere."""

    def make(**options):
        cluster = cluster_of(3, **options)
        cluster.elect("n1")
        cluster.beat("n1")
        return cluster

    return make


def test_t1_to_t4_the_target_leads_without_waiting_for_anybodys_timeout(led):
    cluster = led()
    asked = cluster.request("n1", "transfer", target="n3")
    cluster.run()
    assert (cluster.role("n1"), cluster.role("n3"), cluster.state("n3").term) == ("follower", "leader", 2)
    assert cluster.answer(asked)["type"] == "transfer_ok"


def test_t1_a_leader_that_hands_over_takes_no_commands_and_no_changes(led):
    cluster = led()
    cluster.request("n1", "transfer", target="n3")
    refused = [
        cluster.request("n1", "write", key="k", value=1),
        cluster.request("n1", "reconfigure", voters=["n1", "n2"]),
        cluster.request("n1", "transfer", target="n2"),
    ]
    assert [cluster.answer(each)["code"] for each in refused] == [11, 11, 11]
    assert cluster.state("n1").log.last_index == 1


def test_t1_reads_are_still_answered_while_it_hands_over(led):
    cluster = led(read_mode="read-index")
    cluster.request("n1", "transfer", target="n3")
    cluster.drop_all()
    read = cluster.request("n1", "read", key="k")
    cluster.run()
    assert cluster.answer(read)["value"] is None


def test_t2_the_target_is_told_only_when_it_has_everything(led):
    cluster = led()
    cluster.request("n1", "write", key="k", value=1)
    late = cluster.on_way("n1", "n3")
    cluster.drop_all("n1", "n3")
    cluster.request("n1", "transfer", target="n3")
    assert cluster.on_way(kind="timeout_now") == []
    cluster.packets += late
    cluster.deliver_all("n1", "n3")
    assert cluster.on_way(kind="timeout_now") == []
    cluster.deliver_all("n3", "n1")
    assert [packet.dest for packet in cluster.on_way(kind="timeout_now")] == ["n3"]


def test_t2_the_target_is_told_once(led):
    cluster = led()
    cluster.request("n1", "transfer", target="n3")
    cluster.drop_all(kind="timeout_now")
    cluster.beat("n1")
    assert cluster.on_way(kind="timeout_now") == []


def test_t4_the_target_asks_nobody_first_and_is_heard_by_those_who_hear_a_leader(led):
    cluster = led()
    cluster.request("n1", "transfer", target="n3")
    cluster.deliver_all(kind="timeout_now")
    requests = cluster.on_way("n3", kind="request_vote")
    assert {(packet.body["pre_vote"], packet.body["transfer"]) for packet in requests} == {(False, True)}
    cluster.deliver_all("n3", "n2")
    (reply,) = cluster.on_way("n2", "n3")
    assert reply.body["granted"]


def test_t5_after_e_it_gives_up_says_so_and_takes_commands_again(led):
    cluster = led()
    asked = cluster.request("n1", "transfer", target="n3")
    cluster.drop_all(kind="timeout_now")
    for _ in range(5):
        cluster.beat("n1")
        assert cluster.answer(asked) is None
    cluster.beat("n1")
    assert cluster.answer(asked)["code"] == 11
    written = cluster.request("n1", "write", key="k", value=1)
    cluster.run()
    assert cluster.answer(written)["type"] == "write_ok"


def test_t6_a_target_that_is_no_voter_is_refused_for_good(cluster_of):
    cluster = cluster_of(3, initial_voters=2)
    cluster.elect("n1", "n1", "n2")
    for target in ("n3", "n9"):
        assert cluster.answer(cluster.request("n1", "transfer", target=target))["code"] == 14
    assert cluster.answer(cluster.request("n1", "transfer"))["code"] == 12
    assert cluster.answer(cluster.request("n1", "transfer", target="n1"))["type"] == "transfer_ok"
    assert cluster.on_way(kind="timeout_now") == []


def test_t6_only_a_leader_hands_over(led):
    cluster = led()
    refused = cluster.answer(cluster.request("n2", "transfer", target="n3"))
    assert (refused["code"], refused["leader"]) == (11, "n1")


@pytest.mark.parametrize(
    "wrong",
    [{"term": 0}, {"last_index": 0}, {"last_index": 2}, {"last_term": 0}, {"source": "n2"}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_t6_a_late_message_or_one_for_another_log_does_nothing(led, wrong):
    cluster = led()
    body = {**timeout_now(cluster, "n1"), **wrong}
    assert cluster.tell("n3", body.pop("source", "n1"), **body) == []
    assert (cluster.role("n3"), cluster.state("n3").term) == ("follower", 1)


def test_t6_who_is_no_voter_does_not_stand(cluster_of):
    cluster = cluster_of(3, initial_voters=2)
    cluster.elect("n1", "n1", "n2")
    term = cluster.state("n1").term
    cluster.tell("n3", "n1", type="append_entries", term=term, prev_index=0, prev_term=0, entries=[], leader_commit=0)
    told = {"type": "timeout_now", "term": term, "last_index": 0, "last_term": 0}
    assert cluster.tell("n3", "n1", **told) == []
    assert cluster.role("n3") == "follower"


def test_a1_a_newer_term_is_taken_from_this_message_too(led):
    cluster = led()
    assert cluster.tell("n3", "n2", **{**timeout_now(cluster, "n1"), "term": 5}) == []
    assert (cluster.role("n3"), cluster.state("n3").term) == ("follower", 5)


# --- the lease (LR1)


@pytest.fixture
def leased(led):
    """Make three members, led by n1, which has a lease."""
    cluster = led(read_mode="lease")
    cluster.beat("n1")
    assert has_lease(cluster)
    return cluster


def has_lease(cluster, name="n1"):
    member = cluster.members[name]
    return member.node.has_lease(member.clock_ns)


def test_t3_lr1_the_lease_is_void_before_the_target_is_told(leased):
    leased.request("n1", "transfer", target="n3")
    assert leased.on_way(kind="timeout_now")
    assert not has_lease(leased)


def give_up_transfer(cluster, target):
    """Begin a transfer and let it fail; return the message that got nowhere, and may still arrive."""
    cluster.request("n1", "transfer", target=target)
    late = cluster.on_way(kind="timeout_now")
    cluster.drop_all(kind="timeout_now")
    for _ in range(6):
        cluster.beat("n1")
    assert cluster.state("n1").transfer is None
    return late


def test_lr1_an_abandoned_transfer_keeps_the_lease_void_while_its_message_may_still_count(leased):
    give_up_transfer(leased, "n3")
    leased.beat("n1")
    assert not has_lease(leased)
    leased.request("n1", "write", key="k", value=1)
    leased.run()
    assert not has_lease(leased), "only messages that are sent from now on count"
    leased.beat("n1")
    assert has_lease(leased)


def test_lr1_two_abandoned_transfers_each_keep_it_void(leased):
    give_up_transfer(leased, "n2")
    give_up_transfer(leased, "n3")
    leased.request("n1", "write", key="k", value=1)
    leased.run("n1", "n3")
    leased.beat("n1", "n1", "n3")
    assert not has_lease(leased), "n2 may still be told, and has the log that the message names"
    leased.beat("n1")
    leased.beat("n1")
    assert has_lease(leased)


def test_lr1_once_the_target_has_more_a_late_message_does_nothing(leased):
    late = give_up_transfer(leased, "n3")
    leased.request("n1", "write", key="k", value=1)
    leased.run()
    leased.packets += late
    leased.run()
    assert (leased.role("n3"), leased.role("n1")) == ("follower", "leader")
