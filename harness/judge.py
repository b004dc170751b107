"""From evidence to the verdict record: which checkers a scenario gets, and what `verdict.json` holds.

Used at the end of a run and by `keelhaul check`, so that judging again is the same judgement.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keelhaul.checkers.availability import Availability
from keelhaul.checkers.checker import Checker, Evidence, NodeTrace
from keelhaul.checkers.compose import Judgement, check_all
from keelhaul.checkers.crashes import Crashes
from keelhaul.checkers.evidence import Exercised
from keelhaul.checkers.faults import summarise
from keelhaul.checkers.history import History
from keelhaul.checkers.leadership import leader_changes
from keelhaul.checkers.stats import Stats
from keelhaul.checkers.watcher import Watched, Watcher
from keelhaul.harness import seeds
from keelhaul.harness.scenario import Scenario
from keelhaul.harness.systems import SYSTEMS
from keelhaul.nemesis.plan import Plan
from keelhaul.workloads.administrator import WithoutAdministrator
from keelhaul.workloads.registry import WORKLOADS
from keelhaul.workloads.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A judgement, and the record of it that is stored and printed."""

    judgement: Judgement
    record: dict[str, Any]


def checkers_for(scenario: Scenario, workload: Workload, *, of_a_run: bool) -> dict[str, Checker]:
    """Return the checkers by name: the workload's, the system's, and those that every run gets.

    Of a history that no run of ours made, nothing says which system it was.
    """
    of_workload: Mapping[str, Checker] = workload.checkers
    if scenario.administrator_every_s:
        of_workload = {name: WithoutAdministrator(checker) for name, checker in of_workload.items()}
    return {
        **of_workload,
        **(SYSTEMS[scenario.system].invariants if of_a_run else {}),
        "crashes": Crashes(),
        "stats": Stats(),
        "availability": Availability(),
        "exercised": Exercised(),
    }


def needs_traces(scenario: Scenario) -> bool:
    """Say whether a checker of this scenario looks at the nodes' traces once a run is over, and can't watch it."""
    workload = WORKLOADS[scenario.workload].make(scenario.workload_options, seeds.draws(scenario.seed, "workload"))
    checkers = checkers_for(scenario, workload, of_a_run=True)
    return any(getattr(checker, "reads_traces", False) for checker in checkers.values())


def judge(
    scenario: Scenario,
    plan: Plan | None,
    history: History,
    traces: tuple[NodeTrace, ...] | None,
    folder: Path,
    crashes: tuple[str, ...] = (),
    watchers: Mapping[str, Watcher] | None = None,
    roles: tuple[NodeTrace, ...] | None = None,
) -> Judged:
    """Run all checkers; those named in `watchers` have seen the traces while the run went on.

    `roles` are the records of who led, where they were kept apart from the traces; None: they are among these.
    `plan` is None for a history that came without one: then it may end before any final reads.
    """
    workload = WORKLOADS[scenario.workload].make(scenario.workload_options, seeds.draws(scenario.seed, "workload"))
    evidence = Evidence(
        history=history,
        traces=traces,
        nodes=scenario.members,
        faults_requested={} if plan is None else plan.counts(),
        main_phase_ns=None if plan is None else scenario.time_limit_ns,
        crashes=crashes,
        final_functions=() if plan is None else tuple(dict.fromkeys(wanted.f for wanted in workload.finals)),
    )
    of_a_run = plan is not None or traces is not None
    checkers = checkers_for(scenario, workload, of_a_run=of_a_run)
    for name, watcher in (watchers or {}).items():
        checkers[name] = Watched(watcher)
    judgement = check_all(checkers, evidence)
    told = traces if roles is None else roles
    counts = Counter(row.type for row in history.rows if isinstance(row.process, int))
    record = {
        "verdict": judgement.verdict.value,
        "reasons": list(judgement.reasons),
        "scenario": scenario.name,
        "seed": scenario.seed,
        "environment": scenario.environment,
        "mutant": scenario.mutant,
        "run": str(folder),
        "operations": {name: counts[name] for name in ("invoke", "ok", "fail", "info")},
        "faults": summarise(history, evidence.faults_requested),
        "leader_changes": None if told is None else leader_changes(told),
        "checkers": {
            name: {"verdict": result.verdict.value, "reason": result.reason}
            for name, result in judgement.results.items()
        },
        "reproduce": reproduce_command(scenario, folder) if of_a_run else f"{_program()} check {_quoted(folder)}",
    }
    return Judged(judgement=judgement, record=record)


def reproduce_command(scenario: Scenario, folder: Path) -> str:
    """Return the command that does it again: a replay in simulation, the same scenario, seed and plan elsewhere."""
    if scenario.environment == "simulation":
        return f"{_program()} replay {_quoted(folder)}"
    return f"{_program()} run {_quoted(folder / 'scenario.toml')}"


def _program() -> str:
    """Return how the command was called, so that the line can be copied: it need not be on the PATH."""
    called = Path(sys.argv[0])
    if called.name != "keelhaul" or shutil.which("keelhaul") == str(called.absolute()):
        return "keelhaul"
    return _quoted(called.absolute())


def _quoted(path: Path) -> str:
    """Write a path for a shell, from where the command was called if it lies below."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))
