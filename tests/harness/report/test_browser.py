"""The page in a real browser, where there is one: the script draws and complains about nothing."""

import shutil
import subprocess

import pytest

from keelhaul.checkers.verdict import Result, Verdict
from keelhaul.harness.report.data import ReportData
from keelhaul.harness.report.page import write_report

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here to render the report with")


def rendered(folder):
    """The document after its script has run, and what the browser's console said."""
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        f"--user-data-dir={folder}/profile",
    ]
    command = [CHROMIUM, *flags, "--dump-dom", (folder / "report.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if ":CONSOLE" in line]


def test_the_script_draws_and_hostile_strings_do_nothing(history_of, nemesis_row, tmp_path):
    evil = "</script><img src=x onerror=\"document.title='broken into'\">"
    history = history_of(
        (0, "invoke", 0, evil, evil),
        nemesis_row(1, "start-partition", "done", fault=0, outcome="in_force", grudge={"n1": [evil]}),
        (2, "invoke", 1, "read", None),
        (2, "ok", 1, "read", evil),
        (90_000_000, "fail", 0, evil, None, evil),
        (95_000_000, "invoke", 2, "read", None),
    )
    results = {"linearizability": Result(Verdict.INVALID, evil, {"operations": [0]})}
    write_report(tmp_path, ReportData(history=history, record={"verdict": "invalid"}, results=results))
    document, said = rendered(tmp_path)
    assert said == []
    assert "broken into</title>" not in document
    assert "<img" not in document
    for drawn in (
        '<path class="ok" d="M',
        '<path class="fail" d="M',
        '<path class="info" d="M',
        '<path class="dots ok" d="M',
    ):
        assert drawn in document
    assert document.count('<path class="named" d="M') == 2
    assert "▼ named operations" in document


def test_an_empty_history_is_drawn_without_complaint(history_of, tmp_path):
    write_report(tmp_path, ReportData(history=history_of(), record={}))
    assert rendered(tmp_path)[1] == []
