"""What a model is: a sequential data type as a record of pure functions.

    Model(name="register", step=step)

    def step(state, action):
        if action.f == "write":
            return action.argument
        return state if action.outcome == "open" or action.result == state else ILLEGAL

`step` says what an operation makes of a state, or that it can't have happened there with that answer. That is enough;
everything else is declared to be quicker, to be split, or to be told in better words.

**An action** is an operation without its place in the history: `f`, `argument`, `result`, `outcome`, and `process`
where the model asks for it (`by_process`). The outcome is `ok`; or `open`: nobody knows what it answered, so `step` may
not look at `result`, and says what would have happened; or `fail`: it observed that it could not be done (only under
`failed_cas="observe"`).

**Kinds** are promises, of which the engine makes use and which it checks wherever it goes (engine.py):

* an OBSERVER changes no state, whichever it is. (One that just doesn't change *this* state is no observer.)
* a TOTAL operation is legal in every state and its answer says nothing of the state.
* a BLIND one is total, and the state that it leaves doesn't depend on the one that it found.
* an UPDATE is everything else; saying so is always right.

**Values** are JSON. A model of one's own gets them as Python has them, with tuples for lists, so that states made out
of them can be keys. Models that must tell true from 1 take them `frozen`, as `checkers/values.py` makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from keelhaul.checkers.values import freeze, show


class Illegal(Enum):
    """The type of `ILLEGAL`: what `step` answers when an action can't happen in a state."""

    ILLEGAL = "illegal"


ILLEGAL: Final = Illegal.ILLEGAL

Outcome: TypeAlias = Literal["ok", "fail", "open"]


class Action(NamedTuple):
    """What a model steps over. `result` is None where the operation is open: it may have answered anything. `process`
    is None unless the model asked for it."""

    f: str
    argument: Any = None
    result: Any = None
    outcome: Outcome = "ok"
    process: int | None = None


class Kind(Enum):
    """What an operation is known never to do; see above."""

    OBSERVER = "observer"
    TOTAL = "total"
    BLIND = "blind"
    UPDATE = "update"


class Keys(Enum):
    """Whether a history's values are [key, value], for independent objects."""

    ALWAYS = "always"
    NEVER = "never"
    MAYBE = "maybe"
    """The history has to show it."""


Step: TypeAlias = Callable[[Any, Action], Any]
Kinds: TypeAlias = "Mapping[str, Kind] | Callable[[Action], Kind]"


def _named(action: Action) -> str:
    return action.f if action.argument is None else f"{action.f} of {_shown(action.argument)}"


def _claimed(action: Action) -> str:
    if action.outcome == "fail":
        return "failed"
    return "succeeded" if action.result is None else f"returned {_shown(action.result)}"


def _held(state: Hashable) -> str:
    return f"hold {_shown(state)}"


def _shown(value: Any) -> str:
    try:
        return show(freeze(value))
    except TypeError:
        return repr(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """How to talk about it: "the register could only hold 4, but the read of x returned 5, which needs …"."""

    noun: str = "the object"
    """What has the state."""
    name: Callable[[Action], str] = _named
    """Names what was asked: "write of 9"."""
    claim: Callable[[Action], str] = _claimed
    """Says what the operation claims: "returned 5"."""
    state: Callable[[Any], str] = _held
    """Says what a state is, after the noun and "could": "hold 4", "be held by process 3"."""
    needs: Callable[[Action], str] | None = None
    """Says what the operation would have needed, after "it needs": "the register to hold 5". None: no words for it."""


class Bounded(NamedTuple):
    """Promises: each action adds an amount to a number that is 0 at first, and a run that leads out of the bounds is
    illegal. (Others may be, too.)"""

    amount: Callable[[Action], int]
    least: int
    most: int
    unit: str = "permit"
    """What is counted; and what is done with it, in a sentence."""
    up: str = "acquired"
    down: str = "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A sequential data type. Everything in here is pure; states are hashable and compare by value."""

    name: str
    step: Step
    """(state, action) → the state after it, or ILLEGAL; see above for open and failed actions. If `nondeterministic`:
    → all states that it may leave, as a list or tuple, none of them if it can't happen."""
    initial: Hashable = None
    """The state at the start; of each part, where there are parts."""
    nondeterministic: bool = False
    kinds: Kinds = field(default_factory=dict)
    """By function name, or for each action; whatever isn't named is an UPDATE."""
    partition: Callable[[Action], Hashable] | None = None
    """Which independent part an action belongs to; parts start at `initial` and don't touch each other. None: one."""
    by_process: bool = False
    """Whether `step` looks at who did it."""
    functions: tuple[str, ...] = ()
    """The function names it knows; none named: it knows all."""
    problem: Callable[[Action], str | None] | None = None
    """Says what is wrong with an action's shape, None if nothing is. (Without it, `step` has to cope.)"""
    words: Words = field(default_factory=Words)
    frozen: bool = False
    """Whether values stay as `freeze` made them."""
    keys: Keys = Keys.NEVER
    family: str = ""
    """Which special algorithms may try it, having looked at the history (portfolio.py); "" for none."""
    leaves: Callable[[Action], Hashable] | None = None
    """The state that a change (whatever is no observer) leaves wherever it is legal. None: that depends on what it
    found. This and the next five say what a refutation may leave out (linearizability/sparing.py)."""
    notices: Callable[[Action, Action], bool] | None = None
    """(one that has to be legal, a change) → False promises: any such changes may be taken out from before it. None:
    no promise."""
    tells: Callable[[Action, Sequence[Action]], Sequence[Hashable] | None] | None = None
    """(one that returned, what may come after it) → the states that it may leave, wherever it is legal, or others that
    allow for as much: any legal run of what may come after it is one from one of them, too. (If such a state isn't all
    known, an observer may settle some of it.) None: that can't be told. What it `leaves` needn't be said again."""
    reaches: Callable[[Any, Action], bool] | None = None
    """(a state, one that has to be legal) → False promises: it won't be legal from there on, whatever happens, before
    something BLIND did. None: no promise."""
    about: Callable[[Action], Hashable] | None = None
    """The value that an action is about, None if not known. Promises: all that is about some values, taken out of a
    legal run together, leaves a legal run. None: no promise."""
    bounded: Bounded | None = None
    """Of what is counted: the number, and its bounds. None: nothing is."""
    rests_on: Callable[[Action], Sequence[tuple[str, Hashable]] | None] | None = None
    """The changes, by function and argument, that have to stand before an action: with these alone, in some order, it
    is legal, and without one of them never. And if one of them changes a state to one that still `reaches` the action,
    any legal run from that state up to the action may begin with it, unless there are others of its like. None: no
    promise. (Also for causality: checkers/levels/seen.py.)"""

    def kind(self, action: Action) -> Kind:
        """Return what the action is declared to be."""
        if callable(self.kinds):
            return self.kinds(action)
        return self.kinds.get(action.f, Kind.UPDATE)

    def successors(self, state: Hashable, action: Action) -> tuple[Hashable, ...]:
        """Return the states that the action may leave; () if it can't happen in `state`."""
        after = self.step(state, action)
        if self.nondeterministic:
            return tuple(after)
        return () if after is ILLEGAL else (after,)

    def replay(self, actions: Iterable[Action]) -> tuple[Hashable, ...]:
        """Return the states that these actions, one after the other, may leave; () if they are no legal run."""
        states: tuple[Hashable, ...] = (self.initial,)
        for action in actions:
            states = tuple(dict.fromkeys(after for state in states for after in self.successors(state, action)))
        return states
