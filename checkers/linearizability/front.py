"""The front: all states that an object may be in, given what has returned so far. Memory instead of the past.

The generic engine (engine.py, whose head explains *configurations*, *used*, *discharged* and *dominance*) looks for one
way through a history. Here the history isn't over: every way that is still possible has to be kept, and nothing else
is. The front is the set of configurations with which what has returned can be explained; a return takes it to the
next, and the operation is forgotten. The front is empty exactly if no linearization of what has returned is left.

Kept small by the engine's rules, each of which keeps, for any configuration that it drops, one that can do as much:
observers are never used and get their room as soon as the state allows it; of likes the one that returns first is used;
open operations are counted by action; what another configuration dominates is dropped. And by one more:

* *Idle overwrites.* A blind operation is used before its return only for something: the returning operation, a pending
  observer or another change has to be possible in the state that it leaves, and depend on that. Otherwise what comes
  next is another overwrite, which gives it room, or nothing, and then it may as well be used later.

So a front of a register has about as many configurations as there are values that it may hold, and its size depends on
what is pending and on what stays open, not on how much has returned. Where a state keeps for long what nobody has seen
yet, as the order in a queue, a front can grow without end; then the object is given up.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from keelhaul.checkers.models.model import Action, Kind, Model

DRAWN_BITS: Final = 24
"""Bits of a count of open operations, and one above them as a guard."""
_FIELD: Final = (1 << DRAWN_BITS) - 1

Configuration: TypeAlias = tuple[Hashable, int, int, int]
"""State, used, discharged (a bit per pending operation), drawn (a field per kind of open operation)."""
Configurations: TypeAlias = dict[Hashable, list[tuple[int, int, int]]]
"""By state; none of a state dominates another."""


class TooManyWays(Exception):
    """More configurations than may be kept: the object can't be followed any further."""


@dataclass(slots=True, eq=False)
class Pending:
    """An operation that was invoked and will return at row `returned`."""

    action: Action
    kind: Kind
    bit: int
    returned: int


@dataclass(slots=True, eq=False)
class Supply:
    """Open operations with one action: `count` of them were invoked so far."""

    action: Action
    kind: Kind
    shift: int
    count: int = 0


class Front:
    """The front of one object. Operations arrive in the order of invocation and return in the order of return."""

    def __init__(self, model: Model, configurations_max: int) -> None:
        self._model = model
        self._configurations_max = configurations_max
        self._pending: list[Pending] = []
        self._supplies: dict[Action, Supply] = {}
        self._guards = 0
        self._free: list[int] = []
        self._bits = 0
        self._configurations: Configurations = {model.initial: [(0, 0, 0)]}

    def size(self) -> int:
        """Count what is kept: configurations, pending operations, kinds of open ones."""
        return sum(map(len, self._configurations.values())) + len(self._pending) + len(self._supplies)

    @property
    def states(self) -> list[Hashable]:
        """The states that the object may be in."""
        return list(self._configurations)

    def arrive(self, action: Action, returned: int) -> Pending:
        """Take an operation that was invoked and will return."""
        if not self._free:
            self._free.append(1 << self._bits)
            self._bits += 1
        pending = Pending(action, self._model.kind(action), self._free.pop(), returned)
        self._pending.append(pending)
        return pending

    def open(self, action: Action) -> None:
        """Take an operation that was invoked and of which nobody knows whether it will ever take effect."""
        kind = self._model.kind(action)
        if kind is Kind.OBSERVER:
            return
        supply = self._supplies.get(action)
        if supply is None:
            shift = len(self._supplies) * (DRAWN_BITS + 1)
            supply = self._supplies[action] = Supply(action, kind, shift)
            self._guards |= 1 << (shift + DRAWN_BITS)
        supply.count = min(supply.count + 1, _FIELD)

    def returns(self, returning: Pending) -> bool:
        """Let an operation return. False if there is no way left; the front is then as it was.

        TooManyWays if there are more than may be kept.
        """
        passed: Configurations = {}
        met: Configurations = {}
        todo: list[Configuration] = []
        kept = 0
        for state, configurations in self._configurations.items():
            met[state] = [*configurations]
            todo += [(state, *rest) for rest in configurations]
        while todo:
            state, used, discharged, drawn = todo.pop()
            discharged |= self._content(state, discharged)
            if discharged & returning.bit:
                discharged &= ~returning.bit
                kept += self._keep(passed, state, used & ~returning.bit, discharged, drawn)
                if used & returning.bit or returning.kind is Kind.OBSERVER:
                    continue
            for following in self._extensions(returning, state, used, discharged, drawn):
                if self._keep(met, *following):
                    todo.append(following)
                    kept += 1
            if kept > self._configurations_max:
                raise TooManyWays
        if not passed:
            return False
        self._configurations = passed
        self._pending.remove(returning)
        self._free.append(returning.bit)
        return True

    def _content(self, state: Hashable, discharged: int) -> int:
        """Return the bits of what leaves the state as it is."""
        found = 0
        for pending in self._pending:
            if not discharged & pending.bit and state in self._model.successors(state, pending.action):
                found |= pending.bit
        return found

    def _extensions(
        self, returning: Pending, state: Hashable, used: int, discharged: int, drawn: int
    ) -> Iterator[Configuration]:
        """Yield what comes of using one more operation."""
        overwritten = sum(pending.bit for pending in self._pending if pending.kind in (Kind.TOTAL, Kind.BLIND))
        for pending in self._usable(used, discharged):
            for reached in self._model.successors(state, pending.action):
                blind = pending.kind is Kind.BLIND
                if blind and self._is_idle(pending, returning, reached, used, discharged):
                    continue
                if reached == state and not (blind and pending is returning):  # that one gives others room
                    continue
                room = pending.bit | (overwritten if blind else 0)
                yield reached, used | pending.bit, discharged | room, drawn
        for supply in self._supplies.values():
            if drawn >> supply.shift & _FIELD >= supply.count:
                continue
            for reached in self._model.successors(state, supply.action):
                blind = supply.kind is Kind.BLIND
                if reached == state or (blind and self._is_idle(supply, returning, reached, used, discharged)):
                    continue
                yield reached, used, discharged | (overwritten if blind else 0), drawn + (1 << supply.shift)

    def _usable(self, used: int, discharged: int) -> Iterator[Pending]:
        """Yield what may be used; of likes, the one that returns first."""
        first: dict[tuple[Action, bool], Pending] = {}
        for pending in self._pending:
            if used & pending.bit or pending.kind is Kind.OBSERVER:
                continue
            like = pending.action, bool(discharged & pending.bit)
            other = first.get(like)
            if other is None or pending.returned < other.returned:
                first[like] = pending
        yield from first.values()

    def _is_idle(
        self, using: Pending | Supply, returning: Pending, reached: Hashable, used: int, discharged: int
    ) -> bool:
        """Say whether nothing that depends on it could come right after a blind operation that leaves `reached`."""
        if using is returning:
            return False
        for pending in self._pending:
            if pending.kind is Kind.BLIND or used & pending.bit:
                continue
            if pending.kind is Kind.OBSERVER and discharged & pending.bit:
                continue
            if self._model.successors(reached, pending.action):
                return False
        return not any(
            supply.kind is not Kind.BLIND and self._model.successors(reached, supply.action)
            for supply in self._supplies.values()
        )

    def _keep(self, kept: Configurations, state: Hashable, used: int, discharged: int, drawn: int) -> bool:
        """Put a configuration in, and out what it dominates; False if it is dominated itself."""
        others = kept.setdefault(state, [])
        guards = self._guards
        for less_used, more_discharged, less_drawn in others:
            if (
                not less_used & ~used
                and not discharged & ~more_discharged
                and (drawn | guards) - less_drawn & guards == guards
            ):
                return False
        others[:] = [
            other
            for other in others
            if used & ~other[0] or other[1] & ~discharged or (other[2] | guards) - drawn & guards != guards
        ]
        others.append((used, discharged, drawn))
        return True
