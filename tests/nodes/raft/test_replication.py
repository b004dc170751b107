"""AppendEntries on both sides and the commit rule: §1.5 steps 2–6, L1–L7, C1, F4, F5. A test names its rule."""

from __future__ import annotations

import pytest

from keelhaul.nodes.events import StorageDone
from keelhaul.nodes.messages import FRAME_BYTES_MAX, encode_frame


def entry(term, value=None):
    """Make an entry as it travels."""
    return [term, "command", ["write", "k", value if value is not None else f"{term}"]]


def append(cluster, dest, source, *, term, prev=(0, 0), entries=(), commit=0):
    """Let a follower receive an AppendEntries; `prev` is (index, term). Return the bodies of its answers."""
    answers = cluster.tell(
        dest,
        source,
        type="append_entries",
        term=term,
        prev_index=prev[0],
        prev_term=prev[1],
        entries=[entry(of) if isinstance(of, int) else of for of in entries],
        leader_commit=commit,
    )
    return [packet.body for packet in answers]


def success(match_index, *, term=1, prev_index=0):
    """Make the fields of a good answer."""
    return {
        "type": "append_entries_reply",
        "term": term,
        "success": True,
        "prev_index": prev_index,
        "match_index": match_index,
    }


def reject(prev_index, conflict_index, conflict_term=None, *, term=1):
    """Make the fields of a refusal."""
    return {
        "type": "append_entries_reply",
        "term": term,
        "success": False,
        "prev_index": prev_index,
        "conflict_index": conflict_index,
        "conflict_term": conflict_term,
    }


# --- the follower


def test_step_2_a_log_that_ends_too_early_refuses_and_says_where_it_ends(cluster_of, disk_of):
    cluster = cluster_of(3, disks={"n1": disk_of(1, 1)})
    (reply,) = append(cluster, "n1", "n2", term=2, prev=(5, 2), entries=[2])
    assert (reply["success"], reply["prev_index"]) == (False, 5)
    assert (reply["conflict_index"], reply["conflict_term"]) == (3, None)


def test_step_3_another_term_before_refuses_with_that_term_and_where_it_begins(cluster_of, disk_of):
    cluster = cluster_of(3, disks={"n1": disk_of(1, 2, 2, 2, term=5)})
    (reply,) = append(cluster, "n1", "n2", term=5, prev=(4, 4), entries=[5])
    assert (reply["success"], reply["conflict_index"], reply["conflict_term"]) == (False, 2, 2)
    assert cluster.terms("n1") == [1, 2, 2, 2]


def test_step_3_nothing_before_the_first_entry_always_fits(cluster_of, disk_of):
    cluster = cluster_of(3, disks={"n1": disk_of(1, 1)})
    (reply,) = append(cluster, "n1", "n2", term=3, entries=[2, 2, 2])
    assert (reply["success"], reply["match_index"]) == (True, 3)
    assert cluster.terms("n1") == [2, 2, 2]


def test_step_4_a_conflict_cuts_the_log_and_only_there(cluster_of, disk_of):
    cluster = cluster_of(3, disks={"n1": disk_of(1, 1, 2, 2, 2)})
    (reply,) = append(cluster, "n1", "n2", term=4, prev=(1, 1), entries=[1, 3, 4])
    assert (reply["success"], reply["match_index"]) == (True, 4)
    assert cluster.terms("n1") == [1, 1, 3, 4]
    assert cluster.disk_records("n1")[-3:] == (["truncate", 3], ["entry", 3, *entry(3)], ["entry", 4, *entry(4)])


def test_step_4_a_delayed_shorter_message_does_not_shrink_the_log(cluster_of):
    cluster = cluster_of(3)
    append(cluster, "n1", "n2", term=1, entries=[1, 1, 1, 1])
    for entries in ([], [1], [1, 1]):
        (reply,) = append(cluster, "n1", "n2", term=1, prev=(1, 1), entries=entries)
        assert reply["match_index"] == 1 + len(entries)
    assert cluster.terms("n1") == [1, 1, 1, 1]
    assert cluster.told("n1", "truncate") == []


def test_step_4_a_committed_entry_is_never_cut_off(cluster_of):
    cluster = cluster_of(3)
    append(cluster, "n1", "n2", term=1, entries=[1, 1], commit=2)
    with pytest.raises(AssertionError, match="Leader Completeness"):
        append(cluster, "n1", "n3", term=2, prev=(1, 1), entries=[2])


def test_step_5_the_match_is_what_this_message_verified_not_the_logs_end(cluster_of, disk_of):
    cluster = cluster_of(3, disks={"n1": disk_of(1, 1, 2, 2, 2)})
    (reply,) = append(cluster, "n1", "n2", term=3, prev=(1, 1), entries=[1])
    assert reply["match_index"] == 2


def test_step_5_f4_an_answer_waits_until_the_entries_are_on_disk(cluster_of):
    cluster = cluster_of(3)
    cluster.hold_disk("n1")
    assert append(cluster, "n1", "n2", term=1, entries=[1, 1]) == []
    cluster.sync("n1")
    (packet,) = cluster.on_way("n1", "n2")
    assert packet.body["match_index"] == 2
    assert [record[0] for record in cluster.disk_records("n1")] == ["vote", "entry", "entry"]


def test_step_5_f4_a_repeated_message_waits_for_the_write_that_the_first_one_asked_for(cluster_of):
    cluster = cluster_of(3)
    cluster.hold_disk("n1")
    append(cluster, "n1", "n2", term=1, entries=[1])
    assert append(cluster, "n1", "n2", term=1, entries=[1]) == []
    assert append(cluster, "n1", "n2", term=1, prev=(1, 1)) == []
    cluster.crash("n1")
    cluster.restart("n1")
    assert cluster.on_way("n1") == []
    assert cluster.terms("n1") == []


def test_f3_a_refusal_that_reveals_a_new_term_waits_until_the_term_is_on_disk(cluster_of):
    cluster = cluster_of(3)
    cluster.hold_disk("n1")
    assert append(cluster, "n1", "n2", term=7, prev=(5, 5)) == []
    cluster.sync("n1")
    assert [packet.body["term"] for packet in cluster.on_way("n1")] == [7]


def test_step_6_the_commit_index_goes_no_further_than_what_was_verified(cluster_of, disk_of):
    cluster = cluster_of(3, disks={"n1": disk_of(1, 1, 2, 2, 2)})
    append(cluster, "n1", "n2", term=3, prev=(2, 1), commit=5)
    assert cluster.state("n1").commit_index == 2
    append(cluster, "n1", "n2", term=3, prev=(2, 1), entries=[3], commit=5)
    assert (cluster.state("n1").commit_index, cluster.terms("n1")) == (3, [1, 1, 3])


def test_step_6_the_commit_index_never_goes_back(cluster_of):
    cluster = cluster_of(3)
    append(cluster, "n1", "n2", term=1, entries=[1, 1, 1], commit=3)
    append(cluster, "n1", "n2", term=1, prev=(1, 1), commit=1)
    assert cluster.state("n1").commit_index == 3


def test_step_6_a_refused_message_commits_nothing(cluster_of, disk_of):
    cluster = cluster_of(3, disks={"n1": disk_of(1, 1)})
    append(cluster, "n1", "n2", term=2, prev=(2, 2), commit=2)
    assert cluster.state("n1").commit_index == 0


# --- the leader


def leading(cluster, entries=3):
    """Make n1 the leader of term 1 with so many commands that nobody else has; its noop is everywhere."""
    cluster.elect("n1")
    for number in range(entries):
        cluster.request("n1", "write", key="k", value=number)
    cluster.drop_all()
    return cluster


def test_l1_f5_a_leader_counts_itself_only_when_its_own_write_is_on_disk(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    cluster.hold_disk("n1")
    written = cluster.request("n1", "write", key="k", value=1)
    assert len(cluster.on_way("n1", kind="append_entries")) == 2  # sent while the own write is under way
    cluster.hold_disk("n2")
    cluster.hold_disk("n3")
    cluster.run()
    assert cluster.state("n1").commit_index == 1
    cluster.sync("n1")
    assert cluster.state("n1").commit_index == 1
    assert cluster.answer(written) is None
    cluster.sync("n2")
    cluster.run()
    assert cluster.state("n1").commit_index == 2
    assert cluster.answer(written)["type"] == "write_ok"


def test_l1_followers_alone_may_be_the_majority(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    cluster.hold_disk("n1")
    written = cluster.request("n1", "write", key="k", value=1)
    cluster.run()
    assert cluster.state("n1").durable_index == 1
    assert cluster.answer(written)["type"] == "write_ok"


def test_f5_a_cluster_of_one_answers_only_what_is_on_disk(cluster_of):
    cluster = cluster_of(1)
    cluster.elect("n1")
    cluster.hold_disk("n1")
    written = cluster.request("n1", "write", key="k", value=1)
    assert cluster.answer(written) is None
    cluster.sync("n1")
    assert cluster.answer(written)["type"] == "write_ok"
    cluster.crash("n1")
    cluster.restart("n1")
    cluster.hold_disk("n1", held=False)
    cluster.elect("n1")
    assert cluster.answer(cluster.request("n1", "read", key="k"))["value"] == 1


def test_l2_match_and_next_never_go_back(cluster_of):
    cluster = leading(cluster_of(3))
    progress = cluster.state("n1").progress["n2"]
    cluster.tell("n1", "n2", **success(4))
    assert (progress.match_index, progress.next_index) == (4, 5)
    cluster.tell("n1", "n2", **success(2))
    assert (progress.match_index, progress.next_index) == (4, 5)


def test_l3_a_refusal_that_arrives_after_a_success_is_ignored(cluster_of):
    cluster = leading(cluster_of(3))
    progress = cluster.state("n1").progress["n2"]
    cluster.tell("n1", "n2", **success(4))
    for prev_index in (1, 4):
        assert cluster.tell("n1", "n2", **reject(prev_index, 1)) == []
    assert (progress.match_index, progress.next_index, progress.probing) == (4, 5, False)


def test_l3_while_probing_only_the_refusal_of_the_probe_itself_counts(cluster_of, disk_of):
    cluster = cluster_of(3, disks={"n1": disk_of(1, 1, 1, 1)})
    cluster.elect("n1", "n1", "n3")
    progress = cluster.state("n1").progress["n2"]
    assert (progress.probing, progress.next_index) == (True, 5)
    for stale in (3, 5):
        assert cluster.tell("n1", "n2", **reject(stale, 1, term=2)) == []
    (probe,) = cluster.tell("n1", "n2", **reject(4, 3, term=2))
    assert (progress.next_index, probe.body["prev_index"]) == (3, 2)


@pytest.mark.parametrize(
    ("conflict_index", "conflict_term", "next_index"),
    [(3, None, 3), (2, 2, 5), (2, 3, 2), (4, 5, 6), (9, None, 6), (0, None, 1)],
)
def test_l3_a_leader_steps_back_a_whole_term_at_a_time(cluster_of, disk_of, conflict_index, conflict_term, next_index):
    cluster = cluster_of(3, disks={"n1": disk_of(1, 2, 2, 2, 5, 5)})
    cluster.elect("n1", "n1", "n3")
    cluster.tell("n1", "n2", **reject(6, conflict_index, conflict_term, term=6))
    assert cluster.state("n1").progress["n2"].next_index == next_index


@pytest.mark.parametrize("follower", [(1, 1), (1, 1, 2, 2, 2, 2, 2, 2, 2, 2), (), (1, 3, 3, 3), (2, 2, 2, 3, 3)])
def test_l3_any_log_is_repaired_in_few_rounds(cluster_of, disk_of, follower):
    leader = (1, 1, 1, 4, 4, 5, 5, 6, 6, 6)
    cluster = cluster_of(3, disks={"n1": disk_of(*leader), "n2": disk_of(*follower, term=6)})
    cluster.elect("n1", "n1", "n3")
    rounds = len(cluster.told("n2", "append"))
    cluster.beat("n1")
    assert cluster.terms("n2") == cluster.terms("n1")
    assert len(cluster.told("n2", "append")) - rounds <= 2
    cluster.beat("n1")
    assert cluster.state("n2").commit_index == cluster.state("n1").commit_index == 11


def test_l5_a_heartbeat_is_checked_like_any_other(cluster_of, disk_of):
    cluster = cluster_of(3, disks={"n1": disk_of(1, 2), "n2": disk_of(1, 1, 1, term=2)})
    cluster.elect("n1", "n1", "n3")
    cluster.run("n1", "n3")
    assert cluster.state("n1").commit_index == 3
    cluster.fire("n1", "heartbeat")
    (packet,) = cluster.on_way("n1", "n2")
    cluster.deliver(packet)
    assert cluster.state("n2").commit_index == 0  # its own tail isn't what was committed
    cluster.run()
    cluster.beat("n1")
    assert (cluster.terms("n2"), cluster.state("n2").commit_index) == ([1, 2, 3], 3)


def test_l5_an_idle_leader_still_speaks_at_each_heartbeat(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    for _ in range(3):
        cluster.wait(50)
        cluster.fire("n1", "heartbeat")
        assert {packet.dest for packet in cluster.on_way("n1", kind="append_entries")} == {"n2", "n3"}
        cluster.run()


def test_l6_a_probe_is_sent_once_a_heartbeat_and_again_when_it_was_lost(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1", "n1", "n2")
    for number in range(3):
        cluster.request("n1", "write", key="k", value=number)
    assert cluster.on_way("n1", "n3") == []
    for _ in range(3):
        cluster.wait(50)
        cluster.fire("n1", "heartbeat")
        assert len(cluster.on_way("n1", "n3")) == 1
        cluster.run("n1", "n2")
    cluster.beat("n1")
    assert cluster.terms("n3") == cluster.terms("n1")


def test_l6_entries_are_sent_ahead_of_answers_only_as_far_as_the_window(cluster_of):
    cluster = cluster_of(3, inflight_entries_max=4, batch_entries_max=2)
    leading(cluster, entries=0)
    for number in range(20):
        cluster.request("n1", "write", key="k", value=number)
    progress = cluster.state("n1").progress["n2"]
    sent = sum(len(packet.body["entries"]) for packet in cluster.on_way("n1", "n2"))
    assert 4 <= sent <= 5
    for _ in range(4):
        cluster.wait(50)
        cluster.fire("n1", "heartbeat")
    assert progress.next_index - progress.match_index <= 6
    cluster.drop_all("n1", "n2")
    cluster.wait(50)
    cluster.fire("n1", "heartbeat")
    cluster.run()  # the bare heartbeat is refused, so the lost entries are sent again
    assert cluster.terms("n2") == cluster.terms("n1")
    assert cluster.state("n1").commit_index == 21


def test_l6_lost_entries_are_noticed_by_the_next_message(cluster_of):
    cluster = leading(cluster_of(3))
    cluster.beat("n1")
    assert [cluster.terms(name) for name in cluster.names] == [[1] * 4] * 3
    assert cluster.state("n1").commit_index == 4


def test_l7_a_batch_of_large_values_is_split_below_the_wires_limit(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1", "n1", "n2")
    value = '"' * 1_000_000  # doubled by JSON
    for _ in range(5):
        cluster.ask("n1", {"type": "write", "key": "k", "value": value, "msg_id": 1})
        cluster.run("n1", "n2")
    cluster.wait(50)
    cluster.fire("n1", "heartbeat")
    (packet,) = cluster.on_way("n1", "n3")
    assert 1 < len(packet.body["entries"]) < 6
    assert len(encode_frame(packet.body)) < FRAME_BYTES_MAX
    cluster.run()
    assert cluster.terms("n3") == [1] * 6


# --- C1, the commit rule


@pytest.mark.parametrize(("size", "quorum"), [(2, 2), (3, 2), (4, 3), (5, 3), (6, 4)])
def test_c1_an_entry_is_committed_by_a_majority_of_all(cluster_of, size, quorum):
    cluster = leading(cluster_of(size), entries=1)
    for holding, peer in enumerate(cluster.names[1:], 2):
        cluster.tell("n1", peer, **success(2))
        assert (cluster.state("n1").commit_index == 2) == (holding >= quorum)


def test_c1_one_follower_that_answers_twice_is_one_follower(cluster_of):
    cluster = leading(cluster_of(5), entries=1)
    for _ in range(4):
        cluster.tell("n1", "n2", **success(2))
    assert cluster.state("n1").commit_index == 1


def test_c1_an_old_terms_entry_is_committed_only_by_one_of_the_own_term(cluster_of, disk_of):
    cluster = cluster_of(3, pre_vote=0, disks={"n1": disk_of(1, 1), "n2": disk_of(1, 1)})
    cluster.fire_until_candidate("n1")
    cluster.deliver_all("n1", "n2")
    cluster.deliver_all("n2", "n1")
    assert cluster.role("n1") == "leader"
    cluster.drop_all()
    cluster.tell("n1", "n2", **success(2, term=2))
    assert cluster.state("n1").commit_index == 0
    cluster.tell("n1", "n2", **success(3, term=2))
    assert cluster.state("n1").commit_index == 3
    assert cluster.applied("n1") == [1, 2, 3]


def test_c1_a_log_of_noops_only_is_committed(cluster_of):
    cluster = cluster_of(3)
    for name in ("n1", "n2", "n3", "n1"):
        cluster.elect(name)
    assert cluster.terms("n1") == [1, 2, 3, 4]
    assert cluster.state("n1").commit_index == 4


def test_f5_what_was_cut_off_before_it_was_on_disk_is_not_counted_as_durable(cluster_of):
    cluster = cluster_of(3)
    cluster.hold_disk("n1")
    append(cluster, "n1", "n2", term=1, entries=[1, 1, 1])
    append(cluster, "n1", "n3", term=2, prev=(1, 1), entries=[2])
    assert cluster.terms("n1") == [1, 2]
    cluster.sync("n1")
    assert cluster.state("n1").durable_index == 1
    cluster.sync("n1")
    assert cluster.state("n1").durable_index == 2
    cluster.step("n1", StorageDone(1))  # told again, it changes nothing
    assert cluster.state("n1").durable_index == 2


def test_f5_what_takes_the_place_of_durable_entries_is_not_durable_yet(cluster_of):
    cluster = cluster_of(3)
    append(cluster, "n1", "n2", term=1, entries=[1, 1, 1])
    cluster.hold_disk("n1")
    append(cluster, "n1", "n3", term=2, prev=(1, 1), entries=[2, 2])
    assert cluster.state("n1").durable_index == 1
    cluster.sync("n1")
    assert cluster.state("n1").durable_index == 3
