"""The lock scenarios from seed to verdict, shortened: the sound ones hold, the counter-examples are refuted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from keelhaul.harness import scenario
from keelhaul.harness.codec import read_history
from keelhaul.harness.console import Quiet
from keelhaul.harness.run import execute
from keelhaul.nemesis.planner import FaultSetting
from keelhaul.nodes.mutants import MUTANTS

SCENARIOS = Path(__file__).parents[2] / "scenarios"


@pytest.fixture
def judge(tmp_path):
    """Run a scenario of ours with a seed, for so many seconds; return the record of its verdict."""

    def judge(name, seed, seconds=20.0, *, brief=True, **changes):
        chosen = replace(scenario.load(SCENARIOS / f"{name}.toml"), seed=seed, time_limit_s=seconds, **changes)
        return execute(chosen, tmp_path, Quiet(), brief=brief).record

    return judge


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", ["lock", "lock-on-paxos", "fenced-lock", "lock-files"])
def test_the_lock_service_holds(judge, name, seed):
    record = judge(name, seed)
    assert (record["verdict"], record["reasons"]) == ("valid", [])


def test_files_are_read_from_caches_and_their_readers_hear_of_changes(judge):
    history = read_history(Path(judge("lock-files", 3, brief=False)["run"]) / "history.jsonl")
    details = [one.result[1] for one in history.operations if one.outcome == "ok"]
    assert sum(one.get("cached", False) for one in details) > 20
    assert sum(len(one.get("heard", ())) for one in details) > 100


def test_the_naive_lock_server_is_refuted(judge):
    record = judge("naive-lock", 2)
    assert record["verdict"] == "invalid"
    assert "LC-2" in record["checkers"]["mutual-exclusion"]["reason"]


def test_a_resource_that_does_not_look_at_tokens_loses_updates_behind_an_honest_service(judge):
    record = judge("unfenced-lock", 1, seconds=30.0)
    assert record["verdict"] == "invalid"
    assert "is lost" in record["checkers"]["guarded-resource"]["reason"]
    assert record["checkers"]["lock-invariants"]["verdict"] == "valid"
    assert record["checkers"]["mutual-exclusion"]["verdict"] == "valid"


FOUND = {
    "lease-cut-short": ("lock", 1, "lock-invariants", "LC-5"),
    "rest-cut-short": ("lock", 1, "lock-invariants", "LC-6"),
    "serve-at-once": ("lock", 1, "lock-invariants", "LC-14"),
    "barging-try": ("lock", 8, "lock-invariants", "LC-7"),
    "no-recall": ("lock-files", 1, "coherent-files", "LC-11"),
    "files-outlive-sessions": ("lock-files", 1, "lock-invariants", "LC-10"),
}
"""The scenario, a seed with which it is found, by whom, and as a violation of which rule."""


@pytest.mark.parametrize("mutant", FOUND)
def test_a_planted_bug_is_found_and_its_rule_named(judge, mutant):
    name, seed, checker, rule = FOUND[mutant]
    record = judge(name, seed, 40.0, mutant=mutant, fail_fast=True)
    assert record["verdict"] == "invalid"
    assert rule in record["checkers"][checker]["reason"]


def test_a_master_that_answers_from_memory_is_found_when_it_is_cut_off_and_does_not_notice(judge):
    """With CheckQuorum it would notice, and harm nobody."""
    options = {"check_quorum": 0, "pre_vote": 0}
    alone = FaultSetting(kind="partition", shapes=("isolate-one",), targets=("leader",))
    more = {"faults": (alone,), "duration_s": 5.0, "gap_s": 2.0, "system_options": options}
    record = judge("lock", 1, 25.0, mutant="keep-alive-from-memory", fail_fast=True, **more)
    assert record["verdict"] == "invalid"
    assert "LC-5" in record["checkers"]["sessions-last"]["reason"]


def test_a_resource_that_forgets_its_newest_tokens_is_found_when_it_is_killed(judge):
    kills = FaultSetting(kind="kill", targets=("one", "all"))
    more = {"faults": (kills,), "duration_s": 1.0, "gap_s": 1.0}
    record = judge("fenced-lock", 7, 30.0, mutant="resource-forgets", fail_fast=True, **more)
    assert "LC-3" in record["checkers"]["fenced-tokens"]["reason"]


def test_every_planted_bug_of_ours_is_among_them():
    ours = {mutant.name for mutant in MUTANTS.values() if mutant.system in ("lock", "fenced-lock")}
    assert ours == {*FOUND, "keep-alive-from-memory", "resource-forgets"}


def test_the_same_seed_gives_the_same_history(judge):
    assert judge("lock", 5, 8.0)["history_sha256"] == judge("lock", 5, 8.0)["history_sha256"]
