"""Many seeds of one scenario: a pool of processes, one row a run, failures kept in full and valid runs in brief.

A run that can't be judged because *we* failed is unknown, with the reason, and costs the others nothing.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from keelhaul.checkers.verdict import Verdict, merge
from keelhaul.harness.environments.environment import SetupError
from keelhaul.harness.progress import TortureObserver
from keelhaul.harness.scenario import Scenario
from keelhaul.harness.validation import UsageError

QUEUED_PER_JOB = 4
"""Enough to keep the workers busy, few enough that `--fail-fast` and Ctrl-C end soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """What is kept of one run. `run` is its folder, or None if it never got one."""

    seed: int
    run: str | None
    verdict: str
    reason: str
    reproduce: str
    harness_failed: bool = False


Work: TypeAlias = Callable[[int], RunRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """All runs together; `failures` are the rows that are not valid, invalid ones first."""

    totals: dict[str, Any]
    failures: tuple[RunRow, ...]
    interrupted: bool
    harness_failed: bool


def torture(
    scenario: Scenario, seeds: range, jobs: int, store: Path, observer: TortureObserver, *, fail_fast: bool = False
) -> Summary:
    """Run every seed; SetupError if the environment can't be had at all."""
    observer.started(scenario.name, scenario.environment, len(seeds))
    rows: list[RunRow] = []
    interrupted = False
    try:
        for row in _rows(scenario, seeds, jobs, store):
            rows.append(row)
            observer.ran(asdict(row))
            if fail_fast and row.verdict == "invalid":
                break
    except KeyboardInterrupt:
        interrupted = True
    summary = _summary(rows, interrupted)
    observer.finished([asdict(row) for row in summary.failures], summary.totals)
    return summary


def _summary(rows: list[RunRow], interrupted: bool) -> Summary:
    verdicts = [Verdict(row.verdict) for row in rows]
    counts = {verdict.value: verdicts.count(verdict) for verdict in Verdict}
    order = {"invalid": 0, "unknown": 1}
    failures = sorted((row for row in rows if row.verdict != "valid"), key=lambda row: (order[row.verdict], row.seed))
    return Summary(
        totals={"verdict": merge(verdicts).value, "runs": len(rows), **counts},
        failures=tuple(failures),
        interrupted=interrupted,
        harness_failed=any(row.harness_failed for row in rows),
    )


def _rows(scenario: Scenario, seeds: range, jobs: int, store: Path) -> Iterator[RunRow]:
    """Yield rows as runs end. One job needs no pool, and leaves Ctrl-C to the run itself."""
    work = partial(_run_one, scenario, store)
    if jobs == 1:
        yield from map(work, seeds)
        return
    left = iter(seeds)
    while suspects := (yield from _spread(work, left, jobs)):
        yield from _one_by_one(work, suspects)


def _spread(work: Work, left: Iterator[int], jobs: int) -> Generator[RunRow, None, list[int]]:
    """Run what is left in a pool. If a worker is killed, all that it and the others had before them is lost, and the
    pool is of no further use: return those seeds, any of which may have been the cause."""
    suspects: list[int] = []
    running: dict[Future[RunRow], int] = {}
    with _pool(jobs) as executor:
        while True:
            while not suspects and len(running) < jobs * QUEUED_PER_JOB and (seed := next(left, None)) is not None:
                try:
                    running[executor.submit(work, seed)] = seed
                except BrokenProcessPool:
                    suspects.append(seed)
            if not running:
                return sorted(suspects)
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=running.__getitem__):
                seed = running.pop(future)
                if isinstance(future.exception(), BrokenProcessPool):
                    suspects.append(seed)
                else:
                    yield future.result()


def _one_by_one(work: Work, seeds: list[int]) -> Iterator[RunRow]:
    """Run the seeds in turn, so that one whose worker is killed again costs no other anything."""
    left = iter(seeds)
    while (seed := next(left, None)) is not None:
        with _pool(1) as executor:
            try:
                while seed is not None:
                    yield executor.submit(work, seed).result()
                    seed = next(left, None)
            except BrokenProcessPool:
                assert seed is not None
                yield _failed(seed, "the worker process of the harness that made this run was killed, twice")


@contextmanager
def _pool(jobs: int) -> Iterator[Executor]:
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(max_workers=jobs, mp_context=context, initializer=_ignore_interrupts)
    try:
        yield executor
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _run_one(scenario: Scenario, store: Path, seed: int) -> RunRow:
    from keelhaul.harness.console import Quiet
    from keelhaul.harness.run import execute

    try:
        finished = execute(replace(scenario, seed=seed), store, Quiet(), brief=True)
    except (SetupError, UsageError):  # no other seed would fare better
        raise
    except Exception as error:
        return _failed(seed, f"the harness failed: {type(error).__name__}: {error}")
    if finished.interrupted:
        raise KeyboardInterrupt
    record = finished.record
    return RunRow(
        seed=seed,
        run=record["run"],
        verdict=record["verdict"],
        reason=record["reasons"][0] if record["reasons"] else "",
        reproduce=record["reproduce"],
    )


def _failed(seed: int, reason: str) -> RunRow:
    return RunRow(seed=seed, run=None, verdict="unknown", reason=reason, reproduce="", harness_failed=True)


def _ignore_interrupts() -> None:
    """Ctrl-C goes to the whole process group; the parent decides what becomes of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
