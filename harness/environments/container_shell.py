"""A shell inside a container, kept open: one command down it costs 2 ms, where a `docker exec` costs 90.

The engine multiplexes what the shell writes: each chunk has a head of eight bytes, the stream's number (1 output,
2 errors), three zeros, and the chunk's length, big-endian. The shell reads its commands from standard input, and
after each of them writes a marker line with the command's number and exit status, so that a late answer can't be taken
for the next one's.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import Any

HEAD_BYTES = 8
OUTPUT_BYTES_MAX = 1024 * 1024


class ShellError(Exception):
    """The shell is gone, or did not answer in time; what became of the command is unknown. Close it."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended, and all that it wrote, output and errors together."""

    status: int
    output: str


class ContainerShell:
    """One shell; one command at a time."""

    def __init__(self, connection: Any) -> None:
        """Take docker-py's connection of an exec session: a raw socket, or a thin reader around one."""
        self._connection = connection
        self._socket: socket.socket = getattr(connection, "_sock", connection)
        self._received = bytearray()
        self._commands = 0

    def run(self, script: str, timeout_seconds: float) -> Finished:
        """Run `script` (whole lines) and wait for its end; ShellError if there is no answer in time."""
        self._commands += 1
        marker = f"keelhaul-command-{self._commands}-ended"
        deadline = time.monotonic() + timeout_seconds
        try:
            self._socket.settimeout(timeout_seconds)
            self._socket.sendall(f"{{\n{script.rstrip()}\n}} 2>&1\necho {marker} $?\n".encode())
            return self._until(marker, deadline)
        except OSError as error:  # a time-out is one, too
            raise ShellError(f"the container's shell did not answer within {timeout_seconds:g} s: {error}") from None

    def close(self) -> None:
        """Hang up; the shell in the container ends with its standard input."""
        self._socket.close()
        self._connection.close()

    def _until(self, marker: str, deadline: float) -> Finished:
        written = ""
        while True:
            written += self._chunk(deadline)
            output, found, status = written.rpartition(f"{marker} ")
            if found and status.endswith("\n"):
                return Finished(int(status), output)
            if len(written) > OUTPUT_BYTES_MAX:
                raise ShellError(f"a command wrote over {OUTPUT_BYTES_MAX} bytes")

    def _chunk(self, deadline: float) -> str:
        self._receive(HEAD_BYTES, deadline)
        end = HEAD_BYTES + int.from_bytes(self._received[4:HEAD_BYTES], "big")
        self._receive(end, deadline)
        chunk = self._received[HEAD_BYTES:end].decode(errors="replace")
        del self._received[:end]
        return chunk

    def _receive(self, count: int, deadline: float) -> None:
        while len(self._received) < count:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            data = self._socket.recv(65536)
            if not data:
                raise ShellError("the shell in the container has ended")
            self._received += data
