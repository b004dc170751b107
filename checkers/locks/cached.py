"""Cache coherence (LC-11): reads of files are linearizable, those that were answered from a client's cache too.

Each permanent file is a register: a read says what the last write put there, or null for nothing. A file that was
created and never written holds nothing. What else is in the history (visits of ephemeral files, sessions) is hidden
from the judge, but keeps its rows, so that rows mean the same to everybody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.history import NEMESIS, History, Row
from keelhaul.checkers.linearizability.checker import Linearizable
from keelhaul.checkers.models.registers import register
from keelhaul.checkers.verdict import Result, Verdict


@dataclass(frozen=True, slots=True)
class CoherentFiles:
    """Invalid if some file's reads and writes have no linear order. `ephemeral` files are left out."""

    ephemeral: frozenset[str]

    def check(self, evidence: Evidence) -> Result:
        """Judge each file by itself; the details say how many reads came out of a cache."""
        try:
            rows = tuple(self._as_register(row) for row in evidence.history.rows)
        except (TypeError, ValueError, AttributeError) as problem:
            return Result(Verdict.UNKNOWN, f"the history can't be read as operations on files: {problem}")
        result = Linearizable(register(), keyed=True).check(replace(evidence, history=History(rows)))
        reads = [row for row in evidence.history.rows if row.f == "read" and row.type == "ok"]
        cached = sum(row.value[1].get("cached") is True for row in reads)
        details = {**result.details, "reads": len(reads), "cached": cached}
        reason = f"LC-11 {result.reason}" if result.verdict is Verdict.INVALID else result.reason
        return Result(result.verdict, reason, details)

    def _as_register(self, row: Row) -> Row:
        if row.process == NEMESIS:
            return row
        if row.f not in ("read", "write") or row.value[0] in self.ephemeral:
            return replace(row, type="info", process=NEMESIS)
        path, details = row.value
        return replace(row, value=[path, _contents(details)])


def _contents(details: dict[str, Any]) -> Any:
    return details.get("contents") or None
