"""The terminal while many runs go on: a bar with counts, plain lines, or nothing; by the rules of `console.py`."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

from keelhaul.harness.console import LINE_EVERY_NS, Clock, can_draw, print_line
from keelhaul.harness.progress import TortureObserver
from keelhaul.harness.report.wording import printable, verdict_words
from keelhaul.harness.summary import console_for, torture_summary

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID


def make_torture_observer(quiet: bool, json: bool) -> TortureObserver:
    """Return the observer that suits the flags, the environment variables and what standard error is."""
    if quiet:
        return TortureQuiet()
    results = sys.stderr if json else sys.stdout
    return TortureLive(sys.stderr, results) if can_draw(sys.stderr) else TortureLines(sys.stderr, results)


class _Tally:
    """How many runs ended how."""

    def __init__(self) -> None:
        self._counts = {"valid": 0, "invalid": 0, "unknown": 0}

    def add(self, verdict: Any) -> None:
        word = verdict if verdict in self._counts else "unknown"
        self._counts[word] += 1

    def total(self) -> int:
        return sum(self._counts.values())

    def words(self) -> str:
        return ", ".join(f"{count} {word}" for word, count in self._counts.items())


def failure_line(row: Mapping[str, Any]) -> str:
    """Return one line for a run that was not valid."""
    return f"{verdict_words(row.get('verdict'))}  seed {row.get('seed')}: {row.get('reason', '')}"


class TortureQuiet:
    """Shows nothing."""

    def started(self, scenario: str, environment: str, runs: int) -> None:
        """Show nothing."""

    def ran(self, row: Mapping[str, Any]) -> None:
        """Show nothing."""

    def said(self, sentence: str) -> None:
        """Show nothing."""

    def finished(self, rows: list[Mapping[str, Any]], totals: Mapping[str, Any]) -> None:
        """Show nothing."""

    def close(self) -> None:
        """There is nothing to give back."""


class TortureLines:
    """Writes the counts every five seconds, and a line for each run that is not valid."""

    def __init__(self, progress: TextIO, results: TextIO, clock: Clock = time.monotonic_ns) -> None:
        self._progress = progress
        self._results = results
        self._clock = clock
        self._due_ns = 0
        self._runs = 0
        self._tally = _Tally()

    def started(self, scenario: str, environment: str, runs: int) -> None:
        """Name what is going to happen."""
        self._runs = runs
        self._due_ns = self._clock() + LINE_EVERY_NS
        print_line(self._progress, f"{scenario} in {environment}, {runs} runs")

    def ran(self, row: Mapping[str, Any]) -> None:
        """Count the run; write what is due."""
        self._tally.add(row.get("verdict"))
        if row.get("verdict") != "valid":
            print_line(self._progress, failure_line(row))
        now_ns = self._clock()
        if now_ns >= self._due_ns:
            self._due_ns = now_ns + LINE_EVERY_NS
            print_line(self._progress, f"{self._tally.total()} of {self._runs} runs: {self._tally.words()}")

    def said(self, sentence: str) -> None:
        """Write the sentence."""
        print_line(self._progress, sentence)

    def finished(self, rows: list[Mapping[str, Any]], totals: Mapping[str, Any]) -> None:
        """Write the summary."""
        torture_summary(console_for(self._results), rows, totals)

    def close(self) -> None:
        """There is nothing to give back."""


class TortureLive:
    """Draws a bar in place; runs that are not valid are written above it."""

    def __init__(self, progress: TextIO, results: TextIO) -> None:
        self._progress = progress
        self._results = results
        self._tally = _Tally()
        self._console: Console | None = None
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def started(self, scenario: str, environment: str, runs: int) -> None:
        """Begin to draw."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.close()
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[counts]}", markup=False),
            TimeRemainingColumn(),
            console=self._drawn_on(),
            transient=True,
            refresh_per_second=4,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task(printable(f"{scenario} in {environment}"), total=runs, counts="")
        self._bar.start()

    def ran(self, row: Mapping[str, Any]) -> None:
        """Move the bar."""
        self._tally.add(row.get("verdict"))
        if row.get("verdict") != "valid":
            self.said(failure_line(row))
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=1, counts=self._tally.words())

    def said(self, sentence: str) -> None:
        """Write the sentence above the bar."""
        from rich.text import Text

        self._drawn_on().print(Text(printable(sentence)))

    def finished(self, rows: list[Mapping[str, Any]], totals: Mapping[str, Any]) -> None:
        """Take the bar away and write the summary."""
        self.close()
        torture_summary(console_for(self._results), rows, totals)

    def close(self) -> None:
        """Take the bar away and show the cursor again."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _drawn_on(self) -> Console:
        if self._console is None:
            self._console = console_for(self._progress)
        return self._console
