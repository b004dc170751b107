"""When a value is chosen in truth: a quorum has accepted it in one ballot, each on its own disk; whoever knows.

The quorums are those that the nodes tell of (their `described()` form), judged here by code of our own: a mistake in
the nodes' quorums must not be repeated by their judge.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from keelhaul.checkers.invariants import Listeners
from keelhaul.checkers.paxos_trace import Acceptance, Ballot, Digest, Malformed, NodeModel, Slot


class Quorums:
    """Groups that may win a ballot (q1), that may choose a value (q2)."""

    def __init__(self, described: Mapping[str, Any]) -> None:
        """Take what a node told: {"weights": {name: weight}, "q1", "q2"} or {"rows": [[name, …], …]}."""
        if "rows" in described:
            self._rows = [list(row) for row in described["rows"]]
            self._weights: dict[str, int] = {}
            return
        self._rows = []
        self._weights = {str(name): int(weight) for name, weight in described["weights"].items()}
        self._needed = {1: int(described["q1"]), 2: int(described["q2"])}
        if min(self._needed.values()) < 1:
            raise Malformed("a quorum that needs nobody")

    def is_q1(self, group: Collection[str]) -> bool:
        """Say whether the group can win a ballot."""
        if self._rows:
            return any(set(row) <= set(group) for row in self._rows)
        return self._weigh(group) >= self._needed[1]

    def is_q2(self, group: Collection[str]) -> bool:
        """Say whether the group can choose a value."""
        if self._rows:
            return any(all(row[at] in group for row in self._rows) for at in range(len(self._rows[0])))
        return self._weigh(group) >= self._needed[2]

    def _weigh(self, group: Collection[str]) -> int:
        return sum(self._weights.get(name, 0) for name in group)


class Tally:
    """Counts acceptances that are on disk, and tells of each choice once: `decided`.

    Who votes on a slot depends on what was executed before it. A leader has told of that before it proposes, so where
    records come in order it is known by the time; elsewhere counting waits for the end of all traces.
    """

    def __init__(self, *, in_order: bool) -> None:
        self._in_order = in_order
        self._configs: dict[int, Quorums] = {}
        self._votes: dict[Slot, dict[Ballot, tuple[Digest, list[str]]]] = {}
        self.decided: dict[Slot, Acceptance] = {}
        self.tell: Callable[[Slot, Acceptance, Quorums], None] = _nobody_listens

    def attach(self, listeners: Listeners) -> None:
        """Tell these listeners."""

        def tell(slot: Slot, acceptance: Acceptance, quorums: Quorums) -> None:
            for told in listeners["decided"]:
                told(slot, acceptance, quorums)

        self.tell = tell

    def configured(self, node: NodeModel, first: int, quorums: Mapping[str, Any]) -> None:
        """Note who votes from a slot on."""
        self._configs.setdefault(first, Quorums(quorums))

    def at(self, slot: Slot) -> Quorums | None:
        """Return who votes on this slot; None if nobody has told."""
        if not isinstance(slot, int) or len(self._configs) == 1:
            return next(iter(self._configs.values()), None)
        known = [first for first in self._configs if first <= slot]
        return self._configs[max(known)] if known else None

    def acceptance_stored(self, node: NodeModel, slot: Slot, acceptance: Acceptance) -> None:
        """Count it."""
        if slot in self.decided:
            return
        _, voters = self._votes.setdefault(slot, {}).setdefault(acceptance.ballot, (acceptance.digest, []))
        if node.name not in voters:
            voters.append(node.name)
            if self._in_order:
                self._decide(slot, acceptance.ballot)

    def finished(self, is_complete: bool) -> None:
        """Count what couldn't be counted before: lower ballots first."""
        for slot, ballots in list(self._votes.items()):
            for ballot in sorted(ballots):
                if slot not in self.decided:
                    self._decide(slot, ballot)

    def _decide(self, slot: Slot, ballot: Ballot) -> None:
        digest, voters = self._votes[slot][ballot]
        quorums = self.at(slot)
        if quorums is not None and quorums.is_q2(voters):
            self.decided[slot] = acceptance = Acceptance(ballot, digest)
            self._votes[slot].clear()
            self.tell(slot, acceptance, quorums)


def _nobody_listens(slot: Slot, acceptance: Acceptance, quorums: Quorums) -> None:
    """Take no notice."""
