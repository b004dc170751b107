"""The interpreter: which operations begin, which are over, and what goes into the history. Pure; two drivers feed it.

    step(interpreter, state, now_ns, completions) → Step(state, rows, invocations, expired, wake_ns, done)

A *thread* is a slot that carries one operation at a time; a *process* is what the history calls the client. Thread t
starts as process t. After an info its operation may still take effect at any later time, so that process never acts
again: the thread goes on as process + concurrency (so a process modulo the concurrency is its thread). ok and fail
keep the process.

The order within a step matters:

1. Completions come first. Were an invocation written before a completion that had already arrived, the two would
count as
   concurrent, and the checker would accept more than was allowed. Windows may be too wide, never too narrow: an
   invocation is in the history before anything is sent, a completion gets the time at which it is taken off the queue.
2. The generator's update sees a completion with the *old* process number, when the thread is free again; the thread is
   renumbered after that.
3. Then operations whose deadline has passed are closed: nobody knows what became of them (only reads are known to
have done
   nothing, and end as fail). So no hung client can hang a run. What still comes in for them later is ignored.
4. Then the generator is asked, as long as it has an operation that is due and a thread is free.

The state is a value and the generator is pure, so a step that is thrown away leaves no trace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from keelhaul.workloads.client import Completion
from keelhaul.workloads.draws import Draws
from keelhaul.workloads.generator import PENDING, Context, Emission, Generator, Happening, Nothing


class Open(NamedTuple):
    """An operation under way. `ticket` tells it from every other one of the run."""

    ticket: int
    process: int
    f: str
    value: Any
    deadline_ns: int


class Invocation(NamedTuple):
    """To be dispatched by the driver, after the rows are written. `thread` decides which node is home."""

    ticket: int
    thread: int
    process: int
    f: str
    value: Any


class Completed(NamedTuple):
    """What a driver reports: the operation's ticket, and how it ended."""

    ticket: int
    thread: int
    completion: Completion


class NewRow(NamedTuple):
    """A history row that has no index yet."""

    time_ns: int
    type: str
    process: int
    f: str
    value: Any
    error: Any


class State(NamedTuple):
    """`processes` and `open` are by thread."""

    generator: Generator
    processes: tuple[int, ...]
    open: tuple[Open | None, ...]
    draws: Draws
    invoked: int = 0
    upcoming: Emission | None = None
    """What `generator` answered last, if that wasn't due yet: until then an unchanged generator says it again."""


class Step(NamedTuple):
    """`wake_ns`: call again then at the latest; None: only a completion can bring news. `expired`: threads cut off."""

    state: State
    rows: tuple[NewRow, ...]
    invocations: tuple[Invocation, ...]
    expired: tuple[int, ...]
    wake_ns: int | None
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """What stays the same for a whole run. `reads_only` says which functions certainly changed nothing when they
    hang."""

    concurrency: int
    timeout_ns: int
    reads_only: Callable[[str], bool]

    def begin(self, generator: Generator, draws: Draws) -> State:
        """Return the state before the first step."""
        threads = range(self.concurrency)
        return State(generator, tuple(threads), (None,) * self.concurrency, draws)

    def go_on(self, state: State, generator: Generator) -> State:
        """Start the next phase: another generator, the same processes; nothing may be open."""
        assert not any(state.open)
        return state._replace(generator=generator, upcoming=None)


def step(interpreter: Interpreter, state: State, now_ns: int, completions: Sequence[Completed]) -> Step:
    """Take what has completed by `now_ns`, then begin what is due; see the head of this file."""
    rows: list[NewRow] = []
    for completed in completions:
        opened = state.open[completed.thread]
        if opened is not None and opened.ticket == completed.ticket:
            state = _complete(interpreter, state, now_ns, completed.thread, completed.completion, rows)
    expired = []
    for thread, opened in enumerate(state.open):
        if opened is not None and opened.deadline_ns <= now_ns:
            outcome = "fail" if interpreter.reads_only(opened.f) else "info"
            completion = Completion(outcome, opened.value, "timeout")
            state = _complete(interpreter, state, now_ns, thread, completion, rows)
            expired.append(thread)
    invocations: list[Invocation] = []
    state, wake_ns, exhausted = _invoke(interpreter, state, now_ns, rows, invocations)
    deadlines = [opened.deadline_ns for opened in state.open if opened is not None]
    if deadlines:
        wake_ns = min(deadlines) if wake_ns is None else min(wake_ns, *deadlines)
    return Step(state, tuple(rows), tuple(invocations), tuple(expired), wake_ns, exhausted and not deadlines)


def _complete(
    interpreter: Interpreter, state: State, now_ns: int, thread: int, completion: Completion, rows: list[NewRow]
) -> State:
    opened = state.open[thread]
    assert opened is not None
    rows.append(NewRow(now_ns, completion.type, opened.process, opened.f, completion.value, completion.error))
    happening = Happening(completion.type, opened.process, opened.f, completion.value)
    generator = state.generator.update(Context(now_ns, interpreter.concurrency), happening)
    processes = state.processes
    if completion.type == "info":
        processes = _with(processes, thread, opened.process + interpreter.concurrency)
    upcoming = state.upcoming if generator is state.generator else None
    return State(generator, processes, _with(state.open, thread, None), state.draws, state.invoked, upcoming)


def _invoke(
    interpreter: Interpreter, state: State, now_ns: int, rows: list[NewRow], invocations: list[Invocation]
) -> tuple[State, int | None, bool]:
    """Begin what is due; return the state, when the next one is due (if known), and whether none ever will be."""
    context = Context(now_ns, interpreter.concurrency)
    while True:
        upcoming = state.upcoming
        found = state.generator.ask(context) if upcoming is None or upcoming.wanted.time_ns < now_ns else upcoming
        if isinstance(found, Nothing):
            return state, None, found is not PENDING
        if found.wanted.time_ns > now_ns:
            if found is not state.upcoming:
                state = State(state.generator, state.processes, state.open, state.draws, state.invoked, found)
            return state, found.wanted.time_ns, False
        f, value, _, wanted_thread = found.wanted
        free = [
            thread
            for thread, opened in enumerate(state.open)
            if opened is None and (wanted_thread is None or wanted_thread == thread)
        ]
        if not free:
            return state, None, False
        thread = state.draws.choice(free)  # a random free thread: round robin would tie functions to nodes
        process = state.processes[thread]
        rows.append(NewRow(now_ns, "invoke", process, f, value, None))
        invocations.append(Invocation(state.invoked, thread, process, f, value))
        opened = Open(state.invoked, process, f, value, now_ns + interpreter.timeout_ns)
        generator = found.rest.update(context, Happening("invoke", process, f, value))
        state = State(
            generator, state.processes, _with(state.open, thread, opened), state.draws.next(), state.invoked + 1
        )


def _with(items: tuple[Any, ...], at: int, item: Any) -> tuple[Any, ...]:
    return (*items[:at], item, *items[at + 1 :])
