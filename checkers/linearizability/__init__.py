"""Linearizability: could one copy of the data, doing one operation at a time, have given these answers?

`models/model.py` says what a data type is, `search.py` looks for an order, `explain.py` says why there is none.
`decide` is where quicker algorithms for special histories go: whatever decides must answer in the search's terms.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.history import Operation
from keelhaul.checkers.linearizability.explain import explain, name_key
from keelhaul.checkers.linearizability.search import Exhausted, Linearized, Stuck, search
from keelhaul.checkers.models.model import MalformedOperation, Model, Step
from keelhaul.checkers.models.register import Register
from keelhaul.checkers.values import thaw
from keelhaul.checkers.verdict import Result, Verdict

__all__ = ["WORK_MAX", "Linearizable", "LinearizableRegisters", "check_operations", "decide"]

WORK_MAX = 5_000_000
"""Units of work a part may cost: seconds and some hundred MB at worst, thousands of times what a typical key needs."""


@dataclass(frozen=True, slots=True)
class Linearizable:
    """The checker: the clients' operations must be linearizable for `model`, each independent part by itself."""

    model: Model
    work_max: int = WORK_MAX

    def check(self, evidence: Evidence) -> Result:
        """Judge the history's operations; see `check_operations`."""
        return check_operations(self.model, evidence.history.operations, self.work_max)


@dataclass(frozen=True, slots=True)
class LinearizableRegisters(Linearizable):
    """The checker for registers with read, write and cas, one per key."""

    model: Model = field(default_factory=Register)


def decide(model: Model, steps: Sequence[Step], work_max: int = WORK_MAX) -> Linearized | Stuck | Exhausted:
    """Decide one part."""
    return search(model, steps, work_max)


def check_operations(model: Model, operations: Iterable[Operation], work_max: int = WORK_MAX) -> Result:
    """Judge the operations: invalid if some part has no legal order, unknown if one could not be decided, can't be
    read, or there is nothing to judge.

    Every part is judged, whatever the others say; the reason tells of the first, `details` of all: `violations` (as
    explain.py describes them), `undecided`, and `operations`, those that the violations rest on.
    """
    try:
        parts = model.partition(operations)
    except MalformedOperation as error:
        return Result(Verdict.UNKNOWN, f"the history can't be read as operations on {model.noun}: {error}")
    violations: list[tuple[str, dict[str, Any]]] = []
    undecided: list[tuple[str, dict[str, Any]]] = []
    for key, steps in parts.items():
        answer = decide(model, steps, work_max)
        if isinstance(answer, Stuck):
            violations.append(explain(model, key, steps, answer))
        elif isinstance(answer, Exhausted):
            undecided.append(_undecided(key, steps, answer))
    details = {
        "parts": len(parts),
        "judged": sum(map(len, parts.values())),
        "operations": [named for _, found in violations for named in [found["operation"], *found["prefix"]]],
        "violations": [details for _, details in violations],
        "undecided": [details for _, details in undecided],
    }
    return _result(violations, undecided, details)


def _result(violations: list[Any], undecided: list[Any], details: dict[str, Any]) -> Result:
    if not details["judged"]:
        return Result(Verdict.UNKNOWN, "there is no operation to judge", details)
    if violations:
        return Result(Verdict.INVALID, _first_of([sentence for sentence, _ in violations], "violated"), details)
    if undecided:
        return Result(Verdict.UNKNOWN, _first_of([sentence for sentence, _ in undecided], "undecided"), details)
    return Result(Verdict.VALID, "", details)


def _first_of(sentences: list[str], what: str) -> str:
    return sentences[0] if len(sentences) == 1 else f"{sentences[0]} ({len(sentences)} keys are {what}.)"


def _undecided(key: Hashable, steps: Sequence[Step], answer: Exhausted) -> tuple[str, dict[str, Any]]:
    total = sum(step.returns is not None for step in steps)
    row = steps[answer.step].returns
    sentence = (
        f"key {name_key(key)}: undecided after {answer.work} units of work, at row {row}; "
        f"{answer.returned} of {total} operations that returned are explained."
    )
    return sentence, {"key": thaw(key), "row": row, "returned": answer.returned, "of": total, "work": answer.work}
