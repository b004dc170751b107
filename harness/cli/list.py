"""`keelhaul list`: what there is to run, with what, and against what."""

from __future__ import annotations

import sys
from pathlib import Path

import click

WHAT = ("systems", "workloads", "faults", "mutants", "environments", "scenarios", "models", "algorithms")


@click.command
@click.argument("what", type=click.Choice(WHAT), required=False)
def command(what: str | None) -> int:
    """List systems, workloads, faults, mutants, environments, scenarios, models, algorithms, or all of them."""
    for name in WHAT if what is None else (what,):
        if what is None:
            click.echo(f"{name}:")
        for item, says in _rows(name):
            click.echo(f"  {item:<22} {says}".rstrip())
    return 0


def _rows(what: str) -> list[tuple[str, str]]:
    from keelhaul.harness.systems import SYSTEMS
    from keelhaul.nemesis.planner import KINDS
    from keelhaul.nodes.mutants import MUTANTS
    from keelhaul.workloads.registry import WORKLOADS

    if what == "systems":
        return [(system.name, system.does) for system in SYSTEMS.values()]
    if what == "workloads":
        return [(kind.name, kind.does) for kind in WORKLOADS.values()]
    if what == "faults":
        return [(kind, says) for kind, says in KINDS.items()]
    if what == "mutants":
        return [(mutant.name, f"{mutant.system}: breaks {mutant.breaks}") for mutant in MUTANTS.values()]
    if what in ("models", "algorithms"):
        return _rows_of_the_checker(what)
    if what == "environments":
        from keelhaul.harness.environments.environment import ENVIRONMENTS

        return [(name, says) for name, says in ENVIRONMENTS.items()]
    return [(str(path), "") for path in sorted(Path("scenarios").glob("*.toml"))]


def _rows_of_the_checker(what: str) -> list[tuple[str, str]]:
    from keelhaul.checkers.linearizability.portfolio import ALGORITHMS
    from keelhaul.checkers.models.registry import MODELS

    if what == "models":
        return [(name, ", ".join(make().functions)) for name, make in MODELS.items()]
    heads = {name: sys.modules[decide.__module__].__doc__ or "" for name, decide in ALGORITHMS.items()}
    return [(name, head.partition("\n")[0]) for name, head in heads.items()]
