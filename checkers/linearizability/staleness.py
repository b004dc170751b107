"""Registers that answered with a value that was gone: no search, but it can only refute.

What a register holds was put there by a *source*: a write of that value, or a cas to it, or it was there at first. Let
r need a value v, as a read that returned it does, or a cas that found it, and let w show another one: a write, read or
cas that returned before r was invoked. If every source of v that was invoked before r returned had itself returned
before w was invoked, then r is *stale*, and no order is legal that has both in it.

For let s be the last change before r in such an order. It leaves v, so it is a source, and stands before w, which was
invoked after s returned; and w stands before r. Between s and r there is no change, so w is none, and sees v. But w is
a write, or a cas that changes what it finds, or it saw another value. (If there is no s, v is there at first, and the
same holds from the beginning on. If v has no source and wasn't there at first either, no w is needed.)

So it is enough to know until when a value may still have been put there, `until`: the last return of its sources so
far. Whoever needs a value of which that is over looks back at what was invoked since, for a w. How far, has a limit,
for a value may be read a thousand times before another one is seen. What is missed thereby, absorption.py finds.

`NotApplicable` where nothing is seen to be stale; that says nothing of the history. It is tried because it costs little
and stale reads are what systems get wrong most often: of violations recorded from real ones, few are anything else.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Sequence
from typing import Any, Final

from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.result import Invalid, NotApplicable
from keelhaul.checkers.models.model import Model

AT_FIRST: Final = -1
"""Until when the initial value is put there."""
NEVER: Final = -2
"""The same of a value that has no source."""
BACK_MAX: Final = 32
"""Operations that are looked back at."""


def decide(model: Model, operations: Operations, budget: Budget) -> Invalid | NotApplicable:
    """Look for an operation that is stale, the first by its invocation."""
    if model.family != "register":
        return NotApplicable("it is no register")
    budget.spend(len(operations))
    f, invoked, returned = operations.f, operations.invoked, operations.returned
    denials = operations.failed or bytes(len(f))
    until: dict[Hashable, int] = {model.initial: AT_FIRST}
    columns = zip(f, operations.argument, operations.result, invoked, returned, denials, strict=True)
    for at, (name, argument, result, row, end, denies) in enumerate(columns):
        if name == "write":
            if until.get(argument, NEVER) < end:
                until[argument] = end
        elif not denies:
            needed = left = result
            if name == "cas":
                _, needed, left = argument
            if end != OPEN:
                over = until.get(needed, NEVER)
                if over < row:
                    core = _stale(operations, denials, at, needed, over)
                    if core is not None:
                        return Invalid(core)
            if left != needed and until.get(left, NEVER) < end:
                until[left] = end
    return NotApplicable("nothing stale was seen")


def _stale(operations: Operations, denials: Sequence[int], at: int, needed: Hashable, over: int) -> list[int] | None:
    """Return what shows that an operation is stale, given until when its value was put there; None if it isn't."""
    f, argument, result = operations.f, operations.argument, operations.result
    invoked, returned = operations.invoked, operations.returned
    core = [at]
    if over != NEVER:
        row, other, last = invoked[at], at - 1, max(at - BACK_MAX, 0)
        while other >= last and invoked[other] > over:
            if returned[other] < row and not denials[other]:
                name = f[other]
                if name == "cas":
                    _, before, after = argument[other]
                    shows_another = before != needed or after != needed
                else:
                    shows_another = (argument[other] if name == "write" else result[other]) != needed
                if shows_another:
                    break
            other -= 1
        else:
            return None
        core.append(other)
    end = bisect_left(invoked, returned[at])
    if any(_leaves(f[later], argument[later], needed) and not denials[later] for later in range(at + 1, end)):
        return None
    core += [
        earlier
        for earlier, name in enumerate(f[:at])
        if name != "read" and _leaves(name, argument[earlier], needed) and not denials[earlier]
    ]
    return sorted(core)


def _leaves(name: str, argument: Any, value: Hashable) -> bool:
    """Say whether it changes the register to the value, if it is no denial."""
    if name == "cas":
        return bool(argument[2] == value != argument[1])
    return bool(argument == value and name == "write")
