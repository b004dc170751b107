"""Many seeds of one scenario: a pool of processes, one row a run, failures kept in full and valid runs in brief.

A run that can't be judged because *we* failed is unknown, with the reason, and costs the others nothing.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from keelhaul.checkers.verdict import Verdict, merge
from keelhaul.harness.environments.environment import SetupError
from keelhaul.harness.progress import TortureObserver
from keelhaul.harness.scenario import Scenario

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
    if jobs == 1:
        for seed in seeds:
            yield _run_one(scenario, seed, store)
        return
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(max_workers=jobs, mp_context=context, initializer=_ignore_interrupts)
    try:
        yield from _spread(executor, lambda seed: executor.submit(_run_one, scenario, seed, store), seeds, jobs)
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _spread(
    executor: Executor, submit: Callable[[int], Future[RunRow]], seeds: Iterable[int], jobs: int
) -> Iterator[RunRow]:
    left = iter(seeds)
    running: dict[Future[RunRow], int] = {}
    while True:
        while len(running) < jobs * QUEUED_PER_JOB and (seed := next(left, None)) is not None:
            running[submit(seed)] = seed
        if not running:
            return
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in sorted(done, key=running.__getitem__):
            yield _row_of(future, running.pop(future))


def _row_of(future: Future[RunRow], seed: int) -> RunRow:
    try:
        return future.result()
    except BrokenProcessPool:
        return _failed(seed, "a worker process of the harness was killed")


def _run_one(scenario: Scenario, seed: int, store: Path) -> RunRow:
    from keelhaul.harness.console import Quiet
    from keelhaul.harness.run import execute

    try:
        finished = execute(replace(scenario, seed=seed), store, Quiet(), brief=True)
    except SetupError:
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
