"""Whole stories of several members, step by step; those of §1.15 are in `test_edge_cases.py`."""

from __future__ import annotations

import pytest

# --- restarts


def test_acknowledged_writes_survive_a_power_cut_of_all(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    for number in range(10):
        cluster.request("n1", "write", key="k", value=number)
        cluster.run()
    for name in cluster.names:
        cluster.crash(name, torn=b"\0\0\0\x09half")
    for name in cluster.names:
        cluster.restart(name)
    cluster.elect("n2")
    read = cluster.request("n2", "read", key="k")
    cluster.run()
    assert cluster.answer(read)["value"] == 9


@pytest.mark.parametrize("kept", range(5))
def test_a_crash_may_keep_any_part_of_a_write(cluster_of, kept):
    cluster = cluster_of(3)
    entry = [1, "command", ["write", "k", 1]]
    fields = {"type": "append_entries", "prev_index": 0, "prev_term": 0, "leader_commit": 0}
    cluster.tell("n1", "n2", **fields, term=1, entries=[entry, entry])
    cluster.hold_disk("n1")
    cluster.tell("n1", "n3", **fields, term=2, entries=[[2, *entry[1:]]] * 2)  # vote, truncate, entry, entry
    cluster.crash("n1", kept_records=kept)
    cluster.restart("n1")
    assert cluster.terms("n1") == [[1, 1], [1, 1], [], [2], [2, 2]][kept]
    assert cluster.state("n1").term == (2 if kept else 1)
    cluster.hold_disk("n1", held=False)
    cluster.elect("n1")
    cluster.beat("n1")
    assert cluster.terms("n3") == cluster.terms("n1")


def test_a_leader_that_restarts_in_its_term_does_not_lead_it_again(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    cluster.hold_disk("n1")
    cluster.request("n1", "write", key="k", value=1)
    cluster.crash("n1")  # its own copy is lost; the others' is under way
    cluster.restart("n1")
    cluster.deliver_all("n1", "n2")
    cluster.deliver_all("n2", "n1")
    state = cluster.state("n1")
    assert (state.role, state.term, state.voted_for, state.commit_index) == ("follower", 1, "n1", 0)
    cluster.hold_disk("n1", held=False)
    cluster.elect("n2")
    assert cluster.state("n2").term == 2
    assert cluster.terms("n1") == cluster.terms("n2") == [1, 1, 2]


# --- old messages


def test_everything_twice_and_backwards_ends_the_same(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    for number in range(6):
        cluster.request("n1", "write", key="k", value=number)
    for _ in range(30):
        for packet in reversed(list(cluster.packets)):
            cluster.deliver(packet, keep=True)
            cluster.deliver(packet)
        cluster.wait(50)
        cluster.fire("n1", "heartbeat")
    cluster.run()
    assert [cluster.terms(name) for name in cluster.names] == [[1] * 7] * 3
    assert cluster.state("n1").commit_index == 7
    assert len(cluster.replies) == 6


# --- cut off


def test_a_leader_that_is_cut_off_commits_nothing_and_its_entries_vanish(cluster_of):
    cluster = cluster_of(5)
    cluster.elect("n1")
    lost = cluster.request("n1", "write", key="k", value="lost")
    cluster.run("n1", "n2")
    assert cluster.state("n1").commit_index == 1
    cluster.elect("n3", "n3", "n4", "n5")
    kept = cluster.request("n3", "write", key="k", value="kept")
    cluster.run("n3", "n4", "n5")
    assert cluster.answer(kept)["type"] == "write_ok"
    cluster.beat("n3")
    cluster.beat("n3")
    cluster.beat("n3")
    assert cluster.answer(lost)["type"] == "error"
    for name in cluster.names:
        assert cluster.state(name).machine.apply(1, ["read", "k"])["value"] == "kept"


def test_four_members_need_three(cluster_of):
    cluster = cluster_of(4, pre_vote=0)
    cluster.fire_until_candidate("n1")
    cluster.run("n1", "n2")
    assert cluster.role("n1") == "candidate"
    cluster.elect("n1", "n1", "n2", "n3")
    written = cluster.request("n1", "write", key="k", value=1)
    cluster.run("n1", "n2")
    assert cluster.answer(written) is None
    cluster.beat("n1", "n1", "n2", "n3")
    assert cluster.answer(written)["type"] == "write_ok"


def test_two_members_need_both_and_go_on_when_both_are_back(cluster_of):
    cluster = cluster_of(2)
    cluster.elect("n1")
    cluster.crash("n2")
    for _ in range(8):
        cluster.beat("n1")
    assert cluster.role("n1") == "follower"
    cluster.restart("n2")
    cluster.elect("n2")
    written = cluster.request("n2", "write", key="k", value=1)
    cluster.run()
    assert cluster.answer(written)["type"] == "write_ok"


def test_the_planted_bug_acknowledges_before_anybody_else_has_it(cluster_of):
    cluster = cluster_of(3, mutant="reply-before-commit")
    cluster.elect("n1")
    cluster.hold_disk("n1")
    written = cluster.request("n1", "write", key="k", value=1)
    cluster.drop_all()
    assert cluster.answer(written) is None
    cluster.sync("n1")  # the leader's own disk is all that it waits for
    assert cluster.answer(written)["type"] == "write_ok"
    cluster.drop_all()
    cluster.elect("n2", "n2", "n3")
    read = cluster.request("n2", "read", key="k")
    cluster.run("n2", "n3")
    assert cluster.answer(read)["value"] is None
