"""Linearizability of the locks (LC-9): some order of grants and losses explains what the clients were told.

Each lock by itself is a read-write lock. A hold is an acquire and, later, its end:

    given back      the release that was answered ok: somewhere between its invocation and its answer
    anything else   the session ran out, was closed, or nobody knows what became of the release: at any time after the
                    client stopped believing, or never

An acquire whose outcome is open may be left out: nothing that anybody saw rests on it, and without it there is more
room. So every hold has an owner of its own, and no operation has more than one effect.

This says less than LC-1, which sees the log, and more than LC-2, which sees what clients believed: here a release that
was answered ok must have freed the lock, and a grant must find it free, whatever clocks say.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.history import History, Operation
from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.outcome import check
from keelhaul.checkers.locks.holds import EXCLUSIVE, Hold, MalformedHold, details_of, holds_of
from keelhaul.checkers.models.locks import read_write_lock
from keelhaul.checkers.verdict import Result, Verdict

WORK_MAX: Final = 20_000_000
SMALLER_WORK_MAX: Final = 200_000
SHOWN_MAX = 8


@dataclass(frozen=True, slots=True)
class _Step:
    """A grant or the end of a hold. `begin` and `end` are places in the history: row r is at 2r + 1, and what lies
    between two rows is at the even number before the later one."""

    hold: int
    lock: str
    f: str
    process: int
    begin: int
    end: int
    named: str


class LockOrder:
    """Invalid if no order of the grants and ends of some lock's holds explains them; unknown without any hold."""

    def check(self, evidence: Evidence) -> Result:
        """Judge each lock by itself."""
        try:
            steps = sorted(_steps(evidence.history), key=lambda step: step.begin)
        except MalformedHold as problem:
            return Result(Verdict.UNKNOWN, f"the history can't be read as operations on locks: {problem}")
        if not steps:
            return Result(Verdict.UNKNOWN, "no client ever held a lock")
        outcome = check(read_write_lock(), _columns(steps), budget=Budget(work=WORK_MAX))
        details: dict[str, Any] = {"steps": len(steps), "locks": len(outcome.parts), "algorithm": outcome.algorithm}
        if outcome.verdict is not Verdict.INVALID:
            return Result(outcome.verdict, outcome.reason, details)
        core = _smaller([steps[index] for index in outcome.refutation or ()], steps)
        details["operations"] = [step.begin // 2 for step in core if step.begin % 2]
        listed = "; ".join(step.named for step in core[:SHOWN_MAX])
        more = f"; and {len(core) - SHOWN_MAX} more" if len(core) > SHOWN_MAX else ""
        sentence = f"LC-9 lock {core[0].lock}: in no order do these follow from each other: {listed}{more}"
        return Result(Verdict.INVALID, sentence, details)


def _smaller(core: list[_Step], steps: list[_Step]) -> list[_Step]:
    """Leave out whole holds, one by one, for as long as the others still have no order."""
    holds = list(dict.fromkeys(step.hold for step in core))
    for hold in list(holds):
        fewer = [step for step in steps if step.hold in holds and step.hold != hold]
        if fewer and check(read_write_lock(), _columns(fewer), budget=Budget(work=SMALLER_WORK_MAX)).verdict is (
            Verdict.INVALID
        ):
            holds.remove(hold)
    return [step for step in steps if step.hold in holds]


def _columns(steps: list[_Step]) -> Operations:
    return Operations(
        f=[step.f for step in steps],
        argument=[step.hold for step in steps],
        result=[None] * len(steps),
        invoked=[step.begin for step in steps],
        returned=[step.end for step in steps],
        process=[step.process for step in steps],
        index=list(range(len(steps))),
        key=[step.lock for step in steps],
    )


def _steps(history: History) -> Iterator[_Step]:
    times = [row.time for row in history.rows]
    releases: dict[tuple[int, str, Any], list[Operation]] = {}
    for operation in history.operations:
        if operation.f == "release":
            releases.setdefault(_key(operation), []).append(operation)
    for number, hold in enumerate(holds_of(history)):
        kind = "write" if hold.mode == EXCLUSIVE else "read"
        granted = hold.granted
        assert granted.completed is not None
        begin, end = _place(granted.invoked), _place(granted.completed)
        named = f"{granted.named()} is granted{'' if hold.token is None else f' with token {hold.token}'}"
        yield _Step(number, hold.lock, f"acquire-{kind}", hold.process, begin, end, named)
        # The first after the grant: where there are no tokens, later ones belong to later holds.
        mine = releases.get((hold.process, hold.lock, hold.token), [])
        release = next((one for one in mine if one.invoked > granted.completed), None)
        if release is not None and release.outcome == "ok":
            yield _release(number, hold, kind, release)
        else:
            yield _lost(number, hold, kind, times)


def _key(release: Operation) -> tuple[int, str, Any]:
    lock, token = release.value[0], details_of(release.value, release).get("token")
    return release.process, lock, token


def _release(number: int, hold: Hold, kind: str, release: Operation) -> _Step:
    assert release.completed is not None
    begin, end = _place(release.invoked), _place(release.completed)
    return _Step(number, hold.lock, f"release-{kind}", hold.process, begin, end, f"{release.named()} succeeds")


def _lost(number: int, hold: Hold, kind: str, times: list[int]) -> _Step:
    """An end that nobody told of: from when the client stopped believing, or, if it never did, from its question on."""
    if hold.stretches:
        to_ns = hold.stretches[-1][1]
        begin, since = 2 * bisect_left(times, to_ns), f"from {to_ns / 1e9:.3f} s on"
    else:
        begin, since = _place(hold.granted.invoked), "at any time"
    named = f"process {hold.process} may lose it {since}"
    return _Step(number, hold.lock, f"release-{kind}", hold.process, begin, OPEN, named)


def _place(row: int) -> int:
    return 2 * row + 1
