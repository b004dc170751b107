"""The Paxos scenarios from seed to verdict, shortened: the sound ones hold, the planted and the naive are found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from keelhaul.harness import scenario
from keelhaul.harness.console import Quiet
from keelhaul.harness.run import execute
from keelhaul.nodes.mutants import MUTANTS

SCENARIOS = Path(__file__).parents[2] / "scenarios"


@pytest.fixture
def judge(tmp_path):
    """Run a scenario of ours with a seed, for so many seconds; return the record of its verdict."""

    def judge(name, seed, seconds=8.0, **changes):
        chosen = replace(scenario.load(SCENARIOS / f"{name}.toml"), seed=seed, time_limit_s=seconds, **changes)
        return execute(chosen, tmp_path, Quiet(), brief=True).record

    return judge


@pytest.mark.parametrize("name", ["synod", "paxos-register", "paxos-membership"])
def test_a_sound_system_holds_with_its_invariants_on(judge, name):
    record = judge(name, 1)
    assert (record["verdict"], record["reasons"]) == ("valid", [])
    assert record["checkers"]["synod-invariants" if name == "synod" else "paxos-invariants"]["verdict"] == "valid"


def test_one_phase_without_ballots_is_refuted_by_two_answers_for_one_key(judge):
    record = judge("naive-paxos", 20, 5.0)
    assert record["verdict"] == "invalid"
    reason = record["checkers"]["consensus"]["reason"]
    assert reason.startswith("agreement: key ")
    assert reason.count("propose") == 2
    assert record["checkers"]["linearizable"]["verdict"] == "invalid"


FOUND = {
    "disjoint-quorums": ("synod", 1, "PX-1"),
    "forgetful-acceptor": ("synod", 1, "PX-4"),
    "own-value-first": ("synod", 2, "PX-7"),
    "mixed-ballots": ("synod", 1, "PX-3"),
    "no-phase-1": ("paxos-membership", 1, "PX-1"),
    "blind-commit": ("paxos-membership", 1, "PX-1"),
    "compacted-is-empty": ("paxos-membership", 6, "PX-1"),
}
"""The scenario, a seed with which 5 s are enough, and the first rule that is seen to be violated."""


@pytest.mark.parametrize("mutant", FOUND)
def test_a_planted_bug_is_found_and_its_rule_named(judge, mutant):
    name, seed, rule = FOUND[mutant]
    record = judge(name, seed, 5.0, mutant=mutant)
    assert record["verdict"] == "invalid"
    assert rule in record["checkers"]["synod-invariants" if name == "synod" else "paxos-invariants"]["reason"]


def test_reads_of_a_leader_that_does_not_ask_are_found_by_the_clients_history(judge):
    record = judge("paxos-membership", 6, 8.0, mutant="unconfirmed-reads")
    assert record["verdict"] == "invalid"
    assert record["checkers"]["linearizable"]["verdict"] == "invalid"


def test_every_planted_bug_of_ours_is_among_them():
    ours = {mutant.name for mutant in MUTANTS.values() if mutant.system in ("synod", "paxos")}
    assert ours == {*FOUND, "unconfirmed-reads"}
