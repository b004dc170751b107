"""Generators, one by one. The laws that all obey are in properties/test_generator_properties.py."""

from __future__ import annotations

import itertools

import pytest

from keelhaul.workloads.draws import Draws
from keelhaul.workloads.generator import (
    EXHAUSTED,
    PENDING,
    Context,
    EachUntilOk,
    Emission,
    Happening,
    Stagger,
    Until,
    Wanted,
)

MS = 1_000_000


class Endless:
    """Emits reads at once, for ever; counts what it is told."""

    def __init__(self, told=0):
        self.told = told

    def ask(self, context):
        return Emission(Wanted("read", None, context.time_ns), self)

    def update(self, context, event):
        return Endless(self.told + 1)


class Silent:
    """Never emits; says what it was made with."""

    def __init__(self, answer):
        self.answer = answer

    def ask(self, context):
        return self.answer

    def update(self, context, event):
        return self


def at(time_ns, concurrency=3):
    return Context(time_ns, concurrency)


def emitted(generator, count, busy=lambda time_ns: time_ns):
    """The times of that many emissions, each taken at the first moment at which a thread is free."""
    times, now_ns = [], 0
    for _ in range(count):
        found = generator.ask(at(now_ns))
        while found.wanted.time_ns > now_ns:
            now_ns = found.wanted.time_ns
            found = generator.ask(at(now_ns))
        now_ns = busy(now_ns)
        found = generator.ask(at(now_ns))
        times.append(found.wanted.time_ns)
        generator = found.rest
    return times


# --- Stagger


def test_staggered_operations_are_so_far_apart_on_average():
    times = emitted(Stagger(Endless(), 10 * MS, Draws.named("x")), 2001)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert times[0] == 0
    assert sum(gaps) / len(gaps) == pytest.approx(10 * MS, rel=0.05)
    assert 0 <= min(gaps) < MS
    assert 19 * MS < max(gaps) < 20 * MS


def test_after_a_stall_staggered_operations_do_not_catch_up():
    """A second without a free thread is a second without operations; those that it cost are not made up for."""
    stalled = emitted(
        Stagger(Endless(), 10 * MS, Draws.named("x")), 200, lambda t: max(t, 1000 * MS) if t > 500 * MS else t
    )
    later = [time for time in stalled if time >= 1000 * MS]
    gaps = [after - before for before, after in itertools.pairwise(later)]
    assert later[0] == 1000 * MS
    assert sum(gaps) / len(gaps) == pytest.approx(10 * MS, rel=0.2)
    assert sum(gap < MS for gap in gaps) < 0.15 * len(gaps)


@pytest.mark.parametrize("answer", [PENDING, EXHAUSTED])
def test_stagger_and_until_pass_on_that_there_is_nothing(answer):
    assert Stagger(Silent(answer), MS, Draws(1)).ask(at(0)) is answer
    assert Until(Silent(answer), MS).ask(at(0)) is answer


def test_stagger_and_until_pass_on_what_happens():
    happening = Happening("ok", 0, "read", None)
    generator = Until(Stagger(Endless(), MS, Draws(1)), MS).update(at(0), happening).update(at(0), happening)
    assert generator.inner.inner.told == 2
    unmoved = Until(Stagger(Silent(PENDING), MS, Draws(1)), MS)
    assert unmoved.update(at(0), happening) is unmoved


# --- Until


def test_until_is_exhausted_at_its_end_and_for_what_would_come_after_it():
    generator = Until(Endless(), 10)
    assert generator.ask(at(9)).wanted.time_ns == 9
    assert generator.ask(at(10)) is EXHAUSTED
    assert generator.ask(at(11)) is EXHAUSTED
    late = EachUntilOk((Wanted("read", None, 10),), 1)
    assert Until(late, 10).ask(at(0)) is EXHAUSTED
    assert Until(late, 11).ask(at(0)).wanted.time_ns == 10


def test_until_ends_even_while_the_inner_one_waits():
    assert Until(Silent(PENDING), 10).ask(at(10)) is EXHAUSTED


# --- EachUntilOk

K1, K2 = Wanted("read", ["k1", None], 0), Wanted("read", ["k2", None], 0)


def taken(generator, time_ns, process):
    """Invoke what comes next, as that process; return its value and the generator after it."""
    found = generator.ask(at(time_ns))
    wanted = found.wanted
    assert wanted.time_ns <= time_ns
    return wanted.value, found.rest.update(at(time_ns), Happening("invoke", process, wanted.f, wanted.value))


def over(generator, time_ns, process, outcome):
    return generator.update(at(time_ns), Happening(outcome, process, "read", None))


def test_each_is_tried_side_by_side_and_all_must_succeed():
    generator = EachUntilOk((K1, K2), 5)
    first, generator = taken(generator, 0, process=7)
    second, generator = taken(generator, 0, process=8)
    assert (first, second) == (["k1", None], ["k2", None])
    assert generator.ask(at(0)) is PENDING
    generator = over(generator, 1, 8, "ok")
    assert generator.ask(at(1)) is PENDING
    generator = over(generator, 2, 7, "ok")
    assert generator.ask(at(2)) is EXHAUSTED


@pytest.mark.parametrize("outcome", ["fail", "info"])
def test_what_did_not_succeed_is_tried_again_after_a_pause(outcome):
    _, generator = taken(EachUntilOk((K1,), 5), 0, process=7)
    generator = over(generator, 3, 7, outcome)
    assert generator.ask(at(3)).wanted == Wanted("read", ["k1", None], 8)
    value, generator = taken(generator, 8, process=9)
    assert value == ["k1", None]
    assert over(generator, 9, 9, "ok").ask(at(9)) is EXHAUSTED


def test_completions_of_others_change_nothing():
    _, generator = taken(EachUntilOk((K1,), 5), 0, process=7)
    assert over(generator, 1, 6, "ok") is generator
    idle = EachUntilOk((K1,), 5)
    assert idle.update(at(1), Happening("invoke", 6, "read", None)) is idle


def test_one_of_two_that_failed_is_tried_again_alone():
    generator = EachUntilOk((K1, K2), 5)
    _, generator = taken(generator, 0, process=7)
    _, generator = taken(generator, 0, process=8)
    generator = over(over(generator, 1, 7, "fail"), 2, 8, "ok")
    value, generator = taken(generator, 6, process=8)
    assert value == ["k1", None]
    assert over(generator, 7, 8, "ok").ask(at(7)) is EXHAUSTED
