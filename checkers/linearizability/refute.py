"""From a history that has no linearization to the few operations that show it.

An algorithm that fails knows that what it was given, or what was invoked until it got stuck, has no legal order. That
may be ten thousand operations. Here it is made small, by what verify.py allows to be left out: first a few operations
around the one that could not be placed, twice as many at a time until they have no legal order by themselves; then
one after the other is tried without.

Whatever is tried is *closed*: all that verify.py says must stay along with it, stays. So each step keeps a refutation a
refutation. Whether one is still illegal is found by trying its orders, as the verifier will; where these are too many,
the algorithm that decided is asked again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from keelhaul.checkers.linearizability.actions import actions_of
from keelhaul.checkers.linearizability.budget import Budget, BudgetSpent
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.result import Invalid
from keelhaul.checkers.linearizability.verify import has_legal_order, missing
from keelhaul.checkers.models.model import Kind, Model

RUNS_MAX: Final = 3000
"""Beginnings of runs that are tried on a candidate before the other way of asking."""
SINGLY_MAX: Final = 48
"""Cores of at most so many operations are tried without each; larger ones without whole stretches first."""

PREFIX_MAX: Final = 200_000
"""Operations of a history of which beginnings are decided again, to find the first that is illegal."""

Decide = Callable[[Operations], object]
"""Decides a part: one of the algorithms, with a budget of its own."""


def minimise(
    model: Model, operations: Operations, answer: Invalid, budget: Budget, decide: Decide | None = None
) -> list[int]:
    """Return a core as small as can be found within the budget: positions in `operations` (one part), ascending.

    `answer` is what an algorithm said of the part, and `decide` is asked of sub-histories.
    """
    search = _Minimiser(model, operations, budget, decide)
    try:
        stuck, core = search.first_stuck(answer)
        search.best = search.closed(core)
        search.around(stuck)
        search.without_stretches()
        search.without_each()
    except BudgetSpent:
        pass
    return search.with_what_was_seen() if search.best else sorted(answer.core)


class _Minimiser:
    """The smallest core so far, and attempts at a smaller one."""

    def __init__(self, model: Model, operations: Operations, budget: Budget, decide: Decide | None) -> None:
        self.best: list[int] = []
        self._model, self._operations, self._budget, self._decide = model, operations, budget, decide
        self._actions = actions_of(model, operations)
        self._whole = range(len(operations))

    def first_stuck(self, answer: Invalid) -> tuple[int | None, Sequence[int]]:
        """Return the first operation by whose return there is no legal order, None if that isn't known, and a core of
        what was known then. An algorithm that doesn't walk from return to return can't tell, so beginnings of the
        history are decided until it is found."""
        operations, decide = self._operations, self._decide
        if decide is None or len(operations) > PREFIX_MAX:
            return answer.stuck, answer.core
        known = {*answer.core} if answer.stuck is None else {*answer.core, answer.stuck}
        latest = max(row for at, row in enumerate(operations.returned) if at in known and row != OPEN)
        rows = sorted(row for at, row in enumerate(operations.returned) if row <= latest and self._may_fail(at))
        core, low, high = answer.core, 0, len(rows) - 1
        # An algorithm that got stuck knew the answers of what returned later, so the first may be a later one.
        stuck = -1 if answer.stuck is None else bisect_left(rows, operations.returned[answer.stuck])
        middle = (low + high) // 2 if stuck < 0 else stuck
        while low < high:
            cut, positions = operations.until(rows[middle])
            self._budget.spend(len(positions))
            found = decide(cut)
            if isinstance(found, Invalid):
                core, high = [positions[at] for at in found.core], middle
                low = middle if middle == stuck else low
            else:
                low = middle + 1
            middle = (low + high) // 2
        return operations.returned.index(rows[high]), core

    def _may_fail(self, at: int) -> bool:
        return self._model.kind(self._actions[at]) not in (Kind.TOTAL, Kind.BLIND)

    def around(self, stuck: int | None) -> None:
        """Start with the operation that got stuck, and go back in time from there."""
        if stuck is None or len(self.best) <= SINGLY_MAX:
            return
        invoked, returned = self._operations.invoked, self._operations.returned
        earlier = [at for at in self._whole if at != stuck and invoked[at] < returned[stuck]]
        earlier.sort(key=lambda at: min(returned[at], returned[stuck]))
        count = 2
        while count < 2 * len(earlier):
            core = self.closed([stuck, *self._walls_before(stuck, earlier), *earlier[-count:]])
            if len(core) >= len(self.best):
                return
            if self._illegal(core):
                self.best = core
                return
            count *= 2

    def _walls_before(self, stuck: int, earlier: Sequence[int]) -> list[int]:
        """Return the blind write that shields the stuck operation from most of the past, if there is one."""
        operations, kind = self._operations, self._model.kind
        shields = [
            at
            for at in earlier
            if operations.returned[at] < operations.invoked[stuck] and kind(self._actions[at]) is Kind.BLIND
        ]
        return [max(shields, key=operations.invoked.__getitem__)] if shields else []

    def without_stretches(self) -> None:
        """Leave out halves, quarters, … of what is there."""
        size = len(self.best) // 2
        while size > 1 and len(self.best) > SINGLY_MAX:
            start = 0
            while start < len(self.best):
                if not self._try_without(self.best[start : start + size]):
                    start += size
            size //= 2

    def without_each(self) -> None:
        """Leave out one after the other, the latest first: what came last explains least."""
        for at in reversed(self.best):
            if at in self.best and len(self.best) > 1:
                self._try_without([at])

    def _try_without(self, left_out: Iterable[int]) -> bool:
        """Leave these out, and what can't do without them; say whether that is still illegal."""
        rest = set(self.best) - set(left_out)
        while rest:
            kept = sorted(rest)
            lacking = missing(self._model, self._operations, self._actions, kept, self._whole)
            self._budget.spend(len(kept))
            if not lacking:
                break
            rest -= lacking.keys()
        core = sorted(rest)
        if not core or not self._illegal(core):
            return False
        self.best = core
        return True

    def with_what_was_seen(self) -> list[int]:
        """Put back, for the reader, the change that left what an operation of the core claims to have seen, where it
        was left out because it was surely replaced before."""
        leaves, returned = self._model.leaves, self._operations.returned
        if leaves is None or len(self.best) > SINGLY_MAX:
            return self.best
        for at in list(self.best):
            if not self._may_fail(at):
                continue
            sources = [
                other
                for other in self._whole
                if other != at
                and self._model.kind(self._actions[other]) is not Kind.OBSERVER
                and self._model.successors(leaves(self._actions[other]), self._actions[at])
            ]
            if sources and not set(sources) & set(self.best):
                before = [other for other in sources if returned[other] < self._operations.invoked[at]]
                core = sorted([*self.best, max(before or sources, key=lambda other: returned[other])])
                if not missing(self._model, self._operations, self._actions, core, self._whole):
                    self.best = core
        return self.best

    def closed(self, core: Iterable[int]) -> list[int]:
        """Add all that has to be there along with these."""
        kept = sorted(set(core))
        while True:
            lacking = missing(self._model, self._operations, self._actions, kept, self._whole)
            self._budget.spend(len(kept))
            if not lacking:
                return kept
            kept = sorted({*kept, *(change for changes in lacking.values() for change in changes)})

    def _illegal(self, core: Sequence[int]) -> bool:
        """Say whether it is certain that the core has no legal order."""
        if all(self._operations.returned[at] == OPEN for at in core):
            return False
        part = self._operations.select(core)
        self._budget.spend(len(core))
        legal = has_legal_order(self._model, part, [self._actions[at] for at in core], RUNS_MAX)
        if legal is None and self._decide is not None:
            return isinstance(self._decide(part), Invalid)
        return legal is False
