"""One lock: who holds it, who waits, and the rule that grants it (LK-A, LK-B, LK-D, LK-G). Pure and deterministic.

    free ──acquire──► held ──release──► free, or held by the next in line
                       │
                       └─holder's session expires──► delayed ──EndDelay──► free, or held by the next in line

Locks are advisory: nothing that is written elsewhere asks for them. What makes them safe is the *token*, the log index
of the entry whose application granted the lock: it grows over time, over fail-overs, over deletion and re-creation, and
a resource that refuses older tokens than it has seen can't be harmed by a holder that doesn't know that it is none. It
is also what Chubby's lock generation and a sequencer's instance are for: no number is ever given twice.

Those who wait are served in the order of their log entries. A shared request waits behind an exclusive one that waits,
though it would go with the present holders: else a stream of readers would keep a writer out for ever.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

EXCLUSIVE, SHARED = "exclusive", "shared"
MODES = (EXCLUSIVE, SHARED)


class Waiter(NamedTuple):
    """A session's request for a lock, by its sequence number."""

    session: int
    seq: int
    mode: str


class Holder(NamedTuple):
    """How a session holds a lock."""

    mode: str
    token: int


class Lock:
    """A lock. `delay` is the log index of the expiry that it rests after, None if it doesn't."""

    __slots__ = ("_queue", "delay", "holders")

    def __init__(self) -> None:
        self.holders: dict[int, Holder] = {}
        self.delay: int | None = None
        self._queue: OrderedDict[tuple[int, int], Waiter] = OrderedDict()

    @property
    def waiters(self) -> list[Waiter]:
        """Who waits, the next one first."""
        return list(self._queue.values())

    @property
    def is_idle(self) -> bool:
        """Whether nobody holds it, nobody waits, and it doesn't rest."""
        return not (self.holders or self._queue or self.delay is not None)

    def admits(self, mode: str) -> bool:
        """Say whether it can be granted at once: not past those who wait (LK-B)."""
        return not self._queue and self.goes_with_holders(mode)

    def goes_with_holders(self, mode: str) -> bool:
        """Say whether it could be granted if nobody waited: not while it rests, and only shared with shared (LK-A)."""
        if self.delay is not None:
            return False
        return not self.holders or (mode == SHARED and all(one.mode == SHARED for one in self.holders.values()))

    def grant(self, session: int, mode: str, token: int) -> None:
        """Give it to a session; the caller has asked whether that may be."""
        assert self.goes_with_holders(mode), "a lock is granted only in modes that go together"
        assert session not in self.holders
        self.holders[session] = Holder(mode, token)

    def wait(self, waiter: Waiter) -> None:
        """Queue up."""
        self._queue[waiter.session, waiter.seq] = waiter

    def leave(self, session: int, seq: int) -> bool:
        """Leave the queue; False if nobody of that kind waits."""
        return self._queue.pop((session, seq), None) is not None

    def leave_all(self, session: int) -> list[Waiter]:
        """Take all of a session's requests out of the queue, and return them (LK-C)."""
        found = [waiter for waiter in self._queue.values() if waiter.session == session]
        for waiter in found:
            del self._queue[waiter.session, waiter.seq]
        return found

    def is_awaited_by(self, session: int) -> bool:
        """Say whether the session waits already."""
        return any(waiter.session == session for waiter in self._queue.values())

    def serve(self, token: int) -> list[Waiter]:
        """The grant rule (LK-B): serve from the head of the queue, for as long as the next one goes with the holders.
        Return who was served; all got this token (LK-D)."""
        served = []
        while self._queue:
            waiter = next(iter(self._queue.values()))
            if not self.goes_with_holders(waiter.mode):
                break
            self._queue.popitem(last=False)
            self.grant(waiter.session, waiter.mode, token)
            served.append(waiter)
        return served

    def image(self) -> dict[str, Any]:
        """Return all of it as JSON (LK-I)."""
        return {
            "holders": [[session, *holder] for session, holder in self.holders.items()],
            "queue": [list(waiter) for waiter in self._queue.values()],
            "delay": self.delay,
        }

    @classmethod
    def of(cls, image: dict[str, Any]) -> Lock:
        """Make a lock of its image."""
        lock = cls()
        lock.holders = {session: Holder(mode, token) for session, mode, token in image["holders"]}
        lock.delay = image["delay"]
        for session, seq, mode in image["queue"]:
            lock.wait(Waiter(session, seq, mode))
        return lock
