"""What a nemesis needs from whoever holds the nodes. The three environments implement it; the nemesis knows nothing
else of them.

The methods are coroutines because a real engine takes its time; the simulator's never suspend. Each returns when the
fault is in force (or over), not when it has been asked for. VictimError: it could not be done, or nobody knows
whether it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from keelhaul.nemesis.topology import Grudge


class VictimError(Exception):
    """A fault could not be installed or lifted; the message says which and why."""


class Victim(Protocol):
    """The nodes, as seen by the nemesis."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """All members' names, in the one order that is the same everywhere."""
        ...

    async def leader(self) -> str | None:
        """Who leads, by the highest term that a node answers with at once; None if nobody does."""
        ...

    async def cut(self, grudge: Grudge) -> None:
        """Put exactly these cuts in force, in place of any before; an empty grudge heals. They outlive a restart."""
        ...

    async def kill(self, nodes: Sequence[str]) -> None:
        """End these nodes with SIGKILL; what they had not synced is lost."""
        ...

    async def restart(self, nodes: Sequence[str]) -> None:
        """Start killed nodes again on the data that they left; those that run are left alone."""
        ...

    async def pause(self, nodes: Sequence[str]) -> None:
        """Freeze these nodes; their connections stay up and say nothing."""
        ...

    async def resume(self, nodes: Sequence[str]) -> None:
        """Let frozen nodes go on; those that run are left alone."""
        ...

    async def skew(self, nodes: Sequence[str], rate_ppm: int, jump_ms: int) -> None:
        """Let the clocks of these nodes, which run, be `rate_ppm` millionths too fast from now on, after a jump of
        `jump_ms` (back: a standstill for that long). 0 and 0 sets them right: they go on from what they show."""
        ...
