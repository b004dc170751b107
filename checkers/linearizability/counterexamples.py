"""A core that grows by what its legal orders leave out.

Begin with the operation that got stuck, alone, or with one before it that tells the state (an anchor). As long as that
has a legal order with whatever of the others an order has use for (orders.py), look at the order that was found: of all
that returned, one after the other is put in where real time allows for it and the order stays legal, the latest first.
The first that can't be put in is what the order has overlooked. With it in the core, there is another order, or none.

Where an operation is put in is a guess, so some in the core may not have to be there. It is small all the same, for
each was needed against an order, and what is too much can be tried without.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Sequence
from typing import Final

from keelhaul.checkers.linearizability.budget import Spend
from keelhaul.checkers.linearizability.operations import OPEN
from keelhaul.checkers.linearizability.orders import Order, TooManyOrders, legal_order
from keelhaul.checkers.linearizability.sparing import Whole, beside

ORDERS_WORK_MAX: Final = 100_000
"""Units of work that trying the orders of each core may cost."""
PUT_IN_MAX: Final = 300
"""Operations that are put into an order."""


def grown(whole: Whole, stuck: int, anchor: int | None, size_max: int, spend: Spend) -> list[int]:
    """Return a core of at most so many operations, ascending, that has no legal order; none if that isn't found."""
    invoked, returned = whole.operations.invoked, whole.operations.returned
    core = [stuck] if anchor is None else [anchor, stuck]
    while len(core) <= size_max:
        loose = beside(whole, core, spend, anchor)
        try:
            order = legal_order(whole, core, ORDERS_WORK_MAX, spend, anchor, loose)
        except TooManyOrders:
            return []
        if order is None:
            return core
        since = -1 if anchor is None else returned[anchor]
        last = bisect_left(invoked, returned[stuck])
        others = [
            at
            for at in reversed(whole.positions[: bisect_left(whole.positions, last)])
            if at not in core and invoked[at] > since and returned[at] != OPEN
        ]
        overlooked = _Filled(whole, order, spend).overlooked(others[:PUT_IN_MAX])
        if overlooked is None:
            return []
        core = sorted([*core, overlooked])
    return []


class _Filled:
    """A legal order, and the states between its operations."""

    def __init__(self, whole: Whole, order: Order, spend: Spend) -> None:
        self._whole, self._spend = whole, spend
        self._order = [*order.positions]
        self._states = self._run((order.state,), self._order)

    def overlooked(self, others: Sequence[int]) -> int | None:
        """Put in one after the other, and return the first that can't be; None if all can."""
        within = set(self._order)
        return next((at for at in others if at not in within and not self._put_in(at)), None)

    def _put_in(self, at: int) -> bool:
        invoked, returned = self._whole.operations.invoked, self._whole.operations.returned
        order = self._order
        first = max((place + 1 for place, other in enumerate(order) if returned[other] < invoked[at]), default=0)
        last = min((place for place, other in enumerate(order) if invoked[other] > returned[at]), default=len(order))
        for place in range(last, first - 1, -1):
            self._spend(1 + len(order) // 8)
            states = self._run(self._states[place], [at, *order[place:]])
            if states[-1]:
                self._order[place:place] = [at]
                self._states[place:] = states
                return True
        return False

    def _run(self, begun: tuple[Hashable, ...], order: Sequence[int]) -> list[tuple[Hashable, ...]]:
        """List the states before each of them and after the last; none from where that isn't legal."""
        found = [begun]
        for at in order:
            action, successors = self._whole.actions[at], self._whole.model.successors
            after = dict.fromkeys(after for state in found[-1] for after in successors(state, action))
            found.append(tuple(after))
            if not after:
                break
        return found
