"""Where nodes live: the one protocol behind `simulation`, `processes` and `containers`.

An environment is a victim (it takes faults) that can also be brought up, taken down and asked for what its nodes
told. `start` gets a cluster in which every node answers; `stop` leaves nothing behind, however much of `start` had
happened.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from keelhaul.nemesis.victim import Victim

ENVIRONMENTS = {
    "simulation": "virtual time in one process: deterministic, and far faster than real time",
    "processes": "a process a node on this machine, links through proxies: no root, no engine",
    "containers": "a container a node: Docker Engine, iptables, cgroup pauses",
}


class SetupError(Exception):
    """The environment can't be had here: exit 255. The message says what was tried and how to fix it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSpec:
    """What is to be brought up. `run_id` names everything that belongs to the run; `folder` is the run's own in the
    store."""

    run_id: str
    folder: Path
    system: str
    nodes: tuple[str, ...]
    options: dict[str, int | str] = field(default_factory=dict)
    mutant: str | None = None
    seed: int = 0


class Environment(Victim, Protocol):
    """A place for a cluster."""

    @property
    def died(self) -> tuple[tuple[str, int], ...]:
        """Node and exit code of each node program that ended without being killed."""
        ...

    async def start(self) -> None:
        """Bring every node up; return when each answers. SetupError if that can't be done here."""
        ...

    async def collect(self) -> None:
        """Put each node's `trace.jsonl` and `host.log` into `folder/nodes/NAME/`; the nodes may be dead by then."""
        ...

    async def stop(self) -> None:
        """End the nodes and remove all that belongs to the run, as far as it exists; safe at any time, also twice."""
        ...


class LiveEnvironment(Environment, Protocol):
    """An environment with real sockets."""

    def address(self, node: str) -> tuple[str, int]:
        """Where clients reach this node: host and port, the same for the whole run."""
        ...
