"""What the lock service answers when it refuses, in one word (`reason`) and a sentence."""

from __future__ import annotations

from keelhaul.nodes.errors import ErrorCode, error_body
from keelhaul.nodes.events import Body

WAITING = {"type": "waiting"}
"""The answer that is kept while an acquire waits; it never leaves the service."""


def stale_epoch(epoch: int) -> Body:
    """A request, or a master's own command, belongs to a master that has been replaced (§3.5, step 1)."""
    return error_body(ErrorCode.ABORT, f"the master's epoch is {epoch}", reason="epoch", epoch=epoch)


def session_expired() -> Body:
    """LS4: there is no such session any more, and never will be again."""
    return refusal("session_expired", "there is no such session, or it has expired")


def refusal(reason: str, text: str) -> Body:
    """A definite no."""
    return error_body(ErrorCode.PRECONDITION_FAILED, text, reason=reason)


def not_the_master(leader: str | None) -> Body:
    """Somebody else is, or nobody yet; nothing was done."""
    hint = {} if leader is None else {"leader": leader}
    return error_body(ErrorCode.TEMPORARILY_UNAVAILABLE, "not the master, or not ready", **hint)


def unknown_outcome(leader: str | None) -> Body:
    """It was asked for, and another master will know."""
    hint = {} if leader is None else {"leader": leader}
    return error_body(ErrorCode.UNKNOWN_OUTCOME, "this member isn't the master any more", **hint)
