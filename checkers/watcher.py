"""Watching a run as it goes: a checker of traces that takes one record at a time.

In a simulation every node's records are handed over at once, in the order in which things really happened, so that a
violation is seen in the step that makes it; elsewhere they are read back afterwards, node by node. It is the same
checker: what it can only know by order across nodes, it asserts only when it is told that the order is true.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.verdict import Result


class Watcher(Protocol):
    """One run's watch."""

    def observe(self, node: str, record: Mapping[str, Any]) -> None:
        """Take the node's next record; never raises."""
        ...

    def result(self, evidence: Evidence | None = None) -> Result:
        """Return the verdict on everything observed so far; `evidence`: what else is known, once the run is over."""
        ...


@runtime_checkable
class TraceChecker(Protocol):
    """A checker that can also watch."""

    def check(self, evidence: Evidence) -> Result:
        """Judge traces that were collected."""
        ...

    def watcher(self, nodes: tuple[str, ...], *, in_order: bool) -> Watcher:
        """Begin a watch; `in_order`: records of different nodes come in the order of what they tell."""
        ...


class Watched:
    """A checker that has seen the traces already, while the run went on."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def check(self, evidence: Evidence) -> Result:
        """Return the watch's verdict."""
        return self._watcher.result(evidence)
