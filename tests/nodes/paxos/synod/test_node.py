"""The node around the roles: requests, restarts, and keys apart from each other."""

from __future__ import annotations

from keelhaul.nodes.events import ClientRequest


def test_what_is_chosen_stays_chosen_over_a_restart_of_all(synod_of):
    cluster = synod_of(3)
    cluster.request("n1", "propose", key="k", value="v")
    cluster.run()
    cluster.crash(*cluster.names)
    cluster.restart(*cluster.names)
    asked = cluster.request("n2", "propose", key="k", value="w")
    cluster.run()
    assert cluster.answer(asked)["value"] == "v"


def test_keys_are_registers_of_their_own(synod_of):
    cluster = synod_of(3)
    asked = [cluster.request("n1", "propose", key=key, value=repr(key)) for key in (1, "1", 2)]
    cluster.run()
    assert [cluster.answer(number)["value"] for number in asked] == ["1", "'1'", "2"]
    assert cluster.answer(cluster.request("n2", "status"))["commit_index"] == 3


def test_status_is_of_a_member_that_nobody_leads(synod_of):
    cluster = synod_of(3)
    status = cluster.answer(cluster.request("n1", "status"))
    assert (status["role"], status["leader"]) == ("member", None)


def test_a_malformed_request_is_refused_and_one_without_a_number_passed_over(synod_of):
    cluster = synod_of(3)
    refused = cluster.answer(cluster.request("n1", "propose", key="k", value=None))
    assert refused["type"] == "error"
    assert "null" in refused["text"]
    assert cluster.tell("n1", "n9", type="prepare", key="k", ballot=[1, "n9"]) == []  # a stranger
    cluster.step("n1", ClientRequest("c1", {"type": "status"}))
    assert len(cluster.replies) == 1


def test_who_knows_the_chosen_value_tells_a_proposer_at_once(synod_of):
    cluster = synod_of(3)
    cluster.request("n1", "propose", key="k", value="v")
    cluster.run()
    (told,) = cluster.tell("n2", "n3", type="prepare", key="k", ballot=[9, "n3"])
    assert (told.body["type"], told.body["value"]) == ("chosen", "v")
