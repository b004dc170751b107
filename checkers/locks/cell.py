"""Judging a cell by itself, where the cluster's last node is the resource that its locks protect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.verdict import Result
from keelhaul.checkers.watcher import TraceChecker, Watcher


def _of_the_cell(evidence: Evidence) -> Evidence:
    """Leave the last node out."""
    cell = evidence.nodes[:-1]
    traces = evidence.traces
    if traces is not None:
        traces = tuple(trace for trace in traces if trace.node in cell)
    return replace(evidence, nodes=cell, traces=traces)


@dataclass(frozen=True, slots=True)
class OfTheCell:
    """Asks another checker, and shows it only the cell's traces."""

    inner: TraceChecker

    def check(self, evidence: Evidence) -> Result:
        """Judge the cell."""
        return self.inner.check(_of_the_cell(evidence))

    def watcher(self, nodes: tuple[str, ...], *, in_order: bool) -> Watcher:
        """Begin a watch of the cell."""
        return _CellWatcher(self.inner.watcher(nodes[:-1], in_order=in_order), nodes[-1])


class _CellWatcher:
    def __init__(self, inner: Watcher, resource: str) -> None:
        self._inner = inner
        self._resource = resource

    def observe(self, node: str, record: Mapping[str, Any]) -> None:
        """Pass on what isn't the resource's."""
        if node != self._resource:
            self._inner.observe(node, record)

    def result(self, evidence: Evidence | None = None) -> Result:
        """Return the other checker's verdict."""
        return self._inner.result(None if evidence is None else _of_the_cell(evidence))
