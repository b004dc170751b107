"""What a checker is given and what it is: a function from evidence to a result, without IO, clock or randomness."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from keelhaul.checkers.history import History
from keelhaul.checkers.verdict import Result


@dataclass(frozen=True, slots=True)
class NodeTrace:
    """What one node told of itself, in the order in which it told it; across incarnations.

    Each record is an object with `type`, `incarnation`, `time` (ns of the node's own clock) and the fields of
    docs/rules.md §0.4. There is no order between the records of different nodes.
    """

    node: str
    records: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known of a run. `traces` is None where they could not be collected."""

    history: History
    traces: tuple[NodeTrace, ...] | None = None
    nodes: tuple[str, ...] = ()
    faults_requested: dict[str, int] = field(default_factory=dict)
    """Kind of fault → how many the plan holds. Empty for a history that came without a plan."""
    main_phase_ns: int | None = None
    """How long the main phase was meant to last; None if unknown."""
    crashes: tuple[str, ...] = ()
    """A sentence for each node that ended by itself, without a fault of the nemesis."""
    final_functions: tuple[str, ...] = ()
    """The operations that the final phase, after the heal, tries until they succeed; see `availability`."""


class Checker(Protocol):
    """Judges evidence. One that raises costs the others nothing (compose.py).

    One that looks at `evidence.traces`, and can't watch them while they are told (watcher.py), says so by an attribute
    `reads_traces`: where nobody does, a simulation need not keep them.
    """

    def check(self, evidence: Evidence) -> Result:
        """Return the verdict and why."""
        ...
