"""Liveness after the heal (LC-8): each lock can be had again, within the time that dead sessions and fail-overs take.

The final phase tries to acquire every lock until it succeeds, when all living clients have given theirs back. A lock
that stays out of reach is held by a dead session, or its queue is stuck.
"""

from __future__ import annotations

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.faults import heal_of
from keelhaul.checkers.verdict import Result, Verdict

SECOND_NS = 1_000_000_000
PATIENCE_NS = 14 * SECOND_NS
"""Lease, grace, lock-delay and twenty election timeouts, as the scenarios set them: 2 + 5 + 1 + 6 s."""


class LocksComeBack:
    """Invalid if a lock could not be had for `patience_ns` after the heal; unknown if that wasn't tried so long."""

    def __init__(self, patience_ns: int = PATIENCE_NS) -> None:
        self._patience_ns = patience_ns

    def check(self, evidence: Evidence) -> Result:
        """Look at the acquires after the heal, lock by lock."""
        heal = heal_of(evidence.history)
        if heal is None or heal.over_ns is None or not evidence.final_functions:
            return Result(Verdict.VALID)
        had: dict[str, bool] = {}
        for operation in evidence.history.operations:
            if operation.f == "acquire" and operation.invoked_ns >= heal.over_ns:
                had[operation.value[0]] = had.get(operation.value[0], False) or operation.outcome == "ok"
        stuck = [lock for lock, once in had.items() if not once]
        if not stuck:
            return Result(Verdict.VALID, "", {"locks": len(had)})
        tried_ns = evidence.history.rows[-1].time - heal.over_ns
        sentence = f"LC-8 {', '.join(stuck)} could not be acquired in the {tried_ns / SECOND_NS:.1f} s after the heal"
        long_enough = tried_ns >= self._patience_ns and heal.confirmed
        return Result(Verdict.INVALID if long_enough else Verdict.UNKNOWN, sentence, {"stuck": stuck})
