"""Whole stories of several members, step by step: the edge cases of §2.9 that take more than one of them."""

from __future__ import annotations


def write(cluster, value, at, **more):
    return cluster.request(at, "write", key="k", value=value, **more)


def agreed(cluster, *names):
    """What these members have executed, which must be the same."""
    told = {}
    for name in names or cluster.names:
        for record in cluster.told("apply", name):
            told.setdefault(record["index"], record["digest"])
            assert told[record["index"]] == record["digest"]
    return len(told)


def test_edge_leader_crash_with_holes(paxos_of):
    cluster = paxos_of(3)
    cluster.elect("n1")
    asked = [write(cluster, number, "n1") for number in (1, 2, 3)]
    first, _, third = cluster.on_way("accept", dest="n2")
    cluster.deliver(first)
    cluster.deliver(third)
    cluster.crash("n1")
    cluster.packets = []
    cluster.elect("n2", "n2", "n3")
    for _ in range(2):
        cluster.beat("n2", "n2", "n3")
    assert cluster.chosen("n2") == [["write", "k", 1], None, ["write", "k", 3]]
    assert cluster.chosen("n3") == cluster.chosen("n2")
    assert [cluster.answer(number) for number in asked] == [None] * 3  # they died with the leader
    cluster.restart("n1")
    for _ in range(3):
        cluster.beat("n2")
    assert agreed(cluster) == 3
    assert cluster.chosen("n1")[1] is None


def test_edge_two_leaders_alternating_on_each_slot(paxos_of):
    cluster = paxos_of(3)
    values = []
    for number in range(6):
        leader, other = ("n1", "n2") if number % 2 == 0 else ("n2", "n1")
        cluster.wait(600)
        cluster.elect(leader, leader, "n3")
        values.append(number)
        asked = write(cluster, number, leader)
        cluster.run(leader, "n3")
        assert cluster.answer(asked)["type"] == "write_ok"
        stale = write(cluster, f"stale {number}", other)  # it may still believe that it leads
        cluster.run(other, "n3")
        assert cluster.answer(stale)["type"] == "error"
        cluster.run(leader, "n3")
    cluster.wait(600)
    cluster.elect("n3")
    for _ in range(2):
        cluster.beat("n3")
    written = [payload[2] for payload in cluster.chosen("n3") if payload is not None]
    assert [value for value in written if not isinstance(value, str)] == values
    agreed(cluster)


def test_edge_new_leader_whose_own_log_is_behind_compaction(paxos_of):
    cluster = paxos_of(3, snapshot_threshold=3, snapshot_trailing=0)
    cluster.elect("n1")
    for number in range(7):
        write(cluster, number, "n1")
        cluster.run("n1", "n2")
    cluster.crash("n1")
    cluster.wait(300)
    cluster.stand("n3")
    cluster.run("n2", "n3")
    assert cluster.leaders() == ["n3"]
    assert [record for record in cluster.told("propose", "n3") if record["slot"] <= 6] == []  # never filled as empty
    asked = write(cluster, "new", "n3")
    for _ in range(3):
        cluster.beat("n3", "n2", "n3")
    assert cluster.answer(asked)["type"] == "write_ok"
    assert cluster.state("n3").executed >= 8
    assert cluster.state("n2").machine.digest == cluster.state("n3").machine.digest


def test_edge_noop_filling_racing_with_the_old_leaders_late_accept(paxos_of):
    cluster = paxos_of(3)
    cluster.elect("n1")
    asked = write(cluster, "late", "n1")
    late = cluster.on_way("accept", dest="n3")[0]
    cluster.packets = []
    accepted = ["command", ["write", "k", "x"], [1, "n1"]]
    cluster.tell("n2", "n1", type="accept", ballot=[1, "n1"], slots=[[2, accepted]], commit=0)
    cluster.wait(300)
    cluster.stand("n2")
    cluster.run("n2", "n3")
    assert cluster.chosen("n2")[:2] == [None, ["write", "k", "x"]]  # slot 1 was empty as far as they knew
    cluster.packets = [late]
    cluster.deliver(late)
    (nack,) = cluster.on_way("nack")
    cluster.deliver(nack)
    assert cluster.answer(asked)["code"] == 1000
    for _ in range(3):
        cluster.beat("n2")
    assert cluster.chosen("n1") == cluster.chosen("n2")


def test_edge_client_command_in_slots_5_and_7(paxos_of):
    cluster = paxos_of(3)
    cluster.elect("n1")
    registered = cluster.request("n1", "register")
    for number in range(3):
        write(cluster, number, "n1")
    cluster.run()
    session = cluster.answer(registered)["session"]
    twice = {"session": session, "seq": 1, "acked": 0}
    write(cluster, "a", "n1", **twice)
    write(cluster, "between", "n1")
    write(cluster, "a", "n1", **twice)
    cluster.run()
    payloads = cluster.chosen("n1")
    assert payloads[4] == payloads[6] == ["session", session, 1, 0, ["write", "k", "a"]]
    asked = cluster.request("n1", "read", key="k")
    cluster.run()
    assert cluster.answer(asked)["value"] == "between"  # slot 7 did nothing


def test_mp3_mp7_a_value_chosen_by_the_old_leader_survives_though_only_one_acceptor_tells_of_it(paxos_of):
    cluster = paxos_of(5)
    cluster.elect("n1")
    asked = write(cluster, "v", "n1")
    cluster.pass_on("accept", dest="n2")
    cluster.pass_on("accept", dest="n3")
    cluster.pass_on("accepted")
    assert cluster.answer(asked)["type"] == "write_ok"
    cluster.crash("n1", "n2")
    cluster.packets = []
    cluster.elect("n5", "n3", "n4", "n5")
    asked = cluster.request("n5", "read", key="k")
    cluster.run("n3", "n4", "n5")
    assert cluster.answer(asked)["value"] == "v"
