"""From evidence to the record: which checkers are asked, and what they are given."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.history import History, Row
from keelhaul.checkers.watcher import TraceChecker
from keelhaul.harness import scenario, seeds
from keelhaul.harness.judge import checkers_for, judge, needs_traces, reproduce_command
from keelhaul.nemesis.plan import Plan
from keelhaul.workloads.administrator import WithoutAdministrator
from keelhaul.workloads.registry import WORKLOADS

SCENARIOS = Path(__file__).parent.parent.parent / "scenarios"
S = 1_000_000_000
EMPTY = Plan(())


@pytest.fixture
def judged(small):
    """Judge rows, (time, type, process, f, value) each, under an empty plan."""

    def judged(*rows, plan=EMPTY, **changes):
        history = History.of(Row(index, *row) for index, row in enumerate(rows))
        return judge(replace(small, **changes), plan, history, (), Path("folder")).record

    return judged


class Spied(Evidence):
    """Evidence that notes whether somebody looks at its traces."""

    looks = 0

    def __getattribute__(self, name):
        if name == "traces":
            Spied.looks += 1
        return super().__getattribute__(name)


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.toml")), ids=lambda path: path.stem)
def test_a_checker_that_looks_at_traces_watches_them_or_says_so(path):
    """A brief simulation keeps them for those only: any other would judge without having seen them."""
    chosen = scenario.load(path)
    workload = WORKLOADS[chosen.workload].make(chosen.workload_options, seeds.draws(1, "workload"))
    row = Row(0, 1, "invoke", 0, "read", ["k0", None])
    for name, checker in checkers_for(chosen, workload, of_a_run=True).items():
        Spied.looks, asked = 0, checker.checker if isinstance(checker, WithoutAdministrator) else checker
        with suppress(Exception):
            asked.check(Spied(history=History.of([row]), traces=(), nodes=chosen.members))
        if Spied.looks:
            assert isinstance(checker, TraceChecker) or getattr(checker, "reads_traces", False), name
    administered = replace(chosen, administrator_every_s=1.0)
    assert needs_traces(administered) == needs_traces(chosen)
    assert needs_traces(chosen) == (chosen.workload == "guarded-resource" or chosen.system == "fenced-lock")


def healed(time_ns, outcome="lifted"):
    return [
        (time_ns, "info", "nemesis", "heal", {"phase": "invoke", "faults": []}),
        (time_ns, "info", "nemesis", "heal", {"phase": "done", "faults": [], "outcome": outcome, "reason": "stuck"}),
    ]


def test_a_run_without_final_reads_is_not_valid(judged):
    """As after a heal that failed: nobody may call that recovered."""
    record = judged(*healed(6 * S, "indeterminate"))
    assert record["checkers"]["availability"] == {"verdict": "unknown", "reason": "nothing was tried after the heal"}
    assert record["verdict"] == "unknown"


def test_a_run_that_ends_before_the_heal_is_not_valid(judged):
    record = judged((0, "invoke", 0, "read", ["k0", None]), (1, "ok", 0, "read", ["k0", None]))
    assert record["checkers"]["availability"]["verdict"] == "unknown"


def test_final_reads_that_never_succeed_are_invalid(judged):
    rows = healed(6 * S)
    for at in range(8):
        rows += [(7 * S + at * S, "invoke", 0, "read", ["k0", None]), (8 * S + at * S, "fail", 0, "read", ["k0", None])]
    record = judged(*rows)
    assert record["verdict"] == "invalid"
    assert record["reasons"][0].startswith("availability: no operation succeeded in the 9.0 s after the heal")


def test_a_history_that_came_without_a_plan_claims_nothing_of_its_end(judged):
    record = judged((0, "invoke", 0, "read", ["k0", None]), (1, "ok", 0, "read", ["k0", None]), plan=None)
    assert record["checkers"]["availability"]["verdict"] == "valid"


def test_the_gravest_reason_comes_first(judged):
    record = judged((0, "invoke", 0, "read", ["k0", None]), (1, "ok", 0, "read", ["k0", 7]))
    assert record["verdict"] == "invalid"
    assert record["reasons"][0].startswith("linearizable: ")
    assert any(reason.startswith("exercised: not exercised") for reason in record["reasons"][1:])


def test_commands_that_do_it_again(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path.resolve() / "store" / "a run"
    assert reproduce_command(small, folder) == "keelhaul replay 'store/a run'"
    assert reproduce_command(small, Path("/elsewhere/run")) == "keelhaul replay /elsewhere/run"
    live = replace(small, environment="containers")
    assert reproduce_command(live, folder) == "keelhaul run 'store/a run/scenario.toml'"
