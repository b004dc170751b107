"""A workload: what clients do to a system, how it is said on the wire, and which checkers judge it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keelhaul.checkers.checker import Checker
from keelhaul.workloads.client import Functions, Protocols
from keelhaul.workloads.draws import Draws
from keelhaul.workloads.generator import Generator, Wanted
from keelhaul.workloads.lasting import LastingClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """The bundle. `operations` is the main phase's endless generator, `finals` must succeed after the heal; before
    them every thread does `farewell`, if there is one, until it succeeds.

    `clients` makes a process' client, given the process, its thread (whose number names the home node) and the nodes;
    None: each operation is a session by itself, and `protocols` says how it is put on the wire.
    """

    name: str
    protocols: Protocols | Functions
    operations: Generator
    finals: tuple[Wanted, ...]
    checkers: dict[str, Checker]
    farewell: Wanted | None = None
    clients: Callable[[int, int, tuple[str, ...]], LastingClient] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadKind:
    """A registered workload: `options` are its settings with their defaults, `make` builds it from them and draws."""

    name: str
    does: str
    systems: tuple[str, ...]
    options: dict[str, int]
    make: Callable[[dict[str, int], Draws], Workload]


def weighted(weights: dict[str, int]) -> tuple[str, ...]:
    """Return each name as often as its weight says: a uniform choice from that is a weighted one."""
    return tuple(name for name, weight in weights.items() for _ in range(weight))


def keyed(key: str, value: Any) -> list[Any]:
    """Make a keyed operation's value, [key, value], as Jepsen's independent keys do."""
    return [key, value]
