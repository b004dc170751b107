"""What both drivers share: the interpreter's state, the clients' sessions, the history being written, and the counts.

A driver knows when things happen; the conductor knows what follows. The simulation's driver calls it from a heap, the
live one from an event loop; neither knows processes, rows or generators.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from keelhaul.checkers.history import NEMESIS, Row
from keelhaul.checkers.linearizability.online import Found, Online
from keelhaul.checkers.linearizability.operations import MalformedOperation
from keelhaul.harness import interpreter as interpreting
from keelhaul.harness import seeds
from keelhaul.harness.interpreter import Completed, Interpreter
from keelhaul.harness.progress import Snapshot
from keelhaul.harness.scenario import Scenario
from keelhaul.harness.store import HistoryWriter
from keelhaul.harness.systems import SYSTEMS
from keelhaul.nemesis.injector import Injector
from keelhaul.workloads import administrator
from keelhaul.workloads.administrator import AdministratorOperations, AdministratorProtocols, WithAdministrator
from keelhaul.workloads.client import Protocols, Session
from keelhaul.workloads.generator import EachUntilOk, Generator, Stagger, Until
from keelhaul.workloads.lasting import LastingClient
from keelhaul.workloads.workload import Workload

SECOND = 1_000_000_000
FINAL_RETRY_NS = 200_000_000
"""A final read that failed is tried again so much later: often enough to measure recovery, too seldom to disturb it."""


class Dispatch(NamedTuple):
    """An operation to carry out: report its completion under `ticket` and `thread`.

    `session` is to be driven to its end; None: the process' lasting client takes `f` and `value`.
    """

    ticket: int
    thread: int
    process: int
    f: str
    value: Any
    session: Session | None


class Due(NamedTuple):
    """What a driver must do now: `dispatches` to begin, `expired` threads to hang up on; when to call again."""

    dispatches: tuple[Dispatch, ...]
    expired: tuple[int, ...]
    wake_ns: int | None
    done: bool


@dataclass(slots=True)
class _Mark:
    time_ns: int
    counts: tuple[int, int, int]


class Conductor:
    """One run's client side."""

    def __init__(
        self, scenario: Scenario, workload: Workload, writer: HistoryWriter, watch: Online | None = None
    ) -> None:
        """`watch` looks at each row as it is written; at the first violation the phase is over."""
        self._scenario = scenario
        self._workload = workload
        self._writer = writer
        self._watch = watch
        self._protocols = cast(Protocols, workload.protocols) if workload.clients is None else None
        self._interpreter = Interpreter(
            concurrency=scenario.concurrency,
            timeout_ns=scenario.timeout_ms * 1_000_000,
            reads_only=workload.protocols.reads_only,
        )
        self._state = self._interpreter.begin(_main_phase(scenario, workload), seeds.draws(scenario.seed, "threads"))
        self._main_phase_ends_ns = scenario.time_limit_ns
        self.counts: Counter[str] = Counter()
        self._marks: deque[_Mark] = deque([_Mark(0, (0, 0, 0))])

    def begin_final_phase(self, now_ns: int) -> None:
        """From now on the final operations are tried until each has succeeded, for at most `recovery_s`."""
        farewell, threads = self._workload.farewell, range(self._scenario.concurrency)
        farewells = () if farewell is None else tuple(farewell._replace(thread=thread) for thread in threads)
        finals = EachUntilOk((*farewells, *self._workload.finals), FINAL_RETRY_NS)
        end_ns = now_ns + int(self._scenario.recovery_s * SECOND)
        self._state = self._interpreter.go_on(self._state, Until(finals, end_ns))

    def step(self, now_ns: int, completions: Sequence[Completed]) -> Due:
        """Take completions and begin what is due; the rows are in the history before anything is dispatched."""
        step = interpreting.step(self._interpreter, self._state, now_ns, completions)
        self._state = step.state
        for happening in step.rows:
            row = self._writer.append(*happening)
            self.counts[row.type] += 1
            self._show(row)
        if self.violation is not None:
            return Due((), step.expired, None, done=True)
        dispatches = tuple(
            Dispatch(ticket, thread, process, f, value, self._session(thread, f, value))
            for ticket, thread, process, f, value in step.invocations
        )
        if step.done and now_ns < self._main_phase_ends_ns:
            # The next operation would come too late, but the plan of faults goes on to the phase's end.
            return Due(dispatches, step.expired, self._main_phase_ends_ns, done=False)
        return Due(dispatches, step.expired, step.wake_ns, step.done)

    @property
    def violation(self) -> Found | None:
        """The first violation, if somebody watches and there was one."""
        return None if self._watch is None else self._watch.found

    def _show(self, row: Row) -> None:
        if self._watch is None or row.f in administrator.FUNCTIONS:
            return
        try:
            self._watch.take(row.index, row.type, row.process, row.f, row.value)
        except MalformedOperation:
            self._watch = None  # what can't be read is for the judge to say

    def _session(self, thread: int, f: str, value: Any) -> Session | None:
        if f in administrator.FUNCTIONS:
            return Session(AdministratorProtocols(), f, value, self._scenario.members, home=thread)
        if self._protocols is None:
            return None
        return Session(self._protocols, f, value, self._scenario.members, home=thread)

    def client(self, thread: int, process: int) -> LastingClient:
        """Make the client of a process that has just begun."""
        assert self._workload.clients is not None
        return self._workload.clients(process, thread, self._scenario.members)

    def record_nemesis(self, now_ns: int, f: str, value: dict[str, Any]) -> None:
        """Write a row of the nemesis, at once."""
        self._writer.append(now_ns, "info", NEMESIS, f, value)
        self._writer.flush()

    def flush(self) -> None:
        """Hand what is written to the operating system."""
        self._writer.flush()

    def snapshot(self, now_ns: int, phase: str, injector: Injector, leader: str | None) -> Snapshot:
        """Say where the run stands, with rates over about the last second."""
        counts = (self.counts["ok"], self.counts["fail"], self.counts["info"])
        while len(self._marks) > 1 and self._marks[1].time_ns <= now_ns - SECOND:
            self._marks.popleft()
        since = self._marks[0]
        seconds = max(now_ns - since.time_ns, 1) / SECOND
        self._marks.append(_Mark(now_ns, counts))
        ok_rate, fail_rate, info_rate = ((new - old) / seconds for new, old in zip(counts, since.counts, strict=True))
        in_force = injector.in_force.values()
        return Snapshot(
            time_ns=now_ns,
            time_limit_ns=self._scenario.time_limit_ns,
            phase=phase,
            ok=counts[0],
            fail=counts[1],
            info=counts[2],
            ok_rate=ok_rate,
            fail_rate=fail_rate,
            info_rate=info_rate,
            faults=tuple(made.sentence() for made in in_force),
            leader=leader,
            down=tuple(node for made in in_force if made.fault.kind == "kill" for node in made.nodes),
            paused=tuple(node for made in in_force if made.fault.kind == "pause" for node in made.nodes),
        )


def _main_phase(scenario: Scenario, workload: Workload) -> Generator:
    interval_ns = max(1, int(SECOND / scenario.rate))
    staggered: Generator = Stagger(workload.operations, interval_ns, seeds.draws(scenario.seed, "stagger"))
    if scenario.administrator_every_s:
        staggered = WithAdministrator(staggered, _administration(scenario))
    return Until(staggered, scenario.time_limit_ns)


def _administration(scenario: Scenario) -> Generator:
    functions = SYSTEMS[scenario.system].administration
    operations = AdministratorOperations(scenario.members, functions, seeds.draws(scenario.seed, "administrator"))
    interval_ns = int(scenario.administrator_every_s * SECOND)
    return Stagger(operations, interval_ns, seeds.draws(scenario.seed, "administrator/stagger"))
