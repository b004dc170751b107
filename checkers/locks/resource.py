"""Effect safety (LC-3): what was changed under a lock is what one client after the other would have made of it.

Each update reads [number, id of the last update] and writes [number + 1, its own id]. So the acknowledged updates must
form one chain: two of them that read the same have lost one of the two. And the node that holds the resource must have
let tokens pass only in an order that doesn't go back; that is read from its trace (`accept` records).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.history import Operation
from keelhaul.checkers.locks.holds import MalformedHold, details_of
from keelhaul.checkers.verdict import Result, Verdict


class GuardedResource:
    """Invalid if an acknowledged update was lost; unknown if there was none.

    Tokens that go back are told in the details and, beside a lost update, in the reason. By themselves they are no
    violation of a resource that doesn't promise to look at them.
    """

    reads_traces = True

    def check(self, evidence: Evidence) -> Result:
        """Judge the updates, by lock."""
        try:
            updates = [*_updates(evidence)]
        except MalformedHold as problem:
            return Result(Verdict.UNKNOWN, f"the history can't be read as operations on locks: {problem}")
        lost = [*_lost(updates)]
        backward = [*_backward(evidence)]
        details = {"updates": len(updates), "lost": lost[:10], "lost_count": len(lost), "tokens_back": backward[:10]}
        if lost:
            why = f"; {backward[0]}" if backward else ""
            more = f" ({len(lost)} updates were lost)" if len(lost) > 1 else ""
            return Result(Verdict.INVALID, f"LC-3 {lost[0]}{why}{more}", details)
        if not updates:
            return Result(Verdict.UNKNOWN, "not exercised: no update was acknowledged", details)
        return Result(Verdict.VALID, "", details)


def _updates(evidence: Evidence) -> Iterator[tuple[Operation, dict[str, Any]]]:
    for operation in evidence.history.operations:
        if operation.f == "update" and operation.outcome == "ok":
            yield operation, details_of(operation.result, operation)


def _lost(updates: list[tuple[Operation, dict[str, Any]]]) -> Iterator[str]:
    """Find acknowledged updates that built on the same state: whichever was written first is gone."""
    by_base: dict[tuple[str, int, Any], tuple[Operation, dict[str, Any]]] = {}
    for operation, details in updates:
        lock, (number, last) = operation.value[0], details["read"]
        first = by_base.setdefault((lock, number, last), (operation, details))
        if first[0] is not operation:
            yield (
                f"under lock {lock}, {first[0].named()} with token {first[1].get('token')} and {operation.named()} "
                f"with token {details.get('token')} both read update number {number} and wrote number {number + 1}: "
                "one of the two is lost, though both were acknowledged"
            )


def _backward(evidence: Evidence) -> Iterator[str]:
    """Find writes that the resource took with a token older than one that it had taken before."""
    for trace in evidence.traces or ():
        newest: dict[str, int] = {}
        for record in trace.records:
            if record.get("type") != "accept" or type(record.get("token")) is not int:
                continue
            lock, token = str(record.get("lock")), record["token"]
            if token < newest.get(lock, token):
                yield f"{trace.node} took a write with token {token} for lock {lock} after one with {newest[lock]}"
            newest[lock] = max(newest.get(lock, token), token)


class FencedTokens:
    """Invalid if a resource that promises to look at tokens took an older one after a newer one (LC-3)."""

    reads_traces = True

    def check(self, evidence: Evidence) -> Result:
        """Judge the resource's trace."""
        if evidence.traces is None:
            return Result(Verdict.UNKNOWN, "the nodes' traces could not be collected")
        found = [*_backward(evidence)]
        if found:
            return Result(Verdict.INVALID, f"LC-3 {found[0]}", {"violations": found[:10]})
        return Result(Verdict.VALID, "", {"violations": []})
