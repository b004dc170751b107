"""The whole report: what it says, that it is one file, and that nothing in a history can act in it."""

import json

import pytest

from keelhaul.checkers.history import NEMESIS, History, Row
from keelhaul.checkers.verdict import Result, Verdict
from keelhaul.harness.report import plots
from keelhaul.harness.report.data import ReportData
from keelhaul.harness.report.page import page, write_report

SECOND = 1_000_000_000
RECORD = {
    "verdict": "invalid",
    "reasons": ["linearizability: nothing explains the read at row 4"],
    "seed": 7,
    "environment": "simulation",
    "run": "store/raft-register/now-7",
    "operations": {"invoke": 3, "ok": 2, "fail": 0, "info": 1},
    "faults": [{"kind": "partition", "requested": 4, "in_force": 1, "skipped": 3}],
    "leader_changes": 5,
    "checkers": {
        "linearizability": {"verdict": "invalid", "reason": "r"},
        "lost": {"verdict": "unknown", "reason": "gone"},
    },
    "reproduce": "keelhaul run scenarios/raft-register.toml --seed 7",
}
RESULTS = {
    "linearizability": Result(Verdict.INVALID, "nothing explains it", {"operations": [4], "key": "k-17"}),
    "stats": Result(Verdict.VALID),
}


@pytest.fixture
def history(history_of, nemesis_row):
    cut = {"n1": ["n2"], "n2": ["n1"]}
    return history_of(
        (0, "invoke", 0, "write", [0, 1]),
        nemesis_row(1, "start-partition", "invoke", fault=0, shape="halves"),
        nemesis_row(2, "start-partition", "done", fault=0, shape="halves", outcome="in_force", grudge=cut),
        (5_000_000, "ok", 0, "write", [0, 1]),
        (6_000_000, "invoke", 1, "read", [0, None]),
        (SECOND, "invoke", 0, "write", [0, 2]),
        (2 * SECOND, "ok", 1, "read", [0, 9]),
        (3 * SECOND, "info", 0, "write", [0, 2], "timeout"),
        nemesis_row(4 * SECOND, "heal", "done", faults=[0], outcome="lifted"),
    )


def report(history, **more):
    return ReportData(**{"history": history, "record": RECORD, "results": RESULTS, "scenario": "raft-register"} | more)


def test_the_essentials_are_readable_without_a_script(history, read_page):
    read = read_page(page(report(history, scenario_text="[workload]\nname = 'register'")))
    assert read.problems == []
    text = read.text()
    for words in (
        "✗ invalid",
        "raft-register in simulation, seed 7",
        "nothing explains the read at row 4",
        "keelhaul run scenarios/raft-register.toml --seed 7",
        "3 invoked: 2 ok, 0 fail, 1 info",
        "store/raft-register/now-7",
        "name = 'register'",
        "▼ named",
        "k-17",
        "✓ valid",
        "? unknown",
        "gone",
        "halves n1 | n2",
        "in force",
        "4.000 s",
    ):
        assert words in text, words


def rows_of(text):
    """The tables' rows, as lists of cells' texts."""
    rows = text.replace("</th>", "</td>").split("<tr>")[1:]
    return [[cell.rsplit(">", 1)[-1] for cell in row.split("</td>")[:-1]] for row in rows]


def test_the_tables_hold_the_numbers(history):
    rows = rows_of(page(report(history)))
    assert ["write", "2", "1", "0", "1", "5 ms", "5 ms", "5 ms", "5 ms"] in rows
    assert ["all", "3", "2", "0", "1"] in [row[:5] for row in rows]
    assert ["partition", "4", "1", "3"] in rows
    assert ["4", "1", "0.006 s", "1.99 s", "read", "[0,null]", "ok", "[0,9]", "", "▼ named"] in [
        [*row[:-1], "▼ named"] for row in rows
    ]


def test_the_plots_data_comes_out_as_it_went_in(history, read_page):
    data = read_page(page(report(history))).data()
    assert [operation[-1] for operation in data["operations"]] == [0, 2, 0]
    assert [(band["kind"], band["end"]) for band in data["bands"]] == [(0, 4 * SECOND)]
    assert data["kinds"] == ["partition"]
    assert data["rates"]["series"]["ok"] == [1, 0, 1, 0]


def test_the_file_needs_nothing_else(history, tmp_path, read_page):
    write_report(tmp_path, report(history))
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert text.replace("http://www.w3.org/2000/svg", "").count("://") == 0
    attributes = {name for _, found in read_page(text).elements for name in found}
    assert not attributes & {"src", "href", "srcset", "action"}
    assert "default-src 'none'" in text
    assert "unsafe" not in text


def test_the_policy_names_exactly_the_script_and_the_style(history, read_page):
    import base64
    import hashlib

    read = read_page(page(report(history)))
    policy = next(found["content"] for tag, found in read.elements if "content-security-policy" in str(found).lower())
    for tag in ("style", "script"):
        text = [text for of, text in read.texts if of == tag][-1]
        assert f"{tag}-src 'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy


HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "<!--<script>",
    "'\"><svg onload=alert(1)>",
    "${title} $policy %s {0}",
    "\u2028\u2029\ud800\x00\x1b[2J\u202e",
    "&lt;b&gt;",
]


@pytest.mark.parametrize("evil", HOSTILE)
def test_hostile_strings_are_inert_everywhere(evil, tmp_path, read_page):
    rows = [
        (0, "invoke", 0, evil, {evil: [evil]}),
        (1, "info", NEMESIS, f"start-{evil}", {"phase": "invoke", "fault": evil}),
        (
            2,
            "info",
            NEMESIS,
            f"start-{evil}",
            {"phase": "done", "fault": evil, "outcome": evil, "nodes": [evil], "reason": evil},
        ),
        (3, "ok", 0, evil, evil, evil),
        (
            4,
            "info",
            NEMESIS,
            f"start-{evil}",
            {"phase": "done", "fault": 1, "outcome": "in_force", "grudge": {evil: [evil]}},
        ),
    ]
    history = History.of(Row(index, *row) for index, row in enumerate(rows))
    record = {key: evil for key in ("verdict", "seed", "environment", "run", "leader_changes", "reproduce")} | {
        "reasons": [evil],
        "operations": {"ok": evil},
        "faults": [{"kind": evil, "requested": evil}],
        "checkers": {evil: {"verdict": evil, "reason": evil}},
    }
    results = {evil: Result(Verdict.INVALID, evil, {"operations": [0], evil: evil})}
    data = ReportData(history=history, record=record, results=results, scenario=evil, scenario_text=evil)
    write_report(tmp_path, data)
    read = read_page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert read.problems == []
    assert read.tags().count("script") == 2
    assert "img" not in read.tags()
    assert not [found for _, found in read.elements if any(name.startswith("on") for name in found)]
    assert any(evil.splitlines()[0].strip("\ud800\x00\x1b[2J\u202e\u2028") in text for text in read.data()["strings"])


@pytest.mark.parametrize(
    "record",
    [{}, {"verdict": None, "reasons": None, "faults": None, "checkers": None, "operations": None}, {"reasons": "x"}],
)
def test_an_empty_history_and_an_empty_record_make_a_report(record, read_page):
    read = read_page(page(ReportData(history=History.of([]), record=record)))
    assert read.problems == []
    assert "the history is empty" in read.text().lower()
    assert "figure" not in read.tags()
    assert read.data()["operations"] == []


def test_a_history_without_a_success_makes_a_report(history_of, read_page):
    read = read_page(page(report(history_of((0, "invoke", 0, "read", None), (0, "fail", 0, "read", None)))))
    assert read.problems == []
    assert "–" in read.text()


def test_what_is_not_drawn_is_said(history, monkeypatch, read_page):
    monkeypatch.setattr(plots, "OPERATIONS_DRAWN_MAX", 1)
    read = read_page(page(report(history)))
    assert "Drawn are 1 of 3 operations" in read.text()
    assert len(read.data()["operations"]) == 1
    assert sum(map(sum, read.data()["rates"]["series"].values())) == 3


def test_details_that_json_cannot_hold_are_survived(history, read_page):
    details = {1: {2, 3}, "deep": json.loads("[" * 900 + "]" * 900)}
    results = {"odd": Result(Verdict.UNKNOWN, "why", details), "mixed": Result(Verdict.UNKNOWN, "why", {"a": object()})}
    assert read_page(page(report(history, results=results))).problems == []
