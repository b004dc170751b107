"""The faults of a run as people see them: what was hit, from when to when, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keelhaul.checkers.history import History, Row
from keelhaul.harness.report.wording import printable

OUTCOMES = {"in_force": "in force"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One fault. `start_ns` is None if it was skipped, `end_ns` if nothing ended it before the run did; `outcome` is
    in force, skipped or indeterminate, `reason` says why if it is not in force."""

    kind: str
    start_ns: int | None
    end_ns: int | None
    what: str
    outcome: str
    reason: str = ""


def bands_of(history: History) -> tuple[Band, ...]:
    """Return the faults, in the order in which they began or were skipped."""
    begun: dict[Any, tuple[int, Row, Row]] = {}
    ended: dict[Any, int] = {}
    healed: list[tuple[int, int]] = []
    asked: dict[Any, Row] = {}
    for row in history.nemesis:
        value = row.value if isinstance(row.value, dict) else {}
        fault, done = repr(value.get("fault")), value.get("phase") == "done"
        if row.f.startswith("start-"):
            if done:
                begun[fault] = (row.index, asked.get(fault, row), row)
            else:
                asked[fault] = row
        elif done and value.get("outcome") == "lifted" and row.f.startswith("stop-"):
            ended.setdefault(fault, row.time)
        elif done and value.get("outcome") == "lifted":
            healed.append((row.index, row.time))
    return tuple(_band(fault, *begun[fault], ended, healed) for fault in begun)


def _band(
    fault: Any, index: int, asked: Row, row: Row, ended: Mapping[Any, int], healed: list[tuple[int, int]]
) -> Band:
    skipped = row.value.get("outcome") == "skipped"
    heal_ns = next((time for at, time in healed if at > index), None)
    return Band(
        kind=row.f.removeprefix("start-"),
        start_ns=None if skipped else asked.time,
        end_ns=None if skipped else ended.get(fault, heal_ns),
        what=_what(row.value),
        outcome=printable(str(row.value.get("outcome")).replace("_", " ")),
        reason=printable(str(row.value.get("reason", ""))),
    )


def _what(value: Mapping[str, Any]) -> str:
    hit = ""
    if isinstance(value.get("grudge"), dict):
        hit = grudge_words(value["grudge"])
    elif isinstance(value.get("nodes"), list):
        hit = _names(value["nodes"])
    asked = [str(value[key]) for key in ("shape", "target") if value.get(key) and value[key] != hit]
    return printable(" ".join([*asked, hit]).strip())


def grudge_words(grudge: Mapping[str, Sequence[str]]) -> str:
    """Return a grudge (receiver → the senders that it drops) in words: `n1,n3 | n2,n4,n5` for a clean split, else who
    doesn't hear whom."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for receiver, dropped in grudge.items():
        groups.setdefault(tuple(map(str, dropped)), []).append(str(receiver))
    members = sorted({name for dropped, group in groups.items() for name in (*dropped, *group)})
    if all(sorted([*dropped, *group]) == members for dropped, group in groups.items()) and len(groups) > 1:
        return " | ".join(_names(group) for group in groups.values())
    return "; ".join(f"{_names(group)} not hearing {_names(dropped)}" for dropped, group in groups.items())


def _names(names: Sequence[Any]) -> str:
    return ",".join(map(str, names))
