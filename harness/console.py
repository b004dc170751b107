"""The terminal while a run goes on: live, as lines, or nothing. (`torture_console.py` does it for many runs.)

Which one: `--quiet` shows nothing; a terminal is drawn on in place; a pipe, a CI job (`CI` set) or a dumb terminal
gets plain lines, few enough to read afterwards. Progress always goes to standard error, so that standard output holds
results only; with `--json` it holds the JSON only, and the closing summary goes to standard error too.

A simulation calls `update` thousands of times per second of real time. So every observer looks at the clock first,
and draws at most ten times a second. rich takes 90 ms to import, so it is imported when something is drawn.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from keelhaul.harness.progress import Observer, RunFacts, Snapshot
from keelhaul.harness.report.wording import printable
from keelhaul.harness.summary import console_for, run_summary, survive_any_character

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live as RichLive

DRAW_EVERY_NS = 100_000_000
LINE_EVERY_NS = 5_000_000_000
PANEL_COLUMNS_MAX = 100

Clock = Callable[[], int]


def make_observer(quiet: bool, json: bool) -> Observer:
    """Return the observer that suits the flags, the environment variables and what standard error is."""
    results = sys.stderr if json else sys.stdout
    if quiet:
        return Quiet() if json else OnlyTheEnd(results)
    return Live(sys.stderr, results) if can_draw(sys.stderr) else Lines(sys.stderr, results)


def can_draw(stream: TextIO) -> bool:
    """Say whether the stream is a terminal that may be drawn on in place."""
    in_ci = os.environ.get("CI", "").lower() not in ("", "0", "false")
    return stream.isatty() and not in_ci and os.environ.get("TERM") != "dumb"


def facts_line(facts: RunFacts) -> str:
    """Return one line that names the run."""
    mutant = f", mutant {facts.mutant}" if facts.mutant else ""
    nodes = " ".join(facts.nodes)
    return printable(f"{facts.scenario} in {facts.environment}, seed {facts.seed}{mutant}, nodes {nodes}")


def snapshot_line(snapshot: Snapshot) -> str:
    """Return one line that says where the run stands."""
    parts = [
        f"{snapshot.time_ns / 1e9:6.1f} s of {snapshot.time_limit_ns / 1e9:.0f} s",
        f"{snapshot.phase:<8}",
        f"ok {snapshot.ok} ({snapshot.ok_rate:.0f}/s), fail {snapshot.fail}, info {snapshot.info}",
        f"leader {snapshot.leader or 'none'}",
    ]
    parts += [f"{word} {','.join(nodes)}" for word, nodes in _ailing(snapshot) if nodes]
    parts += ["faults: " + "; ".join(snapshot.faults)] if snapshot.faults else []
    return printable("  ".join(parts))


def _ailing(snapshot: Snapshot) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (("down", snapshot.down), ("paused", snapshot.paused))


def print_line(stream: TextIO, line: str) -> None:
    """Write one plain line, whatever is in it and whatever the stream can encode."""
    survive_any_character(stream)
    print(printable(line), file=stream, flush=True)


class Quiet:
    """Shows nothing."""

    def started(self, facts: RunFacts) -> None:
        """Show nothing."""

    def due(self) -> bool:
        """Never."""
        return False

    def update(self, snapshot: Snapshot) -> None:
        """Show nothing."""

    def said(self, sentence: str) -> None:
        """Show nothing."""

    def finished(self, record: Mapping[str, Any], folder: Path) -> None:
        """Show nothing."""

    def close(self) -> None:
        """There is nothing to give back."""


class OnlyTheEnd(Quiet):
    """Shows no progress, only the summary."""

    def __init__(self, results: TextIO) -> None:
        self._results = results

    def said(self, sentence: str) -> None:
        """Write the sentence: it is seldom, and never progress."""
        print_line(sys.stderr, sentence)

    def finished(self, record: Mapping[str, Any], folder: Path) -> None:
        """Write the summary."""
        run_summary(console_for(self._results), record, folder)


class Lines:
    """Writes a plain line every five seconds of real time, and at each change of phase or faults."""

    def __init__(self, progress: TextIO, results: TextIO, clock: Clock = time.monotonic_ns) -> None:
        self._progress = progress
        self._results = results
        self._clock = clock
        self._due_ns = 0
        self._phase = ""
        self._faults: tuple[str, ...] = ()

    def started(self, facts: RunFacts) -> None:
        """Name the run."""
        print_line(self._progress, facts_line(facts))

    def due(self) -> bool:
        """Say whether five seconds have passed."""
        return self._clock() >= self._due_ns

    def update(self, snapshot: Snapshot) -> None:
        """Write a line, if it is time or something has changed."""
        now_ns = self._clock()
        if now_ns < self._due_ns and snapshot.phase == self._phase and snapshot.faults == self._faults:
            return
        self._due_ns = now_ns + LINE_EVERY_NS
        self._phase, self._faults = snapshot.phase, snapshot.faults
        print_line(self._progress, snapshot_line(snapshot))

    def said(self, sentence: str) -> None:
        """Write the sentence."""
        print_line(self._progress, sentence)

    def finished(self, record: Mapping[str, Any], folder: Path) -> None:
        """Write the summary."""
        run_summary(console_for(self._results), record, folder)

    def close(self) -> None:
        """There is nothing to give back."""


class Live:
    """Draws one small panel in place, ten times a second at most."""

    def __init__(self, progress: TextIO, results: TextIO, clock: Clock = time.monotonic_ns) -> None:
        self._progress = progress
        self._results = results
        self._clock = clock
        self._due_ns = 0
        self._title = "keelhaul"
        self._phase = ""
        self._console: Console | None = None
        self._live: RichLive | None = None

    def started(self, facts: RunFacts) -> None:
        """Name the run and begin to draw."""
        from rich.live import Live as RichLive

        self.close()
        self._title = facts_line(facts)
        self._live = RichLive(
            "",
            console=self._drawn_on(),
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def due(self) -> bool:
        """Say whether a tenth of a second has passed."""
        return self._clock() >= self._due_ns

    def update(self, snapshot: Snapshot) -> None:
        """Draw, if it is time or the phase is new: some phases, such as checking, send no second update."""
        now_ns = self._clock()
        if self._live is None or (now_ns < self._due_ns and snapshot.phase == self._phase):
            return
        self._due_ns = now_ns + DRAW_EVERY_NS
        self._phase = snapshot.phase
        self._live.update(panel(self._title, snapshot), refresh=True)

    def said(self, sentence: str) -> None:
        """Write the sentence above the panel."""
        from rich.text import Text

        self._drawn_on().print(Text(printable(sentence)))

    def finished(self, record: Mapping[str, Any], folder: Path) -> None:
        """Take the panel away and write the summary."""
        self.close()
        run_summary(console_for(self._results), record, folder)

    def close(self) -> None:
        """Take the panel away and show the cursor again."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _drawn_on(self) -> Console:
        if self._console is None:
            self._console = console_for(self._progress)
        return self._console


def panel(title: str, snapshot: Snapshot) -> RenderableType:
    """Return the panel of a run in progress."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    head = Table.grid(padding=(0, 1), expand=True)
    head.add_column(no_wrap=True, width=8)
    head.add_column(ratio=1)
    head.add_column(no_wrap=True, justify="right")
    bar = ProgressBar(total=max(1, snapshot.time_limit_ns), completed=min(snapshot.time_ns, snapshot.time_limit_ns))
    clock = f"{snapshot.time_ns / 1e9:.1f} of {snapshot.time_limit_ns / 1e9:.0f} s"
    head.add_row(Text(printable(snapshot.phase), style="bold"), bar, clock)
    body = Table.grid(padding=(0, 1))
    body.add_column(no_wrap=True, width=8, style="dim")
    body.add_column()
    body.add_row("ops", _counts(snapshot))
    body.add_row("leader", Text(printable(snapshot.leader or "none")))
    for word, nodes in _ailing(snapshot):
        if nodes:
            body.add_row(word, Text(printable(" ".join(nodes)), style="yellow"))
    body.add_row(
        "faults", Text(printable("\n".join(snapshot.faults)) or "none", style="yellow" if snapshot.faults else "")
    )
    return Panel(Group(head, body), title=Text(title), title_align="left", width=PANEL_COLUMNS_MAX)


def _counts(snapshot: Snapshot) -> RenderableType:
    from rich.text import Text

    return Text("   ").join(
        Text(f"{word} {count} ({rate:.0f}/s)", style=style if count else "dim")
        for word, count, rate, style in (
            ("ok", snapshot.ok, snapshot.ok_rate, "cyan"),
            ("fail", snapshot.fail, snapshot.fail_rate, "magenta"),
            ("info", snapshot.info, snapshot.info_rate, "yellow"),
        )
    )
