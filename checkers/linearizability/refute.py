"""From a history that has no linearization to the few operations that show it.

An algorithm that fails knows that what it was given, or what was invoked until it got stuck, has no legal order. That
may be ten thousand operations. Here it is made small, by what sparing.py allows to be left out: first a few operations
around the one that could not be placed, twice as many at a time until they have no legal order by themselves; then
one after the other is tried without.

Whether what is left is still a refutation is found as the verifier will: with all that might matter loose beside it,
trying its orders. Large ones, of which these are too many, are kept *closed* (all that might matter stays), and the
algorithm that decided is asked again.

Numbers within bounds are counted first (counting.py). What an algorithm takes for the plainest is tried next. Then
cores are looked for in several ways, each with a share of the budget: from an operation on that tells the state, by
what an order has overlooked (counterexamples.py), and from the beginning.

*How small can it be?* Whoever is such that the history without it is linearizable has to be in every core that is
illegal whatever else happened. Of counters, where changes overlap each answer, that may be hundreds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from keelhaul.checkers.linearizability.actions import actions_of
from keelhaul.checkers.linearizability.budget import Budget, BudgetSpent
from keelhaul.checkers.linearizability.counterexamples import grown
from keelhaul.checkers.linearizability.counting import counted
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.orders import has_legal_order
from keelhaul.checkers.linearizability.result import Invalid
from keelhaul.checkers.linearizability.sparing import Whole, anchors_of, beside, lacking, told_by
from keelhaul.checkers.models.model import Kind, Model

ORDERS_WORK_MAX: Final = 100_000
ORDERS_WORK_EACH: Final = 5_000
"""Units of work that trying the orders of a candidate may cost before the other way of asking; for each of its
operations, if that is more."""
CHOSEN_MAX: Final = 1000
"""Operations of a core that an algorithm chose, up to which it is closed before anything else is tried."""
SINGLY_MAX: Final = 48
"""Cores of at most so many operations are tried without each; larger ones without whole stretches first."""

DIRECTLY_MAX: Final = 1000
"""Operations of a candidate whose orders are tried."""
LOOKED_AT_MAX: Final = 1000
"""Operations among which one is looked for that a core may begin with."""
ANCHORS_MAX: Final = 12
"""Operations with which a core is tried to begin."""
LOOSE_MAX: Final = 256
"""Operations that may be there between two that are tried by themselves: of more, nearly anything is made legal."""
NEAR_MAX: Final = 3
LOOSE_NEAR_MAX: Final = 64
"""Of those, where it is looked at any operation."""
GROWN_MAX: Final = 8
"""Anchors from which a core is grown: twice as far back each time."""
GROWN_SIZE_MAX: Final = 40
GROWN_WORK_MAX: Final = 60_000
"""Operations that it may have, and units of work that it may cost."""
ATTEMPT_WORK_MAX: Final = 600_000
"""Units of work that looking for cores in one way may cost."""
SMALL: Final = 4
ENOUGH: Final = 8
"""Cores of so many operations are small, so that it isn't worth much to look for smaller ones."""
ASKING_WORK_MAX: Final = 1_000_000
"""Units of work that deciding one sub-history may cost."""
PREFIX_MAX: Final = 200_000
"""Operations of a history of which beginnings are decided again, to find the first that is illegal."""

Decide = Callable[[Model, Operations, Budget], object]
"""Decides a part, by one of the algorithms."""


def minimise(
    model: Model, operations: Operations, answer: Invalid, budget: Budget, decide: Decide | None = None
) -> Sequence[int]:
    """Return a core as small as can be found within the budget: positions in `operations` (one part), ascending.

    `answer` is what an algorithm said of the part, and `decide` is asked of sub-histories.
    """
    search = _Minimiser(model, operations, budget, decide)
    with suppress(BudgetSpent):
        search.run(answer)
    if search.best:
        return search.best
    return range(_whole_until(operations, answer.core))


def _whole_until(operations: Operations, core: Sequence[int]) -> int:
    """Count the operations up to a moment after the core at which none is pending: what comes later is no matter."""
    count = core[-1] + 1
    last, seen = -1, 0
    while seen < count:
        rows = operations.returned[seen:count]
        last = max(rows) if OPEN not in rows else max((row for row in rows if row != OPEN), default=last)
        seen, count = count, max(count, bisect_left(operations.invoked, last))
    return count


class _Minimiser:
    """The smallest core so far, and attempts at a smaller one."""

    def __init__(self, model: Model, operations: Operations, budget: Budget, decide: Decide | None) -> None:
        self.best: list[int] = []
        self._model, self._operations, self._budget, self._decide = model, operations, budget, decide
        self._whole = Whole(model, operations, (), range(len(operations)))
        self._anchor: int | None = None

    def run(self, answer: Invalid) -> None:
        """Look for small cores, first where they are likely; BudgetSpent if there might be smaller ones than `best`."""
        self._whole = self._whole._replace(actions=actions_of(self._model, self._operations, self._budget))
        if self._model.bounded is not None and (stuck := self.first_stuck(answer)[0]) is not None:
            end, spend = self._operations.returned[stuck], self._budget.spend
            self.best = [*counted(self._model.bounded, self._operations, self._whole.actions, end, spend)]
            if self.best:
                return
        # Of all that somebody did, what he did last often says enough.
        plainest = answer.plainest or answer.core[-2:]
        if answer.stuck is None and len(answer.core) > SMALL and self._refutes(plainest):
            self.best = [*plainest]
        elif len(answer.core) <= SINGLY_MAX:
            self.best = [*answer.core] if self._refutes(answer.core) else self.closed(answer.core)
            self.polish()
        elif answer.stuck is None and len(answer.core) <= CHOSEN_MAX:
            self.best = self.closed(answer.core)
        # Of states that can be told, most is known at the first operation that got stuck (possible.py).
        if self._model.leaves is not None or not 0 < len(self.best) <= SMALL:
            self.search(*self.first_stuck(answer))
            self.polish()
        self.with_what_was_seen()

    def search(self, stuck: int | None, core: Sequence[int]) -> None:
        """Look at the operation that got stuck and what is around it, then at others, for what is plain."""
        # A blind write shields from all before it, and doesn't need anything itself. Where nothing else changes what it
        # left, that is nearly all there is to know.
        recent = self._whole.actions[-LOOKED_AT_MAX:]
        blind = self._model.leaves is not None and any(self._model.kind(action) is Kind.BLIND for action in recent)
        if blind:
            self.from_the_beginning(stuck, core)
        self.of_few_values(stuck)
        if not 0 < len(self.best) <= SMALL:
            self._attempt(self.from_anchors, stuck)
        self._attempt(self.by_counterexamples, stuck)
        self._attempt(self.elsewhere, stuck)
        if not blind and not 0 < len(self.best) <= ENOUGH:
            self.from_the_beginning(stuck, core)

    def _attempt(self, search: Callable[[int | None], None], stuck: int | None) -> None:
        """Let one of the searches have a share of the budget."""
        budget = self._budget
        with budget.attempt(ATTEMPT_WORK_MAX) as self._budget, suppress(BudgetSpent):
            try:
                search(stuck)
            finally:
                self._budget = budget

    def polish(self) -> None:
        """Leave out one after the other, wherever what is left begins then."""
        if len(self.best) <= SINGLY_MAX:
            for at in reversed(self.best):
                fewer = [other for other in self.best if other != at]
                if fewer and self._refutes(fewer):
                    self.best = fewer

    def first_stuck(self, answer: Invalid) -> tuple[int | None, Sequence[int]]:
        """Return the first operation by whose return there is no legal order, None if that isn't known, and a core of
        what was known then. An algorithm that doesn't walk from return to return can't tell, so beginnings of the
        history are decided until it is found."""
        operations = self._operations
        if answer.stuck is not None or self._decide is None or len(operations) > PREFIX_MAX:
            return answer.stuck, answer.core
        self._budget.spend(len(operations))
        latest = max(row for row in map(operations.returned.__getitem__, answer.core) if row != OPEN)
        rows = sorted(row for at, row in enumerate(operations.returned) if row <= latest and self._may_fail(at))
        core, low, high = answer.core, 0, len(rows) - 1
        while low < high:
            middle = (low + high) // 2
            cut, positions = operations.until(rows[middle])
            self._budget.spend(len(positions))
            found = self._decided(cut)
            if isinstance(found, Invalid):
                core, high = [positions[at] for at in found.core], middle
            else:
                low = middle + 1
        return operations.returned.index(rows[high]), core

    def _may_fail(self, at: int) -> bool:
        return self._model.kind(self._whole.actions[at]) not in (Kind.TOTAL, Kind.BLIND)

    def of_few_values(self, stuck: int | None) -> None:
        """Where values may be left out: look at what is about the value of the one that got stuck, alone and with each
        other value, the latest first."""
        about = self._model.about
        if about is None or stuck is None or 0 < len(self.best) <= SMALL:
            return
        until = self._operations.returned[stuck]
        self._budget.spend(len(self._whole.positions))
        alike: dict[Hashable, list[int]] = {about(self._whole.actions[stuck]): []}
        for at in reversed(self._whole.positions):
            if self._operations.invoked[at] < until:
                alike.setdefault(about(self._whole.actions[at]), []).append(at)
        own, *others = alike.values()
        for other in ((), *others):
            core = sorted([*own, *other])
            if len(core) <= SINGLY_MAX and self._illegal(core):
                self.best = core
                self.without_each()
                return

    def elsewhere(self, stuck: int | None) -> None:
        """Look for cores that begin shortly before any operation: the first that got stuck may not be the plainest. By
        what returned before it, nothing did."""
        since = -1 if stuck is None else self._operations.returned[stuck]
        for at in self._whole.positions:
            if 0 < len(self.best) <= ENOUGH:
                return
            if since < self._operations.returned[at] < OPEN and self._may_fail(at):
                self.from_anchors(at, NEAR_MAX)

    def from_anchors(self, stuck: int | None, most: int | None = None) -> None:
        """Look for cores that begin with an operation before the one that got stuck: the nearest, then ever fewer; at
        most so many."""
        if stuck is None:
            return
        invoked, returned = self._operations.invoked, self._operations.returned
        until = range(bisect_left(invoked, returned[stuck]))
        self._budget.spend(len(until) // 8)
        tried, size = 0, 0
        for anchor in reversed(until[-LOOKED_AT_MAX:]):
            told = told_by(self._model, self._whole.actions, anchor, ())
            if returned[anchor] >= invoked[stuck] or told is None or len(until) - anchor < size:
                continue
            self._budget.spend(len(until) // 8)
            window = [at for at in until if returned[at] > invoked[anchor]]
            if len(window) > DIRECTLY_MAX or 0 < len(self.best) <= SMALL:
                break
            tried += 1
            if most is not None and tried > most:
                break
            if tried >= ANCHORS_MAX:
                size = round(1.2 * (len(until) - anchor))
            if self._from(anchor, stuck, window, LOOSE_MAX if most is None else LOOSE_NEAR_MAX) and tried > ANCHORS_MAX:
                break

    def by_counterexamples(self, stuck: int | None) -> None:
        """Grow a core from the operation that got stuck, and from ever earlier ones before it."""
        invoked, returned = self._operations.invoked, self._operations.returned
        if stuck is None or 0 < len(self.best) <= ENOUGH:
            return
        earlier = [
            at
            for at in range(bisect_left(invoked, invoked[stuck]))
            if returned[at] < invoked[stuck] and told_by(self._model, self._whole.actions, at, ()) is not None
        ]
        anchors = [earlier[-(1 << step)] for step in range(GROWN_MAX) if 1 << step <= len(earlier)]
        for anchor in (None, *anchors):
            self.best = self._grown(stuck, anchor) or self.best
            if 0 < len(self.best) <= ENOUGH:
                return

    def _grown(self, stuck: int, anchor: int | None) -> list[int]:
        """Grow a core that is smaller than what is known; none if there isn't one, or it would cost too much."""
        size_max = min(GROWN_SIZE_MAX, len(self.best) - 1) if self.best else GROWN_SIZE_MAX
        with self._budget.attempt(GROWN_WORK_MAX) as attempt, suppress(BudgetSpent):
            return grown(self._whole, stuck, anchor, size_max, attempt.spend)
        return []

    def _from(self, anchor: int, stuck: int, window: Sequence[int], loose_max: int) -> bool:
        """Look for a core that begins with the anchor: with nothing but what got stuck, or else with all that returned
        by then. Say whether there is one."""
        known, whole, until = self.best, self._whole, self._operations.returned[stuck]
        self._anchor, self._whole = anchor, whole._replace(positions=window)
        try:
            alone = [[anchor, stuck]] if len(window) <= loose_max else []
            for core in (*alone, [at for at in window if self._operations.returned[at] <= until]):
                if self._illegal(core):
                    self.best = core
                    self.without_others(stuck)
                    self.without_stretches()
                    self.without_each()
                    return True
            return False
        finally:
            self._anchor, self._whole = None, whole
            self._keep_smaller(known)

    def from_the_beginning(self, stuck: int | None, core: Sequence[int]) -> None:
        """Look for a core that begins where the history does, if one is smaller than what is known."""
        known = self.best
        try:
            self.best = self.closed(core)
            self.around(stuck)
            self.without_others(stuck)
            self.without_stretches()
            self.without_each()
        finally:
            self._keep_smaller(known)

    def _keep_smaller(self, known: list[int]) -> None:
        if known and len(known) < len(self.best):
            self.best = known

    def around(self, stuck: int | None) -> None:
        """Start with the operation that got stuck, and go back in time from there."""
        if stuck is None or len(self.best) <= SINGLY_MAX:
            return
        self._budget.spend(len(self._whole.positions))
        invoked, returned = self._operations.invoked, self._operations.returned
        earlier = [at for at in self._whole.positions if at != stuck and invoked[at] < returned[stuck]]
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
            if operations.returned[at] < operations.invoked[stuck] and kind(self._whole.actions[at]) is Kind.BLIND
        ]
        return [max(shields, key=operations.invoked.__getitem__)] if shields else []

    def without_others(self, stuck: int | None) -> None:
        """Leave out all that does something else than the operation that got stuck: where clients compete, it may be
        enough to count those that succeeded."""
        f = self._operations.f
        if stuck is None:
            return
        alike = [at for at in self.best if f[at] == f[stuck] or at == self._anchor]
        if len(alike) < len(self.best) and self._illegal(alike):
            self.best = alike

    def without_stretches(self) -> None:
        """Leave out halves, quarters, … of what is there."""
        size = len(self.best) // 2
        while size > 1:
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
        """Leave these out, and say whether that is still illegal; of a large core, also what can't do without them."""
        rest = set(self.best) - set(left_out)
        if self._anchor is not None and self._anchor not in rest:
            return False
        while len(self.best) > SINGLY_MAX and self._anchor is None:
            bereft = {at for at, _ in self._lacking(sorted(rest))}
            if not bereft:
                break
            rest -= bereft
        core = sorted(rest)
        if not core or not self._illegal(core):
            return False
        self.best = core
        return True

    def with_what_was_seen(self) -> None:
        """Put back, for the reader, the change that left what an operation of the core claims to have seen, where it
        was left out because it was surely replaced before."""
        leaves, returned = self._model.leaves, self._operations.returned
        if leaves is None or self._model.family != "register" or len(self.best) > SINGLY_MAX:
            return
        for at in list(self.best):
            if not self._may_fail(at):
                continue
            sources = [
                other
                for other in self._budget.over(self._whole.positions, len(self._whole.positions))
                if other != at
                and self._model.kind(self._whole.actions[other]) is not Kind.OBSERVER
                and self._model.successors(leaves(self._whole.actions[other]), self._whole.actions[at])
            ]
            if sources and not set(sources) & set(self.best):
                before = [other for other in sources if returned[other] < self._operations.invoked[at]]
                core = sorted([*self.best, max(before or sources, key=lambda other: returned[other])])
                if self._refutes(core):
                    self.best = core

    def closed(self, core: Iterable[int]) -> list[int]:
        """Add all that has to be there along with these."""
        chosen = dict.fromkeys(core)
        while True:
            found = {change: None for _, changes in self._lacking(sorted(chosen)) for change in changes}
            if not found:
                return sorted(chosen)
            chosen |= found

    def _lacking(self, kept: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
        return lacking(self._whole, kept, self._budget.spend, self._anchor)

    def _decided(self, candidate: Operations) -> object:
        """Return what the algorithms say of a sub-history."""
        assert self._decide is not None, "the caller looked"
        with self._budget.attempt(ASKING_WORK_MAX) as attempt:
            return self._decide(self._model, candidate, attempt)

    def _refutes(self, core: Sequence[int]) -> bool:
        """Say whether it is certain that the core has no legal order, with an anchor or without."""
        for anchor in (*anchors_of(self._whole, core), None):
            self._anchor = anchor
            try:
                if self._illegal(core):
                    return True
            finally:
                self._anchor = None
        return False

    def _illegal(self, core: Sequence[int]) -> bool:
        """Say whether it is certain that the core has no legal order."""
        operations = self._operations
        if all(operations.returned[at] == OPEN for at in core):
            return False
        self._budget.spend(len(core))
        legal, spend = None, self._budget.spend
        loose = beside(self._whole, core, spend, self._anchor)
        if len(core) + len(loose) <= DIRECTLY_MAX:
            most = max(ORDERS_WORK_MAX, ORDERS_WORK_EACH * len(core))
            legal = has_legal_order(self._whole, core, most, spend, self._anchor, loose)
        if legal is None and self._decide is not None and self._anchor is None and not loose:
            return isinstance(self._decided(operations.select(core)), Invalid)
        return legal is False
