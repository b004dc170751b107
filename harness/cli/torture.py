"""`keelhaul torture`: many seeds of one scenario."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import click

from keelhaul.harness.cli import options

SEEDS_MAX = 10_000_000


def seed_range(text: str) -> range:
    """Read A-B (both included), A..B, or one number."""
    found = re.fullmatch(r"([0-9]{1,18})(?:(?:-|\.\.)([0-9]{1,18}))?", text)
    if not found:
        raise click.BadParameter(f"{text!r} isn't a range of seeds such as 1-200")
    first, last = int(found[1]), int(found[2] or found[1])
    if not 0 <= last - first < SEEDS_MAX:
        raise click.BadParameter(f"{text!r} is empty or holds more than {SEEDS_MAX} seeds")
    return range(first, last + 1)


@click.command
@options.scenario_argument
@click.option("--seeds", type=seed_range, metavar="A-B", required=True, help="Which seeds, for instance 1-200.")
@click.option("--jobs", type=click.IntRange(1, 256), help="How many at once.  [default: a simulation a core, else 1]")
@options.environment
@options.nodes
@options.time_limit
@options.rate
@options.concurrency
@options.mutant
@click.option("--fail-fast", is_flag=True, help="Stop at the first invalid run.")
@options.store
@options.as_json
@click.option("--quiet", is_flag=True, help="Show no progress, only the end.")
def command(
    scenario: Path,
    seeds: range,
    jobs: int | None,
    fail_fast: bool,
    store: Path,
    as_json: bool,
    quiet: bool,
    **changes: Any,
) -> int:
    """Run SCENARIO with many seeds; keep failing runs in full, valid ones in brief."""
    from keelhaul.harness import codec, exit_codes
    from keelhaul.harness.scenario import chosen_by
    from keelhaul.harness.torture import torture
    from keelhaul.harness.torture_console import make_torture_observer

    chosen = chosen_by(scenario, changes)
    if jobs is None:
        jobs = (os.cpu_count() or 1) if chosen.environment == "simulation" else 1
    observer = make_torture_observer(quiet=quiet, json=as_json)
    try:
        summary = torture(chosen, seeds, jobs, store, observer, fail_fast=fail_fast)
    finally:
        observer.close()
    if as_json:
        named = ("seed", "run", "verdict", "reason", "reproduce")
        failures = [{name: getattr(row, name) for name in named} for row in summary.failures]
        click.echo(codec.encode_line({**summary.totals, "failures": failures}), nl=False)
    return exit_codes.of_runs(
        summary.totals["verdict"], interrupted=summary.interrupted, harness_failed=summary.harness_failed
    )
