"""What a report is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from keelhaul.checkers.history import History
from keelhaul.checkers.verdict import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """One run: its history, its verdict record (what verdict.json holds) and what each checker said, with details.

    `scenario` is its name, `scenario_text` the resolved file; both may be unknown, as may any part of the record.
    """

    history: History
    record: Mapping[str, Any]
    results: Mapping[str, Result] = field(default_factory=dict)
    scenario: str = ""
    scenario_text: str = ""
