"""Laws of the interpreter, with random clients: whatever they report, and when, the rows are a legal history.

`Model` is a second, much simpler account of what must happen: one dictionary of what is open, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from keelhaul.checkers.history import History, Row
from keelhaul.harness.interpreter import Completed, Interpreter, step
from keelhaul.workloads.client import Completion
from keelhaul.workloads.draws import Draws
from keelhaul.workloads.generator import EachUntilOk, Stagger, Until, Wanted
from keelhaul.workloads.register import REGISTER

TIMEOUT_NS = 50


@st.composite
def generators(draw):
    """Staggered operations up to some time, or final reads."""
    draws = Draws(draw(st.integers(0, 2**32)))
    operations = REGISTER.make({"keys": 2}, draws).operations
    staggered = Until(Stagger(operations, draw(st.integers(1, 30)), draws), draw(st.integers(0, 400)))
    finals = Until(EachUntilOk(tuple(Wanted("read", [f"k{n}", None], 0) for n in range(4)), 10), 400)
    return draw(st.sampled_from([staggered, finals]))


@dataclass
class Model:
    """What is open, by ticket: (process, f, deadline). And which processes are used up."""

    concurrency: int
    open: dict = field(default_factory=dict)
    retired: set = field(default_factory=set)

    def expect(self, now_ns, completions):
        """The rows that must come before any invocation: (type, process, f) each, in order."""
        expected = []
        for completed in completions:
            if completed.ticket in self.open:
                expected.append((completed.completion.type, *self._over(completed.ticket, completed.completion.type)))
        late = [ticket for ticket, (_, _, deadline_ns) in self.open.items() if deadline_ns <= now_ns]
        for ticket in sorted(late, key=lambda ticket: self.open[ticket][0] % self.concurrency):
            outcome = "fail" if self.open[ticket][1] == "read" else "info"
            expected.append((outcome, *self._over(ticket, outcome)))
        return expected

    def _over(self, ticket, outcome):
        process, f, _ = self.open.pop(ticket)
        if outcome == "info":
            self.retired.add(process)
        return process, f

    def invoke(self, now_ns, invocation):
        assert invocation.process not in self.retired, "a process never acts after an info"
        assert invocation.process not in [process for process, _, _ in self.open.values()], "one open operation each"
        assert invocation.process % self.concurrency == invocation.thread
        self.open[invocation.ticket] = (invocation.process, invocation.f, now_ns + TIMEOUT_NS)


@st.composite
def clients(draw):
    """For each step: how long after the last it comes, and which of all invocations so far report what."""
    report = st.tuples(st.integers(0, 30), st.sampled_from(["ok", "fail", "info"]))
    return draw(st.lists(st.tuples(st.integers(0, 60), st.lists(report, max_size=4)), max_size=25))


def run(concurrency, generator, moves):
    """Drive it; yield (time, completions, step) of each step. Reports may be early, late, doubled or out of order."""
    interpreter = Interpreter(concurrency=concurrency, timeout_ns=TIMEOUT_NS, reads_only=lambda f: f == "read")
    state, now_ns, invoked = interpreter.begin(generator, Draws(concurrency)), 0, []
    for pause_ns, reports in [(0, []), *moves]:
        now_ns += pause_ns
        completions = [
            Completed(
                invoked[-1 - back].ticket, invoked[-1 - back].thread, Completion(outcome, invoked[-1 - back].value)
            )
            for back, outcome in reports
            if back < len(invoked)
        ]
        taken = step(interpreter, state, now_ns, completions)
        yield now_ns, completions, taken
        invoked += taken.invocations
        state = taken.state


CONCURRENCY = st.integers(1, 5)


@given(CONCURRENCY, generators(), clients())
def test_rows_are_those_of_the_model(concurrency, generator, moves):
    model = Model(concurrency)
    for now_ns, completions, taken in run(concurrency, generator, moves):
        expected = model.expect(now_ns, completions)
        for invocation in taken.invocations:
            model.invoke(now_ns, invocation)
            expected.append(("invoke", invocation.process, invocation.f))
        assert [(row.type, row.process, row.f) for row in taken.rows] == expected
        assert {row.time_ns for row in taken.rows} <= {now_ns}
        assert len(model.open) <= concurrency


@given(CONCURRENCY, generators(), clients())
def test_rows_make_a_legal_history(concurrency, generator, moves):
    rows = [row for _, _, taken in run(concurrency, generator, moves) for row in taken.rows]
    history = History.of(Row(index, *row) for index, row in enumerate(rows))
    assert len(history.operations) == sum(row.type == "invoke" for row in rows)


@given(CONCURRENCY, generators(), clients())
def test_nothing_stays_open_past_its_deadline_and_somebody_comes_back_in_time(concurrency, generator, moves):
    for now_ns, _, taken in run(concurrency, generator, moves):
        deadlines = [opened.deadline_ns for opened in taken.state.open if opened is not None]
        assert all(deadline_ns > now_ns for deadline_ns in deadlines)
        if taken.wake_ns is not None:
            assert taken.wake_ns > now_ns
        assert not deadlines or taken.wake_ns <= min(deadlines)


@given(CONCURRENCY, generators(), clients())
def test_expired_threads_are_those_that_were_closed_for_being_late(concurrency, generator, moves):
    for _, _, taken in run(concurrency, generator, moves):
        late = [row.process % concurrency for row in taken.rows if row.error == "timeout"]
        assert late == list(taken.expired)


@given(CONCURRENCY, generators(), clients())
def test_done_is_said_exactly_when_nothing_is_open_and_nothing_will_come(concurrency, generator, moves):
    for now_ns, _, taken in run(concurrency, generator, moves):
        is_open = any(taken.state.open)
        assert not (taken.done and is_open)
        if not is_open and not taken.done:
            assert taken.wake_ns is not None, f"nobody would ever come back at {now_ns}"


@given(CONCURRENCY, generators(), clients())
def test_left_alone_it_ends(concurrency, generator, moves):
    """Clients that hang for ever hold nothing up: called at each wake-up, the run is done."""
    *_, (now_ns, _, taken) = run(concurrency, generator, moves)
    interpreter = Interpreter(concurrency=concurrency, timeout_ns=TIMEOUT_NS, reads_only=lambda f: f == "read")
    calls = 0
    while not taken.done:
        now_ns, calls = taken.wake_ns, calls + 1
        taken = step(interpreter, taken.state, now_ns, [])
        assert calls < 5000
    assert now_ns <= max(sum(pause_ns for pause_ns, _ in moves), 400) + 2 * TIMEOUT_NS


@given(CONCURRENCY, generators(), clients())
def test_the_same_again_is_the_same(concurrency, generator, moves):
    assert list(run(concurrency, generator, moves)) == list(run(concurrency, generator, moves))


@given(st.integers(1, 5), generators(), clients())
def test_asking_less_often_changes_nothing(concurrency, generator, moves):
    """`upcoming` spares asking again; a state that forgets it must go the same way."""
    interpreter = Interpreter(concurrency=concurrency, timeout_ns=TIMEOUT_NS, reads_only=lambda f: f == "read")
    state = interpreter.begin(generator, Draws(concurrency))
    for now_ns, completions, taken in run(concurrency, generator, moves):
        forgetful = step(interpreter, state._replace(upcoming=None), now_ns, completions)
        assert forgetful[1:] == taken[1:]
        state = forgetful.state
