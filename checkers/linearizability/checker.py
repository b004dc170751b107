"""The checker of a run: the clients' operations must be linearizable, each key by itself.

Its verdict rests on a budget of work, not of time, so that the same history gives the same verdict everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.online import Online
from keelhaul.checkers.linearizability.operations import OPEN, FailedCas, MalformedOperation, Operations
from keelhaul.checkers.linearizability.outcome import check, undecided_as_json
from keelhaul.checkers.models.model import Model
from keelhaul.checkers.verdict import Result, Verdict

WORK_MAX: Final = 20_000_000
"""Units of work a history may cost: some ten seconds at worst, thousands of times what a typical one needs."""


@dataclass(frozen=True, slots=True)
class Linearizable:
    """Judges for a model. With `keyed`, values are [key, the value itself]; see operations.py for `failed_cas`."""

    model: Model
    keyed: bool = False
    failed_cas: FailedCas = "ignore"
    work_max: int = WORK_MAX

    def online(self) -> Online:
        """Return what asks the same of a history that is still being recorded."""
        return Online(self.model, keyed=self.keyed, failed_cas=self.failed_cas)

    def check(self, evidence: Evidence) -> Result:
        """Judge the history: invalid if some key has no linearization, unknown if one could not be decided, can't be
        read, or nothing returned.

        Every key is judged, whatever the others say; the reason tells of the first. `details` tell of all: `violations`
        (as explain.py describes them), `undecided`, and `operations`, those that the violations rest on.
        """
        try:
            operations = Operations.from_history(evidence.history, failed_cas=self.failed_cas, keyed=self.keyed)
            outcome = check(self.model, operations, budget=Budget(work=self.work_max))
        except MalformedOperation as error:
            return Result(Verdict.UNKNOWN, f"the history can't be read as operations on {self.model.name}: {error}")
        violations = [violation.details for violation in outcome.violations]
        details: dict[str, Any] = {
            "parts": len(outcome.parts),
            "judged": sum(row != OPEN for row in operations.returned),
            "algorithm": outcome.algorithm,
            "operations": [named for found in violations for named in [found["operation"], *found["refutation"]]],
            "violations": violations,
            "undecided": [undecided_as_json(part) for part in outcome.undecided],
        }
        if not details["judged"]:
            return Result(Verdict.UNKNOWN, "there is no operation to judge", details)
        return Result(outcome.verdict, outcome.reason, details)
