"""What a run and a torture tell of themselves while they go on, as data; and who listens.

No terminal here: `console.py` shows it, a test collects it, and whoever runs many at once may ignore it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

PHASES = ("starting", "main", "healing", "quiet", "final", "checking")
"""A run's phases, in the order in which they come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What is known of a run before it begins. `time_limit_ns` is the main phase's."""

    scenario: str
    environment: str
    seed: int
    nodes: tuple[str, ...]
    time_limit_ns: int
    mutant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Where a run stands. `time_ns` is virtual in a simulation, else real, since the run began; `ok`, `fail` and
    `info` count completions so far, the rates are completions per second over the last second; `faults` has a short
    sentence for each fault in force."""

    time_ns: int
    time_limit_ns: int
    phase: str
    ok: int = 0
    fail: int = 0
    info: int = 0
    ok_rate: float = 0.0
    fail_rate: float = 0.0
    info_rate: float = 0.0
    faults: tuple[str, ...] = ()
    leader: str | None = None
    down: tuple[str, ...] = ()
    paused: tuple[str, ...] = ()


class Observer(Protocol):
    """Listens to one run. It never slows the run down by much and never makes it fail."""

    def started(self, facts: RunFacts) -> None:
        """The run begins."""
        ...

    def due(self) -> bool:
        """Say whether enough real time has passed since the last update that the next would be shown. A run that
        can't make snapshots cheaply asks first; it may still update at a change of phase or faults."""
        ...

    def update(self, snapshot: Snapshot) -> None:
        """The run stands here now; may be called thousands of times a second."""
        ...

    def said(self, sentence: str) -> None:
        """Something that a person should read, once."""
        ...

    def finished(self, record: Mapping[str, Any], folder: Path) -> None:
        """The run is over; `record` is what verdict.json holds. Closes."""
        ...

    def close(self) -> None:
        """Give the terminal back; safe at any time, also twice."""
        ...


class TortureObserver(Protocol):
    """Listens to many runs."""

    def started(self, scenario: str, environment: str, runs: int) -> None:
        """So many runs are going to be made."""
        ...

    def ran(self, row: Mapping[str, Any]) -> None:
        """One run is over: `seed`, `run` (its folder), `verdict`, `reason`, `reproduce` (the command)."""
        ...

    def said(self, sentence: str) -> None:
        """Something that a person should read, once."""
        ...

    def finished(self, rows: list[Mapping[str, Any]], totals: Mapping[str, Any]) -> None:
        """All is over: the rows of all runs, or of those that were not valid; totals have `verdict`, `runs`, `valid`,
        `invalid`, `unknown`. Closes."""
        ...

    def close(self) -> None:
        """Give the terminal back; safe at any time, also twice."""
        ...
