"""The host's loop: what is done in which order, and what waits for the disk."""

from __future__ import annotations

import asyncio

import pytest

from keelhaul.nodes.events import ClientRequest, Persist, Reply, Send, SetTimer, StorageDone, TimerFired, Trace
from keelhaul.nodes.host import host as host_module
from keelhaul.nodes.host.host import Host
from keelhaul.nodes.host.wal_file import WalFile


class Script:
    """A node that returns prepared effects and keeps the events that it was given."""

    def __init__(self, *steps):
        self.steps = list(steps)
        self.events = []

    def step(self, now_ns, event):
        self.events.append(event)
        return self.steps.pop(0) if self.steps else []


class Recorder:
    """Log, traces and network at once: writes down what is done, in order."""

    def __init__(self):
        self.done = []

    def append(self, ticket, records):
        self.done.append(("append", ticket))

    def write(self, now_ns, records):
        assert now_ns > 0
        self.done.append(("trace", [record["type"] for record in records]))

    def send(self, dest, body):
        self.done.append(("send", body["type"]))

    def reply(self, client, body):
        self.done.append(("reply", body["type"]))


def host_of(*steps):
    node, recorder = Script(*steps), Recorder()
    return Host(node, recorder, recorder, recorder), node, recorder


def send(kind, after=None):
    return Send("n2", {"type": kind}, after=after)


def reply(kind, after=None):
    return Reply("c1#1", {"type": kind}, after=after)


def test_traces_come_first_and_together_then_the_rest_in_order():
    host, _, recorder = host_of(
        [send("a"), Trace({"type": "one"}), Persist(1, ()), reply("b"), Trace({"type": "two"}), send("c")]
    )
    host.handle(StorageDone(0))
    assert recorder.done == [
        ("trace", ["one", "two"]),
        ("send", "a"),
        ("append", 1),
        ("reply", "b"),
        ("send", "c"),
    ]


def test_what_waits_for_a_ticket_leaves_when_it_is_durable_in_order_and_before_the_node_is_told():
    host, node, recorder = host_of(
        [Persist(1, ()), Persist(2, ()), send("second", 2), send("first", 1), reply("first too", 1), send("now")],
        [send("after the event")],
    )
    host.handle(StorageDone(0))
    assert recorder.done == [("append", 1), ("append", 2), ("send", "now")]
    recorder.done.clear()
    host.stored(1)
    assert recorder.done == [("send", "first"), ("reply", "first too"), ("send", "after the event")]
    assert node.events[-1] == StorageDone(1)
    recorder.done.clear()
    host.stored(2)
    assert recorder.done == [("send", "second")]


def test_what_names_a_durable_ticket_leaves_at_once():
    host, _, recorder = host_of([], [send("late", 3)])
    host.stored(3)
    host.handle(StorageDone(3))
    assert recorder.done == [("send", "late")]


def test_too_many_waiting_messages_lose_the_oldest(monkeypatch):
    monkeypatch.setattr(host_module, "WAITING_MAX", 2)
    host, _, recorder = host_of([send("a", 1), send("b", 1), send("c", 1)])
    host.handle(StorageDone(0))
    host.stored(1)
    assert recorder.done == [("send", "b"), ("send", "c")]


def test_a_timer_replaces_the_one_of_its_name():
    async def run():
        host, node, _ = host_of([SetTimer("t", 1, 1_000_000), SetTimer("u", 1, 2_000_000), SetTimer("t", 2, 3_000_000)])
        host.handle(StorageDone(0))
        while len(node.events) < 3:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        return node.events[1:]

    assert asyncio.run(run()) == [TimerFired("u", 1), TimerFired("t", 2)]


def test_a_real_log_holds_a_reply_back_until_its_sync_is_over(tmp_path):
    """The whole chain, with a sync that looks at what has left so far."""

    async def run():
        loop = asyncio.get_running_loop()
        recorder, left_before_sync = Recorder(), []
        log = WalFile(tmp_path / "wal", "c", "n1", sync=lambda descriptor: left_before_sync.append(list(recorder.done)))
        node = Script([Persist(1, (["value", 1],)), reply("write_ok", after=1)])
        host = Host(node, log, recorder, recorder)
        log.start(lambda ticket: loop.call_soon_threadsafe(host.stored, ticket))
        host.handle(StorageDone(0))
        while not recorder.done:
            await asyncio.sleep(0.001)
        log.close()
        return left_before_sync, recorder.done, node.events[-1]

    assert asyncio.run(run()) == ([[], []], [("reply", "write_ok")], StorageDone(1))


@pytest.mark.parametrize("step", [None, [Persist(1, ()), "no effect"]])
def test_a_failure_ends_the_process(monkeypatch, step):
    def crash(code, reason):
        raise SystemExit(f"{code} {reason}")

    monkeypatch.setattr(host_module, "crash", crash)
    host, _, _ = host_of(step)
    with pytest.raises(SystemExit, match=r"70 the node failed while it took StorageDone(?s:.*)Traceback"):
        host.handle(StorageDone(0))


def test_a_trace_that_cannot_be_written_ends_the_process(monkeypatch):
    def crash(code, reason):
        raise SystemExit(f"{code} {reason}")

    def full(now_ns, records):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(host_module, "crash", crash)
    host, _, recorder = host_of([Trace({"type": "one"}), send("a")])
    monkeypatch.setattr(recorder, "write", full)
    with pytest.raises(SystemExit, match=r"74 .*No space left"):
        host.handle(StorageDone(0))
    assert recorder.done == []


# --- the node's clock


def skew(**fields):
    return ClientRequest("c1#1", {"type": "host/skew", "msg_id": 7, **fields})


def test_a_skewed_clock_jumps_and_no_node_hears_who_did_it():
    host, node, recorder = host_of([Trace({"type": "one"})], [Trace({"type": "two"})])
    times = []
    recorder.write = lambda now_ns, records: times.append(now_ns)
    host.handle(StorageDone(0))
    asyncio.run(in_a_loop(lambda: host.handle(skew(rate_ppm=0, jump_ms=10_000))))
    host.handle(StorageDone(1))
    assert [type(event) for event in node.events] == [StorageDone, StorageDone]
    assert recorder.done == [("reply", "host/skew_ok")]
    assert 10_000 <= (times[1] - times[0]) / 1e6 < 15_000


async def in_a_loop(action):
    action()


@pytest.mark.parametrize(
    "fields",
    [{}, {"rate_ppm": 1}, {"rate_ppm": "1", "jump_ms": 0}, {"rate_ppm": 900_001, "jump_ms": 0},
     {"rate_ppm": 0, "jump_ms": -600_001}, {"rate_ppm": True, "jump_ms": 0}],
)  # fmt: skip
def test_a_skew_that_makes_no_sense_is_refused(fields):
    host, _, recorder = host_of()
    host.handle(skew(**fields))
    assert recorder.done == [("reply", "error")]


def test_a_jump_ahead_lets_a_timer_run_out_and_only_once():
    host, node, _ = host_of([SetTimer("t", 1, 3600 * 10**9)])

    async def run():
        host.handle(StorageDone(0))
        host.handle(skew(rate_ppm=0, jump_ms=600_000))
        await asyncio.sleep(0.01)
        assert len(node.events) == 1
        for _ in range(6):
            host.handle(skew(rate_ppm=0, jump_ms=600_000))
        while len(node.events) < 2:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)

    asyncio.run(run())
    assert node.events[1:] == [TimerFired("t", 1)]
