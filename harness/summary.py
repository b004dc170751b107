"""What the terminal says at the end: of one run, and of many.

The first line is the verdict, the last is the command that repeats what happened. Commands and paths are never
wrapped, so that they can be copied; everything that may come from a history is shown without markup or control
characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from keelhaul.harness.report.wording import printable, verdict_words

if TYPE_CHECKING:
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

STYLES = {"valid": "bold cyan", "unknown": "bold yellow", "invalid": "bold magenta"}
FAILURES_SHOWN_MAX = 50


def console_for(stream: TextIO) -> Console:
    """Return a console that writes to the stream and takes nothing in a text for markup. NO_COLOR and FORCE_COLOR
    are honoured."""
    from rich.console import Console

    survive_any_character(stream)
    return Console(file=stream, markup=False, highlight=False, emoji=False)


def survive_any_character(stream: TextIO) -> None:
    """Let the stream write what its encoding lacks as escapes, instead of failing."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def run_summary(console: Console, record: Mapping[str, Any], folder: Path) -> None:
    """Print how a run ended. `record` is what verdict.json holds; parts that are missing are left out."""
    from keelhaul.harness.store import REPORT

    console.print()
    console.print(_verdict(record.get("verdict", "unknown")))
    for reason in record.get("reasons", ()):
        console.print(_indented(str(reason)))
    _counts(console, record)
    _faults(console, record.get("faults", ()))
    _checkers(console, record.get("checkers", {}))
    _line(console, "store", str(folder))
    if (folder / REPORT).is_file():
        _line(console, "report", str(folder / REPORT))
    if record.get("reproduce"):
        _line(console, "reproduce", str(record["reproduce"]))


def torture_summary(console: Console, rows: Sequence[Mapping[str, Any]], totals: Mapping[str, Any]) -> None:
    """Print how many runs ended: those that were not valid, invalid ones first, with the command that repeats each;
    then the totals."""
    not_valid = [row for row in rows if row.get("verdict") != "valid"]
    failures = sorted(not_valid, key=lambda row: row.get("verdict") != "invalid")
    console.print()
    for row in failures[:FAILURES_SHOWN_MAX]:
        _failure(console, row)
    if len(failures) > FAILURES_SHOWN_MAX:
        console.print(_text(f"… and {len(failures) - FAILURES_SHOWN_MAX} more that are not valid"))
    runs = totals.get("runs", len(rows))
    counts = ", ".join(f"{totals.get(word, 0)} {word}" for word in ("valid", "invalid", "unknown"))
    total = f"  {runs} {'run' if runs == 1 else 'runs'}: {counts}"
    console.print(_verdict(totals.get("verdict", "unknown")) + _text(total), soft_wrap=True)


def _failure(console: Console, row: Mapping[str, Any]) -> None:
    console.print(_verdict(row.get("verdict")) + _text(f"  seed {row.get('seed', '?')}"), soft_wrap=True)
    console.print(_indented(str(row.get("reason", ""))))
    _unwrapped(console, f"  {row.get('run', '')}")
    _unwrapped(console, f"  {row.get('reproduce', '')}")


def _counts(console: Console, record: Mapping[str, Any]) -> None:
    operations = record.get("operations")
    if operations:
        counts = ", ".join(f"{operations.get(word, 0)} {word}" for word in ("ok", "fail", "info"))
        _line(console, "operations", f"{operations.get('invoke', 0)} invoked: {counts}")
    if record.get("leader_changes") is not None:
        _line(console, "leader changes", str(record["leader_changes"]))


def _faults(console: Console, faults: Iterable[Mapping[str, Any]]) -> None:
    table = _table("Fault", "Requested", "In force", "Skipped")
    for fault in faults:
        table.add_row(*(_text(fault.get(key, "")) for key in ("kind", "requested", "in_force", "skipped")))
    if table.row_count:
        console.print(table)


def _checkers(console: Console, checkers: Mapping[str, Mapping[str, Any]]) -> None:
    table = _table("Checker", "Verdict", "Reason")
    for name, result in checkers.items():
        table.add_row(_text(name), _verdict(result.get("verdict")), _text(result.get("reason", "")))
    if table.row_count:
        console.print(table)


def _table(*columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        numeric = column in ("Requested", "In force", "Skipped")
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    return table


def _line(console: Console, label: str, content: str) -> None:
    _unwrapped(console, f"{label:<14}  {content}")


def _indented(content: str) -> Padding:
    from rich.padding import Padding

    return Padding(_text(content), (0, 0, 0, 2), expand=False)


def _unwrapped(console: Console, content: str) -> None:
    console.print(_text(content), soft_wrap=True)


def _verdict(verdict: Any) -> Text:
    from rich.text import Text

    return Text(verdict_words(verdict), style=STYLES.get(str(verdict), "bold"), no_wrap=True)


def _text(content: Any) -> Text:
    from rich.text import Text

    return Text(printable(str(content)))
