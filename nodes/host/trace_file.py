"""The node's trace on disk: one JSON object a line, each with the node's time and incarnation.

A step's records are written by one unbuffered write before anything else of that step happens, so a node that is
killed has told of everything that others can have seen. They are not synced: they outlive the process, and the
machine is not what dies here.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode


class TraceFile:
    """An open trace. Any OSError is the caller's to treat as a storage failure."""

    def __init__(self, path: Path, incarnation: int) -> None:
        self._incarnation = incarnation
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        _cut_torn_line(self._descriptor)

    def write(self, now_ns: int, records: list[dict[str, Any]]) -> None:
        """Append these records, all of one step."""
        lines = [_encode({"time": now_ns, "incarnation": self._incarnation, **record}) for record in records]
        write_whole(self._descriptor, ("\n".join(lines) + "\n").encode())

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def write_whole(descriptor: int, data: bytes) -> None:
    """Write all of `data`, however many calls that takes."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _cut_torn_line(descriptor: int) -> None:
    """Remove a last line without an end. SIGKILL can stop a long write half-way; nothing of that step happened yet."""
    size = os.fstat(descriptor).st_size
    if size == 0 or os.pread(descriptor, 1, size - 1) == b"\n":
        return
    whole = os.pread(descriptor, size, 0).rfind(b"\n") + 1
    os.ftruncate(descriptor, whole)
