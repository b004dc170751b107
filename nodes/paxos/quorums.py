"""Quorum systems: which groups of members may decide, and the proof that any two that must meet do meet.

Paxos asks one thing of its quorums (Howard, Malkhi, Spiegelman: Flexible Paxos, 2016): every group that can win a
ballot (phase 1) shares a member with every group that can choose a value (phase 2). Two groups of the same phase need
not meet, since a ballot belongs to one proposer. So whoever wins a ballot hears of every value that may have been
chosen below it.

Never derive a quorum from the number of faults f. Members that only crash need n ≥ 2f + 1 and majorities; n = 3f + 1
with quorums of 2f + 1 is the bound for members that lie (docs/paxos.md). Taking f + 1 of 3f + 1 mixes the two up, and
two halves of a cluster of four then decide different things.

    Weighted    a quorum weighs at least so much: majorities, thresholds, and different sizes a phase are cases of it
    Grid        phase 1 needs a whole row, phase 2 a whole column; every row crosses every column
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class QuorumsDisjoint(ValueError):
    """A group that wins a ballot and one that chooses a value need not meet; the message names such a pair."""


class QuorumSystem(Protocol):
    """Judges groups of members by name; strangers in a group count for nothing."""

    def is_q1(self, group: Collection[str]) -> bool:
        """Say whether the group can win a ballot."""
        ...

    def is_q2(self, group: Collection[str]) -> bool:
        """Say whether the group can choose a value."""
        ...

    def validate(self) -> None:
        """Raise ValueError if no group could ever decide, QuorumsDisjoint if two that must meet need not."""
        ...

    def described(self) -> dict[str, Any]:
        """Return it as JSON, for traces."""
        ...


@dataclass(frozen=True, slots=True)
class Weighted:
    """Each member has a weight; a quorum of phase 1 weighs at least `q1`, one of phase 2 at least `q2`."""

    weights: tuple[tuple[str, int], ...]
    q1: int
    q2: int

    def is_q1(self, group: Collection[str]) -> bool:
        """Say whether the group can win a ballot."""
        return self._weight(group) >= self.q1

    def is_q2(self, group: Collection[str]) -> bool:
        """Say whether the group can choose a value."""
        return self._weight(group) >= self.q2

    def _weight(self, group: Collection[str]) -> int:
        return sum(weight for member, weight in self.weights if member in group)

    def validate(self) -> None:
        """Look for a group that reaches `q1` and leaves `q2` to the others: the two would not meet."""
        total = self._weight([member for member, _ in self.weights])
        for phase, needed in ((1, self.q1), (2, self.q2)):
            if not 1 <= needed <= total:
                raise ValueError(f"a phase {phase} quorum of {needed} can't be had: all members together make {total}")
        reachable: dict[int, tuple[str, ...]] = {0: ()}  # each sum that some group has, with such a group
        for member, weight in self.weights:
            for reached, group in list(reachable.items()):
                reachable.setdefault(reached + weight, (*group, member))
        for reached, first in sorted(reachable.items()):
            if reached >= self.q1 and total - reached >= self.q2:
                second = [member for member, _ in self.weights if member not in first]
                raise QuorumsDisjoint(_disjoint(first, self._smallest(second)))

    def _smallest(self, group: Sequence[str]) -> list[str]:
        """Leave out whom the group doesn't need for `q2`, the last ones first."""
        needed = list(group)
        for member in reversed(group):
            without = [other for other in needed if other != member]
            if self.is_q2(without):
                needed = without
        return needed

    def described(self) -> dict[str, Any]:
        """Return weights and thresholds."""
        return {"weights": dict(self.weights), "q1": self.q1, "q2": self.q2}


@dataclass(frozen=True, slots=True)
class Grid:
    """Members in rows of equal length."""

    rows: tuple[tuple[str, ...], ...]

    def is_q1(self, group: Collection[str]) -> bool:
        """Say whether the group holds a whole row."""
        return any(all(member in group for member in row) for row in self.rows)

    def is_q2(self, group: Collection[str]) -> bool:
        """Say whether the group holds a whole column."""
        return any(all(member in group for member in column) for column in zip(*self.rows, strict=True))

    def validate(self) -> None:
        """A row and a column always meet, if the rows are equally long."""
        if not self.rows or not self.rows[0] or len({len(row) for row in self.rows}) != 1:
            raise ValueError("a grid needs rows of equal length")

    def described(self) -> dict[str, Any]:
        """Return the rows."""
        return {"rows": [list(row) for row in self.rows]}


def majority(members: Sequence[str]) -> Weighted:
    """More than half, in both phases: n = 2f + 1 members go on without f of them."""
    return threshold(members, len(members) // 2 + 1)


def threshold(members: Sequence[str], count: int) -> Weighted:
    """So many members in both phases, for instance 2f + 1 of n = 3f + 1: safe, and less available than a majority."""
    return flexible(members, count, count)


def flexible(members: Sequence[str], q1: int, q2: int) -> Weighted:
    """So many members to win a ballot, so many to choose a value: q1 + q2 must be more than there are."""
    return Weighted(tuple((member, 1) for member in members), q1, q2)


def weighted(members: Sequence[str], weights: Sequence[int]) -> Weighted:
    """More than half of all weight, in both phases; a weight of 0 makes a member whose voice doesn't count."""
    if len(weights) != len(members):
        raise ValueError(f"there are {len(weights)} weights for {len(members)} members")
    half = sum(weights) // 2 + 1
    return Weighted(tuple(zip(members, weights, strict=True)), half, half)


def grid(members: Sequence[str], rows: int) -> Grid:
    """The members in their order, in so many rows."""
    columns, left = divmod(len(members), rows)
    if left or not columns:
        raise ValueError(f"{len(members)} members can't stand in {rows} rows of equal length")
    return Grid(tuple(tuple(members[row * columns : (row + 1) * columns]) for row in range(rows)))


def _disjoint(first: Collection[str], second: Collection[str]) -> str:
    return (
        f"quorums that must meet don't: {', '.join(first)} can win a ballot "
        f"while {', '.join(second)} have chosen a value"
    )
