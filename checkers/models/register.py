"""Registers, one per key, with read, write and compare-and-set.

    read   [key, null]              → ok [key, value]
    write  [key, value]
    cas    [key, [expected, new]]

A key nobody wrote holds null. What failed never took effect and is left out, and so is a read of unknown outcome. With
`failed_cas="observe"` a cas that failed says more: at some moment in its window the register did not hold `expected`.
That is only right for histories in which every `fail` of a cas is a failed comparison.

**Until when an open operation is of use.** A write or cas of unknown outcome puts some value v into the register, if
anything. Call v *needed until* row T if T is the last return of an ok read or ok cas that expects v; and if an open cas
expects v and puts in w, v is needed at least as long as w (unless that cas was invoked too late for w). Claim: at
returns after T the search need not place an open operation i that puts in v.

The search places i at the return of an operation that stands behind i, at the earliest such return. So say that, in
some linearization, all that stands behind i and returns does so after T; and take all open operations for which that
holds, each with its own value, together. What comes right after i? No read and no ok cas that expects v: they return by
T. No open cas that expects v, unless it is one of those taken: it would be placed while its own value is needed, and so
v would still be needed then. What is left is a write, another one of those taken, or nothing; and a write doesn't care
what it replaces. So all those taken can be left out at once, and nobody else notices. (The search also moves observers
forward. That may bring about new operations to leave out, and that new moves; each makes something smaller, so it ends
in an order that does both.) The converse is plain: what is open may as well not have taken effect.

A failed cas that is kept as an observation sees that a value is *not* there, so any open write may help it. Where a key
has one, everything open stays of use to the end.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from keelhaul.checkers.history import Operation
from keelhaul.checkers.models.model import ILLEGAL, NEVER, MalformedOperation, Step, Stepped
from keelhaul.checkers.values import freeze, show

_Action = tuple[Any, ...]
FUNCTIONS = ("read", "write", "cas")


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """The model; see above for `failed_cas`."""

    failed_cas: Literal["drop", "observe"] = "drop"

    @property
    def initial(self) -> Hashable:
        """Null, which nobody needs to have written."""
        return None

    @property
    def noun(self) -> str:
        """What has the state."""
        return "the register"

    def partition(self, operations: Iterable[Operation]) -> dict[Hashable, list[Step]]:
        """Split by key; MalformedOperation if a value isn't of the shape above."""
        parts: dict[Hashable, list[Step]] = {}
        for operation in operations:
            try:
                key, argument = _pair(operation, operation.value)
                action = self._action(operation, key, argument)
            except TypeError as error:
                raise MalformedOperation(f"row {operation.invoked}: {error}") from error
            if action is not None:
                returns = None if operation.outcome == "info" else operation.completed
                observes = action[0] in ("read", "failed cas")
                parts.setdefault(key, []).append(Step(operation, action, observes, returns, NEVER))
        return {key: _with_expiry(steps) for key, steps in parts.items()}

    def _action(self, operation: Operation, key: Hashable, argument: Any) -> _Action | None:
        """Return what the operation did or may have done; None if it has nothing to say."""
        f, outcome = operation.f, operation.outcome
        if f == "read":
            return ("read", _read_value(operation, key)) if outcome == "ok" else None
        if f == "write":
            return ("write", freeze(argument)) if outcome != "fail" else None
        if f != "cas":
            raise MalformedOperation(f"row {operation.invoked}: a register knows {', '.join(FUNCTIONS)}, not {f!r}")
        expected, new = _two(operation, argument)
        if outcome == "fail":
            return ("failed cas", expected, new) if self.failed_cas == "observe" else None
        return ("cas", expected, new)

    def step(self, state: Hashable, action: Hashable) -> Stepped:
        """Return the value after the action, or ILLEGAL."""
        assert isinstance(action, tuple)
        kind = action[0]
        if kind == "write":
            return action[1]  # type: ignore[no-any-return]
        if kind == "read":
            return state if state == action[1] else ILLEGAL
        if kind == "cas":
            return action[2] if state == action[1] else ILLEGAL
        return state if state != action[1] else ILLEGAL

    def name(self, step: Step) -> str:
        """Name what was asked."""
        assert isinstance(step.action, tuple)
        kind, *values = step.action
        if kind == "read":
            return "read"
        return f"write of {show(values[0])}" if kind == "write" else f"cas of {show(values[0])} to {show(values[1])}"

    def outcome(self, step: Step) -> str:
        """Say what the operation claims."""
        assert isinstance(step.action, tuple)
        kind, *values = step.action
        if kind == "read":
            return f"returned {show(values[0])}"
        if kind == "cas":
            return f"found {show(values[0])} and put in {show(values[1])}"
        return f"failed, so it did not find {show(values[0])}" if kind == "failed cas" else "succeeded"

    def origin(self, step: Step, before: Sequence[Step]) -> str:
        """Say who put in the value that the step saw."""
        if _kind(step) not in ("read", "cas"):
            return ""
        wanted = _value_expected(step)
        sources = [other for other in before if _changes(other) and _value_put(other) == wanted and other is not step]
        if sources:
            return f"{show(wanted)} was last put in by {sources[-1].operation.named()}."
        if wanted == self.initial:
            return f"{show(wanted)} is what it held at first."
        return f"No write or cas that puts in {show(wanted)} had been invoked by then."


def _pair(operation: Operation, value: Any) -> tuple[Hashable, Any]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise MalformedOperation(f"row {operation.invoked}: the value of a register's operation is [key, value]")
    return freeze(value[0]), value[1]


def _read_value(operation: Operation, key: Hashable) -> Hashable:
    found, value = _pair(operation, operation.result)
    if found != key:
        raise MalformedOperation(f"row {operation.completed}: a read of key {show(key)} answers for {show(found)}")
    return freeze(value)


def _two(operation: Operation, argument: Any) -> tuple[Hashable, Hashable]:
    if not isinstance(argument, list | tuple) or len(argument) != 2:
        raise MalformedOperation(f"row {operation.invoked}: a cas takes [key, [expected, new]]")
    return freeze(argument[0]), freeze(argument[1])


def _with_expiry(steps: list[Step]) -> list[Step]:
    """Say of each open step until when it is of use."""
    if all(step.returns is not None for step in steps):
        return steps
    needed = _needed_until(steps)
    everything = max((step.returns for step in steps if step.returns is not None), default=NEVER)
    fussy = any(_kind(step) == "failed cas" for step in steps)
    return [
        step
        if step.returns is not None
        else step._replace(expires=everything if fussy else needed.get(_value_put(step), NEVER))
        for step in steps
    ]


def _needed_until(steps: list[Step]) -> dict[Hashable, int]:
    """Map each value to the last row at whose return it matters whether the register holds it."""
    direct: dict[Hashable, int] = {}
    passing_on: dict[Hashable, list[Step]] = {}
    for step in steps:
        if step.returns is None:
            if _kind(step) == "cas":
                passing_on.setdefault(_value_put(step), []).append(step)
        elif _kind(step) != "write":
            expected = _value_expected(step)
            direct[expected] = max(direct.get(expected, NEVER), step.returns)
    needed: dict[Hashable, int] = {}
    # Longest needed first, so that each value gets its final row at the first visit.
    for value, until in sorted(direct.items(), key=lambda item: -item[1]):
        todo = [value]
        while todo:
            current = todo.pop()
            if current in needed:
                continue
            needed[current] = until
            todo += [_value_expected(cas) for cas in passing_on.get(current, ()) if cas.operation.invoked < until]
    return needed


def _kind(step: Step) -> Any:
    assert isinstance(step.action, tuple)
    return step.action[0]


def _changes(step: Step) -> bool:
    return _kind(step) in ("write", "cas")


def _value_expected(step: Step) -> Hashable:
    assert isinstance(step.action, tuple)
    return step.action[1]  # type: ignore[no-any-return]


def _value_put(step: Step) -> Hashable:
    assert isinstance(step.action, tuple)
    return step.action[-1]  # type: ignore[no-any-return]
