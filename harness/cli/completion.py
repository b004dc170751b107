"""`keelhaul completion`: the script that makes a shell complete our commands."""

from __future__ import annotations

import click


@click.command
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def command(shell: str) -> int:
    """Print SHELL's completion script; for bash: eval "$(keelhaul completion bash)"."""
    from click.shell_completion import get_completion_class

    from keelhaul.harness.cli import cli

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "keelhaul", "_KEELHAUL_COMPLETE").source())
    return 0
