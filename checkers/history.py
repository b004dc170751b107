"""The recorded history: rows as they were written, and the operations that they pair up to.

A history is a list of rows, one for the start and one for the end of each thing that a process did. `index` is the
row's position and the only order that checkers trust; `time` is nanoseconds since the run began. For a client's
operation:

    invoke   about to be handed to the worker
    ok       took effect between its invoke and here
    fail     certainly never takes effect
    info     nobody knows; it may take effect at any later moment, even after the run

An invoke without a completion counts as info. The process `nemesis` writes pairs of info rows, for what it was about
to do and what became of it. A client's process has at most one operation open, and does nothing more after an info.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

NEMESIS = "nemesis"
ROW_TYPES = ("invoke", "ok", "fail", "info")


class HistoryError(ValueError):
    """The rows are no history; the message names the row and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the history."""

    index: int
    time: int
    type: str
    process: int | str
    f: str
    value: Any = None
    error: Any = None


@dataclass(frozen=True, slots=True)
class Operation:
    """What one process did: invoked at index `invoked`, over at index `completed`, which is None if the outcome is
    open.

    `outcome` is ok, fail or info; `value` as invoked, `result` as completed (None where open). Times in ns;
    `completed_ns` is None only where no completion was written at all.
    """

    process: int
    f: str
    value: Any
    outcome: str
    result: Any
    error: Any
    invoked: int
    completed: int | None
    invoked_ns: int
    completed_ns: int | None


@dataclass(frozen=True)
class History:
    """Rows that obey the rules above."""

    rows: tuple[Row, ...]

    @classmethod
    def of(cls, rows: Iterable[Row]) -> History:
        """Check the rules and make a history; HistoryError names the first row that breaks one."""
        kept = tuple(rows)
        _validate(kept)
        return cls(kept)

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """The clients' operations, in order of invocation."""
        return tuple(_pair(self.rows))

    @cached_property
    def nemesis(self) -> tuple[Row, ...]:
        """The nemesis' rows, in order."""
        return tuple(row for row in self.rows if row.process == NEMESIS)


def _validate(rows: tuple[Row, ...]) -> None:
    open_invocations: dict[int, Row] = {}
    retired: dict[int, int] = {}
    previous_ns = 0
    for position, row in enumerate(rows):
        problem = _row_problem(row, position, previous_ns) or _process_problem(row, open_invocations, retired)
        if problem:
            raise HistoryError(f"row {position}: {problem}")
        previous_ns = row.time
        if isinstance(row.process, int):
            _note(row, open_invocations, retired)


def _note(row: Row, open_invocations: dict[int, Row], retired: dict[int, int]) -> None:
    assert isinstance(row.process, int)
    if row.type == "invoke":
        open_invocations[row.process] = row
    else:
        del open_invocations[row.process]
        if row.type == "info":
            retired[row.process] = row.index


def _row_problem(row: Row, position: int, previous_ns: int) -> str | None:
    if row.index != position:
        return f"its index is {row.index}; rows are numbered 0, 1, 2, …"
    if row.type not in ROW_TYPES:
        return f"its type is {row.type!r}; allowed are {', '.join(ROW_TYPES)}"
    if row.time < previous_ns:
        return f"its time {row.time} is before the {previous_ns} of the row above"
    if isinstance(row.process, str) and (row.process != NEMESIS or row.type != "info"):
        return f"process {row.process!r} with type {row.type!r}; a process is a number, or 'nemesis' with type 'info'"
    if isinstance(row.process, int) and row.process < 0:
        return f"its process is {row.process}; processes are numbered from 0"
    return None


def _process_problem(row: Row, open_invocations: dict[int, Row], retired: dict[int, int]) -> str | None:
    if not isinstance(row.process, int):
        return None
    if row.process in retired:
        return f"process {row.process} goes on after its info at row {retired[row.process]}"
    invocation = open_invocations.get(row.process)
    if row.type == "invoke":
        return (
            None if invocation is None else f"process {row.process} invokes while row {invocation.index} is still open"
        )
    if invocation is None:
        return f"process {row.process} completes what it never invoked"
    return (
        None
        if invocation.f == row.f
        else f"it completes {row.f!r}, but row {invocation.index} invoked {invocation.f!r}"
    )


def _pair(rows: tuple[Row, ...]) -> Iterator[Operation]:
    completions: dict[int, Row] = {}
    open_invocations: dict[int, Row] = {}
    for row in rows:
        if isinstance(row.process, int):
            if row.type == "invoke":
                open_invocations[row.process] = row
            else:
                completions[open_invocations.pop(row.process).index] = row
    for row in rows:
        if row.type == "invoke":
            yield _operation(row, completions.get(row.index))


def _operation(invocation: Row, completion: Row | None) -> Operation:
    assert isinstance(invocation.process, int)
    certain = completion is not None and completion.type != "info"
    return Operation(
        process=invocation.process,
        f=invocation.f,
        value=invocation.value,
        outcome="info" if completion is None else completion.type,
        result=completion.value if completion is not None and certain else None,
        error=None if completion is None else completion.error,
        invoked=invocation.index,
        completed=completion.index if completion is not None and certain else None,
        invoked_ns=invocation.time,
        completed_ns=None if completion is None else completion.time,
    )
