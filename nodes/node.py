"""The shape of a node, and how one is made (G1). Standard library only, like everything under `nodes/`.

The same class runs in the simulator, as a process and in a container. Time is integer nanoseconds of the node's own
monotonic clock, which starts anywhere; randomness is the generator that it was given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from keelhaul.nodes.events import Effect, Event


class Node(Protocol):
    """A member of the system under test."""

    def step(self, now_ns: int, event: Event) -> list[Effect]:
        """Take one event at local time `now_ns`; return what is to be done, in order. The first event is `Boot`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """What a node is told at birth: its name, all members' names (itself included, in one order everywhere),
    options."""

    name: str
    members: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    mutant: str | None = None


NodeFactory = Callable[[NodeConfig, Random], Node]
