"""Mutual exclusion as the clients believed (LC-2): no two of them believed at the same time that they hold one lock in
modes that don't go together.

A lease promises this as long as clocks keep to the drift bound and no client stops between looking at its lease and
acting on it. One that does stop acts on a lock that may be somebody else's by then. That is expected of every lock with
a lease, and no violation: such overlaps are counted apart, in the details (`acted_late`). What they can't do is change
a resource that looks at tokens; see resource.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.history import Operation
from keelhaul.checkers.locks.holds import Hold, MalformedHold, compatible, completions, details_of, holds_of
from keelhaul.checkers.verdict import Result, Verdict

SHOWN_MAX = 10
SECOND_NS = 1_000_000_000


class MutualExclusionAsBelieved:
    """Invalid if two clients held one lock at the same time, as both believed; unknown without any hold."""

    def check(self, evidence: Evidence) -> Result:
        """Compare every two holds of a lock."""
        try:
            holds = holds_of(evidence.history)
            late = [*_acted_late(evidence, holds)]
        except MalformedHold as problem:
            return Result(Verdict.UNKNOWN, f"the history can't be read as operations on locks: {problem}")
        overlaps = [*_overlaps(holds)]
        details: dict[str, Any] = {
            "holds": len(holds),
            "overlaps": [_sentence(*overlap) for overlap in overlaps[:SHOWN_MAX]],
            "acted_late": late[:SHOWN_MAX],
            "acted_late_count": len(late),
            "operations": [hold.granted.invoked for overlap in overlaps[:1] for hold in overlap[:2]],
        }
        if overlaps:
            more = f" ({len(overlaps)} such overlaps)" if len(overlaps) > 1 else ""
            return Result(Verdict.INVALID, f"LC-2 {_sentence(*overlaps[0])}{more}", details)
        if not holds:
            return Result(Verdict.UNKNOWN, "no client ever held a lock", details)
        return Result(Verdict.VALID, "", details)


def _overlaps(holds: Iterable[Hold]) -> Iterator[tuple[Hold, Hold, int, int]]:
    """Yield every two holds that exclude each other and were believed in at once, with when. Sweeps over time."""
    by_lock: dict[str, list[tuple[int, int, Hold]]] = {}
    for hold in holds:
        for from_ns, to_ns in hold.stretches:
            by_lock.setdefault(hold.lock, []).append((from_ns, to_ns, hold))
    for stretches in by_lock.values():
        stretches.sort(key=lambda stretch: stretch[:2])
        present: list[tuple[int, int, Hold]] = []
        for from_ns, to_ns, hold in stretches:
            present = [stretch for stretch in present if stretch[1] > from_ns]
            for _, other_to_ns, other in present:
                if other.process != hold.process and not compatible(other.mode, hold.mode):
                    yield other, hold, from_ns, min(to_ns, other_to_ns)
            present.append((from_ns, to_ns, hold))


def _sentence(one: Hold, other: Hold, from_ns: int, to_ns: int) -> str:
    return (
        f"lock {one.lock}: {one.named()} and {other.named()} both believed that they hold it, {one.mode} and "
        f"{other.mode}, from {from_ns / SECOND_NS:.3f} s to {to_ns / SECOND_NS:.3f} s"
    )


def _acted_late(evidence: Evidence, holds: list[Hold]) -> Iterator[str]:
    """Say which clients acted on a lock after their lease, and whether somebody else held it by then."""
    values = completions(evidence.history)
    for operation in evidence.history.operations:
        if operation.f != "update" or operation.invoked not in values:
            continue
        details = details_of(values[operation.invoked], operation)
        until_ns, acted_ns = details.get("until_ns"), details.get("acted_ns")
        if until_ns is None or acted_ns is None or acted_ns <= until_ns:
            continue
        yield _late_sentence(operation, until_ns, acted_ns, holds)


def _late_sentence(operation: Operation, until_ns: int, acted_ns: int, holds: list[Hold]) -> str:
    lock = operation.value[0]
    holder = next(
        (
            hold
            for hold in holds
            if hold.lock == lock
            and hold.process != operation.process
            and any(from_ns <= acted_ns < to_ns for from_ns, to_ns in hold.stretches)
        ),
        None,
    )
    then = "nobody else held it" if holder is None else f"{holder.named()} held it"
    late_ms = (acted_ns - until_ns) // 1_000_000
    return f"{operation.named()} acted on lock {lock} {late_ms} ms after its lease had ended; {then} then"
