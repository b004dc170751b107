"""The report of one run: one HTML file that needs nothing else, neither network nor server.

The data is inlined as JSON; the page's own script draws it. A content security policy lets exactly that one script and
that one style sheet act, so that nothing in a history could run even if it got past the escaping.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from string import Template

from keelhaul.harness.report.data import ReportData
from keelhaul.harness.report.faults import bands_of
from keelhaul.harness.report.markup import escaped, joined, json_for_script
from keelhaul.harness.report.named import NamedGroup, named_groups
from keelhaul.harness.report.plots import drawn, plot_data
from keelhaul.harness.report.sections import (
    checkers_section,
    facts_section,
    faults_section,
    headline,
    named_section,
    plots_section,
    verdict_section,
)
from keelhaul.harness.report.stats import stats_section
from keelhaul.harness.report.wording import verdict_words
from keelhaul.harness.store import REPORT, write_whole


def write_report(folder: Path, data: ReportData) -> None:
    """Write `report.html` into the run's folder. It appears whole or not at all."""
    write_whole(folder / REPORT, page(data).encode())


def page(data: ReportData) -> str:
    """Return the whole page."""
    style, script = _asset("report.css"), _asset("report.js")
    groups = named_groups(data.history, data.results)
    named = _marks(groups)
    bands = bands_of(data.history)
    operations = drawn(data.history.operations, named)
    body = joined(
        (
            verdict_section(data),
            facts_section(data),
            named_section(groups),
            plots_section(operations, data.history, any_named=bool(named)),
            stats_section(data.history),
            faults_section(bands, data.record),
            checkers_section(data.results, data.record),
        )
    )
    title = f"{verdict_words(data.record.get('verdict', 'unknown'))} {headline(data)}".strip()
    return Template(_asset("report.html")).substitute(
        policy=f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}",
        title=escaped(title),
        style=style,
        body=body,
        data=json_for_script(plot_data(data.history, operations, bands, named)),
        script=script,
    )


def _marks(groups: Iterable[NamedGroup]) -> dict[int, bool]:
    """Return the named operations, by the rows of their invocations, and whether a verdict is about them."""
    marks: dict[int, bool] = {}
    for member in (member for group in groups for member in group.members):
        marks[member.operation.invoked] = member.central or marks.get(member.operation.invoked, False)
    return marks


def _asset(name: str) -> str:
    return (resources.files(__package__) / "assets" / name).read_text(encoding="utf-8")


def _source(text: str) -> str:
    """Return how a content security policy names an inline script or style sheet: by its hash."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
