"""`plan.json`: what was written is read; what nobody could carry out is refused."""

from __future__ import annotations

from random import Random

import pytest

from keelhaul.harness import codec
from keelhaul.harness.plan_file import read_plan, write_plan
from keelhaul.harness.store import PLAN
from keelhaul.harness.validation import UsageError
from keelhaul.nemesis.plan import Plan
from keelhaul.nemesis.planner import KINDS, FaultSetting, PlannerSettings, make_plan

KILL = {"id": 0, "kind": "kill", "start_ns": 1, "stop_ns": 2, "target": "one", "shape": None}
CUT = {"id": 1, "kind": "partition", "start_ns": 1, "stop_ns": 2, "target": None, "shape": "halves"}


def test_plans_are_read_back(tmp_path):
    settings = PlannerSettings(faults=tuple(FaultSetting(kind=kind) for kind in KINDS))
    for plan in (make_plan(settings, 30 * 10**9, Random(7)), Plan(()), Plan((), ("kill",))):
        write_plan(tmp_path, plan)
        assert read_plan(tmp_path) == plan


@pytest.mark.parametrize(
    ("faults", "problem"),
    [
        ([{**KILL, "kind": "kil"}], r"faults\[0\].kind: no such fault: 'kil'; did you mean 'kill'\?"),
        ([{**KILL, "target": None}], r"faults\[0\].target: is missing"),
        ([{**CUT, "shape": None}], r"faults\[0\].shape: is missing"),
        ([{**CUT, "shape": "hales"}], r"faults\[0\].shape: no such shape: 'hales'"),
        ([{**KILL, "stop_ns": 0}], r"faults\[0\].stop_ns: 0 lies before its start_ns"),
        ([{**KILL, "start_ns": "1"}], r"faults\[0\].start_ns: '1' isn't a whole number"),
        ([{**KILL, "start_ns": 1.5}], r"faults\[0\].start_ns: 1.5 isn't a whole number"),
        ([KILL, {**CUT, "id": 0}], r"faults\[1\].id: 0 is another fault's too"),
        ([{**KILL, "more": 1}], r"faults\[0\].more: no such setting"),
        ([{"kind": "kill"}], r"faults\[0\].id: is missing"),
        ([{**KILL, "kind": "clock-rate"}], r"faults\[0\].rate_ppm: is missing"),
        ([{**KILL, "kind": "clock-offset", "rate_ppm": 5}], r"faults\[0\].jump_ms: is missing"),
        ([{**KILL, "kind": "clock-rate", "rate_ppm": 900_001}], r"faults\[0\].rate_ppm: 900001 isn't a whole number"),
        ([{**KILL, "kind": "clock-offset", "jump_ms": "5"}], r"faults\[0\].jump_ms: '5' isn't a whole number"),
        ([5], r"faults\[0\]: 5 isn't a table"),
        ({}, "faults: {} isn't a list of tables"),
    ],
)
def test_what_cannot_be_carried_out_is_refused(tmp_path, faults, problem):
    (tmp_path / PLAN).write_bytes(codec.encode_pretty({"requested": ["kill"], "faults": faults}))
    with pytest.raises(UsageError, match=r"plan\.json: " + problem):
        read_plan(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"{}", b'{"faults": []}', b'{"requested": [[]], "faults": []}']
)
def test_what_is_no_plan_is_refused(tmp_path, content):
    (tmp_path / PLAN).write_bytes(content)
    with pytest.raises(UsageError, match=r"plan\.json: "):
        read_plan(tmp_path)


def test_a_plan_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"plan\.json: can't be read: No such file"):
        read_plan(tmp_path)
