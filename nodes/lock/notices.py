"""What a master has to tell its sessions, and who holds cached copies of what (§3.7, §3.8). Soft: gone with the master.

Notices of a session are numbered from 1 on by each master and stay until the session's next KeepAlive says that it has
heard them; so none is lost while the master stays, and they come in the order of the log. A client that meets a new
master knows that it may have missed some: the new epoch says so, before anything else.

A cached copy is good until it is called back. Before a file is changed, every session that may hold a copy of it gets
a notice, and the change waits until each has heard it or has ended. Nobody may cache the file meanwhile, nor until the
change is applied: a read that overtakes it would leave an old copy that nobody calls back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

INVALIDATE = "invalidate"


class Notices:
    """By session, what it hasn't heard yet: [number, event], in order."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._unheard: dict[int, list[list[Any]]] = {}

    def add(self, session: int, event: dict[str, Any]) -> int:
        """Queue a notice; return its number."""
        number = self._numbers[session] = self._numbers.get(session, 0) + 1
        self._unheard.setdefault(session, []).append([number, event])
        return number

    def heard(self, session: int, number: int) -> None:
        """The session has heard everything up to this number."""
        self._unheard[session] = [notice for notice in self.unheard(session) if notice[0] > number]

    def unheard(self, session: int) -> list[list[Any]]:
        """Return what a KeepAlive's answer brings."""
        return self._unheard.get(session, [])

    def forget(self, session: int) -> None:
        """The session has ended."""
        self._numbers.pop(session, None)
        self._unheard.pop(session, None)


@dataclass(slots=True)
class Change:
    """A change of a file that waits for its cached copies: by session, the notice that must have been heard."""

    asker: Any
    path: str
    waits_for: dict[int, int]


class Copies:
    """Who may have cached which file, and which files are being changed."""

    def __init__(self) -> None:
        self._holders: dict[str, dict[int, None]] = {}
        self._changing: dict[str, int] = {}

    def may_cache(self, path: str) -> bool:
        """Say whether an answer may be kept by whoever gets it."""
        return path not in self._changing

    def note(self, path: str, session: int) -> None:
        """This session may hold a copy from now on."""
        assert self.may_cache(path)
        self._holders.setdefault(path, {})[session] = None

    def call_back(self, path: str) -> list[int]:
        """Begin a change: return the sessions that must hear of it, but for those that an earlier change called."""
        self._changing[path] = self._changing.get(path, 0) + 1
        return list(self._holders.pop(path, ()))

    def changed(self, path: str) -> None:
        """A change is applied, or never will be."""
        self._changing[path] -= 1
        if not self._changing[path]:
            del self._changing[path]

    def forget(self, session: int) -> None:
        """The session has ended, and with it its cache."""
        for sessions in self._holders.values():
            sessions.pop(session, None)
