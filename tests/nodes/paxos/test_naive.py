"""The counter-example: it works when nobody competes, and decides twice when three do."""

from __future__ import annotations


def test_one_proposer_alone_gets_its_value(naive_of):
    cluster = naive_of(3)
    asked = cluster.request("n1", "propose", key="k", value=7)
    cluster.run()
    assert cluster.answer(asked)["value"] == 7


def test_two_majorities_of_answers_can_have_two_winners(naive_of):
    cluster = naive_of(5)
    first = cluster.request("n1", "propose", key="k", value="a")
    second = cluster.request("n5", "propose", key="k", value="b")
    for dest, source in {"n1": "n1", "n2": "n1", "n3": "n1", "n4": "n5", "n5": "n5"}.items():
        cluster.pass_on("vote", source, dest)
    for name in ("n2", "n3"):
        cluster.pass_on("vote_reply", name, "n1")
    cluster.pass_on("vote", "n5", "n3")
    for name in ("n4", "n3"):
        cluster.pass_on("vote_reply", name, "n5")
    assert (cluster.answer(first)["value"], cluster.answer(second)["value"]) == ("a", "b")


def test_a_vote_is_on_disk_before_it_is_told_and_outlives_a_crash(naive_of):
    cluster = naive_of(3)
    cluster.hold_disk("n2")
    cluster.request("n1", "propose", key="k", value=1)
    cluster.pass_on("vote", "n1", "n2")
    assert cluster.on_way("vote_reply", "n2") == []
    cluster.hold_disk("n2", held=False)
    assert [packet.body["value"] for packet in cluster.on_way("vote_reply", "n2")] == [1]
    cluster.crash("n2")
    cluster.restart("n2")
    (reply,) = cluster.tell("n2", "n3", type="vote", poll=9, key="k", value=2)
    assert reply.body["value"] == 1


def test_what_is_malformed_is_refused_and_what_is_lost_is_asked_again(naive_of):
    cluster = naive_of(3)
    assert cluster.answer(cluster.request("n1", "status"))["role"] == "member"
    assert cluster.answer(cluster.request("n1", "propose", key="k"))["type"] == "error"
    asked = cluster.request("n1", "read", key="k")
    cluster.lose()
    cluster.fire("n1")
    cluster.run()
    assert cluster.answer(asked) == {"type": "read_ok", "value": None, "in_reply_to": asked}
