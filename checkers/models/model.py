"""A sequential data type, as the linearizability checker knows it: a state, a pure step, and a few words.

A model turns a history's operations into *steps*, one list per independent part (for registers, per key), and leaves
out those that say nothing. Two operations with equal `action` step alike; the search counts on it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from enum import Enum
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

from keelhaul.checkers.history import Operation


class Illegal(Enum):
    """The type of `ILLEGAL`: what `Model.step` answers when an action can't happen in a state."""

    ILLEGAL = "illegal"


ILLEGAL: Final = Illegal.ILLEGAL
Stepped: TypeAlias = Hashable | Literal[Illegal.ILLEGAL]

NEVER = -1
"""A row before all rows: an open step that expires then can be left out."""


class Step(NamedTuple):
    """One operation, as the search sees it."""

    operation: Operation
    action: Hashable
    observes: bool
    """The action never changes a state, whichever it is. (One that just doesn't change *this* state is no observer.)"""
    returns: int | None
    """The row by which it has taken effect; None if it may take effect at any later time or never ("open")."""
    expires: int
    """For open steps: no operation that returns after this row can tell whether the step took effect; see
    models/register.py for how that is known. Always safe: the last row's index."""


class MalformedOperation(ValueError):
    """An operation that the model can't read; the message names its row. The history then can't be judged."""


class Model(Protocol):
    """A sequential data type. Everything is pure; states and actions are hashable and compare by value."""

    @property
    def initial(self) -> Hashable:
        """The state at the start, of each part."""
        ...

    @property
    def noun(self) -> str:
        """What has the state, for sentences: "the register"."""
        ...

    def partition(self, operations: Iterable[Operation]) -> dict[Hashable, list[Step]]:
        """Split into independent parts, each in order of invocation. MalformedOperation if one can't be read."""
        ...

    def step(self, state: Hashable, action: Hashable) -> Stepped:
        """Return the state after the action, or ILLEGAL if the action can't happen (with that outcome) in `state`."""
        ...

    def name(self, step: Step) -> str:
        """Name what was asked: "write of 9"."""
        ...

    def outcome(self, step: Step) -> str:
        """Say what the operation claims: "returned 5"."""
        ...

    def origin(self, step: Step, before: Sequence[Step]) -> str:
        """Say in a sentence where what the step saw may have come from, given all that was invoked `before` it
        returned; empty if there is nothing to say."""
        ...
