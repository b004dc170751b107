"""Clients' requests: who answers, when, and with what (F8, A4, AP1, AP2, R-INFO); and requests that aren't any."""

from __future__ import annotations

import pytest

from keelhaul.nodes.errors import ErrorCode, is_definite


def test_f8_a_write_is_answered_when_a_majority_has_it_and_it_is_applied(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    written = cluster.request("n1", "write", key="k", value=7)
    assert cluster.answer(written) is None
    cluster.deliver_all("n1", "n2")
    assert cluster.answer(written) is None
    cluster.deliver_all("n2", "n1")
    assert cluster.answer(written) == {"type": "write_ok", "in_reply_to": written}
    assert cluster.applied("n1")[-1] == 2


def test_f8_a_read_goes_through_the_log_too(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    read = cluster.request("n1", "read", key="k")
    assert cluster.answer(read) is None
    assert cluster.state("n1").log.last_index == 2
    cluster.run()
    assert cluster.answer(read) == {"type": "read_ok", "value": None, "in_reply_to": read}


def test_f8_compare_and_set_is_judged_where_it_is_applied(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    first = cluster.request("n1", "cas", key="k", **{"from": None, "to": 1})
    second = cluster.request("n1", "cas", key="k", **{"from": None, "to": 2})
    read = cluster.request("n1", "read", key="k")
    cluster.run()
    assert cluster.answer(first)["type"] == "cas_ok"
    assert cluster.answer(second)["code"] == ErrorCode.PRECONDITION_FAILED
    assert cluster.answer(read)["value"] == 1


def test_r_info_only_a_leader_appends_and_others_name_it(cluster_of):
    cluster = cluster_of(3)
    asked = cluster.request("n2", "write", key="k", value=1)
    assert cluster.answer(asked)["code"] == ErrorCode.TEMPORARILY_UNAVAILABLE
    assert "leader" not in cluster.answer(asked)
    cluster.elect("n1")
    asked = cluster.request("n2", "write", key="k", value=1)
    assert cluster.answer(asked)["leader"] == "n1"
    assert cluster.state("n2").log.last_index == 1


def test_r_info_a_deposed_leader_says_nothing_until_the_index_is_settled(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    written = cluster.request("n1", "write", key="k", value=1)
    cluster.drop_all()
    cluster.elect("n2", "n2", "n3")
    cluster.wait(1000, "n1")
    cluster.fire("n1", "heartbeat")
    cluster.drop_all()
    assert cluster.role("n1") == "follower"
    assert cluster.answer(written) is None
    cluster.beat("n2")
    cluster.beat("n2")
    assert cluster.state("n1").commit_index == 2
    assert cluster.answer(written)["code"] == ErrorCode.ABORT


def test_ap2_a_deposed_leaders_entry_that_survives_is_answered_ok(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    written = cluster.request("n1", "write", key="k", value=1)
    cluster.deliver_all("n1", "n2")
    cluster.drop_all()
    cluster.wait()
    cluster.fire("n1", "heartbeat")  # no majority: it steps down
    cluster.drop_all()
    cluster.elect("n2")
    cluster.beat("n2")
    assert cluster.answer(written)["type"] == "write_ok"


def test_ap2_a_waiter_whose_place_is_needed_again_is_told_that_nobody_knows(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    second, third, fourth = (cluster.request("n1", "write", key="k", value=number) for number in range(3))
    cluster.drop_all()
    of_another = {"type": "append_entries", "term": 2, "prev_index": 1, "prev_term": 1, "leader_commit": 1}
    cluster.tell("n1", "n2", **of_another, entries=[[2, "noop", None]])
    assert cluster.terms("n1") == [1, 2]
    cluster.elect("n1")
    assert cluster.terms("n1") == [1, 2, 3]
    # Its entries 2 and 3 are committed now, of other terms; where entry 4 went, it can't know.
    assert [cluster.answer(number)["code"] for number in (second, third)] == [ErrorCode.ABORT] * 2
    assert cluster.answer(fourth) is None
    again = cluster.request("n1", "write", key="k", value=9)
    assert cluster.answer(fourth)["code"] == ErrorCode.UNKNOWN_OUTCOME
    cluster.run()
    assert cluster.answer(again)["type"] == "write_ok"


def test_a4_ap1_entries_are_applied_once_and_in_order(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    for number in range(5):
        cluster.request("n1", "write", key="k", value=number)
    cluster.run()
    cluster.beat("n1")
    for name in cluster.names:
        assert cluster.applied(name) == [1, 2, 3, 4, 5, 6]
        assert cluster.state(name).machine.apply(1, ["read", "k"])["value"] == 4


def test_ap1_a_restart_applies_the_same_again(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    cluster.request("n1", "write", key="k", value=1)
    cluster.run()
    cluster.beat("n1")
    digests = [digest for record in cluster.told("n2", "apply") for digest, _ in record["entries"]]
    cluster.crash("n2")
    cluster.restart("n2")
    assert cluster.state("n2").applied_index == 0
    cluster.beat("n1")
    again = [digest for record in cluster.told("n2", "apply") for digest, _ in record["entries"]]
    assert again == digests * 2


def test_the_status_is_told_by_everybody(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    asked = [cluster.request(name, "status") for name in ("n1", "n2")]
    leader, follower = (cluster.answer(number) for number in asked)
    assert leader == {
        "type": "status_ok",
        "role": "leader",
        "term": 1,
        "leader": "n1",
        "commit_index": 1,
        "voters": ["n1", "n2", "n3"],
        "in_reply_to": asked[0],
    }
    assert (follower["role"], follower["leader"]) == ("follower", "n1")


# --- what clients may send


@pytest.mark.parametrize("number", [None, "1", 1.0, True, [], {}])
def test_a_request_that_cannot_be_answered_is_dropped(cluster_of, number):
    cluster = cluster_of(1)
    cluster.elect("n1")
    cluster.ask("n1", {"type": "write", "key": "k", "value": 1, "msg_id": number})
    cluster.ask("n1", {"type": "status"})
    assert cluster.replies == []
    assert cluster.state("n1").log.last_index == 1


DEEP = 1
for _ in range(400):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "body",
    [
        {"type": "write", "key": ["k"], "value": 1},
        {"type": "write", "key": {"k": 1}, "value": 1},
        {"type": "write", "key": None, "value": 1},
        {"type": "write", "key": True, "value": 1},
        {"type": "write", "key": 1.5, "value": 1},
        {"type": "write", "key": 10**4000, "value": 1},
        {"type": "write", "key": "k" * 100_000, "value": 1},
        {"type": "write", "key": "k"},
        {"type": "write", "key": "k", "value": DEEP},
        {"type": "write", "key": "k", "value": float("nan")},
        {"type": "write", "key": "k", "value": 10**4000},
        {"type": "write", "key": "k", "value": ["x" * 5_000_000]},
        {"type": "cas", "key": "k", "from": 1},
        {"type": "append_entries", "term": 99, "entries": []},
        {"type": "request_vote", "term": 99},
        {"type": "\\" * 4_000_000},
        {"type": ""},
    ],
)
def test_a_request_that_is_none_gets_a_definite_error_and_leaves_no_trace(cluster_of, body):
    cluster = cluster_of(1)
    cluster.elect("n1")
    cluster.ask("n1", {**body, "msg_id": 10**4000})
    ((_, reply),) = cluster.replies
    assert reply["type"] == "error"
    assert is_definite(reply["code"])
    assert len(reply["text"]) < 300
    assert (cluster.state("n1").term, cluster.state("n1").log.last_index) == (1, 1)


@pytest.mark.parametrize("value", ["ü\ud800\0\U0001f600", {"a": [None, True, 1.5]}, "x" * 65_536, [], ""])
def test_odd_values_reach_every_disk_and_come_back(cluster_of, value):
    cluster = cluster_of(3)
    cluster.elect("n1")
    cluster.request("n1", "write", key="\ud800", value=value)
    cluster.run()
    cluster.beat("n1")
    for name in cluster.names:
        cluster.crash(name)
        cluster.restart(name)
    cluster.elect("n3")
    read = cluster.request("n3", "read", key="\ud800")
    cluster.run()
    assert cluster.answer(read)["value"] == value
