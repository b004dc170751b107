"""Do hard histories end within their budget, whatever there is still to be done?

    python -m benchmarks.adversarial [--count 200] [--way library|files|both] [--only TEXT] [--processor] [--all]

Each history (adversarial_cases.py) is drawn and judged in a process of its own, one at a time, with 1 s and 100 MB.
What counts is all of it: the verdict, its proof, a refutation made small, the reason in words. Time is the wall's, with
the processor's beside it, or with `--processor` that alone, for others may have the machine, too; memory is what the
process grows by at most, from when the history is there. `library` is `linearizability.check`, which counts what it
keeps; `files` is what `keelhaul check` does once it has read a file, which looks at the size of the process.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import time
from collections.abc import Callable
from math import inf
from multiprocessing.connection import Connection
from typing import NamedTuple

from benchmarks.adversarial_cases import Case, cases
from benchmarks.linearizability import forget_peak, peak_mb
from keelhaul.checkers import linearizability
from keelhaul.checkers.linearizability import Budget, Operations
from keelhaul.checkers.models.model import Model
from keelhaul.harness.check_files import Question, judged
from keelhaul.harness.memory import resident_mb

LIMIT_S, LIMIT_MB = 1.0, 100.0
OVER_S, OVER_MB = 1.1, 110.0
COUNT, SHORT_COUNT = 200, 40
WAYS = ("library", "files")
SHOWN = 5
Clock = Callable[[], float]
GIVEN_UP_S = 60.0


class Measured(NamedTuple):
    """What became of one history."""

    name: str
    told: str
    operations: int
    wall_s: float
    spent_s: float
    grown_mb: float

    @property
    def is_over(self) -> bool:
        """Whether a limit was passed by more than a tenth."""
        return self.wall_s > OVER_S or self.grown_mb > OVER_MB

    @property
    def line(self) -> str:
        """The figures in a line."""
        figures = f"{self.wall_s:6.3f} s ({self.spent_s:6.3f} s of the processor), {self.grown_mb:6.1f} MB"
        return f"{figures}  {self.told:<30} {self.operations:>9,}  {self.name}"


def main() -> None:
    """Measure what is asked for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--count", type=int, default=COUNT, help="histories")
    options.add_argument("--way", choices=(*WAYS, "both"), default="both")
    options.add_argument(
        "--processor", action="store_true", help="by the processor's clock, where others have the machine, too"
    )
    options.add_argument("--only", default="", help="text that the history's name has to have in it")
    options.add_argument("--all", action="store_true", help="print a line for each")
    asked = options.parse_args()
    ways = WAYS if asked.way == "both" else (asked.way,)
    clock = time.process_time if asked.processor else time.monotonic
    run(asked.count, ways, only=asked.only, verbose=asked.all, clock=clock)


def run(
    count: int = SHORT_COUNT,
    ways: tuple[str, ...] = WAYS,
    *,
    only: str = "",
    verbose: bool = False,
    clock: Clock = time.monotonic,
) -> None:
    """Measure and print: every one over its limits, and the worst."""
    assert resident_mb() < LIMIT_MB / 2, "this process's size counts for each that it begins, so their limit is spent"
    chosen = [case for case in cases(count) if only in case.name]
    for way in ways:
        print(f"budgets ({way}): {len(chosen)} hard histories with {LIMIT_S:g} s and {LIMIT_MB:g} MB each")
        found = []
        for case in chosen:
            found.append(measured(case, way, clock))
            if verbose or found[-1].is_over:
                print(f"  {'OVER ' if found[-1].is_over else '     '}{found[-1].line}", flush=True)
        for what, worst in (
            ("longest", sorted(found, key=lambda one: -one.wall_s)[:SHOWN]),
            ("largest", sorted(found, key=lambda one: -one.grown_mb)[:SHOWN]),
        ):
            print(f"  the {what}")
            for one in worst:
                print(f"       {one.line}")
        print(f"  {sum(one.is_over for one in found)} of {len(found)} over {OVER_S:g} s or {OVER_MB:g} MB", flush=True)


def measured(case: Case, way: str, clock: Clock) -> Measured:
    """Draw and judge one history in a process of its own."""
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(case, way, clock, sending))
    process.start()
    sending.close()
    found = Measured(case.name, "its process died", 0, inf, inf, inf)
    try:
        receiving.recv()  # the history is there
        if receiving.poll(GIVEN_UP_S):
            found = receiving.recv()
        else:
            found = found._replace(told=f"given up after {GIVEN_UP_S:g} s")
    except EOFError:
        pass
    process.kill()
    process.join()
    return found


def _measure(case: Case, way: str, clock: Clock, sending: Connection) -> None:
    model, operations = case.model(), case.make()
    gc.collect()
    sending.send(None)
    if way == "files":
        gc.disable()  # as it does
    before_mb = resident_mb()
    forget_peak()
    started_s, started_cpu_s = clock(), time.process_time()
    told = _library(model, operations, clock) if way == "library" else _files(model, operations, clock)
    wall_s, spent_s = clock() - started_s, time.process_time() - started_cpu_s
    grown_mb = max(0.0, peak_mb() - before_mb)
    sending.send(Measured(case.name, told, len(operations), wall_s, spent_s, grown_mb))


def _library(model: Model, operations: Operations, clock: Clock) -> str:
    budget = Budget(seconds=LIMIT_S, megabytes=LIMIT_MB, clock=clock)
    outcome = linearizability.check(model, operations, budget=budget)
    _ = outcome.witness, outcome.refutation, outcome.reason
    return _told(outcome.verdict.value, outcome.algorithm, outcome.refutation)


def _files(model: Model, operations: Operations, clock: Clock) -> str:
    record = judged(operations, Question(model=model, budget_s=LIMIT_S, budget_mb=LIMIT_MB), clock)
    return _told(record["verdict"], record["algorithm"], record.get("refutation"))


def _told(verdict: str, algorithm: str, refutation: list[int] | None) -> str:
    return f"{verdict} by {algorithm}" + ("" if refutation is None else f", {len(refutation)}")


if __name__ == "__main__":
    main()
