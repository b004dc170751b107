"""Which algorithm decides: the quickest one whose preconditions the history is seen to meet, then slower ones.

A model's `family` says which special algorithms may try it. Each of them looks at the history itself and answers
`NotApplicable` if it isn't of its kind; nothing is taken on trust. Last comes a search that takes everything.

A history is linearizable exactly if, for each object, what happened to that object is (Herlihy and Wing's locality,
P-compositionality in the later literature): so it is split first, see split.py, and each part is decided by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, TypeAlias

from keelhaul.checkers.linearizability import (
    absorption,
    engine,
    fifo,
    inclusion,
    ownership,
    permits,
    staleness,
    tokens,
    versions,
    zones,
)
from keelhaul.checkers.linearizability.actions import numbered_actions
from keelhaul.checkers.linearizability.budget import Budget, BudgetSpent
from keelhaul.checkers.linearizability.operations import Operations
from keelhaul.checkers.linearizability.result import Answer, Invalid, NotApplicable, Unknown
from keelhaul.checkers.linearizability.split import Part, split, taken
from keelhaul.checkers.models.model import Model
from keelhaul.checkers.nearest import nearest

__all__ = ["ALGORITHMS", "DecideSome", "Decided", "Part", "Spread", "decide", "decide_parts", "named"]

Decide: TypeAlias = Callable[[Model, Operations, Budget], Answer]
Glance: TypeAlias = Callable[[Sequence[int], Budget], Answer | None]
"""Decides the part at these positions; None, with nothing spent by a small one, if it takes more than a glance."""
Decided: TypeAlias = tuple[Answer, str]
"""An answer, and the name of the algorithm that gave it."""
DecideSome: TypeAlias = Callable[[Sequence[int]], list[Decided]]
"""Decides the parts with these numbers, in this order."""
Spread: TypeAlias = Callable[[DecideSome, Sequence[int]], list[Decided]]
"""(what decides, sizes of the parts) → the answers of all parts, in order: has others do a share of the work."""

ALGORITHMS: Final[Mapping[str, Decide]] = {
    "zones": zones.decide,
    "versions": versions.decide,
    "staleness": staleness.decide,
    "absorption": absorption.decide,
    "fifo": fifo.decide,
    "inclusion": inclusion.decide,
    "ownership": ownership.decide,
    "permits": permits.decide,
    "tokens": tokens.decide,
    "engine": engine.decide,
}
"""By the names under which they can be asked for."""

AT_A_GLANCE: Final = 8
"""Operations on texts that a glance takes in for a unit of work."""


def _glance_at_registers(model: Model, operations: Operations, budget: Budget) -> Glance | None:
    return zones.Registers(model, operations, budget).decide if model.family == "register" else None


def _glance_at_texts(model: Model, operations: Operations, _: Budget) -> Glance:
    def glance(positions: Sequence[int], budget: Budget) -> Answer | None:
        seen = versions.glance(model, operations, positions, budget)
        if seen is not None:
            budget.left -= len(positions) // AT_A_GLANCE
        return seen

    return glance


GLANCES: Final[Mapping[str, Callable[[Model, Operations, Budget], Glance | None]]] = {
    "zones": _glance_at_registers,
    "versions": _glance_at_texts,
}
"""What looks at the parts of a history for an algorithm, without taking them out; None if they are not for it."""

FAMILIES: Final[Mapping[str, tuple[str, ...]]] = {
    "register": ("zones", "staleness", "absorption"),
    "key-value": ("versions",),
    "fifo-queue": ("fifo",),
    "list": ("inclusion",),
    "grow-only-set": ("inclusion",),
    "owner-mutex": ("ownership",),
    "fenced-lock": ("ownership",),
    "fencing-token": ("tokens",),
    "mutex": ("permits",),
    "semaphore": ("permits",),
}
"""What may try a family, in this order; the engine comes last for all."""

LOOKS_ITSELF: Final = frozenset({"zones"})
"""Those that may be given operations of any shape: what they can't read doesn't apply."""
LAST: Final = "engine"
SMALL: Final = 10_000
"""Operations at which a glance takes some ten milliseconds, at most."""
GLANCE_WORK: Final = 5
"""Units of work that it costs for each of them, at most."""

UNTRIED: Final = NotApplicable("nothing was tried")
LEFT: Final[Decided] = Unknown("another one is violated, so it was not judged"), ""
"""Of a part that nothing was asked about."""


def named(name: str) -> str:
    """Return the name if it is an algorithm's; ValueError with the nearest one if it isn't."""
    if name in ALGORITHMS:
        return name
    near = nearest(name, ALGORITHMS)
    hint = f"; the nearest is {near!r}" if near else ""
    raise ValueError(f"there is no algorithm {name!r}{hint}. There are {', '.join(ALGORITHMS)}")


def decide_parts(
    model: Model,
    operations: Operations,
    budget: Budget,
    *,
    algorithm: str | None = None,
    spread: Spread | None = None,
    every: bool = True,
) -> list[Part]:
    """Decide the independent parts; in order of first invocation.

    `algorithm` leaves the choice to nobody (ValueError if there is none of that name). A part may cost its even share
    of what is left; those that this doesn't suffice for share the rest once the others are decided, so that one hard
    part hides nothing. With `spread`, that holds for each group of parts that it makes. Without `every`, what is left
    when one was found invalid is `LEFT`.
    MalformedOperation if the model can't read an operation of what was decided.
    """
    tried = _to_try(model, algorithm)
    try:
        parts = split(model, operations, budget)
    except BudgetSpent as spent:
        return [Part(None, range(len(operations)), Unknown(str(spent), 0, len(operations)), "none")]

    if len(parts) == 1:
        ((key, positions),) = parts
        return [Part(key, positions, *_decide_one(model, taken(operations, positions), budget, tried))]

    def decide_some(numbers: Sequence[int]) -> list[Decided]:
        asked = _Asked(model, operations, [parts[number][1] for number in numbers], tried, every)
        return asked.decide_all(budget)

    if spread is None or not parts:
        answers = decide_some(range(len(parts)))
    else:
        answers = spread(decide_some, [len(positions) for _, positions in parts])
        if not every:
            # As one process would have answered: another one may have gone on for a while.
            first = next((at for at, (found, _) in enumerate(answers) if isinstance(found, Invalid)), len(parts))
            answers[first + 1 :] = [LEFT] * (len(parts) - first - 1)
    return [Part(key, positions, *answer) for (key, positions), answer in zip(parts, answers, strict=True)]


class _Asked(NamedTuple):
    """What is asked of some parts."""

    model: Model
    operations: Operations
    parts: Sequence[Sequence[int]]
    tried: tuple[str, ...]
    every: bool

    def decide_all(self, budget: Budget) -> list[Decided]:
        """Decide them, and then again those for which their share wasn't enough."""
        answers = [LEFT] * len(self.parts)
        glance, makes = None, GLANCES.get(self.tried[0])
        if makes is not None:
            with suppress(BudgetSpent):
                glance = makes(self.model, self.operations, budget)
        ahead: Sequence[int] = range(len(self.parts))
        while ahead:
            again = []
            for done, number in enumerate(ahead):
                answers[number] = self._decide(self.parts[number], glance, budget, len(ahead) - done)
                try:
                    if isinstance(answers[number][0], Unknown):
                        budget.look()
                    budget.spend()  # many small parts never ask
                except BudgetSpent as spent:
                    for late in ahead[done + 1 :]:
                        answers[late] = Unknown(str(spent), 0, len(self.parts[late])), self.tried[0]
                    return answers
                found = type(answers[number][0])
                if found is Invalid and not self.every:
                    return answers
                if found is Unknown:
                    again.append(number)
            if len(again) == len(ahead):
                break
            ahead = again
        return answers

    def _decide(self, positions: Sequence[int], glance: Glance | None, budget: Budget, count: int) -> Decided:
        """Decide one of `count` parts that share the budget; a small one for which a glance will do needs no share."""
        share = budget if glance is not None and _is_small(len(positions), budget, count) else budget.share(count)
        answer: Answer | None = None
        try:
            answer = glance and glance(positions, share)
        except BudgetSpent as spent:
            answer = Unknown(str(spent), 0, len(positions))
        if answer is not None:
            decided = answer, self.tried[0]
        else:
            share = budget.share(count) if share is budget else share
            decided = _decide_one(self.model, taken(self.operations, positions), share, self.tried)
        budget.account(share)
        return decided


def _is_small(operations: int, budget: Budget, count: int) -> bool:
    """Say whether a glance at so many operations surely costs less than a share."""
    if operations > SMALL:
        return False
    return budget.work is None or GLANCE_WORK * (operations + 1) <= (budget.work - budget.spent) // count


def decide(model: Model, operations: Operations, budget: Budget) -> Answer:
    """Decide one part."""
    return _decide_one(model, operations, budget, _to_try(model, None))[0]


def _to_try(model: Model, algorithm: str | None) -> tuple[str, ...]:
    return (*FAMILIES.get(model.family, ()), LAST) if algorithm is None else (named(algorithm),)


def _decide_one(model: Model, operations: Operations, budget: Budget, tried: tuple[str, ...]) -> Decided:
    """Return the answer, and which algorithm gave it."""
    answer: Answer = UNTRIED
    for name in tried:
        try:
            if answer is UNTRIED and name not in LOOKS_ITSELF:
                demand_shape(model, operations, budget)
            answer = ALGORITHMS[name](model, operations, budget)
            if isinstance(answer, NotApplicable) and name in LOOKS_ITSELF:
                demand_shape(model, operations, budget)
        except BudgetSpent as spent:
            return Unknown(str(spent), 0, len(operations)), name
        if not isinstance(answer, NotApplicable):
            return answer, name
    assert isinstance(answer, NotApplicable), "the loop ends early otherwise"
    return Unknown(f"{tried[-1]} doesn't apply: {answer.reason}", 0, len(operations)), tried[-1]


def demand_shape(model: Model, operations: Operations, budget: Budget | None = None) -> None:
    """MalformedOperation if there is a function that the model doesn't have, or a value of another shape."""
    if not _is_plain(model, operations):
        numbered_actions(model, operations, budget)


def _is_plain(model: Model, operations: Operations) -> bool:
    """Say whether all is seen to be in shape at a glance; False: it has to be looked at."""
    f = operations.f
    names = set(f)
    if not model.functions or not names.issubset(model.functions):
        return False
    if model.family == "register":
        cases = (argument for name, argument in zip(f, operations.argument, strict=True) if name == "cas")
        return "cas" not in names or zones.are_pairs(cases)
    return model.family == "key-value" and versions.has_shape(operations)
