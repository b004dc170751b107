"""Who led: the leaders by term, as the nodes told it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from keelhaul.checkers.checker import NodeTrace


class Leader(NamedTuple):
    """`node` was leader in `term`."""

    term: int
    node: str


def leaders(traces: Iterable[NodeTrace]) -> tuple[Leader, ...]:
    """Return the leaders by term; two of one term (see RI-1) in the order of the traces. Records without a term are
    passed over."""
    found: dict[Leader, None] = {}
    for trace in traces:
        for record in [each for each in trace.records if each.get("type") == "role"]:
            if record.get("role") == "leader":
                term = record.get("term")
                if type(term) is int:
                    found[Leader(term, trace.node)] = None
    return tuple(sorted(found, key=lambda leader: leader.term))


def leader_changes(traces: Iterable[NodeTrace]) -> int:
    """Return how often leadership passed on: elections won after the first one."""
    return max(len(leaders(traces)) - 1, 0)
