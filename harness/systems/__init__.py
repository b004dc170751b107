"""The systems that can be put under test, by name: what they are and which options they take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

from keelhaul.checkers.checker import Checker
from keelhaul.checkers.raft_invariants import RaftInvariants
from keelhaul.nodes.raft.settings import Settings as RaftSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One system. `options` with their defaults; `check` raises ValueError for options that don't go together;
    `invariants` are the checkers of its nodes' traces, by name."""

    name: str
    does: str
    options: dict[str, int]
    check: Callable[[dict[str, int]], object]
    invariants: dict[str, Checker]


SYSTEMS: dict[str, System] = {
    "raft": System(
        name="raft",
        does="Raft with PreVote and CheckQuorum: a replicated key-value store, reads through the log",
        options=asdict(RaftSettings()),
        check=RaftSettings.of,
        invariants={"raft-invariants": RaftInvariants()},
    ),
}
