"""A plan as data."""

from __future__ import annotations

from keelhaul.nemesis.plan import Plan, TimedFault

CUT = TimedFault(id=0, kind="partition", start_ns=1, stop_ns=2, shape="halves")
LONELY = TimedFault(id=1, kind="partition", start_ns=1, stop_ns=2, shape="isolate-one", target="leader")
KILL = TimedFault(id=2, kind="kill", start_ns=1, stop_ns=2, target="one")


def test_rows_say_what_was_asked_for_and_nothing_that_was_not():
    assert CUT.described() == {"fault": 0, "shape": "halves"}
    assert LONELY.described() == {"fault": 1, "shape": "isolate-one", "target": "leader"}
    assert KILL.described() == {"fault": 2, "target": "one"}


def test_counts_name_requested_kinds_that_drew_no_fault():
    plan = Plan((CUT, LONELY, KILL), ("kill", "pause", "partition"))
    assert plan.counts() == {"kill": 1, "pause": 0, "partition": 2}
    assert list(plan.counts()) == ["kill", "pause", "partition"]
    assert Plan(()).counts() == {}
