"""The files' client: its cache, what it is told, what it tells (§3.7, §3.8)."""

from __future__ import annotations

import pytest

from keelhaul.workloads.lock.file_client import FileClient
from keelhaul.workloads.lock.stopping import Stopping
from tests.workloads.lock.conftest import CELL, MS, Bench

FILE = {"exists": True, "contents": "x", "instance": 30, "content_generation": 2, "ephemeral": False}


class FileBench(Bench):
    """Drives a client of files."""

    def __init__(self):
        super().__init__()
        self.client = Stopping(FileClient("p0", CELL, home=0, patience_ns=1500 * MS))

    def read(self, path="f1"):
        self.invoke("read", path)

    def with_session(self):
        self.read()
        self.answer("open_session", session=7, epoch=3, lease_ms=2000, grace_ms=5000)
        return self

    def caching(self):
        """A client that has read f1 and may keep it."""
        self.with_session()
        self.answer("get", **FILE, cacheable=True)
        assert self.done.pop().value == ["f1", {**self.copy(), "cached": False}]
        return self

    def copy(self):
        return {"contents": "x", "instance": 30, "generation": 2}

    def told(self, *events, epoch=3):
        self.answer("keep_alive", epoch=epoch, lease_ms=2000, events=[list(event) for event in events])

    def modified(self, number, index=40):
        return number, {"event": "contents_modified", "path": "f1", "index": index, "instance": 30, "generation": 3}


@pytest.fixture
def files():
    return FileBench().caching()


def recall(number):
    return number, {"event": "invalidate", "path": "f1"}


def test_lc_11_a_copy_is_read_without_asking(files):
    files.read()
    assert files.done[0].value == ["f1", {**files.copy(), "cached": True}]
    assert files.kinds() == ["keep_alive"]


def test_lc_11_what_may_not_be_kept_is_asked_for_again():
    bench = FileBench().with_session()
    bench.answer("get", **FILE)
    bench.read()
    assert bench.kinds() == ["get", "keep_alive"]


def test_lc_11_a_copy_that_was_called_back_is_gone_and_that_is_acknowledged(files):
    files.told(recall(1))
    assert files.open("keep_alive").body["heard"] == 1
    files.read()
    assert "get" in files.kinds()


def test_lc_11_an_answer_that_the_recall_overtook_is_not_kept():
    bench = FileBench().with_session()
    bench.told(recall(1))
    bench.answer("get", **FILE, cacheable=True)
    bench.read()
    assert "get" in bench.kinds()


def test_lc_11_ls5_in_jeopardy_the_cache_is_dropped(files):
    files.until(2500)
    files.told()
    files.read()
    assert "get" in files.kinds()


def test_lc_11_another_master_means_an_empty_cache_and_the_fail_over_is_told_first(files):
    files.told(files.modified(1), epoch=5)
    files.read()
    files.answer("get", **FILE)
    heard = files.done[0].value[1]["heard"]
    assert [notice[:4] for notice in heard] == [[7, 5, 0, "failed_over"], [7, 5, 1, "contents_modified"]]


def test_lc_11_a_writer_reads_its_own_write(files):
    files.invoke("write", "f1", contents="y")
    files.answer("open", **FILE)
    files.answer("set_contents", **{**FILE, "content_generation": 3})
    assert files.done[0].value == ["f1", {"contents": "y", "instance": 30, "generation": 3}]
    files.read()
    assert "get" in files.kinds()


def test_a_file_is_opened_once_a_session(files):
    for contents in ("y", "z"):
        files.invoke("write", "f1", contents=contents)
        if "open" in files.kinds():
            files.answer("open", **FILE)
        files.answer("set_contents", **FILE)
    assert [one.type for one in files.done] == ["ok", "ok"]


def test_lc_12_a_notice_that_comes_twice_is_heard_once(files):
    files.told(files.modified(1))
    files.told(files.modified(1), files.modified(2, index=41))
    files.read()
    heard = files.done[0].value[1]["heard"]
    assert [(number, index) for _, _, number, _, _, index, _, _ in heard] == [(1, 40), (2, 41)]


def test_lc_10_a_visit_opens_an_ephemeral_file_and_the_next_one_closes_it(files):
    files.invoke("visit", "e1")
    assert files.open("open").body["ephemeral"] is True
    files.answer("open", **FILE)
    files.invoke("visit", "e1")
    files.answer("close")
    assert [one.value[1]["did"] for one in files.done] == ["enter", "leave"]


def test_a_read_that_nobody_answers_fails_and_a_write_stays_open(files):
    files.told(recall(1))
    files.read()
    files.until(1600)
    assert files.done.pop().type == "fail"
    files.told()
    files.invoke("write", "f1", contents="y")
    files.until(3400)
    assert files.done.pop().type == "info"


def test_closing_ends_the_session_and_the_cache(files):
    files.invoke("close", None)
    files.answer("close_session")
    files.read()
    assert files.kinds() == ["open_session"]


def test_lc_5_a_session_that_the_master_says_is_over_is_reported(files):
    files.refuse("keep_alive", 22, reason="session_expired")
    files.read()
    files.answer("open_session", session=8, epoch=3, lease_ms=2000, grace_ms=5000)
    files.answer("get", **FILE)
    (over,) = files.done[0].value[1]["sessions_over"]
    assert (over["session"], over["told"], over["at_ns"] < over["until_ns"]) == (7, True, True)
