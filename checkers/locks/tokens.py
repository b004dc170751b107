"""Token order (LC-4): a later exclusive grant of a lock has a larger token, and no token is given for two holds.

That is what lets a resource tell the later of two holders from the earlier one. Judged from what clients were told, by
real time: a grant that was over before another was asked for is the earlier one. Where the service gives no tokens
there is nothing to judge.
"""

from __future__ import annotations

from collections.abc import Iterator

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.locks.holds import EXCLUSIVE, Hold, MalformedHold, holds_of
from keelhaul.checkers.verdict import Result, Verdict


class TokenOrder:
    """Invalid if tokens don't grow, or one was given twice."""

    def check(self, evidence: Evidence) -> Result:
        """Judge each lock by itself."""
        try:
            holds = holds_of(evidence.history)
        except MalformedHold as problem:
            return Result(Verdict.UNKNOWN, f"the history can't be read as operations on locks: {problem}")
        by_lock: dict[str, list[Hold]] = {}
        for hold in holds:
            if hold.token is not None:
                by_lock.setdefault(hold.lock, []).append(hold)
        found = [sentence for lock in by_lock.values() for sentence in (*_repeated(lock), *_backward(lock))]
        details = {"tokens": sum(map(len, by_lock.values())), "violations": found[:10]}
        if found:
            more = f" ({len(found)} such violations)" if len(found) > 1 else ""
            return Result(Verdict.INVALID, f"LC-4 {found[0]}{more}", details)
        return Result(Verdict.VALID, "", details)


def _repeated(holds: list[Hold]) -> Iterator[str]:
    seen: dict[int, Hold] = {}
    for hold in holds:
        assert hold.token is not None
        first = seen.setdefault(hold.token, hold)
        # Holders that share a lock may share a number.
        if first is not hold and EXCLUSIVE in (first.mode, hold.mode):
            yield f"lock {hold.lock}: one token for two holds, of {first.named()} and of {hold.named()}"


def _backward(holds: list[Hold]) -> Iterator[str]:
    """Compare each exclusive grant with the largest token that was told before it was asked for."""
    exclusive = [hold for hold in holds if hold.mode == EXCLUSIVE]
    by_invocation = sorted(exclusive, key=lambda hold: hold.granted.invoked)
    told = iter(sorted(exclusive, key=lambda hold: hold.granted.completed or 0))
    waiting = next(told, None)
    largest: Hold | None = None
    for hold in by_invocation:
        while waiting is not None and (waiting.granted.completed or 0) < hold.granted.invoked:
            if largest is None or (waiting.token or 0) > (largest.token or 0):
                largest = waiting
            waiting = next(told, None)
        if largest is not None and (hold.token or 0) < (largest.token or 0):
            yield f"lock {hold.lock}: {hold.named()} came after {largest.named()}, but its token is smaller"
