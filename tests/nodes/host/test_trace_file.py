"""The trace: whole lines, with time and incarnation; a torn last line is removed."""

from __future__ import annotations

import json

from keelhaul.nodes.host.trace_file import TraceFile


def test_a_line_holds_time_incarnation_and_the_record(tmp_path):
    trace = TraceFile(tmp_path / "trace.jsonl", 3)
    trace.write(17, [{"type": "vote", "to": "n2"}, {"type": "ü\n"}])
    trace.close()
    assert (tmp_path / "trace.jsonl").read_text().splitlines() == [
        '{"time":17,"incarnation":3,"type":"vote","to":"n2"}',
        '{"time":17,"incarnation":3,"type":"\\u00fc\\n"}',
    ]


def test_a_new_incarnation_goes_on_behind_the_last_whole_line(tmp_path):
    path = tmp_path / "trace.jsonl"
    path.write_text('{"time":1,"incarnation":1,"type":"boot"}\n{"time":2,"incarn')
    trace = TraceFile(path, 2)
    trace.write(5, [{"type": "boot"}])
    trace.close()
    assert [json.loads(line)["incarnation"] for line in path.read_text().splitlines()] == [1, 2]


def test_a_file_with_only_a_torn_line_is_emptied(tmp_path):
    path = tmp_path / "trace.jsonl"
    path.write_text('{"time"')
    TraceFile(path, 1).close()
    assert path.read_text() == ""
