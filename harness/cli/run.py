"""`keelhaul run`: one scenario, one seed, one verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from keelhaul.harness.cli import options


@click.command
@options.scenario_argument
@options.environment
@click.option("--seed", type=click.IntRange(min=0), help="What everything random comes from.  [default: 1]")
@options.nodes
@options.time_limit
@options.rate
@options.concurrency
@options.mutant
@options.fail_fast
@options.store
@options.as_json
@click.option("--quiet", is_flag=True, help="Show no progress, only the end.")
def command(scenario: Path, store: Path, as_json: bool, quiet: bool, **changes: Any) -> int:
    """Run SCENARIO once and judge what was recorded."""
    from keelhaul.harness import codec, console, exit_codes
    from keelhaul.harness.run import execute
    from keelhaul.harness.scenario import chosen_by

    chosen = chosen_by(scenario, changes)
    observer = console.make_observer(quiet=quiet, json=as_json)
    try:
        finished = execute(chosen, store, observer)
        observer.finished(finished.record, finished.folder)
    finally:
        observer.close()
    if as_json:
        click.echo(codec.encode_line(finished.record), nl=False)
    return exit_codes.of_run(finished.record["verdict"], interrupted=finished.interrupted)
