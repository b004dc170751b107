"""Leases lean on clocks: within the bound that they allow for nobody reads anything stale; far beyond it somebody does,
and the checkers say so. A leader's clock runs wrong, and a second later nobody hears the leader any more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from keelhaul.harness import scenario
from keelhaul.harness.console import Quiet
from keelhaul.harness.run import execute
from keelhaul.nemesis.plan import Plan, TimedFault

S = 1_000_000_000
SCENARIO = Path(__file__).parent.parent.parent / "scenarios" / "raft-lease.toml"
FAR_BEYOND, WITHIN = -900_000, -20_000


def plan_of(rate_ppm):
    faults = []
    for start_ns in (2 * S, 7 * S):
        within = {"start_ns": start_ns, "stop_ns": start_ns + 4 * S, "rate_ppm": rate_ppm}
        faults.append(TimedFault(id=len(faults), kind="clock-rate", target="leader", **within))
        within = {"start_ns": start_ns + S, "stop_ns": start_ns + 3 * S, "shape": "isolate-one"}
        faults.append(TimedFault(id=len(faults), kind="partition", target="leader", **within))
    return Plan(tuple(faults), ("clock-rate", "partition"))


def record_of(rate_ppm, seed, folder):
    chosen = replace(scenario.load(SCENARIO), seed=seed, time_limit_s=12.0, faults=())
    return execute(chosen, folder, Quiet(), plan=plan_of(rate_ppm), brief=True).record


@pytest.mark.parametrize("seed", range(1, 4))
def test_a_leader_whose_clock_hardly_goes_reads_what_is_stale_and_is_found(seed, tmp_path):
    record = record_of(FAR_BEYOND, seed, tmp_path)
    assert record["verdict"] == "invalid"
    assert "RI-13 reads are fresh" in record["checkers"]["raft-invariants"]["reason"]
    assert record["checkers"]["linearizable"]["verdict"] == "invalid"
    assert [fault["in_force"] for fault in record["faults"]] == [2, 2]


@pytest.mark.parametrize("seed", range(1, 4))
def test_a_leader_whose_clock_is_within_the_bound_reads_nothing_stale(seed, tmp_path):
    record = record_of(WITHIN, seed, tmp_path)
    assert (record["verdict"], record["reasons"]) == ("valid", [])
    assert [fault["in_force"] for fault in record["faults"]] == [2, 2]
