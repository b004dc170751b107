"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

ENVIRONMENTS = ("simulation", "processes", "containers")
"""The same as environment.ENVIRONMENTS; written again so that `--help` needs no import, and kept equal by a test."""

scenario_argument = click.argument("scenario", type=click.Path(path_type=Path))
environment = click.option(
    "--env",
    "environment",
    type=click.Choice(ENVIRONMENTS),
    help="Where the nodes live.  [default: as the scenario says]",
)
store = click.option(
    "--store",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("store"),
    envvar="KEELHAUL_STORE",
    show_default=True,
    help="The folder for all that is recorded.",
)
as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object as the last line on standard output."
)
nodes = click.option("--nodes", type=click.IntRange(1, 31), help="How many nodes.")
time_limit = click.option(
    "--time-limit", "time_limit_s", type=click.FloatRange(0, min_open=True), help="Seconds of the main phase."
)
rate = click.option(
    "--rate", type=click.FloatRange(0, min_open=True), help="Operations a second, all clients together."
)
concurrency = click.option("--concurrency", type=click.IntRange(1, 10_000), help="How many clients.")
mutant = click.option("--mutant", help="Plant this bug; see `keelhaul list mutants`.")
fail_fast = click.option(
    "--fail-fast", is_flag=True, default=None, help="End the run as soon as its history can't be valid any more."
)
