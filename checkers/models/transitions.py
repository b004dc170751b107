"""A model's transitions by number: states and actions are numbered, and each transition is asked for once.

Numbers are cheap to compare and to remember, whatever the states are. And this is where a model's promises are kept an
eye on: whatever is asked for the first time is looked at. A model that breaks one would make the search unsound, so it
is refused with a `ModelError`:

* states must be hashable, or they can't be told apart;
* the model must be pure: asked again, at once and at the end of it all, it must say the same. Our own models are known
  to be (tests ask); those of others are asked twice for the first DOUBTS_MAX transitions, and again at the end;
* kinds must be as declared: no observer changes a state, what is total is legal in each, and what is blind leaves the
  same state everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final, TypeAlias

from keelhaul.checkers.models.model import ILLEGAL, Action, Kind, Model
from keelhaul.checkers.models.sizes import Factor, size_of

DOUBTS_MAX: Final = 1000
"""Transitions of a model of somebody's own that are asked for twice."""
SHOWN_MAX: Final = 120
"""Characters of a state that a message repeats."""
Told: TypeAlias = Callable[[int], None]
"""Is told how much something takes; it may raise."""
STATE_BYTES: Final = 140
"""What it costs to give a state a number, about."""
KNOWN_BYTES: Final = 150
"""What it costs to remember a transition, about."""
UNTOLD_MAX: Final = 50_000
"""Bytes after which `hold` is told."""


class ModelError(ValueError):
    """The model breaks a promise that the search rests on; the message says which, with an example."""


class Transitions:
    """States and transitions that were met so far. Actions are numbered by their place in `actions`."""

    def __init__(
        self, model: Model, actions: Sequence[Action], hold: Told = lambda size: None, spend: Told = lambda units: None
    ) -> None:
        """Know none but the initial state yet. `hold` is told of the bytes that are kept: of states by themselves, of
        transitions when `tell` is called. `spend` is told of units of work."""
        self.actions = actions
        self.kinds: list[Kind] = []
        for action in actions:
            spend(1)
            self.kinds.append(model.kind(action))
        self.states: list[Hashable] = []
        self.known: dict[int, tuple[int, ...]] = {}
        """What `after` has answered, by state * len(actions) + action."""
        self._model, self._hold, self._spend, self._factor = model, hold, spend, Factor()
        self._untold, self._told = 0.0, 0
        self.tell_at = UNTOLD_MAX // KNOWN_BYTES
        """How many transitions may be known until it is time to `tell`."""
        self._numbers: dict[Hashable, int] = {}
        self._blind: dict[int, int] = {}
        self._doubted: list[tuple[Any, Action, Any]] = []
        self.initial = self._number(model.initial)

    def after(self, state: int, action: int) -> tuple[int, ...]:
        """Return the states that the action may leave; () if it can't happen in `state`."""
        key = state * len(self.actions) + action
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = self._ask(state, action)
        return found

    def ask_again(self) -> None:
        """Repeat the questions of the beginning, in another order; ModelError if an answer differs."""
        for state, action, told in reversed(self._doubted):
            self._spend(1)
            self._compare(state, action, told, self._model.step(state, action))

    def _ask(self, number: int, action_number: int) -> tuple[int, ...]:
        state, action = self.states[number], self.actions[action_number]
        told = self._model.step(state, action)
        is_doubted = not self._model.frozen and len(self._doubted) < DOUBTS_MAX
        if is_doubted:
            self._compare(state, action, told, self._model.step(state, action))
        if self._model.nondeterministic:
            if not isinstance(told, list | tuple):
                raise ModelError(f"{self._asked(state, action)} it answers {_shown(told)}, not a list of states")
            found = tuple(dict.fromkeys([self._number(left, state, action) for left in told]))
        else:
            found = () if told is ILLEGAL else (self._number(told, state, action),)
        if self.kinds[action_number] is not Kind.UPDATE:
            self._check_kind(number, action_number, found)
        if is_doubted:
            self._doubted.append((state, action, self._once(told)))
        return found

    def tell(self) -> None:
        """Tell `hold` of what is kept since it was told last."""
        known = len(self.known)
        self._hold(round(self._untold) + KNOWN_BYTES * (known - self._told))
        self._told, self._untold, self.tell_at = known, 0.0, known + UNTOLD_MAX // KNOWN_BYTES

    def _once(self, told: Any) -> Any:
        """Return what equals the answer, of states that are kept anyway: large ones are not to be kept twice."""
        if self._model.nondeterministic:
            return type(told)(map(self._kept, told)) if type(told) in (list, tuple) else told
        return told if told is ILLEGAL else self._kept(told)

    def _kept(self, state: Any) -> Any:
        kept = self.states[self._numbers[state]]
        return kept if type(kept) is type(state) else state

    def _number(self, state: Any, before: Any = None, action: Any = None) -> int:
        """Return the number of a state, which the action left of the one before it."""
        try:
            number = self._numbers.get(state)
        except TypeError as error:
            kind = type(state).__name__
            raise ModelError(
                f"model {self._model.name}: the state {_shown(state)} can't be hashed ({error}); make it out of "
                f"tuples, frozensets, texts and numbers rather than of {kind}s"
            ) from error
        if number is None:
            number = self._numbers[state] = len(self.states)
            self.states.append(state)
            if number >= self._factor.next:
                self._factor.look(state, before, action)
            self._untold += STATE_BYTES + size_of(state) * self._factor.value
            if self._untold > UNTOLD_MAX:
                self.tell()
        return number

    def _compare(self, state: Any, action: Action, first: Any, second: Any) -> None:
        if type(first) is not type(second) or first != second:
            raise ModelError(
                f"{self._asked(state, action)} it answers {_shown(first)} one time and {_shown(second)} another: "
                "step has to be a pure function, and states have to compare by value"
            )

    def _check_kind(self, state: int, action: int, found: tuple[int, ...]) -> None:
        kind = self.kinds[action]
        if kind is Kind.OBSERVER:
            if found not in ((), (state,)):
                self._broken(state, action, "an observer, but changes it")
        elif not found:
            self._broken(state, action, f"{kind.value}, but not legal there")
        elif kind is Kind.BLIND and (len(found) > 1 or self._blind.setdefault(action, found[0]) != found[0]):
            self._broken(state, action, "blind, but leaves another state than elsewhere")

    def _broken(self, state: int, action: int, how: str) -> None:
        asked = self._asked(self.states[state], self.actions[action])
        raise ModelError(f"{asked} the action is declared {how}")

    def _asked(self, state: Any, action: Action) -> str:
        return f"model {self._model.name}: asked for {_shown(tuple(action))} in state {_shown(state)},"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"
