"""Whole stories of several members, step by step: the edge cases of §1.15, Figure 8 of the Raft paper among them."""

from __future__ import annotations

import pytest

from keelhaul.nodes.raft import replication
from keelhaul.nodes.raft.state import LEADER


def commits_whatever_is_counted(state, now_ns):
    """Be the commit rule without C1's demand for an entry of the own term."""
    if state.role == LEADER:
        held = {peer: progress.match_index for peer, progress in state.progress.items()}
        held[state.name] = state.durable_index
        index = state.configuration.agreed(held)
        if index > state.commit_index:
            replication.set_commit_index(state, now_ns, index)


def figure_8(cluster):
    """Play Figure 8 up to (d); return what was committed at index 2, as (who, entry's term)."""
    # (a) n1 leads term 2 and has entry 2 on itself and n2.
    cluster.elect_only("n1", "n2", "n3")
    cluster.deliver_all("n1", "n2")
    assert (cluster.terms("n1"), cluster.terms("n2"), cluster.terms("n3")) == ([1, 2], [1, 2], [1])
    cluster.crash("n1")
    cluster.packets.clear()
    # (b) n5 leads term 3 by votes of n3 and n4, and has another entry 2, which it doesn't get rid of.
    cluster.elect_only("n5", "n3", "n4")
    assert (cluster.terms("n5"), cluster.state("n5").term) == ([1, 3], 3)
    cluster.crash("n5")
    cluster.packets.clear()
    # (c) n1 is back, leads term 4, and brings entry 2 to n3: a majority holds it. Its own entry 3 reaches nobody.
    cluster.restart("n1")
    cluster.elect_only("n1", "n2", "n3")
    assert (cluster.terms("n1"), cluster.state("n1").term) == ([1, 2, 4], 4)
    answers = cluster.tell("n2", "n1", **bare_heartbeat(cluster, "n1"))
    cluster.packets = answers
    cluster.deliver_all("n2", "n1")
    cluster.packets = cluster.tell("n3", "n1", **bare_heartbeat(cluster, "n1"))
    cluster.deliver_all("n3", "n1")  # refused: n3 lacks entry 2
    cluster.deliver_all("n1", "n3")
    cluster.deliver_all("n3", "n1")
    assert cluster.terms("n3") == [1, 2]
    # (d) n1 dies, n5 is back, and wins term 5: its last entry is of term 3, which is newer than 2.
    cluster.crash("n1")
    cluster.packets.clear()
    cluster.restart("n5")
    cluster.elect("n5", "n2", "n3", "n4", "n5")
    return [
        (name, record["entry_term"])
        for name, record in cluster.traces
        if record["type"] == "commit" and record["index"] == 2
    ] + [(name, cluster.state(name).log.term_at(2)) for name in ("n2", "n3", "n4", "n5")]


def bare_heartbeat(cluster, leader):
    """Make what a leader sends when it has nothing but the entry before its newest to check."""
    state = cluster.state(leader)
    return {
        "type": "append_entries",
        "term": state.term,
        "prev_index": 2,
        "prev_term": state.log.term_at(2),
        "entries": [],
        "leader_commit": state.commit_index,
    }


@pytest.fixture
def before_figure_8(cluster_of, disk_of):
    """Make five members that agree on entry 1 of term 1."""
    names = [f"n{number}" for number in range(1, 6)]
    return cluster_of(5, batch_entries_max=1, disks={name: disk_of(1) for name in names})


def test_figure_8_an_old_terms_entry_on_a_majority_may_still_be_overwritten_so_it_is_not_committed(before_figure_8):
    story = figure_8(before_figure_8)
    assert ("n1", 2) not in story
    assert {term for _, term in story} == {3}


def test_figure_8_counting_old_terms_would_lose_a_committed_entry(before_figure_8, monkeypatch):
    monkeypatch.setattr(replication, "advance_commit", commits_whatever_is_counted)
    story = figure_8(before_figure_8)
    assert ("n1", 2) in story  # committed, with a client told so
    assert ("n5", 3) in story  # and gone


# --- restarts


def test_all_restart_at_once_with_different_tails(cluster_of, disk_of):
    tails = {
        "n1": disk_of(1, 1, 1, 1, term=3),
        "n2": disk_of(1, 1, 2, term=2),
        "n3": disk_of(1, 1, 2, 2, 2, term=3, voted_for="n1"),
        "n4": disk_of(1, 1, term=4, voted_for="n4"),
        "n5": disk_of(),
    }
    cluster = cluster_of(5, disks=tails)
    cluster.elect("n3")
    cluster.beat("n3")
    newest = cluster.state("n3").term
    assert newest >= 4
    assert [cluster.terms(name) for name in cluster.names] == [[1, 1, 2, 2, 2, newest]] * 5
    assert {cluster.state(name).commit_index for name in cluster.names} == {6}


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


def test_an_old_leaders_message_after_the_next_leaders_is_refused(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    cluster.request("n1", "write", key="k", value="old")
    late = cluster.on_way("n1", "n3")
    cluster.drop_all()
    cluster.elect("n2", "n2", "n3")
    cluster.packets = late
    cluster.deliver_all("n1", "n3")
    (reply,) = cluster.on_way("n3", "n1")
    assert (reply.body["success"], reply.body["term"]) == (False, 2)
    assert cluster.terms("n3") == [1, 2]
    cluster.deliver(reply)
    assert (cluster.role("n1"), cluster.state("n1").term) == ("follower", 2)


def test_a_follower_that_slept_through_two_leaders_takes_the_newest_whatever_waits_for_it(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    waiting = []
    for leader, deposed in [("n1", None), ("n2", "n1"), ("n1", "n2")]:
        if deposed is not None:
            cluster.wait(1000, deposed)
            cluster.fire(deposed, "heartbeat")
            cluster.elect(leader, "n1", "n2")
        for number in range(3):
            cluster.request(leader, "write", key="k", value=number)
            waiting += cluster.on_way(leader, "n3")
            cluster.run("n1", "n2")
        cluster.wait(50)
        cluster.fire(leader, "heartbeat")
        waiting += cluster.on_way(leader, "n3")
        cluster.run("n1", "n2")
    cluster.packets += waiting
    cluster.run()
    cluster.beat("n1")
    cluster.beat("n1")
    assert cluster.terms("n3") == cluster.terms("n1")
    assert cluster.state("n3").commit_index == cluster.state("n1").commit_index


def test_an_empty_message_on_a_longer_tail_that_conflicts_commits_only_what_it_checked(cluster_of, disk_of):
    cluster = cluster_of(3, disks={"n2": disk_of(1, 1, 2, 2, 2)})
    empty = {"type": "append_entries", "prev_index": 2, "prev_term": 1, "entries": [], "leader_commit": 5}
    cluster.tell("n2", "n1", term=3, **empty)
    assert (cluster.terms("n2"), cluster.state("n2").commit_index) == ([1, 1, 2, 2, 2], 2)


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
