"""Judging again: the same verdict from the same evidence, and refusals for what is no evidence."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from keelhaul.harness.check import check
from keelhaul.harness.systems import SYSTEMS
from keelhaul.harness.validation import UsageError
from keelhaul.nodes.raft.node import Raft


@pytest.fixture
def valid(runs, small):
    return runs.run(small)


def same(record, finished):
    """Whether the record is the stored one, but for what only the run itself knows."""
    only_there = ("crashes", "interrupted", "history_sha256")
    return record == {name: value for name, value in finished.record.items() if name not in only_there}


def test_a_valid_run_is_valid_again(valid, listening):
    assert same(check(valid.folder, listening), valid)
    assert listening.sentences == []


def test_an_invalid_run_is_invalid_again_for_the_same_reasons(runs, small, listening):
    for seed in range(1, 21):
        finished = runs.run(replace(small, seed=seed, mutant="reply-before-commit"))
        if finished.record["verdict"] == "invalid":
            break
    record = check(finished.folder, listening)
    assert record["verdict"] == "invalid"
    assert same(record, finished)


def test_crashes_are_remembered(runs, small, listening, monkeypatch):
    step, steps = Raft.step, []

    def failing(node, now_ns, event):
        steps.append(event)
        assert len(steps) != 3000, "a rule is broken"
        return step(node, now_ns, event)

    monkeypatch.setattr(Raft, "step", failing)
    finished = runs.run(small)
    monkeypatch.setattr(Raft, "step", step)
    assert finished.record["checkers"]["crashes"]["verdict"] == "invalid"
    assert same(check(finished.folder, listening), finished)


def test_a_history_that_was_changed_is_judged_as_it_is_and_that_is_said(valid, listening):
    path = valid.folder / "history.jsonl"
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    read = next(row for row in rows if row["type"] == "ok" and row["f"] == "read")
    read["value"][1] = 999_999_999
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    record = check(valid.folder, listening)
    assert record["verdict"] == "invalid"
    assert "999999999" in record["reasons"][0]
    assert listening.sentences == [
        "this isn't the history that the stored verdict was given for: it has been changed since"
    ]


# --- runs that were cut off


def cut_off(folder, content):
    """What a harness leaves that was killed: no verdict, no report, no traces."""
    for name in ("verdict.json", "report.html"):
        (folder / name).unlink()
    shutil.rmtree(folder / "nodes")
    (folder / "history.jsonl").write_bytes(content)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_run_that_was_killed_is_judged_as_far_as_it_goes(valid, listening, share):
    content = (valid.folder / "history.jsonl").read_bytes()
    cut_off(valid.folder, content[: int(len(content) * share)])
    record = check(valid.folder, listening)
    assert record["verdict"] == "unknown"
    assert record["leader_changes"] is None
    assert any("cut short" in reason or "ends before" in reason for reason in record["reasons"])


def test_a_history_that_was_truncated_after_its_verdict_is_refused(valid, listening):
    path = valid.folder / "history.jsonl"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(UsageError, match="breaks off in the middle: the file is truncated"):
        check(valid.folder, listening)


def test_a_foreign_history_with_a_torn_line_is_refused(valid, listening, tmp_path):
    (tmp_path / "history.jsonl").write_bytes((valid.folder / "history.jsonl").read_bytes()[:-3])
    with pytest.raises(UsageError, match="truncated"):
        check(tmp_path, listening)


# --- a history alone


def test_a_history_alone_is_judged_as_registers(valid, listening, tmp_path):
    shutil.copy(valid.folder / "history.jsonl", tmp_path)
    record = check(tmp_path, listening)
    assert record["checkers"]["linearizable"]["verdict"] == "valid"
    assert record["operations"] == valid.record["operations"]
    assert record["scenario"] == tmp_path.name


def test_a_history_alone_is_of_no_system_that_we_know(valid, small, listening, tmp_path):
    shutil.copy(valid.folder / "history.jsonl", tmp_path)
    record = check(tmp_path, listening)
    assert set(SYSTEMS[small.system].invariants) & set(valid.record["checkers"])
    assert not set(SYSTEMS[small.system].invariants) & set(record["checkers"])
    assert record["reproduce"].endswith(f"check {tmp_path}")


def test_an_empty_history_is_a_prefix_with_nothing_in_it(listening, tmp_path):
    (tmp_path / "history.jsonl").touch()
    record = check(tmp_path, listening)
    assert record["verdict"] == "unknown"
    assert record["operations"] == {"invoke": 0, "ok": 0, "fail": 0, "info": 0}


@pytest.mark.parametrize(
    "value",
    ["[" * 900 + "]" * 900, "null", "5", '"text"', "[]", '["k"]', '["k",1,2]', '[["k"],1]', '{"k":1}', "[null,[1]]"],
)
@pytest.mark.parametrize("f", ["read", "write", "cas", "add"])
def test_operations_that_no_register_has_are_unknown_and_no_failure(listening, tmp_path, f, value):
    rows = [
        f'{{"index":0,"time":0,"type":"invoke","process":0,"f":"{f}","value":{value}}}\n',
        f'{{"index":1,"time":1,"type":"ok","process":0,"f":"{f}","value":{value}}}\n',
    ]
    (tmp_path / "history.jsonl").write_text("".join(rows))
    assert check(tmp_path, listening)["verdict"] in ("unknown", "invalid")


@pytest.mark.parametrize(
    "value", ["null", "5", '{"phase":5}', '{"phase":"done","fault":[1],"outcome":{}}', '{"fault":' + "9" * 40 + "}"]
)
@pytest.mark.parametrize("f", ["start-kill", "stop-kill", "heal", "start-", ""])
def test_odd_rows_of_a_nemesis_are_no_failure(listening, tmp_path, f, value):
    row = f'{{"index":0,"time":0,"type":"info","process":"nemesis","f":"{f}","value":{value}}}\n'
    (tmp_path / "history.jsonl").write_text(row)
    assert check(tmp_path, listening)["verdict"] == "unknown"


# --- what can't be read


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("history.jsonl", b"\x00\xff", "history.jsonl: line 1"),
        ("verdict.json", b"{", "verdict.json"),
        ("verdict.json", b'{"crashes":5}', "verdict.json: crashes: 5"),
        ("plan.json", b"[]", "plan.json: "),
        ("scenario.toml", b"name = 5", "scenario.toml: name: 5"),
        ("nodes/n1/trace.jsonl", b"{]\n{}\n", "trace.jsonl: line 1"),
        ("nodes/n3/trace.jsonl", b"\xff\n", "trace.jsonl: line 1"),
    ],
)
def test_damaged_files_are_refused_with_their_name(valid, listening, name, content, problem):
    (valid.folder / name).write_bytes(content)
    with pytest.raises(UsageError) as refused:
        check(valid.folder, listening)
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    "record", [b"{}\n", b'{"type":5}\n', b'{"type":"role","role":"leader"}\n', b'{"type":"commit","index":"x"}\n']
)
def test_traces_of_another_shape_are_unknown_and_no_failure(valid, listening, record):
    (valid.folder / "nodes" / "n1" / "trace.jsonl").write_bytes(record)
    assert check(valid.folder, listening)["verdict"] in ("unknown", "invalid")


def test_missing_traces_are_unknown(valid, listening):
    (valid.folder / "nodes" / "n1" / "trace.jsonl").unlink()
    record = check(valid.folder, listening)
    assert record["verdict"] == "unknown"
    assert record["checkers"]["raft-invariants"]["verdict"] == "unknown"
