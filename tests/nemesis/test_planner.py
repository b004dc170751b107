"""The planner: what a seed and settings become."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import factorial
from random import Random

import pytest

from keelhaul.nemesis.plan import Plan
from keelhaul.nemesis.planner import KINDS, FaultSetting, PlannerSettings, make_plan
from keelhaul.nemesis.topology import SHAPES

SECOND = 1_000_000_000
ROUND = len(KINDS)
ALL = PlannerSettings(faults=tuple(FaultSetting(kind=kind) for kind in KINDS))


def plan_of(seed, settings=ALL, limit_ns=30 * SECOND):
    return make_plan(settings, limit_ns, Random(f"{seed}/nemesis"))


def test_the_same_seed_makes_the_same_plan_and_another_seed_another():
    assert plan_of(7) == plan_of(7)
    assert len({plan_of(seed) for seed in range(50)}) == 50


def test_at_30_s_every_kind_comes_in_each_of_500_seeds():
    for seed in range(500):
        plan = plan_of(seed)
        assert plan.requested == tuple(KINDS)
        assert all(count >= 1 for count in plan.counts().values()), f"seed {seed}"
        assert len(plan.faults) >= 8, f"seed {seed}"


@pytest.mark.parametrize(
    "limit_ns", [1, 1000, SECOND // 1000, SECOND // 10, SECOND, 5 * SECOND, 30 * SECOND, 600 * SECOND]
)
def test_faults_lie_in_order_within_the_main_phase(limit_ns):
    for seed in range(30):
        plan = plan_of(seed, limit_ns=limit_ns)
        assert [fault.id for fault in plan.faults] == list(range(len(plan.faults)))
        starts = [fault.start_ns for fault in plan.faults]
        assert starts == sorted(starts)
        for fault in plan.faults:
            assert 0 <= fault.start_ns < fault.stop_ns <= limit_ns


@pytest.mark.parametrize("limit_ns", [SECOND // 1000, SECOND // 10, SECOND, 5 * SECOND, 30 * SECOND])
def test_every_kind_comes_once_before_any_comes_twice_however_short_the_time(limit_ns):
    for seed in range(100):
        kinds = [fault.kind for fault in plan_of(seed, limit_ns=limit_ns).faults]
        for start in range(0, len(kinds) - ROUND + 1, ROUND):
            assert sorted(kinds[start : start + ROUND]) == sorted(KINDS), f"seed {seed}, round {start // ROUND}"
        assert len(kinds) >= ROUND, f"seed {seed}"


def test_the_order_of_the_first_round_is_drawn():
    orders = {tuple(fault.kind for fault in plan_of(seed).faults[:ROUND]) for seed in range(1000)}
    assert len(orders) == factorial(ROUND)


def test_the_first_round_aims_at_the_leader_and_overlaps_nothing():
    for seed in range(100):
        first = plan_of(seed).faults[:ROUND]
        assert [fault.target for fault in first] == ["leader"] * ROUND
        assert {fault.shape for fault in first} == {None, "isolate-one"}
        assert all(before.stop_ns <= after.start_ns for before, after in pairwise(first))


def test_later_rounds_draw_shapes_and_targets_and_sometimes_overlap():
    later = [fault for seed in range(100) for fault in plan_of(seed).faults[ROUND:]]
    assert {fault.shape for fault in later if fault.kind == "partition"} == set(SHAPES)
    assert {fault.target for fault in later if fault.kind == "kill"} == {"one", "minority", "majority", "leader"}
    overlaps = sum(
        after.start_ns < before.stop_ns
        for seed in range(100)
        for before, after in zip(plan_of(seed).faults, plan_of(seed).faults[1:], strict=False)
    )
    assert 0.05 < overlaps / len(later) < 0.3


def test_durations_and_gaps_are_as_set_on_average():
    settings = PlannerSettings(
        faults=(FaultSetting(kind="kill"),), first_ns=2 * SECOND, duration_ns=4 * SECOND, gap_ns=3 * SECOND
    )
    plans = [plan_of(seed, settings, 600 * SECOND) for seed in range(20)]
    assert {plan.faults[0].start_ns for plan in plans} == {2 * SECOND}
    durations = [fault.stop_ns - fault.start_ns for plan in plans for fault in plan.faults]
    assert min(durations) >= 2 * SECOND
    assert max(durations) <= 6 * SECOND
    assert sum(durations) / len(durations) == pytest.approx(4 * SECOND, rel=0.05)
    gaps = [b.start_ns - a.stop_ns for plan in plans for a, b in zip(plan.faults, plan.faults[1:], strict=False)]
    stable = [gap for gap in gaps if gap > 0]
    assert sum(stable) / len(stable) == pytest.approx(3 * SECOND, rel=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_one_kind_alone(kind):
    plan = plan_of(3, PlannerSettings(faults=(FaultSetting(kind=kind),)))
    assert Counter(fault.kind for fault in plan.faults) == {kind: len(plan.faults)}
    assert len(plan.faults) >= 6
    assert plan.requested == (kind,)


def test_no_kinds_make_an_empty_plan():
    assert plan_of(3, PlannerSettings(faults=())) == Plan((), ())


def test_only_the_given_shapes_and_targets_are_drawn():
    settings = PlannerSettings(
        faults=(
            FaultSetting(kind="partition", shapes=("bridge", "isolate-one"), targets=("n2",)),
            FaultSetting(kind="pause", targets=("n3", "all")),
        )
    )
    faults = [fault for seed in range(50) for fault in plan_of(seed, settings).faults]
    found = {(fault.kind, fault.shape, fault.target) for fault in faults}
    assert found == {
        ("partition", "bridge", None),
        ("partition", "isolate-one", "n2"),
        ("pause", None, "n3"),
        ("pause", None, "all"),
    }


def test_only_isolate_one_has_a_target_among_partitions_and_never_a_group():
    settings = PlannerSettings(faults=(FaultSetting(kind="partition", targets=("minority", "all")),))
    faults = [fault for seed in range(50) for fault in plan_of(seed, settings).faults]
    assert {fault.target for fault in faults} == {None}
    assert {fault.shape for fault in faults} == set(SHAPES)


def test_a_first_fault_far_beyond_the_end_still_makes_a_plan():
    """All times are scaled down to fit; where that leaves nothing of them, the plan must end nevertheless."""
    settings = PlannerSettings(
        faults=(FaultSetting(kind="kill"),), first_ns=7 * 24 * 3600 * SECOND, duration_ns=SECOND // 1000, gap_ns=0
    )
    faults = plan_of(1, settings, 1000).faults
    assert 1 <= len(faults) <= 1000


def clock_faults(**bounds):
    settings = PlannerSettings(faults=(FaultSetting(kind=bounds.pop("kind"), **bounds),))
    return [fault for seed in range(50) for fault in plan_of(seed, settings).faults]


@pytest.mark.parametrize(
    ("bounds", "field", "most"),
    [
        ({"kind": "clock-rate", "percent_max": 1.5}, "rate_ppm", 15_000),
        ({"kind": "clock-rate", "percent_max": 90.0}, "rate_ppm", 900_000),
        ({"kind": "clock-offset", "ms_max": 40}, "jump_ms", 40),
        ({"kind": "clock-offset", "ms_max": 1}, "jump_ms", 1),
    ],
)
def test_clocks_go_wrong_either_way_by_no_more_than_the_bound_and_no_less_than_half(bounds, field, most):
    drawn = [getattr(fault, field) for fault in clock_faults(**bounds)]
    assert {abs(each) for each in drawn} <= set(range(max(most // 2, 1), most + 1))
    assert min(drawn) < 0 < max(drawn)
    assert max(map(abs, drawn)) > most * 9 // 10


def test_only_clock_faults_say_by_how_much_and_each_only_its_own():
    found = {(fault.kind, fault.rate_ppm is None, fault.jump_ms is None) for fault in plan_of(1).faults}
    assert found == {
        ("partition", True, True),
        ("kill", True, True),
        ("pause", True, True),
        ("clock-rate", False, True),
        ("clock-offset", True, False),
    }
