"""Checking a history, start to end: `check` and the `Outcome` that it returns.

The verdict and what proves it are there at once. What only a reader wants is made when it is asked for: the witness of
several parts as one order, the refutation made small, the reason in words; nor is what makes it imported before.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import compress
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from keelhaul.checkers.history import History
from keelhaul.checkers.linearizability.budget import Budget, BudgetSpent, Spend
from keelhaul.checkers.linearizability.large import with_large_values_once
from keelhaul.checkers.linearizability.operations import Call, FailedCas, Operations
from keelhaul.checkers.linearizability.portfolio import LEFT, Part, Spread, decide, decide_parts
from keelhaul.checkers.linearizability.result import Invalid, Unknown, Valid, Within
from keelhaul.checkers.linearizability.split import taken
from keelhaul.checkers.models.model import Model
from keelhaul.checkers.models.registry import model_named
from keelhaul.checkers.values import thaw
from keelhaul.checkers.verdict import Verdict

if TYPE_CHECKING:
    from keelhaul.checkers.linearizability.explain import Violation

WORK_MAX: Final = 20_000_000
"""Units of work that a check may cost where nobody says otherwise: some ten seconds."""
MINIMISING_WORK_MAX: Final = 2_000_000
"""Units of work that making a refutation smaller may cost."""
EXPLAINING_WORK_MAX: Final = 2_000_000
"""Units of work that it may cost to find out what the state could have been."""
AT_ONCE_MAX: Final = 2000
"""Operations whose parts are put together without a look at the limits: that is over before long."""

Recorded: TypeAlias = "Operations | History | Iterable[Call]"


def check(
    model: Model | str,
    recorded: Recorded,
    *,
    failed_cas: FailedCas = "ignore",
    keyed: bool = False,
    budget: Budget | None = None,
    algorithm: str | None = None,
    spread: Spread | None = None,
    every: bool = True,
) -> Outcome:
    """Say whether what was recorded is linearizable for the model, a `Model` or the name of one.

    `keyed` and `failed_cas` say how to take a `History` or `Call`s (operations.py). Parts that don't touch each other
    (keys) are decided one by one; `spread` may have several of them decided at once (portfolio.py). `algorithm` names
    one of portfolio.py's; None: the first one that applies. `budget` limits work, time and memory; None: `WORK_MAX`.
    Without `every`, no more parts are decided once one is violated, which settles the verdict.

    MalformedOperation if the model can't read an operation, ValueError for a name that there isn't.
    """
    known = model_named(model) if isinstance(model, str) else model
    operations = _columns(recorded, failed_cas, keyed)
    allowance = Budget(work=WORK_MAX) if budget is None else budget
    with allowance.running():
        if known.family == "register":
            operations = with_large_values_once(operations, allowance)
        parts = decide_parts(known, operations, allowance, algorithm=algorithm, spread=spread, every=every)
    return Outcome(known, operations, parts, allowance)


def _columns(recorded: Recorded, failed_cas: FailedCas, keyed: bool) -> Operations:
    if isinstance(recorded, Operations):
        return recorded
    if isinstance(recorded, History):
        return Operations.from_history(recorded, failed_cas=failed_cas, keyed=keyed)
    return Operations.of(recorded, keyed=keyed)


@dataclass(frozen=True)
class Outcome:
    """What became of a check. Operations are named by `Operations.index`."""

    model: Model
    operations: Operations
    parts: Sequence[Part]
    """The independent parts, each with its answer."""
    budget: Budget = field(default_factory=Budget, compare=False, repr=False)
    """What is left of its time and memory is for what is made when it is asked for."""

    @cached_property
    def verdict(self) -> Verdict:
        """The worst of the parts. Nothing at all is linearizable."""
        answers = [type(part.answer) for part in self.parts]
        if Invalid in answers:
            return Verdict.INVALID
        return Verdict.UNKNOWN if Unknown in answers else Verdict.VALID

    @cached_property
    def algorithm(self) -> str:
        """What decided, by name; all of them where parts differ."""
        return ", ".join(dict.fromkeys(part.algorithm for part in self.parts if part.algorithm))

    @cached_property
    def witness(self) -> list[int] | None:
        """A linearization of the whole history, if it is valid; None also if time ran out before it was put together
        of its parts."""
        for part in self.parts:
            if type(part.answer) is not Valid:
                return None
        if len(self.operations) <= AT_ONCE_MAX:
            order = merged(self.operations, self.parts)
        else:
            with self.budget.running():
                try:
                    order = merged(self.operations, self.parts, self.budget.aside(len(self.operations) + 1).spend)
                except BudgetSpent:
                    return None
        return self._named(order)

    @cached_property
    def refutation(self) -> list[int] | None:
        """The operations of a small sub-history that has no linearization, if it is invalid; of the first part that has
        none."""
        if self.verdict is not Verdict.INVALID:
            return None
        first = self.invalid[0]
        core, positions = self._core(first), first.positions
        return self._named([positions[at] for at in core])

    def _named(self, positions: list[int]) -> list[int]:
        """Name the operations at these positions, a list of its own; where there are a million, at once."""
        index = self.operations.index
        return positions if index == range(len(index)) else list(map(list(index).__getitem__, positions))

    @property
    def invalid(self) -> list[Part]:
        """The parts that have no linearization."""
        return [part for part in self.parts if isinstance(part.answer, Invalid)]

    @property
    def undecided(self) -> list[Part]:
        """The parts for which the budget didn't suffice."""
        return [part for part in self.parts if isinstance(part.answer, Unknown) and part.answer != LEFT[0]]

    @property
    def left(self) -> list[Part]:
        """The parts that were not judged, for another one was violated."""
        return [part for part in self.parts if part.answer == LEFT[0]]

    @cached_property
    def violations(self) -> list[Violation]:
        """The invalid parts, explained."""
        return [self.explained(part) for part in self.invalid]

    def explained(self, part: Part) -> Violation:
        """Explain why one part is invalid."""
        from keelhaul.checkers.linearizability.explain import explain

        operations, core = taken(self.operations, part.positions), self._core(part)
        with self.budget.running():
            return explain(self.model, operations, part.key, core, decide, self.budget.aside(EXPLAINING_WORK_MAX))

    @cached_property
    def reason(self) -> str:
        """Why, in words; empty if it is valid."""
        if self.verdict is Verdict.VALID:
            return ""
        if self.invalid:
            sentence, count, what = self.explained(self.invalid[0]).sentence, len(self.invalid), "violated"
        else:
            sentence, count, what = undecided_in_words(self.undecided[0]), len(self.undecided), "undecided"
        if self.left:
            return f"{sentence} ({len(self.left)} of {len(self.parts)} keys were not judged, for one is violated.)"
        return sentence if count == 1 else f"{sentence} ({count} keys are {what}.)"

    def problem(self) -> str | None:
        """Have verify.py look at the proof, and return what is wrong with it; None if it holds."""
        from keelhaul.checkers.linearizability.verify import problem_with_linearization, problem_with_refutation

        positions = {index: at for at, index in enumerate(self.operations.index)}
        if self.witness is not None:
            return problem_with_linearization(self.model, self.operations, [positions[at] for at in self.witness])
        if self.refutation is not None:
            return problem_with_refutation(self.model, self.operations, [positions[at] for at in self.refutation])
        return "nothing proves an unknown verdict"

    def _core(self, part: Part) -> Sequence[int]:
        """Return the small refutation of an invalid part."""
        assert isinstance(part.answer, Invalid), "only what is invalid is refuted"
        from keelhaul.checkers.linearizability.refute import minimise

        first = part.positions[0]
        if first not in self._cores:
            operations = taken(self.operations, part.positions)
            with self.budget.running():
                allowance = self.budget.aside(MINIMISING_WORK_MAX)
                self._cores[first] = minimise(self.model, operations, part.answer, allowance, decide)
        return self._cores[first]

    @cached_property
    def _cores(self) -> dict[int, Sequence[int]]:
        """Refutations that were made small, by the first operation of their part."""
        return {}


def undecided_in_words(part: Part) -> str:
    """Say how far the algorithm got."""
    answer = part.answer
    assert isinstance(answer, Unknown), "the caller looked"
    where = "" if answer.window is None else f", between row {answer.window[0]} and row {answer.window[1]}"
    from keelhaul.checkers.linearizability.explain import name_key

    key = "" if part.key is None else f"key {name_key(part.key)}: "
    return f"{key}undecided: {answer.reason}{where}; {answer.settled} of {answer.total} operations are explained"


def undecided_as_json(part: Part) -> dict[str, Any]:
    """Say the same as data."""
    answer = part.answer
    assert isinstance(answer, Unknown), "the caller looked"
    reached = {"settled": answer.settled, "of": answer.total, "window": answer.window}
    return {"key": thaw(part.key), "reason": answer.reason, **reached}


def merged(operations: Operations, parts: Sequence[Part], spend: Spend = lambda units: None) -> list[int]:
    """Merge the parts' linearizations into one of the whole; positions in `operations`.

    An operation is placed at its *moment*: the latest invocation of all that its part's order has up to it. That lies
    between its own invocation and its return, and grows along the order; so real time and each order are kept.
    """
    if len(parts) == 1 and parts[0].positions == range(len(operations)):
        spend(len(operations))
        order = _order(parts[0])
        return list(order.whole if isinstance(order, Within) else order)
    # By invocation, an operation is where its moment is, or right behind the one before it in its own order.
    behind = array("i", [-1]) * len(operations)
    leads = bytearray(len(operations))
    for part in parts:
        spend(len(part.positions))
        latest = before = -1
        order = _order(part)
        for at in order.whole if isinstance(order, Within) else map(part.positions.__getitem__, order):
            if at > latest:
                latest = at
                leads[at] = True
            else:
                behind[before] = at
            before = at
    whole: list[int] = []
    append = whole.append
    for at, after in zip(compress(range(len(operations)), leads), compress(behind, leads), strict=True):
        append(at)
        while after >= 0:
            append(after)
            after = behind[after]
    return whole


def _order(part: Part) -> Sequence[int]:
    assert isinstance(part.answer, Valid), "every part of a valid history is valid"
    return part.answer.order
