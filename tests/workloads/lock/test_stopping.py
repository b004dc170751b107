"""A client that stops between deciding and acting."""

from __future__ import annotations

from keelhaul.workloads.lasting import Ask, Wake
from keelhaul.workloads.lock.stopping import Pause, Stopping


class Inner:
    """Answers each thing that happens with the acts that were laid out for it."""

    def __init__(self, *acts):
        self.acts = list(acts)
        self.seen = []

    def _happened(self, *what):
        self.seen.append(what)
        return self.acts.pop(0) if self.acts else []

    def invoke(self, now_ns, f, value):
        return self._happened(now_ns, f)

    def answered(self, now_ns, request, body):
        return self._happened(now_ns, "answered", request)

    def lost(self, now_ns, request, *, sent):
        return self._happened(now_ns, "lost", request, sent)

    def woken(self, now_ns):
        return self._happened(now_ns, "woken")


ASK, LATER = Ask(1, "n1", {}), Ask(2, "n1", {})


def test_without_a_pause_everything_passes():
    client = Stopping(Inner([ASK, Wake(9)]))
    assert client.invoke(5, "release", None) == [ASK, Wake(9)]


def test_what_was_decided_is_done_after_the_pause_and_first():
    inner = Inner([ASK, Pause(100), LATER], [Wake(3)])
    client = Stopping(inner)
    assert client.invoke(5, "release", None) == [ASK, Wake(105)]
    assert client.woken(105) == [LATER, Wake(3)]
    assert inner.seen == [(5, "release"), (105, "woken")]


def test_what_arrives_meanwhile_is_seen_afterwards_in_order_and_late():
    inner = Inner([Pause(100)])
    client = Stopping(inner)
    client.invoke(5, "release", None)
    assert client.answered(20, 1, {}) == []
    assert client.lost(30, 2, sent=True) == []
    assert client.woken(50) == [Wake(105)]
    client.woken(105)
    assert inner.seen[1:] == [(105, "answered", 1), (105, "lost", 2, True), (105, "woken")]


def test_a_pause_right_after_a_pause_keeps_what_was_missed_waiting():
    inner = Inner([Pause(100), LATER], [Pause(50), ASK])
    client = Stopping(inner)
    client.invoke(0, "update", None)
    client.answered(20, 1, {})
    assert client.woken(100) == [LATER, Wake(150)]
    assert client.woken(150) == [ASK]
