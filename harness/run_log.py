"""A run's `run.log`: what was run with what, and everything that was said to people, with the time of day."""

from __future__ import annotations

import logging
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from keelhaul.harness.progress import Observer, RunFacts, Snapshot


class Logged:
    """Passes everything on to another observer, and logs what a person should be able to read later."""

    def __init__(self, observer: Observer, logger: logging.Logger) -> None:
        self._observer = observer
        self._logger = logger
        self._phase = ""

    def started(self, facts: RunFacts) -> None:
        """Log the run's facts and the interpreter's version."""
        self._logger.info("%s with Python %s on %s", facts, platform.python_version(), platform.platform())
        self._observer.started(facts)

    def due(self) -> bool:
        """Ask the other observer."""
        return self._observer.due()

    def update(self, snapshot: Snapshot) -> None:
        """Log a change of phase."""
        if snapshot.phase != self._phase:
            self._phase = snapshot.phase
            self._logger.info("%s at %.3f s", snapshot.phase, snapshot.time_ns / 1e9)
        self._observer.update(snapshot)

    def said(self, sentence: str) -> None:
        """Log the sentence."""
        self._logger.warning("%s", sentence)
        self._observer.said(sentence)

    def finished(self, record: Mapping[str, Any], folder: Path) -> None:
        """Log the verdict."""
        self._logger.info("%s", record.get("verdict"))
        self._observer.finished(record, folder)

    def close(self) -> None:
        """Pass it on."""
        self._observer.close()


@contextmanager
def logged(observer: Observer, path: Path) -> Iterator[Observer]:
    """Log to the file at `path` while the run goes on."""
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.Logger("keelhaul.run", logging.INFO)  # not a registered one: there may be a million runs
    logger.addHandler(handler)
    try:
        yield Logged(observer, logger)
    finally:
        handler.close()
