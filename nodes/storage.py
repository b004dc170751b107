"""The log file's format, without any IO: records with checksums, and what recovery makes of the bytes that are left.

    file   := header record*
    header := frame of ["keelhaul-wal", 1, cluster, node]
    frame  := length (4 bytes, big-endian) · CRC-32 of the payload (4 bytes) · payload (a JSON list, UTF-8)

A crash can leave the last write half done: a bad frame with nothing valid behind it is a torn tail, was never
acknowledged, and is cut off. A bad frame *followed by* a valid one is corruption of something that may have been
acknowledged: the node must refuse to start, never drop it silently (docs/rules.md §1.7). A power cut can also leave the
later page of one write and lose the earlier one; that looks the same, and refusing is then a false alarm on the safe
side.

The search for "something valid behind it" cannot trust a torn length to say where the next frame begins, so it looks at
every offset. It stays cheap because a payload of ours never holds a byte below 32 (JSON escapes them), while every
frame begins with a byte of 0 or 1 (no record is above 16 MiB): only bytes that look like a frame's head, with a list
behind it, cost a checksum. A file that was built to waste time runs into a budget, and is refused.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass

from keelhaul.nodes.events import Record

FRAME_HEAD_BYTES = 8
RECORD_BYTES_MAX = 16 * 1024 * 1024
"""As much as a wire frame holds: nothing larger can reach a node."""
FORMAT = 1
SEARCH_BYTES_MAX = 1024 * 1024 * 1024
"""What the search behind a bad frame may checksum, about a second's work; a real torn tail needs next to nothing."""

_FRAME_HEAD = re.compile(rb"(?=[\x00\x01][\x00-\xff]{7}\[)")
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class CorruptLog(Exception):
    """The log file holds valid records behind an invalid one, or belongs to somebody else; the node must not start."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a log file holds: its records, how many bytes of it are good, and whether a torn tail follows them.

    `good_bytes` is 0 where even the header has to be written (again); otherwise the header is among the good bytes.
    """

    records: tuple[Record, ...]
    good_bytes: int
    torn: bool


def encode_record(record: Record) -> bytes:
    """Frame one record, a list that isn't empty; ValueError if recovery could not read it back."""
    if not isinstance(record, list) or not record:
        raise ValueError(f"a record is a list with something in it, not {record!r}")
    # A client may have sent half of a surrogate pair; JSON readers give it back as it was.
    payload = _encode(record).encode("utf-8", "surrogatepass")
    if len(payload) > RECORD_BYTES_MAX:
        raise ValueError(f"a record of {len(payload)} bytes; at most {RECORD_BYTES_MAX} are allowed")
    return len(payload).to_bytes(4, "big") + zlib.crc32(payload).to_bytes(4, "big") + payload


def encode_header(cluster: str, node: str) -> bytes:
    """Frame the header, the first thing in a new file."""
    return encode_record(["keelhaul-wal", FORMAT, cluster, node])


def recover(data: bytes, cluster: str, node: str) -> Recovery:
    """Read a log file's bytes; CorruptLog if it is damaged in the middle or isn't this node's file."""
    records: list[Record] = []
    offset = 0
    while (found := _frame_at(data, offset)) is not None:
        payload, end = found
        records.append(_decode(payload, offset))
        offset = end
    torn = offset < len(data)
    if torn and _valid_frame_after(data, offset + 1):
        raise CorruptLog(f"byte {offset} is damaged, and valid records follow it: this is no torn tail")
    _check_header(records, data, cluster, node)
    return Recovery(tuple(records[1:]), offset, torn)


def _decode(payload: bytes, offset: int) -> Record:
    # The checksum holds, so somebody wrote just this, and may have acknowledged it: never a torn tail.
    try:
        record = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise CorruptLog(f"the record at byte {offset} can't be read: {error}") from None
    if not isinstance(record, list) or not record:
        raise CorruptLog(f"the record at byte {offset} is no list with something in it")
    return record


def _check_header(records: list[Record], data: bytes, cluster: str, node: str) -> None:
    if records and records[0] != ["keelhaul-wal", FORMAT, cluster, node]:
        raise CorruptLog(f"the header {records[0]!r} isn't that of node {node!r} in cluster {cluster!r}")
    # The header is on disk before anything follows it, so a crash leaves a part of it (or blank space) and no more.
    if not records and not encode_header(cluster, node).startswith(data.rstrip(b"\0")):
        raise CorruptLog(f"the file begins with {data[:32]!r}, which is no header of a log file, and not a part of one")


def _frame_at(data: bytes, offset: int) -> tuple[bytes, int] | None:
    """Return the payload at `offset` and the offset behind it; None if no frame with a right checksum stands there."""
    start = offset + FRAME_HEAD_BYTES
    end = start + _announced_bytes(data, offset)
    # The length is judged before anything is copied: what is read as one may be anything.
    if end > len(data) or not 2 < end - start <= RECORD_BYTES_MAX:
        return None
    payload = data[start:end]
    return (payload, end) if zlib.crc32(payload) == int.from_bytes(data[offset + 4 : start], "big") else None


def _valid_frame_after(data: bytes, offset: int) -> bool:
    """Say whether a valid frame begins at `offset` or anywhere behind it; CorruptLog if that takes too long to tell."""
    budget = SEARCH_BYTES_MAX
    for head in _FRAME_HEAD.finditer(data, offset):
        length = _announced_bytes(data, head.start())
        end = head.start() + FRAME_HEAD_BYTES + length
        if end > len(data) or data[end - 1 : end] != b"]":
            continue
        if _frame_at(data, head.start()) is not None:
            return True
        budget -= length
        if budget < 0:
            raise CorruptLog(f"byte {offset - 1} is damaged, and what follows looks like records, but too many to try")
    return False


def _announced_bytes(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 4], "big")
