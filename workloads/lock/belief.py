"""What a client believed: from when to when it held which lock, kept for the checkers (LC-2).

A hold begins when the client hears of the grant. It ends when the client begins to release it, when its lease runs
out, or with the client. In jeopardy the belief is suspended; if the session turns out to be alive, it goes on. So one
hold may have several stretches.
"""

from __future__ import annotations

from typing import Any

Ended = list[Any]
"""A hold that is over, for the history: [lock, mode, token, [[from_ns, to_ns], …]]; times of the run."""


class Hold:
    """A lock that this client holds, as far as it knows."""

    def __init__(self, lock: str, mode: str, token: int | None, from_ns: int) -> None:
        self.lock = lock
        self.mode = mode
        self.token = token
        self._stretches: list[list[int]] = []
        self._from_ns: int | None = from_ns

    def suspend(self, at_ns: int) -> None:
        """Stop believing at `at_ns`; nothing if that has happened already."""
        if self._from_ns is not None:
            if at_ns > self._from_ns:
                self._stretches.append([self._from_ns, at_ns])
            self._from_ns = None

    def resume(self, at_ns: int) -> None:
        """The session lives after all: believe again."""
        if self._from_ns is None:
            self._from_ns = at_ns

    def ended(self) -> Ended:
        """Return the hold as it goes into the history."""
        assert self._from_ns is None, "a hold ends by being suspended"
        return [self.lock, self.mode, self.token, self._stretches]
