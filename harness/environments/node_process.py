"""One node's operating-system process, and the port that is kept for it. Touches processes, sockets and the log of
what the host prints.

Processes are polled, and not awaited: a wait can be cancelled half-way, and an exit code must not get lost in it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

LOG_TAIL_LINES = 20
_LOG_TAIL_BYTES = 8192


class NodeProcess:
    """A node's process, if it runs; what it prints is appended to `log`."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.is_paused = False
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._was_killed = False

    @property
    def is_running(self) -> bool:
        """Whether there is a process, as far as the last look told; a frozen one counts."""
        return self._process is not None

    def start(self, command: Sequence[str]) -> None:
        """Start the host, in a session of its own, where no Ctrl-C reaches it; OSError if that can't be done."""
        assert self._process is None, f"{self.name} runs already"
        with self._log.open("ab") as log:
            # Its standard input is a pipe that nobody writes to: it ends when this process does.
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            )
        self.is_paused = self._was_killed = False

    def died(self) -> int | None:
        """Return the exit code, once, if the process ended and `kill` wasn't why (negative: by a signal)."""
        if self._process is None or self._process.poll() is None:
            return None
        assert self._process.stdin is not None
        self._process.stdin.close()
        code = self._process.returncode
        self._process, self.is_paused = None, False
        return None if self._was_killed and code == -signal.SIGKILL else code

    def kill(self) -> None:
        """Send SIGKILL, which ends frozen processes too; it takes the kernel a moment."""
        if self._process is not None:
            self._was_killed = True
            self._process.kill()

    def freeze(self) -> None:
        """Send SIGSTOP; it takes the kernel a moment."""
        if self._process is not None:
            self.is_paused = True
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        if self._process is not None and self.is_paused:
            self._process.send_signal(signal.SIGCONT)
            self.is_paused = False

    @property
    def is_frozen(self) -> bool:
        """Whether all of its threads have stopped by now."""
        if self._process is None:
            return False
        if not hasattr(os, "waitid"):
            return self.is_paused  # macOS can't say; the signal has been sent
        with suppress(ChildProcessError):
            # Only looks: what this returned without WNOWAIT, `poll` could not see any more.
            return os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
        return False

    def log_tail(self) -> str:
        """Return the last lines that the host printed."""
        with suppress(OSError):
            data = self._log.read_bytes()[-_LOG_TAIL_BYTES:]
            return "\n".join(data.decode(errors="replace").splitlines()[-LOG_TAIL_LINES:])
        return ""


class Port:
    """A free port on loopback, kept for one node also while that is down.

    Else some other program's outgoing connection could get it meanwhile, or another run's node: then clients of this
    run would talk to nodes of that one. On Linux a socket that is bound, but doesn't listen, keeps a port: both sides
    allow its reuse, ours only after it was bound, so nobody's port is taken in the first place. Elsewhere the port is
    merely likely to stay free.
    """

    def __init__(self, host: str) -> None:
        self._socket = socket.socket()
        self._socket.bind((host, 0))
        self.address: tuple[str, int] = self._socket.getsockname()
        if sys.platform == "linux":
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            self._socket.close()

    def release(self) -> None:
        """Let go of it; safe to call twice."""
        self._socket.close()
