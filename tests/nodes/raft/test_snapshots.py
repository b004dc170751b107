"""Snapshots: taking, sending, installing, and what a crash leaves of them (SN1–SN7, F6, F7)."""

from __future__ import annotations

from zlib import crc32

import pytest

from keelhaul.nodes.raft import snapshots
from keelhaul.nodes.raft.settings import Settings

SMALL = {"snapshot_threshold": 5, "snapshot_trailing": 0, "snapshot_chunk_bytes": 10}


def write(cluster, leader, first, last, *among):
    for number in range(first, last + 1):
        cluster.request(leader, "write", key="k", value=number)
        cluster.run(*among)


@pytest.fixture
def lagging(cluster_of):
    """Make three members, led by n1, whose log is compacted far above what n3 has; nothing is under way to n3."""

    def make(**options):
        cluster = cluster_of(3, **{**SMALL, **options})
        cluster.elect("n1")
        cluster.beat("n1")
        write(cluster, "n1", 1, 9, "n1", "n2")
        assert cluster.state("n1").log.base_index > cluster.state("n3").log.last_index
        return cluster

    return make


def start_sending(cluster):
    """Let n1 learn that n3 needs a snapshot; return its first chunk."""
    for _ in range(2):
        if cluster.state("n1").progress["n3"].sending is None:
            cluster.wait(50)
            cluster.fire("n1", "heartbeat")
            cluster.drop_all("n1", "n2")
            cluster.deliver_all("n1", "n3", "append_entries")
            cluster.deliver_all("n3", "n1")
    (chunk,) = cluster.on_way("n1", "n3", "install_snapshot")
    return chunk


def chunks_of(cluster):
    """Bring n3 a whole snapshot; return the chunks as they were sent."""
    start_sending(cluster)
    seen = []
    while found := cluster.on_way("n1", "n3", "install_snapshot"):
        seen += found
        cluster.deliver_all("n1", "n3")
        cluster.deliver_all("n3", "n1", "install_snapshot_reply")
    return seen


# --- taking one


def test_sn1_each_member_takes_its_own_of_what_it_applied(cluster_of):
    cluster = cluster_of(3, **SMALL)
    cluster.elect("n1")
    write(cluster, "n1", 1, 9)
    cluster.beat("n1")
    for name in cluster.names:
        state = cluster.state(name)
        assert (state.snapshot.last_index, state.log.base_index) == (10, 10)
        assert state.snapshot.state_digest == state.machine.digest
    assert cluster.told("n2", "snapshot_taken")


def test_sn1_it_holds_the_newest_committed_configuration_not_the_newest(cluster_of):
    cluster = cluster_of(3, snapshot_threshold=5, snapshot_trailing=0)
    cluster.elect("n1")
    cluster.beat("n1")
    write(cluster, "n1", 1, 2)
    cluster.request("n1", "write", key="k", value=3)
    cluster.request("n1", "reconfigure", voters=["n1", "n2"])
    late = cluster.on_way("n1")
    cluster.packets = [packet for packet in late if len(packet.body["entries"]) and packet.body["prev_index"] == 3]
    cluster.deliver_all("n1")
    cluster.deliver_all(dest="n1")
    cluster.drop_all()
    state = cluster.state("n1")
    assert state.configuration.voters == ("n1", "n2")
    assert state.commit_index == 4
    state.settings = Settings.of({"snapshot_threshold": 4, "snapshot_trailing": 0})
    snapshots.take_if_due(state)
    assert state.snapshot.configuration.voters == ("n1", "n2", "n3")
    assert state.configuration.voters == ("n1", "n2")


def test_sn2_a_window_of_entries_stays_so_that_a_slow_follower_needs_no_snapshot(cluster_of):
    cluster = cluster_of(3, snapshot_threshold=5, snapshot_trailing=20)
    cluster.elect("n1")
    cluster.beat("n1")
    write(cluster, "n1", 1, 12, "n1", "n2")
    assert cluster.state("n1").log.base_index == 0
    for _ in range(4):
        cluster.beat("n1")
    assert cluster.state("n3").applied_index == 13
    assert cluster.told("n3", "snapshot_installed") == []


def test_a_threshold_of_0_means_never(cluster_of):
    cluster = cluster_of(1, snapshot_threshold=0)
    cluster.elect("n1")
    write(cluster, "n1", 1, 50)
    assert cluster.state("n1").snapshot is None


# --- bringing one to a follower


def test_l4_sn6_a_follower_that_is_too_far_behind_gets_a_snapshot_and_then_entries(lagging):
    cluster = lagging()
    assert len(chunks_of(cluster)) > 2
    write(cluster, "n1", 10, 12)
    cluster.beat("n1")
    assert cluster.state("n3").applied_index == cluster.state("n1").applied_index == 13
    assert cluster.state("n3").machine.digest == cluster.state("n1").machine.digest
    assert cluster.state("n1").progress["n3"].match_index == 13


def test_sn5_a_lost_chunk_is_sent_again_and_the_others_are_not(lagging):
    cluster = lagging()
    first = start_sending(cluster)
    cluster.deliver(first)
    cluster.deliver_all("n3", "n1", "install_snapshot_reply")
    (second,) = cluster.on_way("n1", "n3", "install_snapshot")
    cluster.drop_all()
    cluster.wait(50)
    cluster.fire("n1", "heartbeat")
    (again,) = cluster.on_way("n1", "n3", "install_snapshot")
    assert again.body["offset"] == second.body["offset"] == len(first.body["chunk"])


def test_sn5_a_chunk_out_of_order_is_not_taken_and_the_answer_says_what_is_missing(lagging):
    cluster = lagging()
    first = start_sending(cluster)
    cluster.deliver(first, keep=True)
    (reply,) = cluster.tell("n3", "n1", **{**first.body, "offset": 400})
    assert (reply.body["done"], reply.body["next_offset"]) == (False, len(first.body["chunk"]))
    (reply,) = cluster.tell("n3", "n1", **first.body)  # and one that comes twice is taken once
    assert reply.body["next_offset"] == len(first.body["chunk"])


def test_sn5_chunks_of_different_snapshots_are_never_put_together(lagging):
    cluster = lagging()
    first = start_sending(cluster)
    cluster.deliver(first, keep=True)
    other = {**first.body, "id": [1, 11, 1], "offset": len(first.body["chunk"])}
    (reply,) = cluster.tell("n3", "n1", **other)
    assert (reply.body["done"], reply.body["next_offset"]) == (False, 0)


def test_sn5_an_image_whose_checksum_is_wrong_is_thrown_away_and_asked_for_again(lagging):
    cluster = lagging(snapshot_chunk_bytes=10_000)
    chunk = start_sending(cluster)
    (reply,) = cluster.tell("n3", "n1", **{**chunk.body, "crc": chunk.body["crc"] ^ 1})
    assert (reply.body["done"], reply.body["next_offset"]) == (False, 0)
    assert cluster.state("n3").snapshot is None
    (reply,) = cluster.tell("n3", "n1", **chunk.body)
    assert (reply.body["done"], reply.body["match_index"]) == (True, chunk.body["last_index"])


def test_sn5_a_new_leader_begins_anew(lagging):
    cluster = lagging()
    cluster.deliver(start_sending(cluster))
    assert cluster.state("n3").receiving is not None
    heartbeat = {"type": "append_entries", "prev_index": 9, "prev_term": 1, "entries": [], "leader_commit": 0}
    cluster.tell("n3", "n2", **heartbeat, term=2)
    assert cluster.state("n3").receiving is None


def test_e10_every_chunk_is_word_from_the_leader(lagging):
    cluster = lagging()
    chunk = start_sending(cluster)
    cluster.wait(1000, "n3")
    cluster.deliver(chunk)
    cluster.fire("n3")
    assert (cluster.role("n3"), cluster.on_way("n3", kind="request_vote")) == ("follower", [])


def test_a2_an_old_leaders_chunk_is_refused(lagging):
    cluster = lagging()
    chunk = start_sending(cluster)
    cluster.tell("n3", "n2", type="append_entries_reply", term=7, success=False, prev_index=0)
    (reply,) = cluster.tell("n3", "n1", **chunk.body)
    assert (reply.body["term"], reply.body["done"]) == (7, False)
    assert cluster.state("n3").receiving is None


def test_sn3_a_snapshot_of_what_is_committed_already_changes_nothing(lagging):
    cluster = lagging()
    chunks = chunks_of(cluster)
    write(cluster, "n1", 10, 12)
    cluster.beat("n1")
    before = (cluster.state("n3").applied_index, cluster.state("n3").machine.digest, cluster.members["n3"].files)
    for chunk in chunks:
        (reply,) = cluster.tell("n3", "n1", **chunk.body)
        assert (reply.body["done"], reply.body["match_index"]) == (True, 13)
    assert (
        cluster.state("n3").applied_index,
        cluster.state("n3").machine.digest,
        cluster.members["n3"].files,
    ) == before


def install(cluster, leader="n2", *, index=3, term=1, in_term=2, voters=("n1", "n2", "n3")):
    """Let n1 receive a whole small snapshot in one chunk; return the answer."""
    data = '{"machine":{},"sessions":[]}'
    body = {"type": "install_snapshot", "term": in_term, "id": [in_term, index, term], "digest": 1, "state": 0}
    about = {"last_index": index, "last_term": term, "config": [1, list(voters), [], []], "offset": 0, "chunk": data}
    (reply,) = cluster.tell("n1", leader, **body, **about, done=True, crc=crc32(data.encode()))
    return reply.body


def test_sn4_entries_behind_a_snapshot_that_fits_stay(cluster_of, disk_of):
    cluster = cluster_of(3, disks={"n1": disk_of(1, 1, 1, 1, 2)})
    assert install(cluster)["match_index"] == 3
    state = cluster.state("n1")
    assert (state.log.base_index, state.log.last_index, state.commit_index) == (3, 5, 3)
    assert [state.log.term_at(index) for index in (3, 4, 5)] == [1, 1, 2]


def test_sn4_a_log_that_holds_something_else_there_is_discarded_whole(cluster_of, disk_of):
    cluster = cluster_of(3, disks={"n1": disk_of(1, 1, 2, 2, 2)})
    install(cluster, in_term=3)
    state = cluster.state("n1")
    assert (state.log.base_index, state.log.last_index, state.log.last_term) == (3, 3, 1)
    assert (state.commit_index, state.applied_index, state.term) == (3, 3, 3)


def test_sn4_the_configuration_is_replaced_and_so_is_the_state(cluster_of, disk_of):
    cluster = cluster_of(3, disks={"n1": disk_of(1, 1)})
    cluster.state("n1").machine.apply(1, ["write", "gone", 1])
    install(cluster, voters=("n2", "n3"))
    state = cluster.state("n1")
    assert state.configuration.voters == ("n2", "n3")
    assert state.machine.read(["read", "gone"])["value"] is None


def test_sn4_the_term_stays_as_it_was(cluster_of, disk_of):
    cluster = cluster_of(3, disks={"n1": disk_of(1, term=6)})
    install(cluster, in_term=6)
    assert cluster.state("n1").term == 6


def test_f6_the_answer_waits_until_the_snapshot_is_on_disk(lagging):
    cluster = lagging(snapshot_chunk_bytes=10_000)
    chunk = start_sending(cluster)
    cluster.hold_disk("n3")
    cluster.deliver(chunk)
    assert cluster.on_way("n3", "n1", "install_snapshot_reply") == []
    cluster.sync("n3")
    (reply,) = cluster.on_way("n3", "n1", "install_snapshot_reply")
    assert reply.body["done"]


@pytest.mark.parametrize("reached", [0, 1])
def test_sn7_f7_a_crash_leaves_the_old_file_or_the_new(lagging, reached):
    cluster = lagging(snapshot_chunk_bytes=10_000)
    chunk = start_sending(cluster)
    cluster.hold_disk("n3")
    cluster.deliver(chunk)
    cluster.crash("n3", kept_records=reached, torn=b"" if reached else b"\0\0\0\x09half")
    cluster.restart("n3")
    state = cluster.state("n3")
    index = chunk.body["last_index"]
    assert (state.applied_index, state.log.last_index) == ((index, index) if reached else (0, 1))
    cluster.hold_disk("n3", held=False)
    for _ in range(6):
        cluster.beat("n1")
    assert cluster.state("n3").applied_index == cluster.state("n1").applied_index


def test_f7_a_restart_from_snapshot_and_tail_knows_all_that_was_known(cluster_of):
    cluster = cluster_of(3, **SMALL)
    cluster.elect("n1")
    write(cluster, "n1", 1, 12)
    cluster.beat("n1")
    before = cluster.state("n1")
    digest, last_index, base_index = before.machine.digest, before.log.last_index, before.log.base_index
    cluster.crash("n1")
    cluster.restart("n1")
    state = cluster.state("n1")
    assert (state.log.base_index, state.log.last_index) == (base_index, last_index)
    assert state.applied_index == state.commit_index == base_index
    cluster.elect("n1")
    assert cluster.state("n1").machine.digest == digest


def test_a_large_image_is_written_in_pieces_and_read_back_whole(cluster_of):
    cluster = cluster_of(1, snapshot_threshold=3, snapshot_trailing=0)
    cluster.elect("n1")
    for number in range(3):
        cluster.request("n1", "write", key=f"k{number}", value="x" * 700_000)
    assert sum(record[0] == "image" for record in cluster.disk_records("n1")) > 1
    digest = cluster.state("n1").machine.digest
    cluster.crash("n1")
    cluster.restart("n1")
    assert cluster.state("n1").machine.digest != 0
    cluster.elect("n1")
    assert cluster.state("n1").machine.digest == digest


def test_r_info_who_waits_for_an_entry_that_a_snapshot_covers_is_told_that_nobody_knows(cluster_of, disk_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    asked = cluster.request("n1", "write", key="k", value=1)
    cluster.drop_all()
    install(cluster, index=9, term=2, in_term=2)
    assert cluster.answer(asked)["code"] == 1000


def test_s4_the_session_table_travels_with_the_snapshot(lagging):
    cluster = lagging()
    session = {"session": 1000, "seq": 1, "acked": 0}
    registered = cluster.request("n1", "register")
    cluster.run("n1", "n2")
    session["session"] = cluster.answer(registered)["session"]
    first = cluster.request("n1", "write", key="s", value=1, **session)
    write(cluster, "n1", 10, 15, "n1", "n2")
    assert cluster.answer(first)["type"] == "write_ok"
    chunks_of(cluster)
    cluster.beat("n1")
    cluster.beat("n1")
    cluster.wait(1000)
    cluster.elect("n3")
    write(cluster, "n3", 99, 99)
    again = cluster.request("n3", "write", key="s", value=1, **session)
    cluster.run()
    assert cluster.answer(again)["type"] == "write_ok"
    assert cluster.state("n3").machine.snapshot()["sessions"][0][0] == session["session"]
