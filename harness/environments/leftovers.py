"""Node processes whose harness is gone: found by their command line, and ended.

A host says on its command line whose child it is. If that is still its parent, the run is alive and none of our
business; if not, the harness died and the node was handed to some other process, because a parent's number is never
given away while its children have it as their parent. So a recycled number can't deceive: only the true parent counts.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

HOST_MODULE = "keelhaul.nodes.host"
PARENT_OPTION = "--harness-pid"
POLL_S = 0.01
END_S = 2.0
"""SIGKILL takes milliseconds, but for a process in the middle of a slow disk's write."""

_PROC = Path("/proc")


class HostProcess(NamedTuple):
    """A running host: its number, its parent's, and the words of its command line."""

    pid: int
    parent: int
    command: tuple[str, ...]


def sweep_processes() -> list[str]:
    """End every node process whose harness is gone, frozen ones too; return a sentence about each."""
    orphans = [found for found in _processes() if is_orphan(found)]
    for orphan in orphans:
        # It may have ended by itself, or be another user's: both show below.
        with suppress(ProcessLookupError, PermissionError):
            os.kill(orphan.pid, signal.SIGKILL)
    left = _left_after(END_S, orphans)
    return [_sentence(orphan, ended=orphan not in left) for orphan in orphans]


def is_orphan(process: HostProcess) -> bool:
    """Say whether this is a host of ours that a harness started, and which is no longer that harness' child."""
    if ("-m", HOST_MODULE) not in pairwise(process.command):
        return False
    harness = _option(process.command, PARENT_OPTION)
    return harness.isdecimal() and int(harness) != process.parent


def _sentence(orphan: HostProcess, *, ended: bool) -> str:
    node, run, harness = (_option(orphan.command, name) for name in ("--name", "--cluster", PARENT_OPTION))
    who = f"node {node} of run {run} (process {orphan.pid}), whose harness (process {harness}) is gone"
    return f"ended {who}" if ended else f"could not end {who}: end it by hand"


def _option(command: tuple[str, ...], name: str) -> str:
    """Return the word behind an option; empty if there is none."""
    return next((value for option, value in pairwise(command) if option == name), "")


def _processes() -> Iterator[HostProcess]:
    if not (_PROC / "self" / "stat").exists():
        yield from _read_ps()
        return
    for folder in sorted(_PROC.glob("[0-9]*"), key=lambda path: int(path.name)):
        found = _read_proc(folder)
        if found is not None:
            yield found


def _read_proc(folder: Path) -> HostProcess | None:
    """Read what /proc says of a process; None if it ended meanwhile, or isn't ours to judge."""
    try:
        # In a container, with numbers of its own, a live harness would look like a dead one from here.
        if (folder / "ns" / "pid").readlink() != (_PROC / "self" / "ns" / "pid").readlink():
            return None
        command = (folder / "cmdline").read_bytes()
        status = (folder / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The second field is the program's name in brackets, and may hold anything, also brackets and blanks.
    parent = int(status.rpartition(")")[2].split()[1])
    return HostProcess(int(folder.name), parent, tuple(command.decode(errors="replace").split("\0")))


def _read_ps() -> Iterator[HostProcess]:
    listed = subprocess.run(
        ["ps", "-axww", "-o", "pid=,ppid=,command="], capture_output=True, text=True, check=True, errors="replace"
    )
    for line in listed.stdout.splitlines():
        pid, parent, *command = line.split()
        yield HostProcess(int(pid), int(parent), tuple(command))


def _left_after(seconds: float, orphans: list[HostProcess]) -> list[HostProcess]:
    """Return those of these processes that still run; look again for so long. One that only waits to be collected has
    no command line any more, so it doesn't count."""
    deadline = time.monotonic() + seconds
    left = orphans
    while left and time.monotonic() < deadline:
        running = {process.pid: process.command for process in _processes()}
        left = [orphan for orphan in left if running.get(orphan.pid) == orphan.command]
        time.sleep(POLL_S)
    return left
