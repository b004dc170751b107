"""When a value is chosen (§2.1, Learn)."""

from __future__ import annotations

import pytest

from keelhaul.nodes.outbox import Outbox
from keelhaul.nodes.paxos.ballot import Ballot
from keelhaul.nodes.paxos.quorums import majority
from keelhaul.nodes.paxos.synod.learner import Learner

B1, B2 = Ballot(1, "n1"), Ballot(2, "n2")


@pytest.fixture
def learner():
    return Learner("k", Outbox("n1"), majority(["n1", "n2", "n3"]))


def test_learn_a_quorum_of_one_ballot_chooses(learner):
    learner.on_accepted("n1", B1, "v")
    assert not learner.is_chosen
    learner.on_accepted("n3", B1, "v")
    assert (learner.is_chosen, learner.ballot, learner.value) == (True, B1, "v")


def test_learn_acceptances_of_different_ballots_do_not_add_up_even_for_equal_values(learner):
    learner.on_accepted("n1", B1, "v")
    learner.on_accepted("n2", B2, "v")
    assert not learner.is_chosen


def test_learn_one_acceptor_counts_once_however_often_it_says_so(learner):
    for _ in range(3):
        learner.on_accepted("n1", B1, "v")
    assert not learner.is_chosen
    assert learner.has_voted("n1", B1)


def test_px_3_what_is_chosen_is_not_learned_anew(learner):
    learner.learn(B1, "v")
    learner.learn(B2, "w")
    learner.on_accepted("n1", B2, "w")
    learner.on_accepted("n2", B2, "w")
    assert learner.value == "v"


def test_a_late_acceptance_of_an_old_ballot_still_counts(learner):
    learner.on_accepted("n2", B2, "w")
    learner.on_accepted("n1", B1, "v")
    learner.on_accepted("n2", B1, "v")
    assert learner.value == "v"
