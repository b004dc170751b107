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
from typing import Any, NamedTuple

NEMESIS = "nemesis"
ROW_TYPES = ("invoke", "ok", "fail", "info")
SHOWN_MAX = 80
"""Characters of a bad value that a message repeats."""


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


class Operation(NamedTuple):
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

    def named(self) -> str:
        """Name it in a sentence: "process 3's write (row 380 → 383)"."""
        rows = f"row {self.invoked}, open" if self.completed is None else f"row {self.invoked} → {self.completed}"
        return f"process {self.process}'s {self.f} ({rows})"


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
        problem = _row_problem(row, position, previous_ns)
        if problem is None and isinstance(row.process, int):
            problem = _process_problem(row, row.process, open_invocations, retired)
        if problem is not None:
            raise HistoryError(f"row {position}: {problem}")
        previous_ns = row.time


def _shown(value: Any) -> str:
    """Name a value in a message; it came from outside, so it may be long or of more digits than Python will print."""
    try:
        text = repr(value)
    except ValueError:
        return "an enormous number"
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def _row_problem(row: Row, position: int, previous_ns: int) -> str | None:
    """Say what is wrong with the row by itself. Types are compared exactly: to Python True is a number, and rows come
    from files."""
    if type(row.index) is not int or row.index != position:
        return f"its index is {_shown(row.index)}; rows are numbered 0, 1, 2, …"
    if row.type not in ROW_TYPES:
        return f"its type is {_shown(row.type)}; allowed are {', '.join(ROW_TYPES)}"
    if type(row.time) is not int or row.time < previous_ns:
        return f"its time is {_shown(row.time)}; times are whole nanoseconds, and the row above has {previous_ns}"
    if type(row.f) is not str:
        return f"its f is {_shown(row.f)}; it names a function"
    if type(row.process) is int:
        return None if row.process >= 0 else f"its process is {row.process}; processes are numbered from 0"
    if row.process != NEMESIS or row.type != "info":
        named = f"process {_shown(row.process)} with type {_shown(row.type)}"
        return f"{named}; a process is a number, or 'nemesis' with type 'info'"
    return None


def _process_problem(row: Row, process: int, open_invocations: dict[int, Row], retired: dict[int, int]) -> str | None:
    """Say what is wrong with the row as the next one of its process; if nothing is, note where the process stands."""
    if process in retired:
        return f"process {process} goes on after its info at row {retired[process]}"
    if row.type == "invoke":
        earlier = open_invocations.setdefault(process, row)
        return None if earlier is row else f"process {process} invokes while row {earlier.index} is still open"
    invocation = open_invocations.pop(process, None)
    if invocation is None:
        return f"process {process} completes what it never invoked"
    if invocation.f != row.f:
        return f"it completes {_shown(row.f)}, but row {invocation.index} invoked {_shown(invocation.f)}"
    if row.type == "info":
        retired[process] = row.index
    return None


def _pair(rows: tuple[Row, ...]) -> Iterator[Operation]:
    completions: list[Row | None] = [None] * len(rows)
    open_invocations: dict[int | str, int] = {}
    for row in rows:
        if row.type == "invoke":
            open_invocations[row.process] = row.index
        elif row.process != NEMESIS:
            completions[open_invocations.pop(row.process)] = row
    return (_operation(row, completions[row.index]) for row in rows if row.type == "invoke")


def _operation(invocation: Row, completion: Row | None) -> Operation:
    """Join the two rows. Arguments are positional, in the order of the fields: this runs for every operation."""
    process, f, value = invocation.process, invocation.f, invocation.value
    assert isinstance(process, int), "only clients invoke"
    invoked, invoked_ns = invocation.index, invocation.time
    if completion is None:
        return Operation(process, f, value, "info", None, None, invoked, None, invoked_ns, None)
    error, over_ns = completion.error, completion.time
    if completion.type == "info":
        return Operation(process, f, value, "info", None, error, invoked, None, invoked_ns, over_ns)
    over = completion.index
    return Operation(process, f, value, completion.type, completion.value, error, invoked, over, invoked_ns, over_ns)
