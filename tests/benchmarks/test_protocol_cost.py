"""What an operation costs, in counts: a message or a sync more on the way of any of them shows here."""

from __future__ import annotations

import pytest

from benchmarks.protocol_cost import CASES, Cost, measured, shared

FIVE_NODES = {
    ("raft", "write"): Cost(8, 5, 1, 1.0),
    ("raft", "read, log"): Cost(8, 5, 1, 1.0),
    ("raft", "read, read-index"): Cost(8, 0, 0, 1.0),
    ("raft", "read, lease"): Cost(0, 0, 0, 0.0),
    ("raft", "read, follower"): Cost(10, 0, 0, 2.0),
    ("raft", "read, stale"): Cost(0, 0, 0, 0.0),
    ("paxos", "write"): Cost(8, 5, 1, 1.0),
    ("paxos", "read, log"): Cost(8, 5, 1, 1.0),
    ("paxos", "read, confirm"): Cost(8, 0, 0, 1.0),
    ("paxos", "read, lease"): Cost(0, 0, 0, 0.0),
    ("paxos", "read, quorum"): Cost(8, 0, 0, 1.0),
    ("synod", "first write"): Cost(32, 11, 3, 2.0),
    ("synod", "read, undecided"): Cost(8, 6, 2, 1.0),
    ("synod", "read, decided"): Cost(0, 0, 0, 0.0),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.system} {case.operation}")
def test_an_operation_costs_just_that(case):
    assert measured(case) == FIVE_NODES[case.system, case.operation]


def test_every_case_is_pinned():
    assert sorted((case.system, case.operation) for case in CASES) == sorted(FIVE_NODES)


@pytest.mark.parametrize(
    ("nodes", "cost"), [(1, Cost(0, 1, 1, 0.0)), (3, Cost(4, 3, 1, 1.0)), (7, Cost(12, 7, 1, 1.0))]
)
@pytest.mark.parametrize("system", ["raft", "paxos"])
def test_a_write_in_clusters_of_other_sizes(system, nodes, cost):
    write = next(case for case in CASES if (case.system, case.operation) == (system, "write"))
    assert measured(write, nodes) == cost


def test_writes_of_many_clients_share_messages_and_syncs():
    messages, syncs = shared("raft")
    assert messages < 8
    assert syncs < 5
