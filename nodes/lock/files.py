"""Small files, some of which live only as long as somebody has them open (§3.2, §3.9). Pure and deterministic.

A file's `instance` is the log index of its creation, so it is greater than that of any earlier file of that name; its
`content_generation` counts its writes. A *handle* is a session's hold on one instance; it is part of the replicated
state, so it survives a fail-over, and a handle that was closed is never opened again by a late copy of the request that
opened it (that one is answered from the session's answers).

An ephemeral file is gone when no session has it open and nothing lies below it. A name's lock doesn't care whether
there is a file of that name: deleting and creating it again neither frees the lock nor turns its tokens back.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from zlib import crc32

CONTENTS_CHARS_MAX = 256 * 1024


class File(NamedTuple):
    """A file as it is."""

    instance: int
    is_ephemeral: bool
    contents: str
    content_generation: int

    @property
    def checksum(self) -> int:
        """CRC-32 of the contents."""
        return crc32(self.contents.encode("utf-8", "surrogatepass"))


class Files:
    """All files by path, and who has them open. Parents are names up to the last slash; they need not exist."""

    def __init__(self) -> None:
        self._files: dict[str, File] = {}
        self._open: dict[str, dict[int, None]] = {}

    def get(self, path: str) -> File | None:
        """Return the file of that name, if there is one."""
        return self._files.get(path)

    def put(self, path: str, file: File) -> None:
        """Create or change a file."""
        self._files[path] = file

    def remove(self, path: str) -> None:
        """Delete a file and all handles on it."""
        del self._files[path]
        self._open.pop(path, None)

    def open(self, path: str, session: int) -> None:
        """Note that a session has it open."""
        assert path in self._files
        self._open.setdefault(path, {})[session] = None

    def close(self, path: str, session: int) -> None:
        """The session hasn't any more."""
        sessions = self._open.get(path, {})
        sessions.pop(session, None)
        if not sessions:
            self._open.pop(path, None)

    def openers(self, path: str) -> list[int]:
        """List the sessions that have it open, in the order in which they opened it."""
        return list(self._open.get(path, ()))

    def children(self, path: str) -> list[str]:
        """List the files right below `path`, by name."""
        return sorted(name for name in self._files if parent(name) == path)

    def is_orphan(self, path: str) -> bool:
        """Say whether it is an ephemeral file that nobody has open and below which there is nothing."""
        file = self._files.get(path)
        return file is not None and file.is_ephemeral and path not in self._open and not self.children(path)

    def orphans(self) -> list[str]:
        """List all of those."""
        return [path for path in self._files if self.is_orphan(path)]

    def image(self) -> list[Any]:
        """Return all of it as JSON."""
        return [[path, *file, list(self._open.get(path, ()))] for path, file in self._files.items()]

    @classmethod
    def of(cls, image: list[Any]) -> Files:
        """Make the files of their image."""
        files = cls()
        for path, instance, is_ephemeral, contents, generation, sessions in image:
            files._files[path] = File(instance, is_ephemeral, contents, generation)
            if sessions:
                files._open[path] = dict.fromkeys(sessions)
        return files


def parent(path: str) -> str:
    """Return the name of the directory that a path lies in; empty at the top."""
    return path.rpartition("/")[0]
