"""`keelhaul export`: a recorded history for another checker."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TextIO

import click

from keelhaul.harness.cli.check import FORMATS

EXPORTS = ("edn", "porcupine")
"""The same as export.EXPORTS; written again so that `--help` needs no import, and kept equal by a test."""


@click.command
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--to", "target", type=click.Choice(EXPORTS), default="edn", show_default=True, help="For whom.")
@click.option("--format", "format_name", type=click.Choice(FORMATS), help="The file's format.  [default: detected]")
@click.option(
    "--failed-cas",
    type=click.Choice(("ignore", "observe")),
    default="ignore",
    show_default=True,
    help="For porcupine: leave out a cas that failed, or hand it on.",
)
@click.option("--key", help="Only the operations on this key, as JSON, without the key: Knossos knows no keys.")
@click.option("--output", type=click.File("w", encoding="utf-8"), default="-", help="Where to.  [default: the screen]")
def command(
    path: Path,
    target: str,
    format_name: str | None,
    failed_cas: Literal["ignore", "observe"],
    key: str | None,
    output: TextIO,
) -> int:
    """Write the history in PATH, a file or a run's folder, for another checker.

    edn is a map a line, as Knossos and Elle read it. porcupine is a JSON array that decodes into []porcupine.Operation.
    """
    from keelhaul.harness.export import export

    for line in export(path, target, format_name, failed_cas, key):
        output.write(line + "\n")
    return 0
