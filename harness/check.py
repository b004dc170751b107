"""Judging a stored history again: the same checkers on the same evidence, or on as much of it as there is.

A folder that holds no more than a `history.jsonl` is judged as registers. A run without a verdict was cut off: its
last line may be torn, and what precedes it is judged. In any other file a torn line means that it was truncated, and
it is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keelhaul.harness import codec, plan_file, scenario, store
from keelhaul.harness.judge import judge
from keelhaul.harness.progress import Observer
from keelhaul.harness.scenario import Scenario
from keelhaul.harness.validation import UsageError


def check(folder: Path, observer: Observer) -> dict[str, Any]:
    """Judge the run in `folder`; return the verdict record. UsageError if its files can't be read."""
    is_run = (folder / store.SCENARIO).is_file()
    stored = store.read_verdict(folder)
    try:
        history = codec.read_history(folder / store.HISTORY, forgive_torn_tail=is_run and not stored)
    except codec.UnreadableHistory as error:
        raise UsageError([str(error)]) from None
    chosen = (
        scenario.load(folder / store.SCENARIO)
        if is_run
        else Scenario(name=folder.name, system="raft", workload="register", workload_options={"keys": 1})
    )
    if stored.get("history_sha256") not in (None, store.sha256_of(folder / store.HISTORY)):
        observer.said("this isn't the history that the stored verdict was given for: it has been changed since")
    try:
        traces = store.read_traces(folder, chosen.members) if is_run else None
    except ValueError as error:
        raise UsageError([str(error)]) from None
    plan = plan_file.read_plan(folder) if (folder / store.PLAN).is_file() else None
    return judge(chosen, plan, history, traces, folder, tuple(stored.get("crashes", ()))).record
