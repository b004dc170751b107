"""`keelhaul check`: judge a stored history again."""

from __future__ import annotations

from pathlib import Path

import click

from keelhaul.harness.cli import options


@click.command
@click.argument("path")
@options.store
@options.as_json
def command(path: str, store: Path, as_json: bool) -> int:
    """Judge the history in the folder PATH, or the newest run's with `latest`.

    A run that was cut off leaves a prefix; it is judged as far as it goes.
    """
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
