"""Histories of lock operations, written down in a few words, and traces of lock servers."""

from __future__ import annotations

import pytest

from keelhaul.checkers.checker import Evidence, NodeTrace
from keelhaul.checkers.history import History, Row

MS = 1_000_000


class Script:
    """Rows in order; times in ms."""

    def __init__(self):
        self.rows = []

    def row(self, ms, type, process, f, value, error=None):
        self.rows.append(Row(len(self.rows), ms * MS, type, process, f, value, error))

    def acquire(self, begin, end, process, lock="l", token=None, mode="exclusive", until=None, f="acquire"):
        self.row(begin, "invoke", process, f, [lock, {"mode": mode}])
        until_ns = None if until is None else until * MS
        self.row(end, "ok", process, f, [lock, {"mode": mode, "token": token, "until_ns": until_ns}])

    def release(self, begin, end, process, held, lock="l", token=None, mode="exclusive", outcome="ok"):
        """`held`: the stretches of belief, in ms."""
        ended = [[lock, mode, token, [[a * MS, b * MS] for a, b in held]]]
        self.row(begin, "invoke", process, "release", [lock, {"token": token}])
        self.row(end, outcome, process, "release", [lock, {"token": token, "ended": ended}])

    def update(self, begin, end, process, read, wrote, lock="l", token=None, until=None, acted=None, outcome="ok"):
        self.row(begin, "invoke", process, "update", [lock, {"token": token}])
        details = {"token": token, "read": read, "wrote": wrote}
        if until is not None:
            details |= {"until_ns": until * MS, "acted_ns": acted * MS}
        self.row(end, outcome, process, "update", [lock, details])

    def evidence(self, traces=None, **more):
        rows = [
            Row(i, r.time, r.type, r.process, r.f, r.value, r.error)
            for i, r in enumerate(sorted(self.rows, key=lambda r: r.time))
        ]
        return Evidence(history=History.of(rows), traces=traces, **more)


@pytest.fixture
def script():
    return Script()


class Story:
    """A member's trace, record by record. Each of an entry's records gets the next index; `ms` is the local clock."""

    def __init__(self, node="n1"):
        self.node = node
        self.index = 0
        self.ms = 1000
        self.records = []
        self.tell("boot")

    def tell(self, type, **fields):
        self.records.append({"type": type, "incarnation": 1, "time": self.ms * MS, **fields})
        return self

    def entry(self, type, **fields):
        self.index += 1
        return self.tell(type, index=self.index, **fields)

    def epoch(self, master="n1"):
        return self.entry("epoch", epoch=self.index + 1, master=master)

    def open(self):
        self.entry("session", event="open", session=self.index + 1)
        return self.index

    def end(self, session, event="expire"):
        return self.entry("session", event=event, session=session)

    def lock(self, event, session=None, lock="l", **fields):
        if session is not None:
            fields["session"] = session
        return self.entry("lock", event=event, lock=lock, **fields)

    def grant(self, session, mode="exclusive", seq=1, token=None, **fields):
        return self.lock(
            "grant", session, mode=mode, seq=seq, token=self.index + 1 if token is None else token, **fields
        )

    def trace(self):
        return NodeTrace(self.node, tuple(self.records))


@pytest.fixture
def story():
    return Story()


@pytest.fixture
def new_story():
    return Story
