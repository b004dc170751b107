"""Nodes that end by themselves: a program that stops itself has met something that its own rules call impossible."""

from __future__ import annotations

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.verdict import Result, Verdict


class Crashes:
    """Invalid if a node ended without the nemesis having killed it."""

    def check(self, evidence: Evidence) -> Result:
        """Return invalid with the first crash as the reason, or valid."""
        if not evidence.crashes:
            return Result(Verdict.VALID)
        more = f" (and {len(evidence.crashes) - 1} more)" if len(evidence.crashes) > 1 else ""
        return Result(
            Verdict.INVALID, f"a node ended by itself: {evidence.crashes[0]}{more}", {"crashes": list(evidence.crashes)}
        )
