"""The edge cases of §1.15, one test each, in that list's order and named after them; and the 2015 counterexample.

Some are stories of several members; `test_schedules.py` has more of those. Where a rule is what saves the day, the
same story is told without it, and Raft's own checker must refute that.
"""

from __future__ import annotations

from collections import Counter

import pytest

from keelhaul.checkers.raft import RaftInvariants
from keelhaul.nodes.raft import membership, replication
from keelhaul.nodes.raft.state import LEADER

E_MS, HEARTBEAT_MS, MS = 300, 50, 1_000_000


def violated(cluster):
    """Return which of Raft's invariants the members' own records violate."""
    watcher = RaftInvariants().watcher(cluster.names, in_order=True)
    boots = Counter()
    for name, record in cluster.traces:
        boots[name] += record["type"] == "boot"
        watcher.observe(name, {**record, "incarnation": boots[name]})
    details = watcher.result().details
    made_up = "boots with a log"  # which the test put onto the disk
    assert [problem for problem in details["problems"] if made_up not in problem] == []
    return set(details["violations"])


def append(cluster, dest, leader, **fields):
    """Let a member receive entries; return its answer."""
    body = {"type": "append_entries", "prev_index": 0, "prev_term": 0, "entries": [], "leader_commit": 0}
    (reply,) = cluster.tell(dest, leader, **{**body, **fields})
    return reply.body


def ask_vote(cluster, dest, candidate, term, **fields):
    """Let a member receive a request for its vote; return its answer, if it gives one."""
    body = {"type": "request_vote", "last_index": 9, "last_term": 9, "pre_vote": False, "transfer": False}
    replies = cluster.tell(dest, candidate, **{**body, **fields}, term=term)
    return replies[0].body if replies else None


def entry(value, term=1):
    return [term, "command", ["write", "k", value]]


def write(cluster, leader, *values):
    return [cluster.request(leader, "write", key="k", value=value) for value in values]


# --- Figure 8


def commits_whatever_is_counted(state, now_ns):
    """Be the commit rule without C1's demand for an entry of the own term."""
    if state.role == LEADER:
        held = {peer: progress.match_index for peer, progress in state.progress.items()}
        held[state.name] = state.durable_index
        index = state.configuration.agreed(held)
        if index > state.commit_index:
            replication.set_commit_index(state, now_ns, index)


def figure_8(cluster):
    """Play Figure 8 of the Raft paper, up to (d)."""
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
    for follower in ("n2", "n3"):
        heartbeat = {"type": "append_entries", "term": 4, "prev_index": 2, "prev_term": 2, "entries": []}
        cluster.packets = cluster.tell(follower, "n1", **heartbeat, leader_commit=cluster.state("n1").commit_index)
        cluster.deliver_all(follower, "n1")
    cluster.deliver_all("n1", "n3")  # n3 had refused: it lacked entry 2
    cluster.deliver_all("n3", "n1")
    assert cluster.terms("n3") == [1, 2]
    # (d) n1 dies, n5 is back, and wins term 5: its last entry is of term 3, which is newer than 2.
    cluster.crash("n1")
    cluster.packets.clear()
    cluster.restart("n5")
    cluster.elect("n5", "n2", "n3", "n4", "n5")


@pytest.fixture
def before_figure_8(cluster_of, disk_of):
    """Make five members that agree on entry 1 of term 1."""
    names = [f"n{number}" for number in range(1, 6)]
    return cluster_of(5, batch_entries_max=1, disks={name: disk_of(1) for name in names})


def test_figure_8_an_old_terms_entry_on_a_majority_may_still_be_overwritten_so_it_is_not_committed(before_figure_8):
    cluster = before_figure_8
    figure_8(cluster)
    assert [cluster.state(name).log.term_at(2) for name in ("n2", "n3", "n4", "n5")] == [3, 3, 3, 3]
    assert violated(cluster) == set()


def test_figure_8_counting_old_terms_would_lose_a_committed_entry(before_figure_8, monkeypatch):
    monkeypatch.setattr(replication, "advance_commit", commits_whatever_is_counted)
    figure_8(before_figure_8)
    assert violated(before_figure_8) >= {"RI-4", "RI-5"}


# --- elections


@pytest.mark.parametrize("size", [2, 4, 6])
def test_even_cluster_sizes_need_half_and_one_more(cluster_of, size):
    cluster = cluster_of(size)
    half = cluster.names[: size // 2]
    cluster.wait()
    cluster.fire_until_candidate("n1")
    cluster.run(*half)
    assert cluster.role("n1") != "leader"
    enough = cluster.names[: size // 2 + 1]
    cluster.elect("n1", *enough)
    (written,) = write(cluster, "n1", 1)
    cluster.run(*half)
    assert cluster.answer(written) is None
    cluster.beat("n1", *enough)
    cluster.beat("n1", *enough)
    assert cluster.answer(written)["type"] == "write_ok"


def test_a_single_node_cluster_elects_itself_and_answers_what_is_on_its_disk(cluster_of):
    cluster = cluster_of(1)
    cluster.elect("n1")
    cluster.hold_disk("n1")
    (written,) = write(cluster, "n1", 1)
    assert cluster.answer(written) is None
    cluster.sync("n1")
    assert cluster.answer(written)["type"] == "write_ok"
    assert cluster.packets == []
    assert violated(cluster) == set()


def test_restart_of_all_nodes_at_once_with_different_log_tails(cluster_of, disk_of):
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


def test_a_vote_request_that_comes_twice_is_granted_twice_and_is_one_vote(cluster_of):
    cluster = cluster_of(5, pre_vote=0)
    assert ask_vote(cluster, "n2", "n1", term=1)["granted"]
    written = len(cluster.disk_records("n2"))
    assert ask_vote(cluster, "n2", "n1", term=1)["granted"]
    assert not ask_vote(cluster, "n2", "n3", term=1)["granted"]
    assert len(cluster.disk_records("n2")) == written
    cluster.fire_until_candidate("n1")
    reply = {"type": "request_vote_reply", "term": 1, "granted": True, "pre_vote": False, "for_term": 1}
    cluster.tell("n1", "n2", **reply)
    cluster.tell("n1", "n2", **reply)
    assert cluster.role("n1") == "candidate"


def test_a_vote_reply_of_term_t_that_arrives_in_t_plus_2_when_again_candidate_does_not_count(cluster_of):
    cluster = cluster_of(3, pre_vote=0)
    for _ in range(3):
        cluster.fire_until_candidate("n1")
    assert (cluster.role("n1"), cluster.state("n1").term) == ("candidate", 3)
    cluster.tell("n1", "n2", type="request_vote_reply", term=1, granted=True, pre_vote=False, for_term=1)
    assert cluster.role("n1") == "candidate"


# --- replication


def test_append_entries_of_term_t_after_those_of_the_leader_of_t_plus_1_is_refused(cluster_of):
    cluster = cluster_of(3)
    assert append(cluster, "n1", "n2", term=2, entries=[entry("new", 2)])["success"]
    deadline_ns = cluster.state("n1").election_deadline_ns
    reply = append(cluster, "n1", "n3", term=1, entries=[entry("old")])
    assert (reply["success"], reply["term"]) == (False, 2)
    assert (cluster.terms("n1"), cluster.state("n1").leader) == ([2], "n2")
    assert cluster.state("n1").election_deadline_ns == deadline_ns


def test_empty_append_entries_on_a_longer_conflicting_tail_with_leader_commit_beyond_prev(cluster_of, disk_of):
    cluster = cluster_of(3, disks={"n2": disk_of(1, 1, 2, 2, 2)})
    append(cluster, "n2", "n1", term=3, prev_index=2, prev_term=1, leader_commit=5)
    assert (cluster.terms("n2"), cluster.state("n2").commit_index) == ([1, 1, 2, 2, 2], 2)


def test_a_reject_reply_that_arrives_after_a_success_reply_changes_nothing(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    write(cluster, "n1", 1, 2)
    cluster.run()
    progress = cluster.state("n1").progress["n2"]
    before = (progress.match_index, progress.next_index, progress.probing)
    refusal = {"success": False, "prev_index": 2, "conflict_index": 1, "conflict_term": None}
    assert cluster.tell("n1", "n2", type="append_entries_reply", term=1, **refusal) == []
    assert (progress.match_index, progress.next_index, progress.probing) == before == (3, 4, False)


# --- snapshots


@pytest.fixture
def with_snapshot(cluster_of):
    """Make three members, led by n1, whose n3 got a snapshot in one message; return them and that message."""
    cluster = cluster_of(3, snapshot_threshold=4, snapshot_trailing=0)
    cluster.elect("n1")
    cluster.beat("n1")
    for value in range(1, 8):
        write(cluster, "n1", value)
        cluster.run("n1", "n2")
    for _ in range(2):
        cluster.wait(HEARTBEAT_MS)
        cluster.fire("n1", "heartbeat")
        cluster.drop_all("n1", "n2")
        cluster.deliver_all("n1", "n3", "append_entries")
        cluster.deliver_all("n3", "n1")
    chunk = cluster.on_way("n1", "n3", "install_snapshot")[0]
    cluster.run()
    assert len(cluster.told("n3", "snapshot_installed")) == 1
    return cluster, chunk.body


def everything_of(cluster, name):
    state = cluster.state(name)
    return (state.log.base_index, state.log.last_index, state.commit_index, state.applied_index, state.machine.digest)


def test_a_snapshot_that_arrives_twice_is_installed_once(with_snapshot):
    cluster, chunk = with_snapshot
    before = everything_of(cluster, "n3")
    (reply,) = cluster.tell("n3", "n1", **chunk)
    assert (reply.body["done"], reply.body["match_index"]) == (True, before[2])
    assert everything_of(cluster, "n3") == before
    assert len(cluster.told("n3", "snapshot_installed")) == 1


def test_a_snapshot_that_arrives_after_newer_entries_changes_nothing(with_snapshot):
    cluster, chunk = with_snapshot
    write(cluster, "n1", 8, 9)
    cluster.run()
    cluster.beat("n1")
    before = everything_of(cluster, "n3")
    assert before[3] > chunk["last_index"]
    cluster.tell("n3", "n1", **chunk)
    assert everything_of(cluster, "n3") == before


def test_a_snapshot_that_arrives_while_entries_wait_to_be_applied_goes_before_them(cluster_of, disk_of, with_snapshot):
    """Applying takes no time here: what can be under way is the write, and entries that aren't committed yet."""
    _, chunk = with_snapshot
    index = chunk["last_index"]
    cluster = cluster_of(3, snapshot_threshold=4, snapshot_trailing=0)
    cluster.hold_disk("n3")
    entries = [[1, "noop", None], *(entry(value) for value in range(1, index + 2))]
    cluster.tell("n3", "n1", type="append_entries", term=1, prev_index=0, prev_term=0, entries=entries, leader_commit=1)
    cluster.tell("n3", "n1", **chunk)
    state = cluster.state("n3")
    assert (state.applied_index, state.log.base_index, state.log.last_index) == (index, index, index + 2)
    cluster.hold_disk("n3", held=False)
    reply = append(cluster, "n3", "n1", term=1, prev_index=index + 2, prev_term=1, leader_commit=index + 2)
    assert (reply["match_index"], state.applied_index) == (index + 2, index + 2)


@pytest.mark.parametrize("before", [1, 0])
def test_prev_log_index_exactly_at_and_below_last_included_index_fits(with_snapshot, before):
    cluster, chunk = with_snapshot
    base_index = cluster.state("n3").log.base_index
    assert base_index == chunk["last_index"]
    entries = [entry("known")] * before + [entry("new")]
    reply = append(cluster, "n3", "n1", term=1, prev_index=base_index - before, prev_term=1, entries=entries)
    assert (reply["success"], reply["match_index"]) == (True, base_index + 1)
    assert append(cluster, "n3", "n1", term=1, prev_index=base_index - 1, prev_term=1)["match_index"] == base_index


def test_prev_log_index_at_last_included_index_with_another_term_is_refused(with_snapshot):
    cluster, _ = with_snapshot
    base_index = cluster.state("n3").log.base_index
    reply = append(cluster, "n3", "n2", term=7, prev_index=base_index, prev_term=6)
    assert not reply["success"]


@pytest.mark.parametrize(("above", "kind"), [(0, "install_snapshot"), (1, "append_entries")])
def test_next_index_exactly_at_last_included_index_takes_a_snapshot_and_one_above_does_not(with_snapshot, above, kind):
    cluster, _ = with_snapshot
    state = cluster.state("n1")
    progress = state.progress["n3"]
    progress.match_index = 0
    progress.next_index = state.log.base_index + above
    cluster.packets.clear()
    replication.send_now(state, cluster.members["n1"].clock_ns, "n3", progress)
    assert [effect.body["type"] for effect in state.outgoing] == [kind]


# --- odd terms and logs


def test_a_term_that_jumps_by_1000_is_taken(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    assert append(cluster, "n2", "n3", term=1001, prev_index=1, prev_term=1)["term"] == 1001
    cluster.beat("n1")
    assert (cluster.role("n1"), cluster.state("n1").term) == ("follower", 1001)
    cluster.elect("n1")
    assert cluster.state("n1").term == 1002
    assert violated(cluster) == set()


def test_a_log_with_noops_only_is_committed_and_read_from(cluster_of):
    cluster = cluster_of(3, read_mode="read-index")
    for leader in ("n1", "n2", "n3"):
        cluster.wait(1000)
        cluster.elect(leader)
    cluster.beat("n3")
    assert {cluster.state("n3").log.entry(index).kind for index in range(1, 4)} == {"noop"}
    asked = cluster.request("n3", "read", key="k")
    cluster.run()
    assert (cluster.state("n3").commit_index, cluster.answer(asked)["value"]) == (3, None)


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 131_000, 131_072, 1_000_000])
def test_payloads_of_no_length_and_of_boundary_size_reach_every_disk(cluster_of, size):
    cluster = cluster_of(3)
    cluster.elect("n1")
    (written,) = write(cluster, "n1", "x" * size)
    cluster.run()
    cluster.beat("n1")
    assert cluster.answer(written)["type"] == "write_ok"
    for name in cluster.names:
        cluster.crash(name)
        cluster.restart(name)
    cluster.elect("n2")
    asked = cluster.request("n2", "read", key="k")
    cluster.run()
    assert cluster.answer(asked)["value"] == "x" * size


# --- membership


def test_a_leader_isolated_while_a_config_change_is_pending_steps_down_and_the_change_vanishes(cluster_of):
    cluster = cluster_of(4)
    cluster.elect("n1")
    cluster.beat("n1")
    asked = cluster.request("n1", "reconfigure", voters=["n1", "n2", "n3"])
    cluster.drop_all()
    for _ in range(7):
        cluster.beat("n1", "n1")
    assert (cluster.role("n1"), cluster.answer(asked)["code"]) == ("follower", 1000)
    cluster.elect("n2", "n2", "n3", "n4")
    cluster.beat("n2")
    cluster.beat("n2")
    assert [cluster.state(name).configuration.voters for name in cluster.names] == [cluster.names] * 4
    assert violated(cluster) == set()


def test_a_candidate_removed_from_the_config_does_not_win(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    cluster.beat("n1")
    cluster.request("n1", "reconfigure", voters=["n1", "n2"])
    cluster.run("n1", "n2")  # n3 never hears that it is out
    assert cluster.state("n2").configuration.voters == ("n1", "n2")
    cluster.wait(1000, "n3")
    cluster.fire_until_candidate("n3")
    cluster.run("n2", "n3")
    assert (cluster.role("n3"), cluster.state("n2").term) == ("follower", 1)
    for _ in range(3):
        cluster.beat("n1")
    assert cluster.role("n1") == "leader"


def advance_at_once(advance):
    """Be `membership.advance` without M4: a leader needn't have committed an entry of its own term."""

    def weaker(state, now_ns):
        has_led, state.has_led = state.has_led, True
        advance(state, now_ns)
        state.has_led = has_led

    return weaker


def counterexample_of_2015(cluster):
    """Tell the story of two changes of different terms on top of one configuration, {n1, n2, n3, n4}."""
    # n1, leader of term 1, had appended "n5 too", on itself and n5 only. n2 leads term 2 by votes of n3 and n4, and is
    # asked to remove n1; what it then says reaches n3 only.
    cluster.elect_only("n2", "n3", "n4")
    cluster.request("n2", "reconfigure", voters=["n2", "n3", "n4"])
    cluster.run("n2", "n3")
    cluster.beat("n2", "n2", "n3")
    cluster.beat("n2", "n2", "n3")
    # n1 stands again: by its own configuration it needs three of five, and n4's log is older than its own.
    cluster.wait(1000)
    cluster.elect("n1", "n1", "n4", "n5")
    cluster.beat("n1", "n1", "n4", "n5")


@pytest.fixture
def before_2015(cluster_of, disk_of):
    """Make five members, four of which vote, but for the change that n1 and n5 have on their disks."""
    plus_n5 = ["entry", 2, 1, "config", [["n1", "n2", "n3", "n4", "n5"], [], []]]
    changed = {name: [*disk_of(1), plus_n5] for name in ("n1", "n5")}
    return cluster_of(5, initial_voters=4, disks={**{name: disk_of(1) for name in ("n2", "n3", "n4")}, **changed})


def test_m4_the_counterexample_of_2015_commits_nothing_that_is_lost(before_2015):
    cluster = before_2015
    counterexample_of_2015(cluster)
    assert cluster.state("n2").configuration.voters == ("n1", "n2", "n3", "n4")
    assert cluster.state("n1").commit_index == 3
    assert violated(cluster) == set()


def test_m4_without_the_rule_of_2015_two_leaders_commit_independently(before_2015, monkeypatch):
    monkeypatch.setattr(membership, "advance", advance_at_once(membership.advance))
    counterexample_of_2015(before_2015)
    assert violated(before_2015) >= {"RI-4", "RI-5"}


# --- paused, retried, out of time


def test_a_follower_paused_across_two_leader_changes_with_old_socket_data_pending(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    waiting = []
    for leader, deposed in [("n1", None), ("n2", "n1"), ("n1", "n2")]:
        if deposed is not None:
            cluster.wait(1000, deposed)
            cluster.fire(deposed, "heartbeat")
            cluster.elect(leader, "n1", "n2")
        for value in range(3):
            write(cluster, leader, value)
            waiting += cluster.on_way(leader, "n3")
            cluster.run("n1", "n2")
        cluster.wait(HEARTBEAT_MS)
        cluster.fire(leader, "heartbeat")
        waiting += cluster.on_way(leader, "n3")
        cluster.run("n1", "n2")
    cluster.packets += waiting
    cluster.run()
    cluster.beat("n1")
    cluster.beat("n1")
    assert cluster.terms("n3") == cluster.terms("n1")
    assert cluster.state("n3").commit_index == cluster.state("n1").commit_index
    assert violated(cluster) == set()


def test_a_client_that_retries_across_a_snapshot_install_has_its_command_done_once(cluster_of):
    cluster = cluster_of(3, snapshot_threshold=4, snapshot_trailing=0)
    cluster.elect("n1")
    cluster.beat("n1")
    registered = cluster.request("n1", "register")
    cluster.run("n1", "n2")
    session = {"session": cluster.answer(registered)["session"], "acked": 0}
    swap = {"key": "k", "from": 1, "to": 2, "seq": 2, **session}
    cluster.request("n1", "write", key="k", value=1, seq=1, **session)
    first = cluster.request("n1", "cas", **swap)
    for value in range(6):
        cluster.request("n1", "write", key="other", value=value)
        cluster.run("n1", "n2")
    assert cluster.answer(first)["type"] == "cas_ok"
    for _ in range(4):
        cluster.beat("n1")
    assert len(cluster.told("n3", "snapshot_installed")) == 1
    cluster.wait(1000)
    cluster.elect("n3")
    again = cluster.request("n3", "cas", **swap)
    cluster.run()
    assert cluster.answer(again)["type"] == "cas_ok", "it was done, and the answer is kept; done again it would fail"


def test_a_clock_jump_backwards_keeps_no_lease_and_stops_nobody(cluster_of):
    """Whoever runs a node hands it a clock that never goes back (`nodes/clock.py`); should one do so all the same, a
    member waits longer, but promises nothing for longer than it may."""
    cluster = cluster_of(3, read_mode="lease")
    cluster.elect("n1")
    cluster.beat("n1")
    cluster.beat("n1")
    for name in cluster.names:
        cluster.members[name].clock_ns -= 10 * E_MS * MS
    asked = cluster.request("n1", "read", key="k")
    assert cluster.answer(asked) is None, "no lease: when anything was sent can't be told"
    cluster.run()
    assert cluster.answer(asked)["value"] is None
    cluster.crash("n1")
    cluster.fire_until_candidate("n2")
    cluster.wait()
    cluster.elect("n2", "n2", "n3")
    assert violated(cluster) == set()


def test_a_tick_gap_voids_the_lease_and_deposes_nobody_who_is_still_followed(cluster_of):
    cluster = cluster_of(3, read_mode="lease")
    cluster.elect("n1")
    cluster.beat("n1")
    cluster.wait(4 * HEARTBEAT_MS)
    cluster.fire("n1", "heartbeat")
    member = cluster.members["n1"]
    assert not member.node.has_lease(member.clock_ns)
    cluster.run()
    cluster.beat("n1")
    assert member.node.has_lease(member.clock_ns)
    assert cluster.role("n1") == "leader"
