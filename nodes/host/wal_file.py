"""The log file on a real disk. The format, and what recovery makes of damage, is in `nodes/storage.py`.

Order is everything here:
* a new file: header, sync of the file, sync of its folder (else a crash can lose the whole file), only then records;
* at each start: a torn tail is cut off durably, then `["boot", incarnation]` is appended and synced. That sync also
  covers what the last incarnation wrote and had not synced yet: the node is about to see it, and may act on it;
* while running: one thread takes everything that was queued, writes it in one go, syncs once, and reports the highest
  ticket (group commit: the slower the disk, the larger the groups);
* to replace the file: the new one is written and synced beside it, locked, renamed over it, and the folder is synced.
  A crash at any byte of that leaves the old file whole (SN7); what is left of a new one is overwritten next time.

A write or sync that fails ends the process and is never tried again: after a failed fsync Linux drops the dirty pages,
and a second one would report success for data that is gone (G5).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import NamedTuple, NoReturn

from keelhaul.nodes.events import Record
from keelhaul.nodes.host.stopping import EXIT_STORAGE_FAILED, crash
from keelhaul.nodes.host.trace_file import write_whole
from keelhaul.nodes.storage import encode_header, encode_record, recover

BOOT = "boot"
"""The kind of record that is the host's own: it counts incarnations. Nodes never see it."""

QUEUED_WRITES_MAX = 100_000
"""Minutes of writes: a disk that is so far behind doesn't answer any more, and the node's memory isn't endless."""

Sync = Callable[[int], None]
Fail = Callable[[str], NoReturn]
fdatasync: Sync = getattr(os, "fdatasync", os.fsync)
"""Syncs the data and what is needed to find it again; macOS has only the whole fsync."""


def _crash(reason: str) -> NoReturn:
    crash(EXIT_STORAGE_FAILED, reason)


class LogInUse(Exception):
    """Another process has this log file open for writing."""


class _Write(NamedTuple):
    ticket: int
    frames: bytes
    replaces: bool = False


class WalFile:
    """A node's log file, recovered and ready: `records` are the node's own, `incarnation` is 1 at the first start."""

    records: tuple[Record, ...]
    incarnation: int

    def __init__(self, path: Path, cluster: str, node: str, *, sync: Sync = fdatasync, fail: Fail = _crash) -> None:
        """Open or create; CorruptLog or LogInUse if this node must not run on it, OSError if the disk fails."""
        self._path = path
        self._header = encode_header(cluster, node)
        self._sync = sync
        self._fail = fail
        self._queue: SimpleQueue[_Write | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._descriptor = _open_locked(path)
        try:
            self._recover(path, cluster, node)
        except BaseException:
            os.close(self._descriptor)
            raise

    def _recover(self, path: Path, cluster: str, node: str) -> None:
        found = recover(_read(self._descriptor), cluster, node)
        if found.torn:
            os.ftruncate(self._descriptor, found.good_bytes)
        if found.good_bytes == 0:
            write_whole(self._descriptor, encode_header(cluster, node))
        os.fsync(self._descriptor)
        _sync_folders(path)
        self.records = tuple(record for record in found.records if record[0] != BOOT)
        self.incarnation = 1 + max((record[1] for record in found.records if record[0] == BOOT), default=0)
        write_whole(self._descriptor, encode_record([BOOT, self.incarnation]))
        self._sync(self._descriptor)

    def start(self, done: Callable[[int], object]) -> None:
        """Begin to write what is appended. The writing thread calls `done(ticket)` when all up to it is on disk."""
        self._thread = Thread(target=self._write_all, args=(done,), name="log", daemon=True)
        self._thread.start()

    def append(self, ticket: int, records: tuple[Record, ...]) -> None:
        """Queue these records; ValueError if one can't be stored. Tickets grow."""
        self._put(ticket, records, replaces=False)

    def replace(self, ticket: int, records: tuple[Record, ...]) -> None:
        """Queue a replacement of all records by these; ValueError if one can't be stored."""
        self._put(ticket, records, replaces=True)

    def _put(self, ticket: int, records: tuple[Record, ...], *, replaces: bool) -> None:
        if any(record and record[0] == BOOT for record in records):
            raise ValueError(f"records of the kind {BOOT!r} are the host's own; a node must name its own otherwise")
        if self._queue.qsize() >= QUEUED_WRITES_MAX:
            self._fail(f"{QUEUED_WRITES_MAX} writes wait for the disk")
        self._queue.put(_Write(ticket, b"".join(encode_record(record) for record in records), replaces))

    def close(self) -> None:
        """Write what is queued, stop, and let go of the file."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
        os.close(self._descriptor)

    def _write_all(self, done: Callable[[int], object]) -> None:
        while (first := self._queue.get()) is not None:
            group = self._group(first)
            try:
                self._write_group(group)
            except Exception as error:
                self._fail(f"the log file can't be written: {error}; a node that isn't sure of its disk must stop")
            done(group[-1].ticket)

    def _write_group(self, group: list[_Write]) -> None:
        """Write what follows the group's last replacement, which makes all before it void, and sync once."""
        start = max((position for position, write in enumerate(group) if write.replaces), default=None)
        frames = b"".join(write.frames for write in group[start or 0 :])
        if start is None:
            write_whole(self._descriptor, frames)
            self._sync(self._descriptor)
        else:
            self._replace_file(self._header + encode_record([BOOT, self.incarnation]) + frames)

    def _replace_file(self, content: bytes) -> None:
        beside = self._path.with_name(f"{self._path.name}.new")
        beside.unlink(missing_ok=True)
        descriptor = _open_locked(beside)
        try:
            write_whole(descriptor, content)
            self._sync(descriptor)
            beside.replace(self._path)
            _sync_folder(self._path.parent)
        except BaseException:
            os.close(descriptor)
            raise
        # Only after the rename: whoever finds the old name must find it locked.
        os.close(self._descriptor)
        self._descriptor = descriptor

    def _group(self, first: _Write) -> list[_Write]:
        group = [first]
        while True:
            try:
                write = self._queue.get_nowait()
            except Empty:
                return group
            if write is None:
                self._queue.put(None)  # for the outer loop to see, once this group is done
                return group
            group.append(write)


def _open_locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        # The lock dies with the process, so it never outlives a SIGKILL.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise LogInUse(f"{path} is in use by another process: {error}") from error
    return descriptor


def _read(descriptor: int) -> bytes:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return file.read()


def _sync_folders(path: Path) -> None:
    """Make the file's name durable, and its folder's, which may be as new."""
    for folder in (path.parent, path.parent.parent):
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
