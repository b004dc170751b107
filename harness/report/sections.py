"""The parts of the page that need no script: verdict, facts, tables. All of it is rendered here, so that the report
also says what matters in a mail client, in a text browser and on paper."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from keelhaul.checkers.history import History, Operation
from keelhaul.checkers.verdict import Result
from keelhaul.harness.report.data import ReportData
from keelhaul.harness.report.faults import Band
from keelhaul.harness.report.markup import Markup, element, joined, table
from keelhaul.harness.report.named import Named, NamedGroup
from keelhaul.harness.report.wording import cut, duration, moment, shown, verdict_words

NAMED_ROWS_MAX = 100
NAMED_GROUPS_MAX = 20
DETAILS_CHARACTERS_MAX = 20_000
_VERDICTS = ("valid", "invalid", "unknown")


def verdict_class(verdict: Any) -> str:
    """Return the CSS class of a verdict."""
    return verdict if verdict in _VERDICTS else "unknown"


def verdict_section(data: ReportData) -> Markup:
    """Return the verdict and its reasons, in words."""
    verdict = data.record.get("verdict", "unknown")
    title = element("h1", verdict_words(verdict), class_="verdict")
    what = element("p", headline(data)) if headline(data) else Markup("")
    reasons = [element("li", reason) for reason in _list(data.record.get("reasons"))]
    told = element("ul", *reasons) if reasons else Markup("")
    return element("header", title, what, told, class_=verdict_class(verdict))


def headline(data: ReportData) -> str:
    """Return what was run, in one phrase."""
    record = data.record
    where = f"in {record['environment']}" if record.get("environment") else ""
    seed = f"seed {record['seed']}" if record.get("seed") is not None else ""
    return ", ".join(part for part in (f"{data.scenario} {where}".strip(), seed) if part)


def facts_section(data: ReportData) -> Markup:
    """Return the run's facts: how to repeat it, where it is, how much happened."""
    record = data.record
    counts = record.get("operations")
    operations = (
        f"{counts.get('invoke', 0)} invoked: "
        + ", ".join(f"{counts.get(name, 0)} {name}" for name in ("ok", "fail", "info"))
        if isinstance(counts, Mapping)
        else None
    )
    facts: list[tuple[str, Any]] = [
        ("reproduce", element("pre", record["reproduce"]) if record.get("reproduce") else None),
        ("scenario", data.scenario),
        ("environment", record.get("environment")),
        ("seed", record.get("seed")),
        ("run", record.get("run")),
        ("length", moment(data.history.rows[-1].time) if data.history.rows else None),
        ("operations", operations),
        ("leader changes", record.get("leader_changes")),
    ]
    pairs = [joined((element("dt", name), element("dd", fact))) for name, fact in facts if fact not in (None, "")]
    text = _folded("the scenario, resolved", data.scenario_text) if data.scenario_text else Markup("")
    return joined((element("dl", *pairs, class_="facts"), text))


def checkers_section(results: Mapping[str, Result], record: Mapping[str, Any]) -> Markup:
    """Return what each checker said, with its details folded away."""
    rows = []
    for name, said in _checkers(results, record).items():
        details = results[name].details if name in results else {}
        folded = _folded("details", _details(details)) if details else Markup("")
        verdict = element("span", verdict_words(said[0]), class_=f"verdict {verdict_class(said[0])}")
        rows.append((name, verdict, joined((said[1], folded))))
    columns = (("checker", ""), ("verdict", ""), ("reason", "reason"))
    return element("section", element("h2", "Checkers"), table(columns, rows, "No checker ran."))


def _checkers(results: Mapping[str, Result], record: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    told = {name: (result.verdict.value, result.reason) for name, result in results.items()}
    recorded = record.get("checkers")
    for name, said in recorded.items() if isinstance(recorded, Mapping) else ():
        told.setdefault(name, (said.get("verdict"), said.get("reason", "")))
    return told


def named_section(groups: Sequence[NamedGroup]) -> Markup:
    """Return the operations that checkers named, one table for each violation; nothing if there are none."""
    columns = (
        ("row", "number"), ("process", "number"), ("invoked", "time"), ("took", "number"), ("f", ""),
        ("value", "value"), ("outcome", ""), ("result", "value"), ("error", "value"), ("role", ""),
    )  # fmt: skip
    parts = []
    for group in groups[:NAMED_GROUPS_MAX]:
        rows = (_named_row(member) for member in group.members[:NAMED_ROWS_MAX])
        parts.append(joined((element("h3", group.title), table(columns, rows, ""))))
        parts.append(_more(len(group.members) - NAMED_ROWS_MAX, "operations"))
    parts.append(_more(len(groups) - NAMED_GROUPS_MAX, "violations"))
    title = element("h2", "Operations named by the checkers")
    return element("section", title, *parts) if groups else Markup("")


def _more(count: int, noun: str) -> Markup:
    return element("p", f"… and {count} more {noun}", class_="note") if count > 0 else Markup("")


def _named_row(member: Named) -> tuple[Any, ...]:
    operation = member.operation
    took = "open" if operation.completed_ns is None else duration(operation.completed_ns - operation.invoked_ns)
    role = element("strong", f"▼ {member.role}", class_="named") if member.central else member.role
    return (
        operation.invoked, operation.process, moment(operation.invoked_ns), took, operation.f, shown(operation.value),
        operation.outcome, shown(operation.result), shown(operation.error), role,
    )  # fmt: skip


def faults_section(bands: Sequence[Band], record: Mapping[str, Any]) -> Markup:
    """Return how often each kind of fault was requested and in force, and every single fault."""
    kinds = [
        [kind.get(key, "") for key in ("kind", "requested", "in_force", "skipped")]
        for kind in _list(record.get("faults"))
        if isinstance(kind, Mapping)
    ]
    columns = (("kind", ""), ("requested", "number"), ("in force", "number"), ("skipped", "number"))
    counted = table(columns, kinds, "No faults were requested.")
    if not bands:
        return element("section", element("h2", "Faults"), counted)
    single = (("kind", ""), ("start", "number"), ("end", "number"), ("what", "value"), ("outcome", "reason"))
    every = table(single, (_fault_row(band) for band in bands), "")
    return element("section", element("h2", "Faults"), counted, element("h2", "Each fault"), every)


def _fault_row(band: Band) -> tuple[Any, ...]:
    start = "–" if band.start_ns is None else moment(band.start_ns)
    end = "–" if band.start_ns is None else "end of the run" if band.end_ns is None else moment(band.end_ns)
    return band.kind, start, end, band.what, f"{band.outcome}: {band.reason}" if band.reason else band.outcome


def plots_section(operations: Sequence[Operation], history: History, *, any_named: bool) -> Markup:
    """Return the places that the script draws in, with a legend and what to know about them. `operations` are those
    that are drawn."""
    title = element("h2", "Operations, latencies and rates over time")
    if not history.rows:
        return element("section", title, element("p", "The history is empty: there is nothing to draw.", class_="note"))
    noscript = element("noscript", element("p", "The plots need JavaScript; everything else on this page doesn't."))
    figures = [element("figure", element("figcaption", text), data_plot=name, data_label=text) for name, text in _PLOTS]
    cut_short = _cut_short(operations, len(history.operations))
    return element("section", title, cut_short, noscript, _legend(any_named), element("div", id="controls"), *figures)


def _cut_short(operations: Sequence[Operation], total: int) -> Markup:
    if len(operations) == total:
        return Markup("")
    begin, end = moment(operations[0].invoked_ns), moment(operations[-1].invoked_ns)
    return element(
        "p",
        f"Drawn are {len(operations):,} of {total:,} operations, invoked between {begin} and {end}. The tables and the "
        "rates cover all.",
        class_="note",
    )


_PLOTS = (
    ("timeline", "Operations by process, from invocation to completion, and the faults behind them. Drag to zoom, "
     "double-click for the whole run; arrow keys walk from operation to operation."),
    ("latency", "Latency, logarithmic, by the time of invocation"),
    ("rate", "Completions per second: ok solid, fail dashed, info dotted"),
)  # fmt: skip


def _legend(any_named: bool) -> Markup:
    entries = [
        ("ok", "M2 1h18v10h-18z", "ok"),
        ("fail", "M2 6h18v5h-18z", "fail: took no effect (half height; ✕ among the latencies)"),
        ("info", "M2 1.5h18v9h-18z", "info: nobody knows (hollow; ◇ among the latencies)"),
    ]
    entries += (
        [("named-mark", "M11 11l-6 -10h12z", "what a verdict is about; outlined: what a checker names with it")]
        if any_named
        else []
    )
    marks = [
        element(
            "span", element("svg", element("path", class_=kind, d=path), viewBox="0 0 22 12", aria_hidden="true"), text
        )
        for kind, path, text in entries
    ]
    return element("p", *marks, class_="legend")


def _folded(title: str, text: str) -> Markup:
    return element("details", element("summary", title), element("pre", text))


def _details(details: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(details, ensure_ascii=False, indent=1, default=repr)
    except (RecursionError, ValueError, TypeError):
        return "(details that can't be shown)"
    return cut(text, DETAILS_CHARACTERS_MAX)


def _list(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else ()
