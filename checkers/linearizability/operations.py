"""A history's operations in columns: what every algorithm reads and nobody writes.

One list per field and one entry per operation, in the order of invocation. `invoked` and `returned` are positions in
one sequence of events in which calls and returns never share a place, so plain `<` between any two of them says what
happened first. What certainly never took effect is not in here, with one exception (`failed`).

Values are hashable and compare by value, as `checkers/values.py` makes them out of JSON.

Rows of many operations are `packed`: numbers that lie close together, in a fifth of the memory. One object's are taken
out of them without waiting for memory at each.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, Literal, NamedTuple, TypeAlias, overload

from keelhaul.checkers.history import History, Operation
from keelhaul.checkers.values import freeze, show

OPEN: Final = 1 << 62
"""`returned` of an operation whose outcome nobody knows: larger than any event's position."""

PACKED_MIN: Final = 1 << 14
"""Operations from which on their rows are packed."""

FailedCas: TypeAlias = Literal["ignore", "observe"]
"""What a cas that ended `fail` says: nothing, or that at some moment of its window the expected value was not there."""
OBSERVABLE: Final = ("cas",)
"""Functions whose failure is an observation under `observe`."""


class MalformedOperation(ValueError):
    """An operation that can't be read; the message names its row. The history then can't be judged."""


class Call(NamedTuple):
    """An operation as a user's own recorder has it. `returned` is None where the outcome is unknown. Times are of one
    clock, of any unit; at equal times calls come before returns, for intervals are closed."""

    process: int
    f: str
    argument: Any
    result: Any
    invoked: float
    returned: float | None


@dataclass(slots=True)
class Operations:
    """The columns; all have the same length."""

    f: Sequence[str]
    argument: Sequence[Any]
    result: Sequence[Any]
    """What it answered; None where it is open or an observation."""
    invoked: Sequence[int]
    returned: Sequence[int]
    """`OPEN` where it may take effect at any later moment, or never."""
    process: Sequence[int]
    index: Sequence[int]
    """The operation's position among all operations of the history: what witnesses and refutations name."""
    key: Sequence[Hashable] | None = None
    """Which of the independent objects it is an operation on; None if there is only one object. `argument` and `result`
    are then what is left without the key."""
    failed: Sequence[bool] | None = None
    """Whether it is an observation: a cas that failed, under `failed_cas="observe"`. None if there is none."""

    def __len__(self) -> int:
        return len(self.f)

    def select(self, positions: Sequence[int]) -> Operations:
        """Return some of the operations; `positions` ascend."""
        if not len(positions):
            return Operations([], [], [], [], [], [], [])
        take = taker(positions)
        failed = None if self.failed is None else take(self.failed)
        return Operations(
            f=take(self.f),
            argument=take(self.argument),
            result=take(self.result),
            invoked=take(self.invoked),
            returned=take(self.returned),
            process=_Some(self.process, positions),
            # Positions among all are what names them, as a rule.
            index=positions if self.index == range(len(self)) else _Some(self.index, positions),
            key=None if self.key is None else _Some(self.key, positions),
            failed=failed if failed and any(failed) else None,
        )

    def until(self, row: int) -> tuple[Operations, list[int]]:
        """Return what was known at `row`, and the positions of these operations: those invoked by then, open if they
        returned later. An observation that was not made yet says nothing."""
        positions = [at for at, invoked in enumerate(self.invoked) if invoked <= row]
        if self.failed is not None:
            positions = [at for at in positions if self.returned[at] <= row or not self.failed[at]]
        cut = self.select(positions)
        cut.result = [
            result if returned <= row else None for result, returned in zip(cut.result, cut.returned, strict=True)
        ]
        cut.returned = [returned if returned <= row else OPEN for returned in cut.returned]
        return cut, positions

    @classmethod
    def from_history(cls, history: History, *, failed_cas: FailedCas = "ignore", keyed: bool = False) -> Operations:
        """Take the operations out of a history. With `keyed`, each value is [key, the value itself].

        MalformedOperation names the row of a value that can't be read.
        """
        kept: list[tuple[int, Operation]] = []
        for index, operation in enumerate(history.operations):
            if operation.outcome != "fail" or (failed_cas == "observe" and operation.f in OBSERVABLE):
                kept.append((index, operation))
        return cls._from_operations(kept, keyed)

    @classmethod
    def _from_operations(cls, kept: Sequence[tuple[int, Operation]], keyed: bool) -> Operations:
        keys: list[Hashable] = []
        arguments: list[Hashable] = []
        results: list[Hashable] = []
        for _, operation in kept:
            argument, result = operation.value, operation.result
            if keyed:
                key, argument = _split(argument, operation.invoked)
                keys.append(key)
                result = None if operation.outcome != "ok" else _value_of(key, result, operation)
            try:
                arguments.append(freeze(argument))
                results.append(freeze(result) if operation.outcome == "ok" else None)
            except TypeError as error:
                raise MalformedOperation(f"row {operation.invoked}: {error}") from error
        failed = [operation.outcome == "fail" for _, operation in kept]
        return cls(
            f=[operation.f for _, operation in kept],
            argument=arguments,
            result=results,
            invoked=packed([operation.invoked for _, operation in kept]),
            returned=packed([_returned(operation) for _, operation in kept]),
            process=[operation.process for _, operation in kept],
            index=[index for index, _ in kept],
            key=keys if keyed else None,
            failed=failed if any(failed) else None,
        )

    @classmethod
    def of(cls, calls: Iterable[Call], *, keyed: bool = False) -> Operations:
        """Take the operations from a recorder of one's own; they may come in any order.

        `index` is the position in `calls`. MalformedOperation if a call returns before it was invoked or has a value
        that is not JSON.
        """
        given = list(calls)
        events = [(call.invoked, 0, at) for at, call in enumerate(given)]
        events += [(call.returned, 1, at) for at, call in enumerate(given) if call.returned is not None]
        rows: dict[tuple[int, int], int] = {}
        for row, (_, returns, at) in enumerate(sorted(events)):
            rows[at, returns] = row
        operations = []
        for at, call in enumerate(given):
            invoked, completed = rows[at, 0], rows.get((at, 1))
            if completed is not None and completed < invoked:
                raise MalformedOperation(f"call {at} returns before it is invoked")
            process, f, argument, result = call.process, call.f, call.argument, call.result
            outcome = "info" if completed is None else "ok"
            operation = Operation(process, f, argument, outcome, result, None, invoked, completed, 0, 0)
            operations.append((at, operation))
        return cls._from_operations(sorted(operations, key=lambda item: item[1].invoked), keyed)


def packed(rows: Sequence[int]) -> Sequence[int]:
    """Return rows in the form that suits their number."""
    if len(rows) < PACKED_MIN:
        return rows if type(rows) is list else list(rows)
    return rows if type(rows) is array else array("q", rows)


def taker(positions: Sequence[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """Return what takes these positions out of a column."""
    if len(positions) > 1:
        return itemgetter(*positions)
    return lambda column: [column[at] for at in positions]


class _Some(Sequence[Any]):
    """Positions of a column that is seldom read: they are looked up when somebody asks."""

    __slots__ = ("_column", "_positions")

    def __init__(self, column: Sequence[Any], positions: Sequence[int]) -> None:
        self._column, self._positions = column, positions

    def __len__(self) -> int:
        return len(self._positions)

    def __iter__(self) -> Iterator[Any]:
        return map(self._column.__getitem__, self._positions)

    @overload
    def __getitem__(self, at: int) -> Any: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Any]: ...
    def __getitem__(self, at: int | slice) -> Any:
        if isinstance(at, slice):
            return _Some(self._column, self._positions[at])
        return self._column[self._positions[at]]


def _returned(operation: Operation) -> int:
    return OPEN if operation.outcome == "info" or operation.completed is None else operation.completed


def _split(value: Any, row: int | None) -> tuple[Hashable, Any]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise MalformedOperation(f"row {row}: a value with a key is [key, value]")
    try:
        return freeze(value[0]), value[1]
    except TypeError as error:
        raise MalformedOperation(f"row {row}: {error}") from error


def _value_of(key: Hashable, value: Any, operation: Operation) -> Any:
    """Take the key off an answer; it has to be the one that was asked for."""
    found, rest = _split(value, operation.completed)
    if found != key:
        named = f"a {operation.f} of key {show(key)}"
        raise MalformedOperation(f"row {operation.completed}: {named} answers for {show(found)}")
    return rest
