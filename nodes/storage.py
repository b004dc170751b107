"""The log file's format, without any IO: records with checksums, and what recovery makes of the bytes that are left.

    file   := header record*
    header := frame of ["keelhaul-wal", 1, cluster, node]
    frame  := length (4 bytes, big-endian) · CRC-32 of the payload (4 bytes) · payload (JSON, UTF-8)

A crash can leave the last write half done: a bad frame with nothing valid behind it is a torn tail, was never
acknowledged, and is cut off. A bad frame *followed by* a valid one is corruption of something that may have been
acknowledged: the node must refuse to start, never drop it silently (docs/rules.md §1.7). The search for "something
valid behind it" tries every offset, because a torn length says nothing about where the next frame begins.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass

from keelhaul.nodes.events import Record

FRAME_HEAD_BYTES = 8
RECORD_BYTES_MAX = 16 * 1024 * 1024
FORMAT = 1

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class CorruptLog(Exception):
    """The log file holds valid records behind an invalid one, or belongs to somebody else; the node must not start."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a log file holds: its records, how many bytes of it are good, and whether a torn tail follows them."""

    records: tuple[Record, ...]
    good_bytes: int
    torn: bool


def encode_record(record: Record) -> bytes:
    """Frame one record."""
    payload = _encode(record).encode()
    return len(payload).to_bytes(4, "big") + zlib.crc32(payload).to_bytes(4, "big") + payload


def encode_header(cluster: str, node: str) -> bytes:
    """Frame the header, the first thing in a new file."""
    return encode_record(["keelhaul-wal", FORMAT, cluster, node])


def recover(data: bytes, cluster: str, node: str) -> Recovery:
    """Read a log file's bytes; CorruptLog if it is damaged in the middle or isn't this node's file."""
    records: list[Record] = []
    offset = 0
    while (found := _frame_at(data, offset)) is not None:
        record, offset = found
        records.append(record)
    torn = offset < len(data)
    if torn and _valid_frame_after(data, offset + 1):
        raise CorruptLog(f"byte {offset} is damaged, and valid records follow it: this is no torn tail")
    if records and records[0] != ["keelhaul-wal", FORMAT, cluster, node]:
        raise CorruptLog(f"the header {records[0]!r} isn't that of node {node!r} in cluster {cluster!r}")
    return Recovery(tuple(records[1:]), offset, torn)


def _frame_at(data: bytes, offset: int) -> tuple[Record, int] | None:
    """Return the record at `offset` and the offset behind it; None if no valid frame stands there."""
    start = offset + FRAME_HEAD_BYTES
    if start > len(data):
        return None
    length = int.from_bytes(data[offset : offset + 4], "big")
    payload = data[start : start + length]
    if length > RECORD_BYTES_MAX or len(payload) < length or length < 2:
        return None
    if zlib.crc32(payload) != int.from_bytes(data[offset + 4 : start], "big"):
        return None
    try:
        record = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return (record, start + length) if isinstance(record, list) and record else None


def _valid_frame_after(data: bytes, offset: int) -> bool:
    """Try every offset: one pass, and a checksum only where a plausible length stands."""
    return any(_frame_at(data, start) is not None for start in range(offset, len(data) - FRAME_HEAD_BYTES))
