"""The node's shape: one entry point, order of effects, timers' generations, what a boot makes of a disk (G1–G8)."""

from __future__ import annotations

from random import Random

import pytest

from keelhaul.nodes.events import Boot, ClientRequest, Persist, Received, Send, SetTimer, StorageDone, TimerFired, Trace
from keelhaul.nodes.node import NodeConfig
from keelhaul.nodes.raft import Raft

MEMBERS = ("n1", "n2", "n3")


def node_of(name="n1", seed=0, **options):
    """Make a node that hasn't booted."""
    return Raft(NodeConfig(name=name, members=MEMBERS, options=options), Random(seed))


def heartbeat(term, entries=()):
    """Make a leader's message."""
    return {
        "type": "append_entries",
        "term": term,
        "prev_index": 0,
        "prev_term": 0,
        "entries": list(entries),
        "leader_commit": 0,
    }


def test_g1_the_same_events_give_the_same_effects(cluster_of):
    def story():
        cluster = cluster_of(5, seed=3)
        cluster.elect("n2")
        for number in range(5):
            cluster.request("n2", "write", key=f"k{number}", value=number)
            cluster.run()
        cluster.crash("n4")
        cluster.restart("n4")
        cluster.beat("n2")
        return cluster.traces, cluster.replies, [cluster.disk_records(name) for name in cluster.names]

    assert story() == story()


def test_g1_the_clock_may_start_anywhere():
    for start_ns in (0, 10**18):
        node = node_of()
        (_, timer) = node.step(start_ns, Boot((), 1))
        assert 300_000_000 <= timer.delay_ns < 600_000_000
        assert len(node.step(start_ns + timer.delay_ns, TimerFired("election", timer.generation))) == 3


def test_g3_effects_come_as_traces_then_one_write_then_what_depends_on_it():
    node = node_of()
    node.step(0, Boot((), 1))
    effects = node.step(1, Received("n2", heartbeat(4, [[4, "noop", None], [4, "command", ["read", "k"]]])))
    kinds = [type(effect) for effect in effects]
    assert kinds == [Trace, Trace, Persist, Send]
    assert [effect.record["type"] for effect in effects[:2]] == ["role", "append"]
    write, reply = effects[2:]
    assert [record[0] for record in write.records] == ["vote", "entry", "entry"]
    assert reply.after == write.ticket == 1


def test_g4_tickets_grow_by_one_and_nothing_waits_once_all_is_on_disk():
    node = node_of()
    node.step(0, Boot((), 1))
    for ticket, term in enumerate((3, 5, 9), 1):
        *_, write, reply = node.step(ticket, Received("n2", heartbeat(term)))
        assert (write.ticket, reply.after) == (ticket, ticket)
        (again,) = node.step(ticket, Received("n2", heartbeat(term)))
        assert again.after == ticket
    node.step(5, StorageDone(2))
    assert node.step(6, Received("n2", heartbeat(9)))[0].after == 3
    node.step(7, StorageDone(3))
    assert node.step(8, Received("n2", heartbeat(9)))[0].after is None


def test_g6_a_timer_that_was_set_again_is_ignored_when_it_fires():
    node = node_of(pre_vote=0)
    _, timer = node.step(0, Boot((), 1))
    assert node.step(10**10, TimerFired("election", timer.generation - 1)) == []
    effects = node.step(10**10, TimerFired("election", timer.generation))
    (newer,) = [effect for effect in effects if isinstance(effect, SetTimer)]
    assert newer.generation == timer.generation + 1
    assert node.step(2 * 10**10, TimerFired("election", timer.generation)) == []


def test_g6_an_old_heartbeat_of_an_earlier_time_as_leader_does_nothing(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    generation, _ = cluster.members["n1"].timers["heartbeat"]
    cluster.elect("n2")
    cluster.elect("n1")
    cluster.packets.clear()
    cluster.step("n1", TimerFired("heartbeat", generation))
    assert cluster.packets == []


def test_g8_strangers_and_unknown_messages_are_dropped(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    for source in ("n9", "n1", ""):
        assert cluster.tell("n1", source, **heartbeat(99)) == []
    assert cluster.tell("n1", "n2", type="gossip", term=99) == []
    assert (cluster.role("n1"), cluster.state("n1").term) == ("leader", 1)


def test_boot_replays_votes_entries_and_cuts():
    records = (
        ["vote", 2, "n3"],
        ["entry", 1, 1, "noop", None],
        ["entry", 2, 1, "command", ["write", "k", 1]],
        ["entry", 3, 2, "noop", None],
        ["vote", 5, None],
        ["truncate", 3],
        ["entry", 3, 5, "noop", None],
    )
    node = node_of()
    trace, timer = node.step(0, Boot(records, 7))
    state = node._state
    assert (state.term, state.voted_for, state.role, state.commit_index) == (5, None, "follower", 0)
    assert [state.log.term_at(index) for index in range(4)] == [0, 1, 1, 5]
    assert (state.durable_index, state.durable_ticket) == (3, 0)
    digest = state.log.digest_at(3)
    assert trace.record == {
        "type": "boot",
        "term": 5,
        "voted_for": None,
        "last_index": 3,
        "digest": digest,
        "snapshot_index": 0,
        "config": [0, ["n1", "n2", "n3"], [], []],
        "election_timeout_ns": 300_000_000,
    }
    assert timer.timer == "election"


@pytest.mark.parametrize("record", [["entry", 2, 1, "noop", None], ["truncate", 1], ["mystery", 1]])
def test_boot_refuses_a_disk_that_makes_no_sense(record):
    with pytest.raises(AssertionError):
        node_of().step(0, Boot((record,), 1))


def test_a_restart_from_the_disk_knows_what_the_disk_knows(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    cluster.request("n1", "write", key="k", value=1)
    cluster.run()
    before = cluster.state("n2")
    cluster.crash("n2")
    cluster.restart("n2")
    after = cluster.state("n2")
    assert after is not before
    for known in ("term", "voted_for"):
        assert getattr(after, known) == getattr(before, known)
    assert after.log.digest_at(2) == before.log.digest_at(2)


def test_a_node_that_has_not_led_answers_at_once():
    node = node_of()
    node.step(0, Boot((), 1))
    (reply,) = node.step(1, ClientRequest("c1", {"type": "read", "key": "k", "msg_id": 4}))
    assert (reply.client, reply.body["in_reply_to"], reply.after) == ("c1", 4, None)


def test_traces_tell_the_checkers_what_they_count_on(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    cluster.request("n1", "write", key="k", value=1)
    cluster.run()
    cluster.request("n1", "write", key="k", value=2)
    cluster.deliver_all("n1", "n3")
    fields = {"type": "append_entries", "prev_index": 2, "prev_term": 1, "entries": [[2, "noop", None]]}
    cluster.tell("n3", "n2", term=2, leader_commit=3, **fields)
    digests = [cluster.state("n1").log.digest_at(index) for index in range(4)]
    noop = cluster.state("n3").log.digest_at(3)
    boot = cluster.told("n1", "boot")[0]
    assert (boot["snapshot_index"], boot["config"]) == (0, [0, ["n1", "n2", "n3"], [], []])
    assert [record["index"] for record in cluster.told("n1", "fsync")] == [1, 2, 3]
    digest = cluster.state("n1").machine.digest
    assert [record["entries"] for record in cluster.told("n1", "apply")] == [[[digests[1], 0]], [[digests[2], digest]]]

    def told(name):
        """What a member told, but for its boot, its disk, and its machine's digests."""
        own = [record for who, record in cluster.traces[3:] if who == name]
        records = [record for record in own if record["type"] not in ("fsync", "answer")]
        return [
            {**record, "entries": [entry[0] for entry in record["entries"]]} if record["type"] == "apply" else record
            for record in records
        ]

    assert told("n1") == [
        {"type": "role", "role": "candidate", "term": 1},
        {"type": "vote", "term": 1, "for": "n1"},
        {"type": "role", "role": "leader", "term": 1},
        {"type": "append", "first": 1, "entries": [[1, digests[1]]]},
        {"type": "commit", "index": 1, "entry_term": 1, "term": 1, "digest": digests[1]},
        {"type": "apply", "first": 1, "entries": [digests[1]]},
        {"type": "append", "first": 2, "entries": [[1, digests[2]]]},
        {"type": "commit", "index": 2, "entry_term": 1, "term": 1, "digest": digests[2]},
        {"type": "apply", "first": 2, "entries": [digests[2]]},
        {"type": "append", "first": 3, "entries": [[1, digests[3]]]},
    ]
    assert told("n3") == [
        {"type": "role", "role": "follower", "term": 1},
        {"type": "vote", "term": 1, "for": "n1"},
        {"type": "append", "first": 1, "entries": [[1, digests[1]]]},
        {"type": "append", "first": 2, "entries": [[1, digests[2]]]},
        {"type": "commit", "index": 1, "entry_term": 1, "term": 1, "digest": digests[1]},
        {"type": "apply", "first": 1, "entries": [digests[1]]},
        {"type": "append", "first": 3, "entries": [[1, digests[3]]]},
        {"type": "commit", "index": 2, "entry_term": 1, "term": 1, "digest": digests[2]},
        {"type": "apply", "first": 2, "entries": [digests[2]]},
        {"type": "role", "role": "follower", "term": 2},
        {"type": "truncate", "from": 3},
        {"type": "append", "first": 3, "entries": [[2, noop]]},
        {"type": "commit", "index": 3, "entry_term": 2, "term": 2, "digest": noop},
        {"type": "apply", "first": 3, "entries": [noop]},
    ]


def test_f6_what_a_snapshot_brings_counts_as_durable_with_the_write_that_holds_it(cluster_of):
    cluster = cluster_of(3, snapshot_threshold=5, snapshot_trailing=0)
    cluster.elect("n1")
    cluster.beat("n1")
    for number in range(9):
        cluster.request("n1", "write", key="k", value=number)
        cluster.run("n1", "n2")
    for _ in range(4):
        cluster.beat("n1")
    state = cluster.state("n3")
    assert cluster.told("n3", "snapshot_installed")
    assert state.durable_index == state.snapshot.last_index == state.log.last_index
