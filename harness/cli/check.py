"""`keelhaul check`: judge a stored run again, or histories that anybody recorded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keelhaul.harness.cli import options

if TYPE_CHECKING:
    from keelhaul.harness.check_files import Question

FORMATS = ("edn", "json", "text-log")
"""The same as formats.FORMATS; written again so that `--help` needs no import, and kept equal by a test."""
BUDGET_S, BUDGET_MB = 60.0, 4000.0
FILE_OPTIONS = ("format_name", "failed_cas", "budget_s", "budget_mb", "jobs", "verify", "algorithm", "levels")


@click.command
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--model", help="Check each PATH, a file, against this model; see `keelhaul list models`.")
@click.option("--format", "format_name", type=click.Choice(FORMATS), help="The files' format.  [default: detected]")
@click.option(
    "--failed-cas",
    type=click.Choice(("ignore", "observe")),
    help="What a cas that failed says: nothing, or that the register held another value.  [default: ignore]",
)
@click.option("--algorithm", help="Use this algorithm; see `keelhaul list algorithms`.  [default: by the history]")
@click.option(
    "--budget-s",
    type=click.FloatRange(0, min_open=True),
    help=f"Seconds for each file; then the verdict is unknown.  [default: {BUDGET_S:g}]",
)
@click.option(
    "--budget-mb",
    type=click.FloatRange(0, min_open=True),
    help=f"Megabytes that this process may take; then the verdict is unknown.  [default: {BUDGET_MB:g}]",
)
@click.option(
    "--jobs", type=click.IntRange(1, 256), help="Processes for several files, or for one file's keys.  [default: 1]"
)
@click.option("--verify", is_flag=True, default=None, help="Have each verdict's proof verified independently.")
@click.option("--levels", is_flag=True, default=None, help="Find the strongest level of consistency that holds, too.")
@options.store
@options.as_json
def command(paths: tuple[str, ...], model: str | None, store: Path, as_json: bool, **asked: Any) -> int:
    """Judge the stored run in the folder PATH, or the newest with `latest`. A run that was cut off leaves a prefix; it
    is judged as far as it goes.

    With --model, judge any recorded histories for linearizability: Jepsen's, Knossos's and Elle's EDN, Jepsen's text
    log, JSON Lines. With --json, that prints one object for each file, in order.
    """
    if model is None:
        _refuse_file_options(paths, asked)
        return _check_run(paths[0], store, as_json)
    return _check_files([Path(path) for path in paths], _question(model, asked), as_json)


def _refuse_file_options(paths: tuple[str, ...], asked: dict[str, Any]) -> None:
    given = [_option(name) for name in FILE_OPTIONS if asked[name] is not None]
    if given:
        raise click.UsageError(f"{', '.join(given)} need --model: they are for histories in files, not for stored runs")
    if len(paths) > 1:
        raise click.UsageError("one stored run at a time; several histories in files need --model")


def _option(name: str) -> str:
    return "--" + name.removesuffix("_name").replace("_", "-")


def _check_run(path: str, store: Path, as_json: bool) -> int:
    from keelhaul.harness import codec, console, exit_codes
    from keelhaul.harness.check import check
    from keelhaul.harness.store import find_run

    folder = find_run(path, store)
    observer = console.make_observer(quiet=False, json=as_json)
    try:
        record = check(folder, observer)
        observer.finished(record, folder)
    finally:
        observer.close()
    if as_json:
        click.echo(codec.encode_line(record), nl=False)
    return exit_codes.OF_VERDICT[record["verdict"]]


def _question(model: str, asked: dict[str, Any]) -> Question:
    from keelhaul.harness.check_files import question

    given = {name: value for name, value in asked.items() if value is not None}
    return question(model, **({"budget_s": BUDGET_S, "budget_mb": BUDGET_MB} | given))


def _check_files(paths: list[Path], question: Question, as_json: bool) -> int:
    from keelhaul.harness import codec, exit_codes
    from keelhaul.harness.check_files import check_files, sentence, worst

    unreadable = unproven = False
    verdicts = []
    for record in check_files(paths, question):
        problem = record.pop("problem", None)
        verdicts.append(record["verdict"])
        unreadable |= problem is not None
        unproven |= record.get("verified") is False
        if problem is not None:
            click.echo(f"keelhaul: {problem}", err=True)
        if as_json:
            click.echo(codec.encode_line(record), nl=False)
        elif problem is None:
            click.echo(sentence(record))
    return exit_codes.of_files(worst(verdicts), unreadable=unreadable, unproven=unproven)
