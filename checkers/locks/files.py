"""The files of one member's story, and what its master tells sessions about them (LC-10, LC-12).

    file    index, event, path …    create (ephemeral, instance), open and close (session), write (instance,
                                    generation), delete (by: the session that asked for it; null: nobody had it open)
    notice  session, number, event, path, index …    the master queues it for the session's next KeepAlive

An ephemeral file is there for as long as somebody whose session lives has it open, or something lies below it; that is
judged after each entry, from what sessions opened and which of them ended. Of changes, those that a master applies in
its own epoch must be told to each session that had the file open: right then, in the order of the log, all of them, and
nothing that wasn't applied. Numbers go up one by one, so that a client sees whether it missed any.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from keelhaul.checkers.locks.violation import Violation

OF_AN_ENTRY = ("lock", "session", "epoch", "file")
"""Records that say what an entry did: the same on every member."""
JUDGED = ("contents_modified", "handle_invalid")
"""The notices that are compared with what was applied: those about a file that the session itself has open."""


class _Due(NamedTuple):
    """A notice that an applied entry leads to."""

    session: int
    event: str
    path: str
    at_index: int


@dataclass(slots=True)
class _File:
    is_ephemeral: bool
    openers: dict[int, None] = field(default_factory=dict)


@dataclass(slots=True)
class FileStory:
    """The files as one member's present incarnation told of them. `tells` says whether it is the master of the present
    epoch; whoever retells the story sets it."""

    node: str
    tells: bool = False
    _files: dict[str, _File] = field(default_factory=dict)
    _touched: dict[str, int] = field(default_factory=dict)
    """Ephemeral files that may have lost their last opener, with the entry that did that."""
    _due: deque[_Due] = field(default_factory=deque)
    _due_since: int | None = None
    _numbers: dict[int, int] = field(default_factory=dict)

    def take(self, record: Mapping[str, Any]) -> Iterator[Violation]:
        """Take the next record of any type; yield what it violates."""
        kind = record["type"]
        if kind in OF_AN_ENTRY:
            yield from self._settled(record["index"])
        if self._due and kind != "notice" and record.get("time", self._due_since) != self._due_since:
            yield from self._lost()
        if kind == "file":
            yield from _HANDLERS[record["event"]](self, record)
        elif kind == "session" and record["event"] != "open":
            self._on_session_ended(record["session"], record["index"])
        elif kind == "notice":
            yield from self._on_notice(record)

    def restore(self, files: list[list[Any]]) -> None:
        """Go on from a snapshot's table."""
        self._files = {path: _File(is_ephemeral, dict.fromkeys(openers)) for path, is_ephemeral, openers in files}
        self._touched.clear()

    def new_master(self, *, tells: bool) -> None:
        """This member began to lead, or stopped: what it told as a master before belongs to another count."""
        self.tells = tells
        self._due.clear()
        self._numbers.clear()

    # --- files

    def _on_create(self, record: Mapping[str, Any]) -> Iterator[Violation]:
        self._files[record["path"]] = _File(record["ephemeral"])
        yield from ()

    def _on_open(self, record: Mapping[str, Any]) -> Iterator[Violation]:
        file = self._files.get(record["path"])
        if file is not None:
            file.openers[record["session"]] = None
        yield from ()

    def _on_close(self, record: Mapping[str, Any]) -> Iterator[Violation]:
        file = self._files.get(record["path"])
        if file is not None:
            file.openers.pop(record["session"], None)
            self._touched[record["path"]] = record["index"]
        yield from ()

    def _on_write(self, record: Mapping[str, Any]) -> Iterator[Violation]:
        self._expect("contents_modified", record)
        yield from ()

    def _on_delete(self, record: Mapping[str, Any]) -> Iterator[Violation]:
        path = record["path"]
        self._expect("handle_invalid", record)
        file = self._files.pop(path, None)
        self._touched.pop(path, None)
        above = path.rpartition("/")[0]
        if above in self._files:  # it may have been there for this one's sake
            self._touched[above] = record["index"]
        if file is not None and file.openers and record["by"] is None:
            who = ", ".join(map(str, file.openers))
            where = f"{self.node}, index {record['index']}"
            yield Violation("LC-10", f"{where}: file {path} goes though sessions that live have it open: {who}")

    def _on_session_ended(self, session: int, index: int) -> None:
        for path, file in self._files.items():
            if session in file.openers:
                del file.openers[session]
                self._touched[path] = index

    def _settled(self, index: int) -> Iterator[Violation]:
        """Judge what earlier entries left."""
        for path, touched in list(self._touched.items()):
            if touched >= index:
                continue
            del self._touched[path]
            file = self._files.get(path)
            if file is not None and file.is_ephemeral and not file.openers and not self._has_children(path):
                text = f"{self.node}, index {touched}: ephemeral file {path} stays though nobody has it open"
                yield Violation("LC-10", text)

    def _has_children(self, path: str) -> bool:
        return any(other.startswith(f"{path}/") for other in self._files)

    # --- notices

    def _expect(self, event: str, record: Mapping[str, Any]) -> None:
        file = self._files.get(record["path"])
        if self.tells and file is not None:
            self._due += [_Due(session, event, record["path"], record["index"]) for session in file.openers]
            self._due_since = record.get("time")

    def _on_notice(self, record: Mapping[str, Any]) -> Iterator[Violation]:
        session, number = record["session"], record["number"]
        before = self._numbers.get(session, 0)
        if number != before + 1:
            yield Violation("LC-12", f"{self.node} tells session {session} notice {number} after notice {before}")
        self._numbers[session] = number
        if record["event"] not in JUDGED:
            return
        told = _Due(session, record["event"], record["path"], record["index"])
        if told not in self._due:
            yield Violation("LC-12", f"{self.node} tells session {session} of {_words(told)}, which it hasn't applied")
            return
        while (due := self._due.popleft()) != told:
            yield Violation("LC-12", f"{self.node} doesn't tell session {due.session} of {_words(due)} in its turn")

    def _lost(self) -> Iterator[Violation]:
        for due in self._due:
            yield Violation("LC-12", f"{self.node} never tells session {due.session} of {_words(due)}")
        self._due.clear()


def _words(due: _Due) -> str:
    return f"{due.event} of {due.path} (index {due.at_index})"


_HANDLERS = {
    "create": FileStory._on_create,
    "open": FileStory._on_open,
    "close": FileStory._on_close,
    "write": FileStory._on_write,
    "delete": FileStory._on_delete,
}
