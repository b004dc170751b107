"""History files: what is written, and what anybody may have made of it."""

from __future__ import annotations

import os

import pytest

from keelhaul.checkers.history import Row
from keelhaul.harness import codec
from keelhaul.harness.codec import LINE_BYTES_MAX, UnreadableHistory, decode, encode_row, read_history, read_trace

ROWS = (
    Row(0, 0, "invoke", 3, "write", ["k1", 7]),
    Row(1, 5, "info", "nemesis", "start-kill", {"fault": 0, "phase": "invoke"}),
    Row(2, 9, "fail", 3, "write", ["k1", 7], [11, "not the leader"]),
)
GOOD = b"".join(map(encode_row, ROWS))


@pytest.fixture
def read(tmp_path):
    """Write these bytes as a history, and read them."""
    path = tmp_path / "history.jsonl"

    def read(content, **more):
        path.write_bytes(content)
        return read_history(path, **more)

    return read


def test_a_row_is_one_line_of_json_with_its_fields_in_order():
    assert encode_row(ROWS[0]) == (b'{"index":0,"time":0,"type":"invoke","process":3,"f":"write","value":["k1",7]}\n')
    assert encode_row(ROWS[2]).endswith(b',"error":[11,"not the leader"]}\n')


def test_what_was_written_is_read(read):
    assert read(GOOD).rows == ROWS


def test_an_empty_history_has_no_rows(read):
    assert read(b"").rows == ()


def text(value):
    return f'"{value}"'


def plain(**changes):
    """A row as a line, with the raw JSON of some fields changed; None takes a field away."""
    fields = {"index": "0", "time": "0", "type": text("invoke"), "process": "3", "f": text("write"), "value": "null"}
    kept = {name: raw for name, raw in {**fields, **changes}.items() if raw is not None}
    return ("{" + ",".join(f'"{name}":{raw}' for name, raw in kept.items()) + "}\n").encode()


HOSTILE = {
    "binary": bytes(range(256)) * 64 + b"\n",
    "an empty line": b"\n",
    "no object": b"[1,2]\n",
    "null": b"null\n",
    "not a history": b'{"a": 1}\n',
    "two objects": plain().strip() + plain(),
    "deep": b"[" * 100_000 + b"\n",
    "deep in a value": plain(value="[" * 100_000 + "]" * 100_000),
    "a huge index": plain(index="9" * 50_000),
    "a large index": plain(index="9" * 30),
    "a large time": plain(time="9" * 30),
    "no number": plain(value="NaN"),
    "infinity": plain(value="Infinity"),
    "a number out of range": plain(value="1e999"),
    "a text as index": plain(index=text("0")),
    "a fraction as index": plain(index="0.5"),
    "true as index": plain(index="true"),
    "null as f": plain(f="null"),
    "a list as type": plain(type="[]"),
    "an object as process": plain(process="{}"),
    "invalid UTF-8": plain().replace(b"write", b"wr\xffte"),
    "an overlong form of a letter": plain().replace(b"write", b"\xc1\x81"),
    "half a surrogate pair": plain(f=text("\\ud800")),
    "an unescaped control character": plain(f=text("\x01")),
    **{f"no {name}": plain(**{name: None}) for name in ("index", "time", "type", "process", "f")},
    # JSON that obeys the types and is still no history
    "another first index": plain(index="1"),
    "a negative time": plain(time="-1"),
    "an unknown type": plain(type=text("okay")),
    "a negative process": plain(process="-1"),
    "an unknown process": plain(process=text("n1")),
    "an invoking nemesis": plain(process=text("nemesis")),
    "a completion out of nowhere": plain(type=text("ok")),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("forgive", [False, True])
def test_a_hostile_file_is_refused_with_the_place(read, content, forgive):
    with pytest.raises(UnreadableHistory, match=r"history\.jsonl: (line 1|row 0)") as refused:
        read(content, forgive_torn_tail=forgive)
    assert len(str(refused.value)) < 500
    assert not refused.value.torn


def test_the_line_is_named(read):
    with pytest.raises(UnreadableHistory, match=r"line 4 isn't a history row: .*; it begins '\{\"a\": 1\}'"):
        read(GOOD + b'{"a": 1}\n')
    with pytest.raises(UnreadableHistory, match="row 3: its index is 0; rows are numbered"):
        read(GOOD + encode_row(ROWS[0]))


@pytest.mark.parametrize("end", range(1, len(GOOD)))
def test_a_torn_last_line_is_refused_or_forgiven(read, end):
    torn = GOOD[:end]
    whole = torn.count(b"\n")
    if torn.endswith(b"\n"):
        assert read(torn).rows == ROWS[:whole]
        return
    with pytest.raises(
        UnreadableHistory, match=f"line {whole + 1} breaks off in the middle.*the {whole} above"
    ) as refused:
        read(torn)
    assert refused.value.torn
    assert read(torn, forgive_torn_tail=True).rows == ROWS[:whole]


def test_a_whole_row_without_its_line_end_is_torn_too(read):
    """Nobody knows whether it was the whole row: a number may go on."""
    assert read(GOOD[:-1], forgive_torn_tail=True).rows == ROWS[:2]


def test_damage_before_a_torn_line_is_not_forgiven(read):
    with pytest.raises(UnreadableHistory, match="line 1"):
        read(b"{}\n" + GOOD[:-5], forgive_torn_tail=True)


def test_a_huge_line_is_refused_without_being_read_whole(read, monkeypatch):
    monkeypatch.setattr(codec, "LINE_BYTES_MAX", 1000)
    assert len(read(plain(value=text("x" * 900)))) == 1
    for content in (plain(value=text("x" * 1000)), b"x" * 5000, b" " * 1001 + b"\n"):
        with pytest.raises(UnreadableHistory, match="line 1 is longer than 1000 bytes"):
            read(content, forgive_torn_tail=True)
    assert LINE_BYTES_MAX == 1024 * 1024


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(UnreadableHistory, match="can't be read: No such file or directory"):
        read_history(tmp_path / "nothing")
    with pytest.raises(UnreadableHistory, match="can't be read: Is a directory"):
        read_history(tmp_path)


def test_unknown_fields_are_passed_over(read):
    assert read(plain().replace(b"{", b'{"more":[1],', 1)).rows[0].f == "write"


# --- small documents and traces


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000, b"NaN", b"1 2"])
def test_a_broken_document_is_a_value_error(data):
    with pytest.raises(ValueError):
        decode(data)


def test_documents_for_people_are_indented():
    assert codec.encode_pretty({"a": [1]}) == b'{\n  "a": [\n    1\n  ]\n}\n'
    assert codec.encode_line([1, None]) == b"[1,null]\n"


def test_a_trace_is_read_up_to_its_torn_tail(tmp_path):
    path = tmp_path / "trace.jsonl"
    path.write_bytes(b'{"type":"boot"}\n{"type":"role","term":1}\n{"type":"ro')
    assert read_trace(path) == ({"type": "boot"}, {"type": "role", "term": 1})
    path.write_bytes(b"")
    assert read_trace(path) == ()


@pytest.mark.parametrize("damage", [b"[]\n", b"\n", b"\xff\n", b'{"a":"\xff"}\n', b"[" * 100_000 + b"\n", b'{"type"\n'])
def test_a_damaged_trace_is_refused_with_the_line(tmp_path, damage):
    path = tmp_path / "trace.jsonl"
    path.write_bytes(b'{"type":"boot"}\n' + damage + b'{"type":"boot"}\n')
    with pytest.raises(ValueError, match=r"trace\.jsonl: line 2"):
        read_trace(path)


def test_a_trace_that_cannot_be_read_is_a_value_error(tmp_path):
    with pytest.raises(ValueError, match="can't be read"):
        read_trace(tmp_path)


def test_reading_closes_the_file(read):
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(UnreadableHistory):
        read(b"{}\n")
    assert len(os.listdir("/proc/self/fd")) == before
