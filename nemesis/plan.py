"""A plan: timed faults as data. It can be stored, run again in any environment, and made smaller.

Targets are symbolic (`leader`, `minority`, `n3`) and resolved when a fault fires; what really happened is in the
history.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedFault:
    """One fault, in force from `start_ns` to `stop_ns` of the run. `shape` is a partition's; `target` says who is hit;
    `rate_ppm` and `jump_ms` are a clock's, negative for one that is too slow or jumps back."""

    id: int
    kind: str
    start_ns: int
    stop_ns: int
    target: str | None = None
    shape: str | None = None
    rate_ppm: int | None = None
    jump_ms: int | None = None

    def described(self) -> dict[str, Any]:
        """Return what a history row says of it: id and what is asked for."""
        asked = {name: getattr(self, name) for name in ("shape", "target", "rate_ppm", "jump_ms")}
        return {"fault": self.id, **{name: value for name, value in asked.items() if value}}


@dataclass(frozen=True, slots=True)
class Plan:
    """Faults by start time. Kinds that were asked for but drew no fault are in `requested` with 0."""

    faults: tuple[TimedFault, ...]
    requested: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """Return how many faults of each kind the plan holds."""
        return {kind: sum(1 for fault in self.faults if fault.kind == kind) for kind in self.requested}
