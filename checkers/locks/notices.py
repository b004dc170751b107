"""What clients heard (LC-12): in the order of the log, without gaps under one master, and never too early.

A completion's details hold `heard`, what the session was told since the last one:
[session, epoch, number, event, path, index, instance, generation]. Number 0 is the fail-over itself, which comes first.

* Under one master a session's notices are numbered 1, 2, 3, …, and their entries' indexes never go back.
* What a notice tells can be seen: a read that is asked for after it was heard returns that generation of the file, or
  a later one (a later instance counts as later).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.history import Operation
from keelhaul.checkers.locks.holds import MalformedHold, completions, details_of
from keelhaul.checkers.verdict import Result, Verdict

MODIFIED = "contents_modified"
SHOWN_MAX = 10


class NoticesInOrder:
    """Invalid if a session's notices have gaps or go back, or a read shows less than a notice that came before it."""

    def check(self, evidence: Evidence) -> Result:
        """Judge all sessions, then all reads."""
        try:
            told = [*_heard(evidence)]
            found = [*_out_of_order(told), *_too_early(evidence, told)]
        except (MalformedHold, ValueError, TypeError) as problem:
            return Result(Verdict.UNKNOWN, f"the history can't be read as operations on files: {problem}")
        details: dict[str, Any] = {
            "notices": sum(map(len, (notices for _, notices in told))),
            "violations": found[:SHOWN_MAX],
        }
        if found:
            more = f" ({len(found)} such violations)" if len(found) > 1 else ""
            return Result(Verdict.INVALID, f"LC-12 {found[0]}{more}", details)
        return Result(Verdict.VALID, "", details)


_Told = list[tuple[Operation, list[list[Any]]]]


def _heard(evidence: Evidence) -> Iterator[tuple[Operation, list[list[Any]]]]:
    """Yield each operation with what its client had heard by its completion."""
    values = completions(evidence.history)
    for operation in evidence.history.operations:
        if operation.invoked in values:
            notices = details_of(values[operation.invoked], operation).get("heard", [])
            if notices:
                yield operation, notices


def _out_of_order(told: _Told) -> Iterator[str]:
    last: dict[tuple[int, int], tuple[int, int]] = {}
    newest: dict[int, int] = {}
    for operation, notices in told:
        for session, epoch, number, event, _, index, *_ in notices:
            who = f"session {session}, as {operation.named()} tells,"
            if epoch < newest.get(session, epoch):
                yield f"{who} heard of epoch {epoch} after epoch {newest[session]}"
            newest[session] = max(epoch, newest.get(session, epoch))
            before, at = last.get((session, epoch), (0, 0))
            if number == 0:
                continue
            if number != before + 1:
                yield f"{who} heard notice {number} of epoch {epoch} after notice {before}"
            if index is not None and index < at:
                yield f"{who} heard of entry {index} ({event}) after entry {at}"
            last[session, epoch] = (number, at if index is None else max(at, index))


def _too_early(evidence: Evidence, told: _Told) -> Iterator[str]:
    """Sweep over the history: by each read's invocation, the newest generation that anybody had heard of."""
    heard_at = [
        (operation.completed, path, (instance, generation), operation)
        for operation, notices in told
        for _, _, _, event, path, _, instance, generation in notices
        if event == MODIFIED and operation.completed is not None
    ]
    heard_at.sort(key=lambda one: one[0])
    position = 0
    newest: dict[str, tuple[tuple[int, int], Operation]] = {}
    for operation in evidence.history.operations:
        while position < len(heard_at) and heard_at[position][0] < operation.invoked:
            _, path, state, by = heard_at[position]
            position += 1
            if path not in newest or state > newest[path][0]:
                newest[path] = (state, by)
        if operation.f != "read" or operation.outcome != "ok" or operation.value[0] not in newest:
            continue
        (state, by), details = newest[operation.value[0]], details_of(operation.result, operation)
        seen = (details["instance"] or 0, details["generation"] or 0)
        if seen < state:
            yield (
                f"{operation.named()} of {operation.value[0]} shows generation {seen[1]}, though {by.named()} had "
                f"heard of generation {state[1]} before"
            )
