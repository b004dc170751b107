"""All checkers on the same evidence, and one verdict from it.

This is where a checker's own failure ends: it becomes an unknown of that checker, and costs the others nothing.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass

from keelhaul.checkers.checker import Checker, Evidence
from keelhaul.checkers.verdict import Result, Verdict, merge

FRAMES_MAX = 8
"""Innermost frames of a failed checker's traceback that go into the details."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The merged verdict, what each checker said, and why in sentences: `name: reason`, the gravest first."""

    verdict: Verdict
    results: dict[str, Result]
    reasons: tuple[str, ...]


def check_all(checkers: Mapping[str, Checker], evidence: Evidence) -> Judgement:
    """Ask every checker. A valid result's reason, if it has one, is not among the reasons."""
    results = {name: _ask(checker, evidence) for name, checker in checkers.items()}
    reasons = [
        f"{name}: {result.reason}"
        for verdict in (Verdict.INVALID, Verdict.UNKNOWN)
        for name, result in results.items()
        if result.verdict is verdict
    ]
    return Judgement(
        verdict=merge(result.verdict for result in results.values()), results=results, reasons=tuple(reasons)
    )


def _ask(checker: Checker, evidence: Evidence) -> Result:
    # Exception, not BaseException: Ctrl-C must still end the run.
    try:
        result: object = checker.check(evidence)
        if not isinstance(result, Result):
            raise TypeError(f"a checker returns a Result, not {result!r}")
        return result
    except Exception as error:
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)[-FRAMES_MAX:]
        where = [f"{frame.name}:{frame.lineno}" for frame in frames]
        return Result(Verdict.UNKNOWN, f"the checker itself failed ({said})", {"error": said, "where": where})
