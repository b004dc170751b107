"""Formats under random input: what one writes another reads; whatever is fed in is read, or refused with its place."""

from __future__ import annotations

import json

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from keelhaul.checkers.formats import FORMATS, FormatError, Recorded, read
from keelhaul.checkers.formats.edn import EdnReader
from keelhaul.checkers.formats.export import ExportError, to_edn, to_porcupine
from keelhaul.checkers.linearizability.operations import OPEN
from keelhaul.checkers.values import freeze, thaw

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
scalars = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
elements = st.none() | st.lists(st.integers(-5, 5), max_size=3)
transactions = st.lists(st.tuples(st.sampled_from(["r", "append"]), st.integers(0, 3), elements), max_size=3).map(
    lambda micros: [list(micro) for micro in micros]
)


@st.composite
def rows(draw):
    """A history's rows, as JSON objects: several processes, any values, transactions, outcomes of all kinds."""
    written, open_of = [], {}
    for _ in range(draw(st.integers(0, 12))):
        process = draw(st.integers(0, 3))
        if process in open_of:
            row = open_of.pop(process) | {"type": draw(st.sampled_from(["ok", "fail", "info"]))}
            if row["f"] != "txn":
                row["value"] = draw(values)
        else:
            f = draw(st.sampled_from(["read", "write", "txn", "cas"]))
            row = {
                "process": process,
                "type": "invoke",
                "f": f,
                "value": draw(transactions if f == "txn" else values),
            }
            open_of[process] = row
        written.append(row)
    return written


def order(recorded):
    """What a verdict rests on: who did what with which outcome, and the order of events (not their row numbers)."""
    events = sorted([*recorded.invoked, *(row for row in recorded.returned if row != OPEN)])
    rank = {row: at for at, row in enumerate(events)} | {OPEN: OPEN}
    return (
        recorded.f,
        [thaw(value) for value in recorded.argument],
        [rank[row] for row in recorded.invoked],
        [rank[row] for row in recorded.returned],
        recorded.failed,
    )


@given(rows())
def test_json_is_read_as_it_was_written(written):
    lines = "".join(json.dumps(row) + "\n" for row in written)
    recorded = read((lines or "[]").encode())
    assert repr(read(json.dumps(written, ensure_ascii=False).encode())) == repr(recorded)
    invocations = [row for row in written if row["type"] == "invoke"]
    assert repr(recorded.argument) == repr([freeze(row["value"]) for row in invocations])
    assert recorded.process == [row["process"] for row in invocations]


@given(rows())
def test_what_is_exported_to_edn_says_the_same(written):
    recorded = read(json.dumps(written).encode())
    lines = list(to_edn(recorded))
    again = read("\n".join(lines).encode() or b"[]", "edn")
    assert repr(order(again)) == repr(order(recorded))
    assert repr(again.result) == repr(recorded.result)


@given(rows())
def test_no_process_of_an_export_goes_on_after_an_info(written):
    again = read("\n".join(to_edn(read(json.dumps(written).encode()))).encode() or b"[]", "edn")
    last = {process: at for at, process in enumerate(again.process)}
    assert all(last[again.process[at]] == at for at, row in enumerate(again.returned) if row == OPEN)


@given(rows())
def test_porcupine_gets_an_array_of_intervals(written):
    operations = read(json.dumps(written).encode()).operations(failed_cas="observe")
    try:
        found = json.loads("".join(to_porcupine(operations)))
    except ExportError:
        event("a number that JSON doesn't have")
        return
    assert [row["Call"] for row in found] == list(operations.invoked)
    known = max([0, *operations.invoked, *(row for row in operations.returned if row != OPEN)])
    for at, row in enumerate(found):
        is_open = operations.returned[at] == OPEN
        assert row["Call"] < row["Return"]
        assert (row["Output"] is None) == is_open
        assert is_open == (row["Return"] > known)


@given(values)
def test_an_edn_value_survives(value):
    recorded = Recorded(f=["write"], argument=[freeze(value)], result=[None], invoked=[0], returned=[OPEN], process=[0])
    (line, _) = to_edn(recorded)
    assert repr(read(line.encode()).argument) == repr([freeze(value)])


PIECES = [
    *"{}[]()\"\\;\n\t ,:-0r", ":type", ":invoke", ":ok", ":process", ":f", ":value", ":key", "nil", "1", "#_", "#{",
    "#x", '"type":', '"invoke"', '"process":',
]  # fmt: skip
SAMPLE = b"""{:process 0, :type :invoke, :f :txn, :value [[:append 9 1] [:r "x" nil]]}
{:process 0, :type :ok, :f :txn, :value [[:append 9 1] [:r "x" [1 2]]]}
{"process": 1, "type": "invoke", "f": "read", "value": [1, {"a": null}]}
INFO  jepsen.util - 3\t:invoke\t:cas\t[1 2]
"""


def is_read_or_refused(data):
    """Feed data to all readers; each answers with operations, or with a place that lies in the text."""
    for name in [None, *FORMATS]:
        error = refusal(data, name)
        if error is not None:
            assert 1 <= error.line <= data.count(b"\n") + 1
            assert error.column >= 1
            assert str(error).isprintable()


def refusal(data, name):
    """Read it, and return why it can't be; None if it can."""
    try:
        read(data, name).operations(failed_cas="observe")
    except FormatError as error:
        return error
    return None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    is_read_or_refused(data)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=40))
@example(["{", ":type", " ", ":invoke", " ", "#_", "}"])
@example(["[", "#_", "]"])
def test_any_pieces_are_read_or_refused(pieces):
    is_read_or_refused("".join(pieces).encode())


@settings(max_examples=300)
@given(st.integers(0, len(SAMPLE)), st.integers(0, 12), st.sampled_from([b"", *(piece.encode() for piece in PIECES)]))
def test_a_damaged_history_is_read_or_refused(at, length, instead):
    is_read_or_refused(SAMPLE[:at] + instead + SAMPLE[at + length :])


@given(st.text(max_size=60))
def test_an_edn_reader_ends_where_a_value_ends(text):
    try:
        value, end = EdnReader(text).value()
    except FormatError:
        return
    again, end_again = EdnReader(text[:end]).value()
    assert (repr(again), end_again) == (repr(value), end)
