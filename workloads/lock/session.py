"""The client's side of a session: until when its lease lasts, and what it may still believe. Pure; times are local.

The client counts its lease from when it *sent* the KeepAlive that was answered, the master from when it answers, so
the client's ends first (LS3), as long as neither clock runs faster than the other by more than the drift bound. What
follows when the lease runs out (LS5):

    SAFE ──lease over──► JEOPARDY ──KeepAlive answered──► SAFE
      │                     │
      └──"expired" said─────┴──"expired" said, or the grace period over──► EXPIRED

In jeopardy nobody knows whether the session still lives at the master. A client then acts on nothing that it holds,
trusts nothing that it cached, and looks for a master. Once expired, a session never comes back: its locks, handles
and ephemeral files are gone, and the client needs a new one.
"""

from __future__ import annotations

SAFE, JEOPARDY, EXPIRED = "safe", "jeopardy", "expired"

DRIFT_PER_MILLE = 20
"""The bound on the difference of two clocks' rates: 2 %, far above what real quartz does."""
MARGIN_NS = 5_000_000
"""Between looking at the clock and acting on it."""


def local_expiry_ns(sent_ns: int, lease_ns: int) -> int:
    """Return when a lease ends for the client, given when it sent the request that was answered (LS3)."""
    return sent_ns + lease_ns * (1000 - DRIFT_PER_MILLE) // 1000 - MARGIN_NS


class ClientSession:
    """One session. `lease_ns` and `grace_ns` are the service's; `sent_ns` is when the opening request was sent."""

    def __init__(self, session: int, epoch: int, lease_ns: int, grace_ns: int, sent_ns: int) -> None:
        self.id = session
        self.epoch = epoch
        self.state = SAFE
        self.expiry_ns = local_expiry_ns(sent_ns, lease_ns)
        self.grace_ns = grace_ns

    def renewed(self, lease_ns: int, sent_ns: int) -> None:
        """A KeepAlive that was sent then was answered: the lease goes on, never back."""
        assert self.state != EXPIRED, "an expired session never comes back"
        self.expiry_ns = max(self.expiry_ns, local_expiry_ns(sent_ns, lease_ns))
        self.state = SAFE

    def look(self, now_ns: int) -> str:
        """Let time pass; return the state."""
        if self.state == SAFE and now_ns >= self.expiry_ns:
            self.state = JEOPARDY
        if self.state == JEOPARDY and now_ns >= self.expiry_ns + self.grace_ns:
            self.state = EXPIRED
        return self.state

    def expire(self) -> None:
        """The master said that the session is gone."""
        self.state = EXPIRED

    def changes_ns(self) -> int:
        """Return when `look` will say something else, if nothing is heard until then."""
        return self.expiry_ns if self.state == SAFE else self.expiry_ns + self.grace_ns
