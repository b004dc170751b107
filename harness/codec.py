"""JSON in and out of the store: history rows, node traces, records. One of the two places that know msgspec.

Everything read here is untrusted: lines are bounded, types are checked, and an error names the line.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import msgspec

from keelhaul.checkers.history import History, HistoryError, Row
from keelhaul.harness.validation import shown

LINE_BYTES_MAX = 1024 * 1024
"""No row of ours comes near it; a file without line ends must not fill the memory."""


class UnreadableHistory(ValueError):
    """A file isn't a history; the message says where and why. `torn` if only its very last line is incomplete."""

    def __init__(self, text: str, *, torn: bool = False) -> None:
        super().__init__(text)
        self.torn = torn


_Number = Annotated[int, msgspec.Meta(le=2**62)]
"""What plots and sums can still take; 2^62 ns are more than a century."""


class _RowShape(msgspec.Struct):
    index: _Number
    time: _Number
    type: str
    process: _Number | str
    f: str
    value: Any = None
    error: Any = None


_encoder = msgspec.json.Encoder()
_row_decoder = msgspec.json.Decoder(_RowShape)
_trace_decoder = msgspec.json.Decoder(dict[str, Any])


def encode_row(row: Row) -> bytes:
    """Return one line of `history.jsonl`."""
    record = {
        "index": row.index,
        "time": row.time,
        "type": row.type,
        "process": row.process,
        "f": row.f,
        "value": row.value,
    }
    if row.error is not None:
        record["error"] = row.error
    return _encoder.encode(record) + b"\n"


def encode_line(record: Any) -> bytes:
    """Return any JSON value as one line."""
    return _encoder.encode(record) + b"\n"


def encode_pretty(record: Any) -> bytes:
    """Return any JSON value for people to read."""
    return msgspec.json.format(_encoder.encode(record), indent=2) + b"\n"


def decode(data: bytes) -> Any:
    """Return the value of a small JSON document of our own; ValueError if it isn't JSON."""
    try:
        return msgspec.json.decode(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(str(error)) from None


def read_history(path: Path, *, forgive_torn_tail: bool = False) -> History:
    """Read a `history.jsonl`; UnreadableHistory names the line.

    A harness that was killed may leave its last line incomplete; with `forgive_torn_tail` what precedes it is returned.
    """
    rows: list[Row] = []
    try:
        with path.open("rb") as file:
            for number, line in _lines(file):
                rows.append(_row(number, line))
    except OSError as error:
        raise UnreadableHistory(f"{path}: can't be read: {error.strerror}") from None
    except UnreadableHistory as error:
        if not (error.torn and forgive_torn_tail):
            raise UnreadableHistory(f"{path}: {error}", torn=error.torn) from None
    try:
        return History.of(rows)
    except HistoryError as error:
        raise UnreadableHistory(f"{path}: {error}") from None


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := file.readline(LINE_BYTES_MAX + 1):
        number += 1
        if len(line) > LINE_BYTES_MAX:
            raise UnreadableHistory(f"line {number} is longer than {LINE_BYTES_MAX} bytes: this is no history")
        if not line.endswith(b"\n"):
            raise UnreadableHistory(
                f"line {number} breaks off in the middle: the file is truncated; the {number - 1} above are whole",
                torn=True,
            )
        yield number, line


def _row(number: int, line: bytes) -> Row:
    try:
        found = _row_decoder.decode(line)
    except (ValueError, RecursionError) as error:  # msgspec's own errors are ValueErrors
        start = shown(line[:40].decode(errors="replace").rstrip("\n"))
        raise UnreadableHistory(f"line {number} isn't a history row: {error}; it begins {start}") from None
    return Row(found.index, found.time, found.type, found.process, found.f, found.value, found.error)


def read_trace(path: Path) -> tuple[dict[str, Any], ...]:
    """Read a node's `trace.jsonl`. Its last line may be torn, as nodes are killed; ValueError for any other damage."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: can't be read: {error.strerror}") from None
    whole, _, _ = data.rpartition(b"\n")
    records = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            records.append(_trace_decoder.decode(line))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}: line {number}: {error}") from None
    return tuple(records)
