"""Laws of log recovery, for any records and any damage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelhaul.nodes.storage import CorruptLog, encode_header, encode_record, recover

HEADER = encode_header("c", "n1")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.lists(st.lists(VALUES, min_size=1, max_size=4), max_size=6)


def written(records):
    return HEADER + b"".join(encode_record(record) for record in records)


def ends(records):
    """Where the header and each record end."""
    return [len(written(records[:count])) for count in range(len(records) + 1)]


@given(RECORDS)
def test_all_that_was_written_is_read(records):
    found = recover(written(records), "c", "n1")
    assert (list(found.records), found.good_bytes, found.torn) == (records, len(written(records)), False)


@given(RECORDS, st.data())
def test_a_cut_anywhere_leaves_the_whole_records_before_it(records, data):
    whole = written(records)
    cut = data.draw(st.integers(0, len(whole)))
    found = recover(whole[:cut], "c", "n1")
    good = max((end for end in ends(records) if end <= cut), default=0)
    assert found.good_bytes == good
    assert found.torn == (good < cut)
    assert list(found.records) == records[: ends(records).index(good) if good else 0]


@given(RECORDS, st.binary(max_size=40), st.data())
def test_a_cut_with_rubbish_behind_it_never_loses_or_invents_a_record(records, rubbish, data):
    whole = written(records)
    cut = data.draw(st.integers(len(HEADER), len(whole)))
    found = recover(whole[:cut] + rubbish, "c", "n1")
    kept = sum(end <= cut for end in ends(records)) - 1
    # Rubbish may by chance complete the record that was cut.
    assert list(found.records) in (records[:kept], records[: kept + 1])


@given(RECORDS, st.integers(1, 255), st.data())
def test_a_changed_byte_is_refused_or_hits_only_the_last_record(records, flip, data):
    whole = bytearray(written(records))
    position = data.draw(st.integers(0, len(whole) - 1))
    whole[position] ^= flip
    hit = sum(end <= position for end in ends(records))  # 0 is the header
    if hit < len(records) or hit == 0:
        with pytest.raises(CorruptLog):
            recover(bytes(whole), "c", "n1")
    else:
        found = recover(bytes(whole), "c", "n1")
        assert (list(found.records), found.torn) == (records[:-1], True)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    try:
        found = recover(data, "c", "n1")
    except CorruptLog:
        return
    assert 0 <= found.good_bytes <= len(data)
