"""Registers that answered with a value that was gone: no search, but it can only refute.

Let r need a value v, as a read that returned it does, or a cas that found it. Let w have returned before r was invoked,
and have left another value, as a write or read of it does, or a cas to it. In every order w stands before r, so between
them stands a *source*: a write of v, or a cas to it. It was invoked before r returned, and hadn't returned when w was
invoked. If there is none, r is *stale*, and no order is legal that has both. The same holds, without a w, if there is
no source at all and v wasn't there at first.

Open sources are there for ever, but each of them only once. Let only open ones be left for w and r, and for another
such pair, and let the one pair's r have returned before the other's w was invoked. In every order, the one's source
then stands before its r, and that before the other's source. So the sources are different ones, and however many such
pairs follow each other, as many open sources must have been invoked by the time.

One pass sees it. Of each value it is known until when it is put there, `until`: the last return of a source so far. Who
needs one of which that is over looks back for the latest w that left another value. How far, has a limit, for a value
may be read a thousand times in a row. What is missed thereby, absorption.py finds.

`NotApplicable` where nothing is seen to be stale; that says nothing of the history. It is tried because it costs little
and stale reads are what systems get wrong most often: of violations recorded from real ones, few are anything else.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.result import Invalid, NotApplicable
from keelhaul.checkers.models.model import Model

AT_FIRST: Final = -1
"""Until when the initial value is put there."""
NEVER: Final = -2
"""The same of what nothing puts there."""
BACK_MAX: Final = 32
"""Operations that are looked back at."""


@dataclass(slots=True)
class _Pairs:
    """Pairs of w and r, one after the other, each of which takes an open source of the same value."""

    count: int = 0
    members: list[int] = field(default_factory=list)
    over: int = NEVER
    """When the last one's r returned."""


def decide(model: Model, operations: Operations, budget: Budget) -> Invalid | NotApplicable:
    """Look for an operation that is stale, the first by its invocation."""
    if model.family != "register":
        return NotApplicable("it is no register")
    core = _Look(model.initial, operations).core(budget)
    return NotApplicable("nothing stale was seen") if core is None else Invalid(core)


class _Look:
    """What is known of each value, so far."""

    def __init__(self, initial: Hashable, operations: Operations) -> None:
        self._operations = operations
        self._until: dict[Hashable, int] = {initial: AT_FIRST}
        self._spare: dict[Hashable, int] = {}
        """How many open sources it has."""
        self._pairs: dict[Hashable, _Pairs] = {}

    def core(self, budget: Budget) -> list[int] | None:
        """Return what shows that an operation is stale; None if none is seen to be."""
        operations, until, spare = self._operations, self._until, self._spare
        denials = operations.failed or bytes(len(operations))
        # Nobody stands behind the sources if what was invoked before this one was invoked before they were over.
        befores = chain((AT_FIRST,), operations.invoked)
        columns = operations.f, operations.argument, operations.result, befores, operations.returned, denials
        rows = enumerate(zip(*columns, strict=False))
        for at, (name, value, needed, before, end, denies) in budget.over(rows, len(operations)):
            if name == "write":
                left = value
            else:
                if name == "read":
                    left = needed
                elif denies:
                    continue
                else:
                    _, needed, left = value
                over = until.get(needed, NEVER)
                if over < before and end != OPEN:
                    another = _another(operations, at, needed, over)
                    if another is not None or over == NEVER:
                        core = self._stale(at, needed, another)
                        if core is not None:
                            return core
                if left == needed:
                    continue
            if end == OPEN:
                spare[left] = spare.get(left, 0) + 1
            elif until.get(left, NEVER) < end:
                until[left] = end
        return None

    def _stale(self, at: int, needed: Hashable, another: int | None) -> list[int] | None:
        """Return what shows that an operation is stale, None if it isn't seen to be."""
        invoked, returned = self._operations.invoked, self._operations.returned
        pairs = self._pairs.get(needed)
        if pairs is not None and (another is None or invoked[another] < pairs.over):
            return None
        spare = self._spare.get(needed, 0)
        for later in range(at + 1, bisect_left(invoked, returned[at])):
            if self._is_source(later, needed):
                if returned[later] != OPEN:
                    return None
                spare += 1
        if pairs is None:
            pairs = self._pairs[needed] = _Pairs()
        pairs.count += 1
        pairs.members += [at] if another is None else [another, at]
        pairs.over = returned[at]
        return sorted(set(pairs.members)) if pairs.count > spare else None

    def _is_source(self, at: int, value: Hashable) -> bool:
        f, argument, failed = self._operations.f[at], self._operations.argument[at], self._operations.failed
        if f == "cas":
            return bool(argument[2] == value != argument[1] and not (failed and failed[at]))
        return bool(argument == value and f == "write")


def _another(operations: Operations, at: int, needed: Hashable, over: int) -> int | None:
    """Return the latest operation to be seen that returned before this one was invoked, was invoked after all sources
    were over, and left another value; None if there is none."""
    invoked, returned = operations.invoked, operations.returned
    row = invoked[at]
    for other in range(at - 1, max(at - BACK_MAX, 0) - 1, -1):
        if invoked[other] < over:
            break
        if returned[other] < row:
            name = operations.f[other]
            if name == "read":
                left = operations.result[other]
            elif name == "write":
                left = operations.argument[other]
            elif operations.failed and operations.failed[other]:
                continue
            else:
                left = operations.argument[other][2]
            if left != needed:
                return other
    return None
