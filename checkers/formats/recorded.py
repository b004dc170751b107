"""From rows to operations: what every format's reader ends in.

A reader yields one row per line or map of the file, and `pair` joins each invocation with its completion:

    invoke   a process calls
    ok       it returned
    fail     it certainly never took effect
    info     nobody knows; the operation stays open

The order of the rows is the order in real time; the clocks' readings that some recorders add are not looked at. Rows
of the nemesis keep their places but are no operations. Histories of others are taken as they come wherever they can
mean only one thing: a process may go on after an info (what was open stays open), and an invocation without a
completion is open. What can't be: two invocations of one process at a time, and a completion of nothing.

The columns go to the checkers as they are, so nothing here is done twice, and little more than once.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, Final, Protocol, TypeAlias

from keelhaul.checkers.formats.errors import FormatError
from keelhaul.checkers.linearizability.operations import (
    OBSERVABLE,
    OPEN,
    FailedCas,
    MalformedOperation,
    Operations,
    packed,
)
from keelhaul.checkers.models.model import Keys
from keelhaul.checkers.values import show

INVOKE, OK, FAIL, INFO = range(4)
KINDS: Final = {"invoke": INVOKE, "ok": OK, "fail": FAIL, "info": INFO}
NO_PROCESS: Final = -1
"""The one process of a history that names none."""
DEFAULT_F: Final = "txn"
"""What rows without an `f` do: Elle's examples leave it out."""

RawRow: TypeAlias = tuple[int, int | None, str, Hashable]
"""Kind, process (None for the nemesis), f, frozen value."""


class Rows(Protocol):
    """A reader of rows. Errors that it raises are FormatErrors."""

    has_keys: bool
    """Every row has a key besides its value; values are then the pairs of both. Known when all rows were read."""

    def __iter__(self) -> Iterator[RawRow]:
        """Yield the rows, in order, once."""
        ...

    def error(self, problem: str) -> FormatError:
        """Return an error that names the place of the row that was yielded last."""
        ...


@dataclass(slots=True)
class Recorded:
    """All operations of a file, in the order of invocation; what failed is among them."""

    f: list[str] = field(default_factory=list)
    argument: list[Any] = field(default_factory=list)
    result: list[Any] = field(default_factory=list)
    """None unless the operation ended ok."""
    invoked: Sequence[int] = field(default_factory=list)
    """The row's number, from 0."""
    returned: Sequence[int] = field(default_factory=list)
    """`OPEN` if the outcome is unknown."""
    process: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    """The positions of the operations that failed."""
    rows: int = 0
    """All rows, the nemesis' too."""
    has_keys: bool = False
    """Arguments and results are pairs ("array", key, value) because the rows have a field for the key."""

    def __len__(self) -> int:
        return len(self.f)

    def operations(self, *, failed_cas: FailedCas = "ignore", keys: Keys = Keys.MAYBE) -> Operations:
        """Return what a checker takes: without what failed, except for observations under `failed_cas="observe"`.

        `keys` is the model's. Where rows have a field for the key, or each value is a pair of a key and a value, the
        operations are on independent objects. MalformedOperation if each should be and one isn't.
        """
        key: Sequence[Hashable] | None = None
        argument: Sequence[Any] = self.argument
        result: Sequence[Any] = self.result
        is_keyed = self.has_keys or keys is Keys.ALWAYS
        if is_keyed:
            self._refuse_unpaired()
        if is_keyed or (keys is Keys.MAYBE and looks_keyed(self)):
            key = [pair[1] for pair in argument]
            argument = [pair[2] for pair in argument]
            result = [None if pair is None else pair[2] for pair in result]
        all_of_it = Operations(
            f=self.f,
            argument=argument,
            result=result,
            invoked=self.invoked,
            returned=self.returned,
            process=self.process,
            index=range(len(self)),
            key=key,
        )
        return self._without_failed(all_of_it, failed_cas) if self.failed else all_of_it

    def _without_failed(self, operations: Operations, failed_cas: FailedCas) -> Operations:
        keep = bytearray(b"\x01") * len(self)
        observed = bytearray(len(self))
        for position in self.failed:
            observed[position] = keep[position] = failed_cas == "observe" and self.f[position] in OBSERVABLE
        key = operations.key
        return Operations(
            f=list(compress(operations.f, keep)),
            argument=list(compress(operations.argument, keep)),
            result=list(compress(operations.result, keep)),
            invoked=packed(array("q", compress(operations.invoked, keep))),
            returned=packed(array("q", compress(operations.returned, keep))),
            process=list(compress(operations.process, keep)),
            index=list(compress(operations.index, keep)),
            key=None if key is None else list(compress(key, keep)),
            failed=[*map(bool, compress(observed, keep))] if any(observed) else None,
        )

    def _refuse_unpaired(self) -> None:
        """Find an operation that isn't on one of the independent objects."""
        for at, (argument, result) in enumerate(zip(self.argument, self.result, strict=True)):
            place = f"row {self.invoked[at]}: {self.f[at]!r}"
            if not _is_pair(argument):
                raise MalformedOperation(f"{place} has no key: its value should be [key, value]")
            if result is not None and (not _is_pair(result) or result[1] != argument[1]):
                raise MalformedOperation(f"{place} of key {show(argument[1])} is answered for another")


def pair(rows: Rows) -> Recorded:
    """Join the rows; FormatError names the row that can't be joined."""
    recorded = Recorded()
    f_of, process_of = recorded.f, recorded.process
    invoked, returned = array("q"), array("q")
    argument, result, failed = recorded.argument, recorded.result, recorded.failed
    open_at: dict[int, int] = {}
    number = -1
    for number, (kind, process, f, value) in enumerate(rows):
        if process is None:
            continue
        if kind == INVOKE:
            at = len(f_of)
            if open_at.setdefault(process, at) != at:
                raise rows.error(f"process {process} invokes {f!r} while its {f_of[open_at[process]]!r} is still open")
            f_of.append(f)
            argument.append(value)
            result.append(None)
            invoked.append(number)
            returned.append(OPEN)
            process_of.append(process)
            continue
        at = open_at.pop(process, -1)
        if at < 0:
            raise rows.error(f"process {process} completes {f!r}, but it has nothing open")
        if f_of[at] != f:
            raise rows.error(f"process {process} completes {f!r}, but what it has open is {f_of[at]!r}")
        if kind != INFO:
            returned[at] = number
            if kind == OK:
                result[at] = value
            else:
                failed.append(at)
    recorded.invoked, recorded.returned = packed(invoked), packed(returned)
    recorded.rows = number + 1
    recorded.has_keys = rows.has_keys
    return recorded


def looks_keyed(recorded: Recorded) -> bool:
    """Say whether every value is a pair of a key and a value: Jepsen's independent tuples, or our own registers.

    A key is a number or a text, the same at both ends of an operation. Two numbers may also be a cas' argument, so a
    cas must have them inside. (What is a pair everywhere but never a tuple can still be told apart by its model.)
    """
    for f, argument, result in zip(recorded.f, recorded.argument, recorded.result, strict=True):
        if not _is_pair(argument) or type(argument[1]) not in (int, str):
            return False
        if result is not None and (not _is_pair(result) or result[1] != argument[1]):
            return False
        if f == "cas" and not _is_pair(argument[2]):
            return False
    return bool(recorded.f)


def _is_pair(value: Any) -> bool:
    return type(value) is tuple and len(value) == 3 and value[0] == "array"
