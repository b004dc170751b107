"""A client between a clock and a cell of ours."""

from __future__ import annotations

import pytest

from keelhaul.workloads.lasting import Ask, Finish, Forget, Wake
from keelhaul.workloads.lock.client import LockClient
from keelhaul.workloads.lock.stopping import Stopping

MS = 1_000_000
CELL = ("n1", "n2", "n3")


class Bench:
    """Drives one client; `asked` holds its open requests, `done` the completions."""

    def __init__(self, resource=None):
        self.client = Stopping(LockClient("p0", CELL, resource, home=0, patience_ns=1500 * MS))
        self.ms = 0
        self.asked = {}
        self.done = []
        self.wake_ms = None

    def carry_out(self, acts):
        for act in acts:
            if isinstance(act, Ask):
                self.asked[act.request] = act
            elif isinstance(act, Forget):
                self.asked.pop(act.request, None)
            elif isinstance(act, Wake):
                self.wake_ms = act.time_ns / MS
            else:
                assert isinstance(act, Finish)
                self.done.append(act.completion)

    def invoke(self, f, lock="l", **details):
        self.carry_out(self.client.invoke(self.ms * MS, f, [lock, details]))

    def acquire(self, f="acquire"):
        self.invoke(f, mode="exclusive")

    def open(self, kind):
        """The open request of that kind."""
        found = [act for act in self.asked.values() if act.body["type"] == kind]
        assert len(found) == 1, f"{kind} among {[act.body['type'] for act in self.asked.values()]}"
        return found[0]

    def kinds(self):
        return sorted(act.body["type"] for act in self.asked.values())

    def answer(self, kind, **fields):
        act = self.open(kind)
        del self.asked[act.request]
        body = {"type": f"{kind}_ok", **fields}
        self.carry_out(self.client.answered(self.ms * MS, act.request, body))

    def refuse(self, kind, code, **fields):
        act = self.open(kind)
        del self.asked[act.request]
        body = {"type": "error", "code": code, "text": "no", **fields}
        self.carry_out(self.client.answered(self.ms * MS, act.request, body))

    def lose(self, kind, *, sent):
        act = self.open(kind)
        del self.asked[act.request]
        self.carry_out(self.client.lost(self.ms * MS, act.request, sent=sent))

    def until(self, ms):
        """Let time pass, waking the client whenever it wants."""
        while self.wake_ms is not None and self.wake_ms <= ms:
            self.ms, self.wake_ms = max(self.ms, self.wake_ms), None
            self.carry_out(self.client.woken(round(self.ms * MS)))
        self.ms = ms

    def with_session(self):
        """Open a session by asking for a lock, and answer with one."""
        self.acquire()
        self.answer("open_session", session=7, epoch=3, lease_ms=2000, grace_ms=5000)
        return self

    def holding(self, token=20):
        self.with_session()
        self.answer("acquire", token=token)
        assert self.done.pop().type == "ok"
        return self


@pytest.fixture
def bench():
    return Bench()


@pytest.fixture
def guarded():
    return Bench(resource="n9").holding()
