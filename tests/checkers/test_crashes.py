"""Nodes that ended by themselves."""

from keelhaul.checkers.crashes import Crashes
from keelhaul.checkers.verdict import Verdict


def test_a_node_that_ends_by_itself_makes_it_invalid(evidence):
    assert Crashes().check(evidence()).verdict is Verdict.VALID
    result = Crashes().check(evidence(crashes=("n1 ended with 70", "n2 too", "n3 too")))
    assert result.verdict is Verdict.INVALID
    assert result.reason == "a node ended by itself: n1 ended with 70 (and 2 more)"
