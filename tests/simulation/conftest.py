"""Runs that are recorded but not judged."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from keelhaul.harness import seeds
from keelhaul.harness.console import Quiet
from keelhaul.harness.run import Recorded, record
from keelhaul.harness.scenario import Scenario
from keelhaul.nemesis.planner import make_plan


@dataclass(frozen=True)
class Run:
    """A recorded run and the bytes of its history."""

    recorded: Recorded
    history: bytes


@pytest.fixture
def run(tmp_path):
    """Record a scenario with the plan of its seed."""
    folders = iter(range(1000))

    def run(chosen: Scenario, plan=None) -> Run:
        folder = tmp_path / f"run-{next(folders)}"
        folder.mkdir()
        if plan is None:
            plan = make_plan(chosen.planner_settings(), chosen.time_limit_ns, seeds.stream(chosen.seed, "nemesis"))
        recorded = record(chosen, plan, folder, Quiet())
        return Run(recorded, (folder / "history.jsonl").read_bytes())

    return run
