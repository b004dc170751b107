"""The lock scenarios from seed to verdict, shortened: the sound ones hold, the counter-examples are refuted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from keelhaul.harness import scenario
from keelhaul.harness.codec import read_history
from keelhaul.harness.console import Quiet
from keelhaul.harness.run import execute

SCENARIOS = Path(__file__).parents[2] / "scenarios"


@pytest.fixture
def judge(tmp_path):
    """Run a scenario of ours with a seed, for so many seconds; return the record of its verdict."""

    def judge(name, seed, seconds=20.0, *, brief=True):
        chosen = replace(scenario.load(SCENARIOS / f"{name}.toml"), seed=seed, time_limit_s=seconds)
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


def test_the_same_seed_gives_the_same_history(judge):
    assert judge("lock", 5, 8.0)["history_sha256"] == judge("lock", 5, 8.0)["history_sha256"]
