"""Checking while the history is still being recorded: the verdict that it would get if it ended here, row by row.

Rows are taken as they come. What an operation answered, and whether it took effect at all, is known only when it is
over; so a return is *settled*, and taken to the object's front (front.py), as soon as all that was invoked before it is
over. The rest waits. An operation is therefore remembered until what it overlaps with is over, and nothing is
remembered after that but the states that the object may be in, and what stays open. That is bounded by how many
processes there are and how long an operation can take: with deadlines, as in a run of ours, by the concurrency.

Checking afterwards and checking online give the same verdict: a history is linearizable exactly if the front is not
empty at its end, when what is still pending counts as open; and once empty, it stays so whatever comes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from keelhaul.checkers.linearizability.actions import checked
from keelhaul.checkers.linearizability.front import Front, Pending, TooManyWays
from keelhaul.checkers.linearizability.operations import OBSERVABLE, OPEN, FailedCas, MalformedOperation
from keelhaul.checkers.models.model import Action, Model
from keelhaul.checkers.values import freeze, show
from keelhaul.checkers.verdict import Verdict

CONFIGURATIONS_MAX: Final = 20_000
"""Configurations of one object's front. Beyond that the object is left to the check afterwards."""
STATES_SHOWN_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Found:
    """The first violation: the operation that was invoked at row `invoked` and returned at `row` can't be explained."""

    row: int
    invoked: int
    process: int
    reason: str


@dataclass(slots=True, eq=False)
class _Operation:
    process: int
    f: str
    argument: Hashable
    invoked: int
    number: int
    key: Hashable
    over: bool = False
    returned: int = OPEN
    action: Action | None = None
    """None while it is pending, and for ever if it failed."""
    pending: Pending | None = None


@dataclass(slots=True)
class _Object:
    """One of the independent objects: its front, and what waits for it."""

    front: Front | None
    """None when there were too many ways."""
    arriving: deque[_Operation] = field(default_factory=deque)
    """What is not in the front yet, in the order of invocation."""
    underway: deque[_Operation] = field(default_factory=deque)
    """What is not over, in the order of invocation, among some that are."""
    returning: deque[_Operation] = field(default_factory=deque)
    """What has returned and isn't settled, in that order."""


class Online:
    """Follows one history. With `keyed`, values are [key, the value itself], and each key is an object of its own."""

    def __init__(
        self,
        model: Model,
        *,
        keyed: bool = False,
        failed_cas: FailedCas = "ignore",
        configurations_max: int = CONFIGURATIONS_MAX,
    ) -> None:
        self._model = model
        self._keyed = keyed
        self._failed_cas = failed_cas
        self._configurations_max = configurations_max
        self._objects: dict[Hashable, _Object] = {}
        self._open: dict[int, _Operation] = {}
        self._operations = 0
        self.found: Found | None = None
        self.undecided = False
        """Whether some object had too many ways, and is no longer followed."""

    def take(self, row: int, type_: str, process: int | str, f: str, value: Any) -> Found | None:
        """Take the next row of the history; rows of the nemesis are passed over. Return the first violation, once
        there is one.

        MalformedOperation if the model can't read the operation. KeyError if the row completes nothing.
        """
        if isinstance(process, str) or self.found is not None:
            return self.found
        if type_ == "invoke":
            self._invoke(row, process, f, value)
            return None
        operation = self._open.pop(process)
        operation.over = True
        if type_ == "ok":
            self._returns(operation, row, value, "ok")
        elif type_ == "fail" and self._failed_cas == "observe" and operation.f in OBSERVABLE:
            self._returns(operation, row, None, "fail")
        elif type_ != "fail":
            operation.action = self._action(operation, None, "open")
        self._settle(self._objects[operation.key])
        return self.found

    def finish(self) -> Verdict:
        """End the history: what is pending stays open. Return its verdict; nothing may be taken after that."""
        for process, operation in sorted(self._open.items()):
            operation.over = True
            operation.action = self._action(operation, None, "open")
            del self._open[process]
        for followed in self._objects.values():
            self._settle(followed)
        if self.found is not None:
            return Verdict.INVALID
        return Verdict.UNKNOWN if self.undecided else Verdict.VALID

    def waiting(self) -> bool:
        """Say whether something that returned can't be settled yet."""
        return any(one.returning for one in self._objects.values())

    def remembered(self) -> int:
        """Count what is kept: operations that wait, pend or stay open, and configurations."""
        waiting = sum(len(one.arriving) + len(one.underway) + len(one.returning) for one in self._objects.values())
        return waiting + len(self._open) + sum(one.front.size() for one in self._objects.values() if one.front)

    def _invoke(self, row: int, process: int, f: str, value: Any) -> None:
        key: Hashable = None
        if self._keyed:
            key, value = self._pair(row, value)
        try:
            operation = _Operation(process, f, freeze(value), row, self._operations, key)
        except TypeError as error:
            raise MalformedOperation(f"row {row}: {error}") from error
        self._operations += 1
        self._open[process] = operation
        followed = self._objects.get(key)
        if followed is None:
            followed = self._objects[key] = _Object(Front(self._model, self._configurations_max))
        if followed.front is not None:
            followed.arriving.append(operation)
            followed.underway.append(operation)

    def _returns(self, operation: _Operation, row: int, value: Any, outcome: Literal["ok", "fail"]) -> None:
        if self._keyed and outcome == "ok":
            key, value = self._pair(row, value)
            if key != operation.key:
                named = f"a {operation.f} of key {show(operation.key)}"
                raise MalformedOperation(f"row {row}: {named} answers for {show(key)}")
        operation.returned = row
        operation.action = self._action(operation, value, outcome)
        followed = self._objects[operation.key]
        if followed.front is not None:
            followed.returning.append(operation)

    def _pair(self, row: int, value: Any) -> tuple[Hashable, Any]:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise MalformedOperation(f"row {row}: a value with a key is [key, value]")
        return freeze(value[0]), value[1]

    def _action(self, operation: _Operation, value: Any, outcome: Literal["ok", "fail", "open"]) -> Action:
        try:
            result = freeze(value)
        except TypeError as error:
            raise MalformedOperation(f"row {operation.returned}: {error}") from error
        process = operation.process if self._model.by_process else None
        raw = Action(operation.f, operation.argument, result, outcome, process)
        return checked(self._model, raw, operation.number)

    def _settle(self, followed: _Object) -> None:
        """Take to the front all returns before which everything invoked is over."""
        underway, returning = followed.underway, followed.returning
        while underway and underway[0].over:
            underway.popleft()
        until = underway[0].invoked if underway else OPEN
        while returning and returning[0].returned < until and self.found is None:
            if followed.front is None:
                return
            operation = returning.popleft()
            self._arrive(followed, followed.front, operation.returned)
            assert operation.pending is not None, "it was invoked before it returned"
            try:
                if not followed.front.returns(operation.pending):
                    self.found = self._violation(operation, followed.front)
            except TooManyWays:
                self.undecided = True
                self._objects[operation.key] = _Object(None)
                return

    def _arrive(self, followed: _Object, front: Front, row: int) -> None:
        """Take to the front what was invoked before a row."""
        arriving = followed.arriving
        while arriving and arriving[0].invoked < row:
            operation = arriving.popleft()
            if operation.action is None:
                continue  # it failed
            if operation.returned == OPEN:
                front.open(operation.action)
            else:
                operation.pending = front.arrive(operation.action, operation.returned)

    def _violation(self, operation: _Operation, front: Front) -> Found:
        assert operation.action is not None, "it returned"
        words = self._model.words
        states = [words.state(state) for state in front.states]
        could = " or ".join(states[:STATES_SHOWN_MAX]) + (" or …" if len(states) > STATES_SHOWN_MAX else "")
        named = f"process {operation.process}'s {operation.f} (row {operation.invoked} → {operation.returned})"
        where = f"key {show(operation.key)}: " if self._keyed else ""
        claimed = f"{where}{named} {words.claim(operation.action)}, which no order explains"
        reason = f"{claimed}; by what had returned before, {words.noun} could {could}"
        return Found(operation.returned, operation.invoked, operation.process, reason)
