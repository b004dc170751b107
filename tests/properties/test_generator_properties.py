"""Laws of generators: a composition of them, driven at random."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from keelhaul.workloads.draws import Draws
from keelhaul.workloads.generator import (
    EXHAUSTED,
    Context,
    EachUntilOk,
    Emission,
    Happening,
    Nothing,
    Stagger,
    Until,
    Wanted,
)
from keelhaul.workloads.register import REGISTER

FINALS = tuple(Wanted("read", [f"k{number}", None], 0) for number in range(4))


@st.composite
def generators(draw):
    """What runs are made of: staggered operations, or finals; under a limit or not."""
    draws = Draws(draw(st.integers(0, 2**64 - 1)))
    made = draw(
        st.sampled_from(
            [
                REGISTER.make({"keys": 3}, draws).operations,
                Stagger(REGISTER.make({"keys": 1}, draws).operations, draw(st.integers(1, 50)), draws),
                EachUntilOk(FINALS, draw(st.integers(0, 30))),
            ]
        )
    )
    end_ns = draw(st.none() | st.integers(0, 300))
    return made if end_ns is None else Until(made, end_ns)


STEPS = st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["invoke", "ok", "fail", "info"])), max_size=30)


def driven(generator, steps):
    """Ask, invoke and complete in turn, each some time after the last; yield (context, generator, its answer)."""
    now_ns, process, under_way = 0, 0, []
    for pause_ns, what in steps:
        now_ns += pause_ns
        context = Context(now_ns, 5)
        answer = generator.ask(context)
        yield context, generator, answer
        if what == "invoke" and isinstance(answer, Emission) and answer.wanted.time_ns <= now_ns:
            process += 1
            f, value = answer.wanted[:2]
            under_way.append((process, f, value))
            generator = answer.rest.update(context, Happening("invoke", process, f, value))
        elif what != "invoke" and under_way:
            over, f, value = under_way.pop(0)
            generator = generator.update(context, Happening(what, over, f, value))


@given(generators(), STEPS)
def test_a_generator_asked_twice_says_the_same(generator, steps):
    for context, asked, answer in driven(generator, steps):
        assert asked.ask(context) == answer


@given(generators(), STEPS)
def test_a_generator_that_is_driven_twice_does_the_same(generator, steps):
    assert [answer for _, _, answer in driven(generator, steps)] == [
        answer for _, _, answer in driven(generator, steps)
    ]


@given(generators(), STEPS)
def test_nothing_is_wanted_for_the_past(generator, steps):
    for context, _, answer in driven(generator, steps):
        assert isinstance(answer, Nothing) or answer.wanted.time_ns >= context.time_ns


@given(generators(), STEPS, st.integers(0, 100))
def test_up_to_its_time_an_emission_is_given_again(generator, steps, percent):
    """The interpreter counts on it: it doesn't ask again before."""
    for context, asked, answer in driven(generator, steps):
        if isinstance(answer, Emission):
            wait_ns = (answer.wanted.time_ns - context.time_ns) * percent // 100
            assert asked.ask(Context(context.time_ns + wait_ns, 5)).wanted.value == answer.wanted.value
            assert asked.ask(Context(answer.wanted.time_ns, 5)) == answer


@given(generators(), STEPS, st.integers(0, 200))
def test_until_emits_nothing_at_or_after_its_end(generator, steps, end_ns):
    for context, _, answer in driven(Until(generator, end_ns), steps):
        if isinstance(answer, Emission):
            assert answer.wanted.time_ns < end_ns
        if context.time_ns >= end_ns:
            assert answer is EXHAUSTED


@given(generators(), STEPS)
def test_what_is_exhausted_stays_so_while_nothing_happens(generator, steps):
    for context, asked, answer in driven(generator, steps):
        if answer is EXHAUSTED:
            assert asked.ask(Context(context.time_ns + 1000, 5)) is EXHAUSTED


@given(st.lists(st.sampled_from(["ok", "fail", "info"]), max_size=60), st.integers(0, 20), st.integers(1, 4))
def test_each_until_ok_tries_until_each_has_succeeded_once(outcomes, pause_ns, count):
    """Against a list of what is still wanted."""
    generator, now_ns, wanted_still = EachUntilOk(FINALS[:count], pause_ns), 0, [w.value for w in FINALS[:count]]
    for process, outcome in enumerate([*outcomes, *["ok"] * count]):
        answer = generator.ask(Context(now_ns, 5))
        if not wanted_still:
            assert answer is EXHAUSTED
            return
        now_ns = max(now_ns, answer.wanted.time_ns)
        answer = generator.ask(Context(now_ns, 5))
        f, value = answer.wanted.f, answer.wanted.value
        assert value == wanted_still[0]
        generator = answer.rest.update(Context(now_ns, 5), Happening("invoke", process, f, value))
        generator = generator.update(Context(now_ns, 5), Happening(outcome, process, f, value))
        wanted_still = wanted_still[1:] + ([] if outcome == "ok" else [value])
    assert wanted_still == []
    assert generator.ask(Context(now_ns, 5)) is EXHAUSTED
