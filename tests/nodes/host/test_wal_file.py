"""The log file: what survives, what is refused, and that nothing is reported before it is on disk."""

from __future__ import annotations

import os
from queue import SimpleQueue
from threading import Event

import pytest

from keelhaul.nodes.host.wal_file import LogInUse, WalFile
from keelhaul.nodes.storage import CorruptLog, encode_header, encode_record


@pytest.fixture
def path(tmp_path):
    return tmp_path / "wal"


def open_log(path, **more):
    return WalFile(path, "c", "n1", **more)


def write(log, *groups):
    """Append, wait until all is durable, close; return the tickets that were reported."""
    tickets = []
    log.start(tickets.append)
    for ticket, records in enumerate(groups, start=1):
        log.append(ticket, records)
    log.close()
    return tickets


def test_records_come_back_and_incarnations_count_up(path):
    first = open_log(path)
    assert (first.incarnation, first.records) == (1, ())
    assert write(first, (["vote", 1], ["entry", 2]), (), (["entry", 3],))[-1] == 3
    second = open_log(path)
    assert (second.incarnation, second.records) == (2, (["vote", 1], ["entry", 2], ["entry", 3]))
    second.close()
    third = open_log(path)
    assert (third.incarnation, third.records) == (3, second.records)
    third.close()


def test_a_ticket_is_reported_only_after_its_bytes_were_synced(path):
    allowed, synced, reported = Event(), [], SimpleQueue()

    def slow_sync(descriptor):
        if allowed.is_set() or not synced:  # the first sync is that of the boot record
            synced.append(path.read_bytes())
            return
        entered.set()
        assert allowed.wait(10)
        synced.append(path.read_bytes())

    entered = Event()
    log = open_log(path, sync=slow_sync)
    log.start(reported.put)
    log.append(1, (["entry", "one"],))
    assert entered.wait(10)
    log.append(2, (["entry", "two"],))
    log.append(3, (["entry", "three"],))
    assert reported.empty()
    allowed.set()
    log.close()
    assert [reported.get(), reported.get()] == [1, 3]
    # Two and three came while the disk was busy, so they went together: one write, one sync.
    assert len(synced) == 3
    assert encode_record(["entry", "one"]) in synced[1]
    assert synced[2].endswith(encode_record(["entry", "two"]) + encode_record(["entry", "three"]))


def test_the_boot_record_is_synced_before_anything_else_happens(path):
    synced = []
    log = open_log(path, sync=lambda descriptor: synced.append(path.read_bytes()))
    log.close()
    assert synced == [encode_header("c", "n1") + encode_record(["boot", 1])]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_g5_a_failed_sync_stops_the_node_and_is_never_tried_again(path):
    calls, reported, reasons = [], [], []

    def fail(reason):
        reasons.append(reason)
        raise SystemExit

    def failing_sync(descriptor):
        calls.append(descriptor)
        if len(calls) > 1:
            raise OSError(5, "Input/output error")

    log = open_log(path, sync=failing_sync, fail=fail)
    log.start(reported.append)
    log.append(1, (["entry", 1],))
    log.append(2, (["entry", 2],))
    log.close()
    assert reported == []
    assert len(calls) == 2
    assert len(reasons) == 1
    assert "Input/output error" in reasons[0]


def test_a_disk_that_stopped_stops_the_node(path, monkeypatch):
    monkeypatch.setattr("keelhaul.nodes.host.wal_file.QUEUED_WRITES_MAX", 2)

    def fail(reason):
        raise SystemExit(reason)

    log = open_log(path, fail=fail)
    log.append(1, ())
    log.append(2, ())
    with pytest.raises(SystemExit, match="2 writes wait for the disk"):
        log.append(3, ())
    log.close()


@pytest.mark.parametrize("torn", [b"\0\0\0", b"\0" * 4096, encode_record(["entry", "never acknowledged"])[:-3]])
def test_a_torn_tail_is_cut_off_for_good(path, torn):
    write(open_log(path), (["entry", 1],))
    with path.open("ab") as file:
        file.write(torn)
    log = open_log(path)
    assert log.records == (["entry", 1],)
    write(log, (["entry", 2],))
    whole = [["boot", 1], ["entry", 1], ["boot", 2], ["entry", 2]]
    assert path.read_bytes() == encode_header("c", "n1") + b"".join(map(encode_record, whole))


def test_a_torn_header_is_written_again(path):
    path.write_bytes(encode_header("c", "n1")[:7])
    log = open_log(path)
    assert (log.incarnation, log.records) == (1, ())
    write(log, (["entry", 1],))
    assert path.read_bytes().startswith(encode_header("c", "n1") + encode_record(["boot", 1]))


def test_damage_in_the_middle_is_refused_and_left_as_it_is(path):
    write(open_log(path), (["entry", "abc"], ["entry", "def"]))
    damaged = path.read_bytes().replace(b"abc", b"abd")
    path.write_bytes(damaged)
    with pytest.raises(CorruptLog):
        open_log(path)
    assert path.read_bytes() == damaged


def test_only_one_process_may_write(path):
    log = open_log(path)
    with pytest.raises(LogInUse):
        open_log(path)
    log.close()
    open_log(path).close()


def test_a_node_may_not_write_the_hosts_records(path):
    log = open_log(path)
    with pytest.raises(ValueError, match="'boot' are the host's own"):
        log.append(1, (["boot", 7],))
    log.close()


def test_short_writes_are_completed(path, monkeypatch):
    whole_write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: whole_write(descriptor, bytes(data[:3])))
    write(open_log(path), (["entry", "x" * 100],))
    monkeypatch.undo()
    log = open_log(path)
    assert log.records == (["entry", "x" * 100],)
    log.close()
