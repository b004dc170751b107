"""`keelhaul clean`: remove what killed runs left; recorded histories are never touched."""

from __future__ import annotations

import click


@click.command
def command() -> int:
    """End node processes and remove containers and networks whose harness is gone. Stored runs stay."""
    from keelhaul.harness.environments.container_leftovers import sweep_containers
    from keelhaul.harness.environments.leftovers import sweep_processes

    removed = [*sweep_processes(), *sweep_containers()]
    for sentence in removed:
        click.echo(sentence)
    if not removed:
        click.echo("nothing was left over")
    return 0
