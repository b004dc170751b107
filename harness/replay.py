"""Replay: run a stored simulation again and prove that it is the same, byte for byte, or say where it first differs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from keelhaul.harness import plan_file, scenario, store
from keelhaul.harness.progress import Observer
from keelhaul.harness.run import record
from keelhaul.harness.validation import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """`same`: the histories have the same digest. Otherwise `difference` says where they part. `stored` is what
    verdict.json holds."""

    same: bool
    sha256: str
    difference: str
    stored: dict[str, Any]


def replay(folder: Path, observer: Observer) -> Replayed:
    """Run what the folder's scenario.toml and plan.json say; UsageError if it isn't a finished simulation."""
    chosen = scenario.load(folder / store.SCENARIO)
    if chosen.environment != "simulation":
        raise UsageError(
            [
                f"{folder}: this run was made with {chosen.environment}; only simulations can be replayed exactly. "
                f"To run its scenario and plan again: keelhaul run {folder / store.SCENARIO}"
            ]
        )
    stored = store.read_verdict(folder)
    if stored.get("interrupted"):
        raise UsageError(
            [
                f"{folder}: this run was interrupted, at a moment that no replay can hit. "
                f"To run its scenario and plan to their end: keelhaul run {folder / store.SCENARIO}"
            ]
        )
    history = folder / store.HISTORY
    expected = store.sha256_of(history) if history.is_file() else stored.get("history_sha256")
    if expected is None:
        raise UsageError(
            [f"{folder}: neither {store.HISTORY} nor its digest in {store.VERDICT} is there to compare with"]
        )
    with TemporaryDirectory(prefix="keelhaul-replay-") as temporary:
        again = record(chosen, plan_file.read_plan(folder), Path(temporary), observer, brief=True)
        same = again.history_sha256 == expected
        difference = "" if same else _first_difference(history, Path(temporary) / store.HISTORY)
    return Replayed(same=same, sha256=again.history_sha256, difference=difference, stored=stored)


def _first_difference(stored: Path, again: Path) -> str:
    if not stored.is_file():
        return "the digests differ; the stored history was not kept, so there is nothing to compare line by line"
    with stored.open("rb") as left, again.open("rb") as right:
        for number, (old, new) in enumerate(zip_longest(left, right)):
            if old != new:
                return f"row {number} was {_line(old)} and is now {_line(new)}"
    return "the digests differ, the lines don't"


def _line(line: bytes | None) -> str:
    return "missing" if line is None else line.decode(errors="replace").strip()
