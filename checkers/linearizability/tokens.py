"""Tokens that grow: each acquire tells its place.

All tokens are different, and the order of the acquires is that of their tokens: this is what the model says. So there
is one order to look at (chain.py). An open acquire need not have taken effect; leaving it out leaves growing tokens.
"""

from __future__ import annotations

from itertools import pairwise

from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.chain import clash_of
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.result import Answer, Invalid, NotApplicable, Valid
from keelhaul.checkers.models.model import Model


def decide(model: Model, operations: Operations, budget: Budget) -> Answer:
    """Decide a history of fencing tokens, in O(n log n)."""
    if model.name != "fencing-token":
        return NotApplicable("it is about fencing tokens")
    token, returned = operations.result, operations.returned
    budget.spend(len(operations))
    order = sorted((at for at in range(len(operations)) if returned[at] != OPEN), key=token.__getitem__)
    for before, after in pairwise(order):
        if token[before] == token[after]:
            return Invalid(sorted((before, after)))
    clash = clash_of(operations, [(at,) for at in order], budget)
    return Valid(order) if clash is None else Invalid(sorted(clash))
