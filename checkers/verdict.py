"""Verdicts: valid, invalid or unknown, and the one rule that merges them.

Merging takes the worst: invalid over unknown over valid. Invalid wins because a found violation stays one whatever
else could not be decided; unknown beats valid because "nothing was found" needs every checker to have looked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Verdict(Enum):
    """What a checker says of a history."""

    VALID = "valid"
    UNKNOWN = "unknown"
    INVALID = "invalid"


_SEVERITY = {Verdict.VALID: 0, Verdict.UNKNOWN: 1, Verdict.INVALID: 2}


def merge(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of them: invalid, then unknown, then valid. Nothing at all is unknown: nobody looked."""
    return max(verdicts, key=_SEVERITY.__getitem__, default=Verdict.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Result:
    """One checker's word: the verdict, a sentence that says why (empty only if valid), and JSON details for the
    report."""

    verdict: Verdict
    reason: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.reason or self.verdict is Verdict.VALID, "a verdict other than valid says why"
