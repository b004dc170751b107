"""The interpreter, step by step. Its laws are in properties/test_interpreter_properties.py."""

from __future__ import annotations

import pytest

from keelhaul.harness.interpreter import Completed, Interpreter, NewRow, step
from keelhaul.workloads.client import Completion
from keelhaul.workloads.draws import Draws
from keelhaul.workloads.generator import EXHAUSTED, PENDING, Emission, Wanted


class Scripted:
    """Emits these operations, (time, f) each, then says `last`; notes what it is told in `told`."""

    def __init__(self, *script, last=EXHAUSTED, told=None):
        self.script, self.last = script, last
        self.told = [] if told is None else told

    def ask(self, context):
        if not self.script:
            return self.last
        (time_ns, f), *others = self.script
        rest = Scripted(*others, last=self.last, told=self.told)
        return Emission(Wanted(f, None, max(time_ns, context.time_ns)), rest)

    def update(self, context, event):
        self.told.append((context.time_ns, event.type, event.process))
        return self


def made(*script, concurrency=1, timeout_ns=100, **more):
    """An interpreter and the state before its first step."""
    interpreter = Interpreter(concurrency=concurrency, timeout_ns=timeout_ns, reads_only=lambda f: f == "read")
    return interpreter, interpreter.begin(Scripted(*script, **more), Draws.named("1/threads"))


def ok(invocation):
    return Completed(invocation.ticket, invocation.thread, Completion("ok", "result"))


def info(invocation):
    return Completed(invocation.ticket, invocation.thread, Completion("info", None, "connection lost"))


def brief(rows):
    return [(row.time_ns, row.type, row.process, row.f) for row in rows]


def test_an_operation_from_invocation_to_completion():
    interpreter, state = made((0, "write"))
    first = step(interpreter, state, 0, [])
    assert first.rows == (NewRow(0, "invoke", 0, "write", None, None),)
    assert [(i.ticket, i.thread, i.process, i.f) for i in first.invocations] == [(0, 0, 0, "write")]
    assert (first.wake_ns, first.done) == (100, False)
    second = step(interpreter, first.state, 7, [ok(first.invocations[0])])
    assert second.rows == (NewRow(7, "ok", 0, "write", "result", None),)
    assert (second.invocations, second.wake_ns, second.done) == ((), None, True)


def test_completions_are_written_before_invocations_of_the_same_moment():
    interpreter, state = made((0, "write"), (0, "read"))
    first = step(interpreter, state, 0, [])
    second = step(interpreter, first.state, 5, [ok(first.invocations[0])])
    assert brief(second.rows) == [(5, "ok", 0, "write"), (5, "invoke", 0, "read")]


def test_an_operation_that_lies_ahead_is_waited_for():
    interpreter, state = made((50, "write"))
    first = step(interpreter, state, 0, [])
    assert (first.rows, first.wake_ns, first.done) == ((), 50, False)
    early = step(interpreter, first.state, 49, [])
    assert (early.rows, early.wake_ns) == ((), 50)
    assert brief(step(interpreter, early.state, 50, []).rows) == [(50, "invoke", 0, "write")]


class Fickle(Scripted):
    """Wants something else as soon as an operation has succeeded."""

    def ask(self, context):
        found = super().ask(context)
        return Emission(found.wanted, Fickle(*found.rest.script)) if isinstance(found, Emission) else found

    def update(self, context, event):
        return Scripted((20, "cas")) if event.type == "ok" else self


def test_a_generator_that_changed_is_asked_again_before_its_time():
    interpreter, _ = made(concurrency=2)
    state = interpreter.begin(Fickle((0, "write"), (50, "read")), Draws.named("1/threads"))
    first = step(interpreter, state, 0, [])
    assert first.wake_ns == 50
    unchanged = step(interpreter, first.state, 10, [info(first.invocations[0])])
    assert unchanged.wake_ns == 50
    changed = step(interpreter, first.state, 10, [ok(first.invocations[0])])
    assert changed.wake_ns == 20
    assert [row.f for row in step(interpreter, changed.state, 20, []).rows] == ["cas"]


def test_without_a_free_thread_nothing_is_invoked_and_the_generator_is_kept():
    interpreter, state = made((0, "write"), (0, "read"))
    first = step(interpreter, state, 0, [])
    waiting = step(interpreter, first.state, 10, [])
    assert (waiting.rows, waiting.wake_ns, waiting.done) == ((), 100, False)
    assert waiting.state.generator.script == first.state.generator.script


def test_after_info_the_thread_goes_on_as_another_process():
    interpreter, state = made((0, "write"), (0, "write"), (0, "write"), concurrency=1)
    first = step(interpreter, state, 0, [])
    second = step(interpreter, first.state, 5, [info(first.invocations[0])])
    assert brief(second.rows) == [(5, "info", 0, "write"), (5, "invoke", 1, "write")]
    third = step(interpreter, second.state, 6, [ok(second.invocations[0])])
    assert brief(third.rows) == [(6, "ok", 1, "write"), (6, "invoke", 1, "write")]


def test_the_generator_hears_of_an_info_under_the_old_process():
    interpreter, state = made((0, "write"), (0, "write"), concurrency=3)
    first = step(interpreter, state, 0, [])
    assert len(first.invocations) == 2
    told = state.generator.told
    step(interpreter, first.state, 5, [info(first.invocations[0])])
    process = first.invocations[0].process
    assert told[-1] == (5, "info", process)
    assert process < 3


def test_at_the_deadline_reads_fail_and_others_are_info():
    interpreter, state = made((0, "write"), (0, "read"), concurrency=2)
    first = step(interpreter, state, 0, [])
    assert step(interpreter, first.state, 99, []).rows == ()
    over = step(interpreter, first.state, 100, [])
    assert sorted((row.type, row.f, row.error) for row in over.rows) == [
        ("fail", "read", "timeout"),
        ("info", "write", "timeout"),
    ]
    assert over.expired == (0, 1)
    assert over.done
    writer, reader = (i.thread for i in sorted(first.invocations, key=lambda i: i.f, reverse=True))
    assert over.state.processes[writer] == writer + 2
    assert over.state.processes[reader] == reader


def test_a_completion_at_the_very_deadline_still_counts():
    interpreter, state = made((0, "write"))
    first = step(interpreter, state, 0, [])
    over = step(interpreter, first.state, 100, [ok(first.invocations[0])])
    assert (brief(over.rows), over.expired) == ([(100, "ok", 0, "write")], ())


def test_a_completion_that_comes_late_is_ignored_also_when_the_thread_has_another_operation():
    interpreter, state = made((0, "write"), (0, "write"))
    first = step(interpreter, state, 0, [])
    second = step(interpreter, first.state, 100, [])
    assert brief(second.rows) == [(100, "info", 0, "write"), (100, "invoke", 1, "write")]
    late = step(interpreter, second.state, 110, [ok(first.invocations[0])])
    assert late.rows == ()
    assert late.state.open == second.state.open
    assert step(interpreter, second.state, 120, [ok(second.invocations[0])]).done


def test_a_completion_that_comes_twice_counts_once():
    interpreter, state = made((0, "write"), last=PENDING)
    first = step(interpreter, state, 0, [])
    twice = step(interpreter, first.state, 5, [ok(first.invocations[0]), info(first.invocations[0])])
    assert brief(twice.rows) == [(5, "ok", 0, "write")]
    assert step(interpreter, twice.state, 6, [ok(first.invocations[0])]).rows == ()


def test_pending_waits_for_a_completion_and_is_not_done():
    interpreter, state = made(last=PENDING)
    first = step(interpreter, state, 0, [])
    assert (first.wake_ns, first.done) == (None, False)


def test_exhausted_is_done_only_when_nothing_is_open():
    interpreter, state = made((0, "write"), concurrency=2)
    first = step(interpreter, state, 0, [])
    assert not first.done
    assert step(interpreter, first.state, 1, [ok(first.invocations[0])]).done


def test_threads_are_drawn_and_not_taken_in_turn():
    """Round robin would tie functions to nodes."""
    firsts = [step(*with_draws(f"{seed}/threads")).invocations[0].thread for seed in range(30)]
    assert set(firsts) == {0, 1, 2, 3}


def with_draws(name):
    """The arguments of a first step with one operation for four threads."""
    interpreter, state = made((0, "write"), concurrency=4)
    return interpreter, state._replace(draws=Draws.named(name)), 0, []


def test_a_step_that_is_thrown_away_leaves_no_trace():
    interpreter, state = made((0, "write"), (0, "read"), (30, "cas"), concurrency=2)
    once, again = step(interpreter, state, 0, []), step(interpreter, state, 0, [])
    assert once.rows == again.rows
    assert once[2:] == again[2:]
    assert state.open == (None, None)


def test_the_next_phase_keeps_the_processes():
    interpreter, state = made((0, "write"))
    first = step(interpreter, state, 0, [])
    over = step(interpreter, first.state, 5, [info(first.invocations[0])])
    phase = interpreter.go_on(over.state, Scripted((0, "read")))
    assert brief(step(interpreter, phase, 9, []).rows) == [(9, "invoke", 1, "read")]


def test_the_next_phase_waits_until_nothing_is_open():
    interpreter, state = made((0, "write"))
    first = step(interpreter, state, 0, [])
    with pytest.raises(AssertionError):
        interpreter.go_on(first.state, Scripted())
