"""Sessions as their clients saw them end (LC-5, LC-13): nobody loses a session while its lease is good.

A completion's details hold `sessions_over`: by session, when the client found that it was over (`at_ns`), until when
its lease went by its own count (`until_ns`), and whether it was `told`, by a master, or found by itself that the grace
period was over too. A client counts its lease from when it asked, the master from when it answers, so a client that is
told before its own lease is over has lost a session that was promised to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.locks.holds import MalformedHold, completions, details_of
from keelhaul.checkers.verdict import Result, Verdict

MS = 1_000_000


class SessionsLast:
    """Invalid if a client was told too early that its session is over, or gave it up too early by itself."""

    def check(self, evidence: Evidence) -> Result:
        """Judge every session that a client reported as over."""
        try:
            over = [*_over(evidence)]
            found = [sentence for named, session in over if (sentence := _problem(named, session))]
        except (MalformedHold, KeyError, TypeError) as problem:
            return Result(Verdict.UNKNOWN, f"the history can't be read as operations in sessions: {problem}")
        told = sum(session["told"] for _, session in over)
        details: dict[str, Any] = {"over": len(over), "told": told, "violations": found[:10]}
        if found:
            more = f" ({len(found)} such sessions)" if len(found) > 1 else ""
            return Result(Verdict.INVALID, f"{found[0]}{more}", details)
        return Result(Verdict.VALID, "", details)


def _over(evidence: Evidence) -> Iterator[tuple[str, dict[str, Any]]]:
    values = completions(evidence.history)
    for operation in evidence.history.operations:
        if operation.invoked in values:
            for session in details_of(values[operation.invoked], operation).get("sessions_over", []):
                yield operation.named(), session


def _problem(named: str, session: dict[str, Any]) -> str | None:
    early_ns = session["until_ns"] - session["at_ns"]
    if session["told"]:
        told = f"session {session['session']} was told, by {named}, that it is over"
        return None if early_ns <= 0 else f"LC-5 {told} {early_ns / MS:.1f} ms before its lease was"
    early_ns += session["grace_ns"]
    gave_up = f"session {session['session']} was given up, by {named},"
    return None if early_ns <= 0 else f"LC-13 {gave_up} {early_ns / MS:.1f} ms before the grace period was over"
