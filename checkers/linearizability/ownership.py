"""Locks with an owner: who holds one holds it for sure from the return of the acquire to the call of the release.

Each owner acts one step after the other: acquire, release, acquire, … (If one of its operations overlaps another of its
own, the algorithm isn't applicable.) So each acquire that is ok has the owner's next operation for its release. Call
the time from the return of the acquire to the call of the release the *zone*: in it the lock is held by that owner,
whatever the order. Two zones that overlap: no order. If none do, put each acquire at its return and each release at its
call: that is an order, and a legal one.

A lock that is never released has an endless zone. An open release is put at its call, which can only help. An open
acquire is its owner's last operation and need not have taken effect; leaving it out can only help.

With tokens (the fenced lock), the order of the zones is the order of the acquires, and tokens have to grow along it.
"""

from __future__ import annotations

from collections.abc import Hashable
from itertools import pairwise
from typing import Final, NamedTuple

from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.result import Answer, Invalid, NotApplicable, Valid
from keelhaul.checkers.models.model import Model

FAMILIES = ("owner-mutex", "fenced-lock")
EASY: Final = 4
"""Operations or zones that are put into a list for a unit of work."""


class Zone(NamedTuple):
    """From the return of an acquire to the call of its release; `end` is OPEN, and `release` None, without one."""

    start: int
    end: int
    acquire: int
    release: int | None

    @property
    def core(self) -> list[int]:
        """The operations that make the zone."""
        return [self.acquire] if self.release is None else [self.acquire, self.release]


def decide(model: Model, operations: Operations, budget: Budget) -> Answer:
    """Decide a history of a lock whose owners act one step after the other, in O(n log n)."""
    if model.family not in FAMILIES:
        return NotApplicable("it is about locks with an owner")
    owners = _by_owner(operations, budget)
    for steps in owners.values():
        budget.spend(len(steps))
        for before, after in pairwise(steps):
            if operations.invoked[after] < operations.returned[before]:
                return NotApplicable(f"operation {operations.index[after]} overlaps another one of its owner")
    zones: list[Zone] = []
    for steps in owners.values():
        budget.spend(len(steps))
        found = _zones(operations, steps)
        if isinstance(found, Invalid):
            return found
        zones += found
    budget.spend(len(zones) // EASY)
    zones.sort()
    clash = _clash(operations, zones, budget, tokens=model.family == "fenced-lock")
    if clash is not None:
        return Invalid(clash)
    return Valid([at for zone in budget.over(zones, len(zones), EASY) for at in zone.core])


def _by_owner(operations: Operations, budget: Budget) -> dict[Hashable, list[int]]:
    """Group by owner, as models/locks.py tells owners: the argument, or else the process."""
    owners: dict[Hashable, list[int]] = {}
    rows = enumerate(zip(operations.argument, operations.process, strict=True))
    for at, (argument, process) in budget.over(rows, len(operations), EASY):
        owner = ("process", process) if argument is None else argument
        owners.setdefault(owner, []).append(at)
    return owners


def _zones(operations: Operations, steps: list[int]) -> list[Zone] | Invalid:
    """Return one owner's zones."""
    f, invoked, returned = operations.f, operations.invoked, operations.returned
    zones: list[Zone] = []
    held: int | None = None
    for place, at in enumerate(steps):
        if (f[at] == "acquire") is (held is None):
            if held is not None:
                zones.append(Zone(returned[held], invoked[at], held, at))
                held = None
            elif returned[at] != OPEN:
                held = at
        elif returned[at] != OPEN:
            return Invalid(steps[: place + 1])
    if held is not None:
        zones.append(Zone(returned[held], OPEN, held, None))
    return zones


def _clash(operations: Operations, zones: list[Zone], budget: Budget, *, tokens: bool) -> list[int] | None:
    """Return the operations of two zones that overlap or whose tokens don't grow."""
    token = operations.result
    for before, after in budget.over(pairwise(zones), len(zones), EASY):
        if after.start < before.end or (tokens and token[after.acquire] <= token[before.acquire]):
            return sorted(before.core + after.core)
    return None
