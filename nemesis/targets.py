"""Symbolic targets: who is hit, decided at the moment at which a fault fires.

Counts follow Jepsen's words but not its surprises: a minority is the largest group whose loss leaves a majority, so
it is never half of the cluster, and never nobody without a word: a target that can't be met is refused with the
reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from keelhaul.nemesis.topology import majority

SYMBOLS = ("one", "minority", "majority", "all", "leader")


class Unmet(Exception):
    """Nobody fits the target now; the message says why."""


def resolve(
    target: str, members: Sequence[str], eligible: Sequence[str], leader: str | None, random: Random
) -> list[str]:
    """Return the nodes that `target` means, in the members' order; `eligible` are those that the fault can hit now."""
    if target == "leader":
        return [_only(leader, eligible, "nobody is known to lead")]
    if target in members:
        return [_only(target, eligible, f"{target} isn't there")]
    count = _count(target, len(members))
    if count == 0:
        raise Unmet(f"{len(members)} members have no {target} that could be lost")
    if len(eligible) < count:
        raise Unmet(f"{target} means {count} nodes, and only {len(eligible)} can be hit now")
    chosen = random.sample(list(eligible), count)
    return [node for node in members if node in chosen]


def _count(target: str, members: int) -> int:
    counts = {"one": 1, "minority": members - majority(members), "majority": majority(members), "all": members}
    if target not in counts:
        raise Unmet(f"there is no node {target}")
    return counts[target]


def _only(node: str | None, eligible: Sequence[str], otherwise: str) -> str:
    if node is None:
        raise Unmet(otherwise)
    if node not in eligible:
        raise Unmet(f"{node} is under another fault already")
    return node
