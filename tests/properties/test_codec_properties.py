"""Laws of history files: what is written is read, and whatever else is there is read or refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelhaul.checkers.history import History, Row
from keelhaul.harness.codec import UnreadableHistory, encode_row, read_history
from keelhaul.harness.plan_file import read_plan
from keelhaul.harness.store import PLAN, VERDICT, read_verdict
from keelhaul.harness.validation import UsageError


def json_of(value):
    return json.dumps(value).encode()


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def histories(draw):
    """Rows of a legal history: each process invokes and completes in turn; times stand still or go on."""
    rows, now_ns, under_way = [], 0, {}
    for _ in range(draw(st.integers(0, 12))):
        now_ns += draw(st.integers(0, 2**40))
        process = draw(st.integers(0, 3) | st.just("nemesis"))
        if process == "nemesis":
            rows.append(Row(len(rows), now_ns, "info", process, draw(TEXTS), draw(VALUES)))
        elif process in under_way:
            f, outcome = under_way.pop(process), draw(st.sampled_from(["ok", "fail"]))
            rows.append(Row(len(rows), now_ns, outcome, process, f, draw(VALUES), draw(VALUES)))
        else:
            under_way[process] = draw(TEXTS)
            rows.append(Row(len(rows), now_ns, "invoke", process, under_way[process], draw(VALUES)))
    return rows


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder for one file after the other."""
    return tmp_path_factory.mktemp("codec")


def read(place, content, **more):
    """The history in these bytes, or None if they were refused, with the file's name and in a few lines."""
    path = place / "history.jsonl"
    path.write_bytes(content)
    try:
        return read_history(path, **more)
    except UnreadableHistory as error:
        said = str(error)
    assert said.startswith(f"{path}: ")
    assert len(said) < 1000
    return None


@given(histories())
def test_what_is_written_is_read(place, rows):
    assert read(place, b"".join(map(encode_row, rows))) == History(tuple(rows))


@given(histories(), st.data())
def test_of_a_file_that_was_cut_off_the_whole_lines_are_read(place, rows, data):
    content = b"".join(map(encode_row, rows))
    cut = content[: data.draw(st.integers(0, len(content)))]
    whole = cut.count(b"\n")
    assert read(place, cut, forgive_torn_tail=True) == History(tuple(rows[:whole]))
    assert (read(place, cut) is None) == (not cut.endswith(b"\n") and bool(cut))


@given(st.binary(max_size=300) | st.text(alphabet='{}[]",:\\u0invokeftimdprcsaly1-. \n', max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(place, content):
    for forgive in (False, True):
        found = read(place, content, forgive_torn_tail=forgive)
        assert found is None or isinstance(found, History)


@given(histories(), st.data())
def test_a_damaged_file_is_read_or_refused(place, rows, data):
    content = bytearray(b"".join(map(encode_row, rows)) or b"\n")
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    found = read(place, bytes(content))
    assert found is None or len(found) <= content.count(b"\n")


DOCUMENTS = st.binary(max_size=100) | VALUES.map(lambda value: repr(value).encode(errors="replace"))
KEYS = st.sampled_from(["faults", "requested", "id", "kind", "start_ns", "stop_ns", "target", "shape"])
OBJECTS = st.recursive(
    st.none() | st.integers(-1, 9) | st.sampled_from(["kill", "partition", "halves", "one"]) | VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=12,
)


def refused(read_file, folder):
    """Whether a file was refused as a person's mistake; what was read otherwise."""
    try:
        return read_file(folder)
    except UsageError as error:
        problems = error.problems
    assert problems
    return None


@given(DOCUMENTS | st.dictionaries(KEYS, OBJECTS, max_size=3).map(json_of))
def test_any_plan_file_is_read_or_refused(place, content):
    (place / PLAN).write_bytes(content)
    plan = refused(read_plan, place)
    assert plan is None or all(fault.start_ns <= fault.stop_ns for fault in plan.faults)


FIELDS = st.sampled_from(["verdict", "reasons", "crashes", "history_sha256", "interrupted", "seed"])


@given(DOCUMENTS | st.dictionaries(FIELDS, VALUES, max_size=4).map(json_of))
def test_any_verdict_file_is_read_or_refused(place, content):
    (place / VERDICT).write_bytes(content)
    record = refused(read_verdict, place)
    if record is not None:
        assert all(isinstance(crash, str) for crash in record.get("crashes", []))
        assert isinstance(record.get("interrupted", False), bool)
