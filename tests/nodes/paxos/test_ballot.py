"""Ballots: their order, and that they outlive the wire."""

from __future__ import annotations

from keelhaul.nodes.paxos.ballot import NO_BALLOT, Ballot, ballot_of, digest_of


def test_ballots_are_ordered_by_round_and_then_by_name():
    assert NO_BALLOT < Ballot(1, "n1") < Ballot(1, "n2") < Ballot(2, "n1")


def test_a_ballot_of_another_node_with_the_same_round_is_another_ballot():
    assert ballot_of([3, "n2"]) != ballot_of([3, "n1"])
    assert ballot_of([3, "n2"]) == Ballot(3, "n2")


def test_digests_tell_values_apart():
    values = [None, 1, True, "1", [1], {"a": 1}, "é", "\N{SNOWMAN}"]
    assert len({digest_of(value) for value in values}) == len(values)
