"""The log file's format: what is read back, what is cut off, what is refused."""

from __future__ import annotations

import zlib

import pytest

from keelhaul.nodes import storage
from keelhaul.nodes.storage import CorruptLog, Recovery, encode_header, encode_record, recover

HEADER = encode_header("c", "n1")


def read(data: bytes) -> Recovery:
    return recover(data, "c", "n1")


def test_an_empty_file_is_a_new_one():
    assert read(b"") == Recovery((), 0, torn=False)


def test_records_come_back_in_order():
    data = HEADER + encode_record(["vote", 1, "n2"]) + encode_record(["entry", 1, {"ü": [None, 1.5]}])
    assert read(data) == Recovery((["vote", 1, "n2"], ["entry", 1, {"ü": [None, 1.5]}]), len(data), torn=False)


def test_half_a_surrogate_pair_survives():
    assert read(HEADER + encode_record(["entry", "\ud800"])).records == (["entry", "\ud800"],)


@pytest.mark.parametrize("record", [[], ("vote", 1), {"a": 1}, "vote"])
def test_what_recovery_would_not_read_is_not_written(record):
    with pytest.raises(ValueError, match="a record is a list"):
        encode_record(record)


def test_a_record_over_the_limit_is_not_written(monkeypatch):
    monkeypatch.setattr(storage, "RECORD_BYTES_MAX", 20)
    assert encode_record(["x" * 16])
    with pytest.raises(ValueError, match="21 bytes; at most 20"):
        encode_record(["x" * 17])


@pytest.mark.parametrize("tail", [b"\0", b"\0" * 4096, b"\xff" * 50, b"garbage", encode_record(["entry", 2])[:-1]])
def test_a_torn_tail_is_cut_off(tail):
    good = HEADER + encode_record(["entry", 1])
    assert read(good + tail) == Recovery((["entry", 1],), len(good), torn=True)


def test_a_torn_header_is_written_again():
    assert read(HEADER[:10]) == Recovery((), 0, torn=True)
    assert read(HEADER[:10] + b"\0" * 10) == Recovery((), 0, torn=True)


@pytest.mark.parametrize("data", [b"# somebody's notes\n", HEADER[:-1] + b"?", b"x" * 500])
def test_a_file_that_never_was_a_log_is_refused(data):
    with pytest.raises(CorruptLog, match="no header"):
        read(data)


@pytest.mark.parametrize("header", [encode_header("c", "n2"), encode_header("d", "n1")])
def test_somebody_elses_log_is_refused(header):
    with pytest.raises(CorruptLog, match="isn't that of node 'n1'"):
        read(header + encode_record(["entry", 1]))


def test_damage_with_a_valid_record_behind_it_is_refused():
    damaged = bytearray(encode_record(["entry", 1]))
    damaged[-2] ^= 1
    with pytest.raises(CorruptLog, match="valid records follow"):
        read(HEADER + bytes(damaged) + encode_record(["entry", 2]))


def test_a_whole_record_that_cannot_be_read_is_no_torn_tail():
    for payload in (b"[1,", b"{}x", b'{"a":1}', b"[" * 5000):
        frame = len(payload).to_bytes(4, "big") + zlib.crc32(payload).to_bytes(4, "big") + payload
        with pytest.raises(CorruptLog, match="the record at byte"):
            read(HEADER + frame)


def test_a_hostile_tail_runs_into_the_budget(monkeypatch):
    monkeypatch.setattr(storage, "SEARCH_BYTES_MAX", 10_000)
    looks_like_a_frame = b"\0\0\x01\xf8????["
    tail = (looks_like_a_frame * 10).ljust(512, b" ")[:511] + b"]"
    with pytest.raises(CorruptLog, match="too many to try"):
        read(HEADER + b"!" + tail * 50)


def test_the_search_costs_nothing_where_nothing_looks_like_a_frame(monkeypatch):
    monkeypatch.setattr(storage, "SEARCH_BYTES_MAX", 0)
    torn = encode_record(["entry", ["x" * 100] * 20_000])[:-1]
    assert read(HEADER + torn) == Recovery((), len(HEADER), torn=True)
