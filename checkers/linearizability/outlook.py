"""Looking ahead: whether what has to come can still become legal.

Texts and lists only grow, until somebody writes them anew. So an append out of order can be seen to be wrong as soon as
it is made: no answer that is still to come begins that way. A model says so by `reaches` (models/model.py).

Let g be an operation that has not found its place, and may be illegal. It finds one before it returns, in a state that
was left by the last *blind* operation before it and by others, that aren't blind, behind that. If the blind one is not
placed yet, it is pending now and not used, or it is open, or it is invoked before g returns. So g has to be reached
from the state as it is, or from what one of these leaves. Otherwise the configuration leads nowhere (engine.py).

Of all such g, the first few by their return are looked at: they are met soonest, and see what was done last.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.models.model import Kind, Model
from keelhaul.checkers.models.transitions import Transitions

if TYPE_CHECKING:
    from keelhaul.checkers.linearizability.engine import Configuration, Pending, Window

AHEAD_MAX: Final = 3
"""Operations without a place that are looked at."""
KNOWN_BYTES: Final = 100
"""What it costs to remember whether an action is reached from a state, about."""


class Outlook:
    """What has to come, and what is blind, by turn."""

    def __init__(self, model: Model, transitions: Transitions, window: Window, budget: Budget) -> None:
        """Take a model that says what it reaches."""
        assert model.reaches is not None, "the caller looked"
        self.latest = -1
        """The latest turn at which something returns that was seen not to be reached."""
        self._reaches, self._transitions, self._window, self._budget = model.reaches, transitions, window, budget
        self._known: dict[int, bool] = {}
        kinds = transitions.kinds
        self._coming: list[tuple[int, Pending]] = [
            (turn, pending)
            for turn, pending in enumerate(window.returns)
            if kinds[pending.action] not in (Kind.TOTAL, Kind.BLIND)
        ]
        """By the turn at which they return."""
        self._is_blind = [kind is Kind.BLIND for kind in kinds]
        self._arriving = [
            (turn, action)
            for turn, actions in enumerate(window.arriving())
            for action in actions
            if self._is_blind[action]
        ]

    def is_open(self, configuration: Configuration) -> bool:
        """Say whether the configuration may lead on; False if it leads nowhere. The window stands at its turn."""
        turn, state, _, discharged, _, _ = configuration
        begun = self._blind_now(configuration)
        arriving, place, looked = bisect_left(self._arriving, (turn + 1, -1)), bisect_left(self._coming, (turn,)), 0
        while looked < AHEAD_MAX and place < len(self._coming):
            at, coming = self._coming[place]
            place += 1
            # The bit may be somebody else's until this one is invoked. Then a chance is missed, no more.
            if discharged & coming.bit:
                continue
            looked += 1
            while arriving < len(self._arriving) and self._arriving[arriving][0] <= at:
                begun.append(self._arriving[arriving][1])
                arriving += 1
            self._budget.spend(1 + len(begun))
            if not (self._reached(state, coming.action) or self._begun_anew(begun, state, coming.action)):
                self.latest = max(self.latest, at)
                return False
        return True

    def _blind_now(self, configuration: Configuration) -> list[int]:
        """List the blind actions that may be used now."""
        is_blind, window = self._is_blind, self._window
        pending = [one.action for one in window.pending if is_blind[one.action] and not configuration.used & one.bit]
        return pending + [supply.action for supply in window.supplies if is_blind[supply.action]]

    def _begun_anew(self, blind: list[int], state: int, action: int) -> bool:
        after = self._transitions.after
        return any(self._reached(reached, action) for one in blind for reached in after(state, one))

    def _reached(self, state: int, action: int) -> bool:
        transitions = self._transitions
        key = state * len(transitions.actions) + action
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._reaches(transitions.states[state], transitions.actions[action])
            self._budget.hold(KNOWN_BYTES)
        return found
