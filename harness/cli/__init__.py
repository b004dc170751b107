"""The `keelhaul` command: one file a sub-command, and one place where failures become exit codes.

Nothing heavy is imported here or at the head of a command's file, so that `keelhaul --help` stays quick. Once a command
is imported, its module is a name of this package too: no name of ours and no builtin that is used here may be a
command's (`run`, `list`).
"""

from __future__ import annotations

import sys
import traceback
from importlib import import_module

import click

from keelhaul.harness import exit_codes

COMMANDS = ("run", "torture", "check", "export", "replay", "list", "doctor", "clean", "completion")


class _Commands(click.Group):
    """Loads a command's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"keelhaul.harness.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS:
            from keelhaul.harness.validation import unknown_name

            raise click.UsageError(unknown_name("keelhaul", args[0], COMMANDS, "command"), ctx)
        return super().resolve_command(ctx, args)


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="keelhaul", prog_name="keelhaul")
def cli() -> None:
    """Torture consensus: run a cluster and a workload under faults, and judge the recorded history.

    Exit codes: 0 valid, 1 invalid, 2 unknown, 130 interrupted, 254 usage, 255 the harness itself failed.
    """


def main() -> None:
    """Run the command line and exit."""
    sys.exit(run_command_line(sys.argv[1:]))


def run_command_line(arguments: list[str]) -> int:
    """Run a command line; return the exit code. Every failure that a person can mend is told without a traceback."""
    from keelhaul.harness.environments.environment import SetupError
    from keelhaul.harness.validation import UsageError

    try:
        code = cli.main(arguments, prog_name="keelhaul", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return exit_codes.USAGE
    except UsageError as error:
        for problem in error.problems:
            click.echo(f"keelhaul: {problem}", err=True)
        return exit_codes.USAGE
    except SetupError as error:
        click.echo(f"keelhaul: {error}", err=True)
        return exit_codes.HARNESS_FAILED
    except (KeyboardInterrupt, click.Abort):
        click.echo("keelhaul: interrupted", err=True)
        return exit_codes.INTERRUPTED
    except BrokenPipeError:
        return exit_codes.HARNESS_FAILED
    except Exception:
        traceback.print_exc()
        click.echo(
            "keelhaul: the harness itself failed; this is a bug in keelhaul, not in the system under test", err=True
        )
        return exit_codes.HARNESS_FAILED
    return code if isinstance(code, int) else exit_codes.VALID
