"""Virtual time."""

from __future__ import annotations

import pytest

from keelhaul.harness.simulation.scheduler import Scheduler


def test_things_happen_in_order_of_time_and_then_of_asking():
    scheduler, seen = Scheduler(), []
    scheduler.at(20, seen.append, "c")
    scheduler.after(10, seen.append, "a")
    scheduler.at(10, seen.append, "b")
    scheduler.at(20, seen.append, "d")
    while scheduler.run_next():
        pass
    assert seen == ["a", "b", "c", "d"]
    assert scheduler.now_ns == 20


def test_what_is_asked_for_while_something_happens_comes_after_all_that_is_due_by_then():
    scheduler, seen = Scheduler(), []

    def first():
        scheduler.after(0, seen.append, "later")
        seen.append("first")

    scheduler.at(5, first)
    scheduler.at(5, seen.append, "second")
    while scheduler.run_next():
        pass
    assert seen == ["first", "second", "later"]


def test_time_goes_with_what_happens_and_not_otherwise():
    scheduler = Scheduler()
    assert scheduler.run_next() is False
    assert scheduler.now_ns == 0
    scheduler.at(7, lambda: None)
    assert scheduler.now_ns == 0
    assert scheduler.run_next() is True
    assert scheduler.now_ns == 7


def test_nothing_can_be_asked_for_in_the_past():
    scheduler = Scheduler()
    scheduler.at(7, lambda: None)
    scheduler.run_next()
    with pytest.raises(AssertionError, match="past"):
        scheduler.at(6, lambda: None)
