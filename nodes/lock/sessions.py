"""What the replicated state holds of a client's session: its answers, and what it has. When it ends is decided by the
master's clock and becomes true by a log entry (LS4); nothing here knows the time."""

from __future__ import annotations

from typing import Any

from keelhaul.nodes.events import Body


class Session:
    """A session; its number is the log index of its opening, so it is never used again.

    `answers` by sequence number, down to what the client has acknowledged. `locks` that it holds or waits for, in the
    order in which it asked. `handles` are the files that it has open, each with the instance that it opened.
    """

    __slots__ = ("acked", "answers", "handles", "locks", "nonce", "number")

    def __init__(self, number: int, nonce: str) -> None:
        self.number = number
        self.nonce = nonce
        self.acked = 0
        self.answers: dict[int, Body] = {}
        self.locks: dict[str, None] = {}
        self.handles: dict[str, int] = {}

    def acknowledge(self, acked: int) -> None:
        """The client has all its answers up to `acked`: they needn't be kept."""
        if acked > self.acked:
            self.acked = acked
            self.answers = {seq: answer for seq, answer in self.answers.items() if seq > acked}

    def image(self) -> dict[str, Any]:
        """Return all of it as JSON."""
        return {
            "number": self.number,
            "nonce": self.nonce,
            "acked": self.acked,
            "answers": [[seq, answer] for seq, answer in self.answers.items()],
            "locks": list(self.locks),
            "handles": list(map(list, self.handles.items())),
        }

    @classmethod
    def of(cls, image: dict[str, Any]) -> Session:
        """Make a session of its image."""
        session = cls(image["number"], image["nonce"])
        session.acked = image["acked"]
        session.answers = {seq: answer for seq, answer in image["answers"]}
        session.locks = dict.fromkeys(image["locks"])
        session.handles = {path: instance for path, instance in image["handles"]}
        return session
