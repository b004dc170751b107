"""`keelhaul replay`: the same simulated run again, and proof that it is the same."""

from __future__ import annotations

from pathlib import Path

import click

from keelhaul.harness.cli import options


@click.command
@click.argument("path")
@options.store
def command(path: str, store: Path) -> int:
    """Run the simulation stored in the folder PATH again. Exit 0 if every byte of its history is the same, else 1."""
    from keelhaul.harness import exit_codes
    from keelhaul.harness.console import Quiet
    from keelhaul.harness.replay import replay
    from keelhaul.harness.store import find_folder

    folder = find_folder(path, store)
    replayed = replay(folder, Quiet())
    if not replayed.same:
        click.echo(f"different: {replayed.difference}")
        return exit_codes.INVALID
    click.echo(f"the same history, byte for byte: sha256 {replayed.sha256}")
    if "verdict" in replayed.stored:
        click.echo(f"its verdict: {replayed.stored['verdict']}")
        for reason in replayed.stored.get("reasons", []):
            click.echo(f"  {reason}")
    return exit_codes.VALID
