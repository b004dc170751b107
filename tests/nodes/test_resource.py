"""The resource that locks protect: fenced, it takes no older token; unfenced, anything (LK-E)."""

from __future__ import annotations

from random import Random

import pytest

from keelhaul.nodes.events import Boot, ClientRequest, Persist, Reply, StorageDone, Trace
from keelhaul.nodes.node import NodeConfig
from keelhaul.nodes.resource import Resource


class Bench:
    """A resource that is asked one thing after the other."""

    def __init__(self, *, is_fenced=True, records=()):
        config = NodeConfig(name="n4", members=("n1", "n2", "n3", "n4"))
        self.node = Resource(config, Random(1), is_fenced=is_fenced)
        self.records = []
        self.asked = 0
        self.node.step(0, Boot(tuple(records), 1))

    def ask(self, kind, **fields):
        """Return the answer, and keep what was written."""
        self.asked += 1
        self.effects = self.node.step(0, ClientRequest("c", {"type": kind, "msg_id": self.asked, **fields}))
        self.records += [record for one in self.effects if isinstance(one, Persist) for record in one.records]
        (reply,) = (one for one in self.effects if isinstance(one, Reply))
        self.after = reply.after
        return reply.body

    def read(self, token):
        return self.ask("guarded_read", lock="l", token=token)

    def write(self, token, value):
        return self.ask("guarded_write", lock="l", token=token, value=value)


def test_lk_e_an_older_token_is_refused_and_an_equal_one_is_not():
    bench = Bench()
    assert bench.write(5, "a")["type"] == "guarded_write_ok"
    assert bench.write(4, "b")["reason"] == "stale_token"
    assert bench.write(5, "c")["type"] == "guarded_write_ok"
    assert bench.read(5)["value"] == "c"


def test_lk_e_a_read_shows_its_token_too():
    bench = Bench()
    bench.read(6)
    assert bench.write(5, "late")["reason"] == "stale_token"
    assert bench.read(5)["reason"] == "stale_token"


def test_each_lock_counts_by_itself():
    bench = Bench()
    bench.write(5, "a")
    assert bench.ask("guarded_write", lock="other", token=1, value="b")["type"] == "guarded_write_ok"


def test_unfenced_it_does_as_it_is_told_and_tells_which_token_it_took():
    bench = Bench(is_fenced=False)
    bench.write(5, "a")
    assert bench.write(4, "b")["type"] == "guarded_write_ok"
    assert [one.record["token"] for one in bench.effects if isinstance(one, Trace)] == [4]
    assert bench.read(3)["value"] == "b"


def test_nothing_is_answered_before_what_it_rests_on_is_on_disk():
    bench = Bench()
    bench.write(5, "a")
    assert bench.after == 1
    bench.read(5)
    assert bench.after == 1, "the value that was read isn't on disk yet"
    bench.node.step(0, StorageDone(1))
    bench.read(5)
    assert bench.after is None


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_after_a_crash_it_goes_on_from_what_was_on_disk(kept):
    bench = Bench()
    bench.write(5, "a")
    bench.read(7)
    again = Bench(records=bench.records[:kept])
    assert again.write([0, 4, 6][kept], "b").get("reason") == (None if kept == 0 else "stale_token")
    assert again.read(9)["value"] == ("b" if kept == 0 else "a")


@pytest.mark.parametrize(
    "fields", [{}, {"lock": 3, "token": 1}, {"lock": "l", "token": None}, {"lock": "l", "token": True}]
)
def test_what_is_no_request_is_told_so(fields):
    assert Bench().ask("guarded_write", **fields)["code"] == 12


def test_other_requests_are_not_supported():
    assert Bench().ask("acquire")["code"] == 10
    assert Bench().ask("status")["type"] == "status_ok"
