"""The levels, from their definitions and a specification, by trying every order.

An operation is its position. A *view* is a list of positions and a set of pairs (earlier, later).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from keelhaul.checkers.linearizability.operations import OPEN, Operations
from tests.oracle.brute import linearizable, next_states
from tests.oracle.specifications import Specification

TOTAL = {"write", "put", "append", "delete", "add", "remove", "increment", "decrement", "enqueue", "push"}
"""What succeeds everywhere and tells nothing."""
OBSERVING = {"read", "get", "contains"}


class Oracle:
    """One history."""

    def __init__(self, specification: Specification, operations: Operations) -> None:
        self.specification, self.operations = specification, operations
        self.all = range(len(operations))
        self.keys = operations.key or [None] * len(operations)
        self.seen = {at: self._saw(at) if self.claims(at) and not self.open(at) else set() for at in self.all}

    def open(self, at: int) -> bool:
        """Say whether nobody knows what became of it."""
        return self.operations.returned[at] == OPEN

    def observes(self, at: int) -> bool:
        """Say whether it changes nothing for sure."""
        f, result, o = self.operations.f[at], self.operations.result[at], self.operations
        failed = o.failed is not None and o.failed[at]
        emptied = f in ("dequeue", "pop") and result is None and not self.open(at)
        return f in OBSERVING or failed or emptied

    def claims(self, at: int) -> bool:
        """Say whether it may be impossible."""
        f = self.operations.f[at]
        return f not in TOTAL and not (f in ("dequeue", "pop", "propose") and self.open(at))

    def holds(self, level: str) -> bool:
        """Say whether a level holds."""
        if level == "linearizable":
            return linearizable(self.specification, self.operations)
        return all(self._orderable(*view) for view in self._views(level))

    def _views(self, level: str) -> Iterator[tuple[list[int], set[tuple[int, int]]]]:
        o = self.operations
        asked = [at for at in self.all if not (self.observes(at) and self.open(at))]
        in_process = {
            (a, b) for a in asked for b in asked if o.process[a] == o.process[b] and o.returned[a] < o.invoked[b]
        }
        if level == "sequential":
            yield asked, in_process
        elif level == "per-key-sequential":
            for key in dict.fromkeys(self.keys):
                yield [at for at in asked if self.keys[at] == key], in_process
        else:
            for process in dict.fromkeys(o.process):
                mine = [at for at in asked if not self.observes(at) or o.process[at] == process]
                yield mine, self._required(level, process, in_process)

    def _required(self, level: str, process: int, in_process: set[tuple[int, int]]) -> set[tuple[int, int]]:
        own, seen = self.operations.process, self.seen
        if level == "causal":
            return in_process | {(change, at) for at in self.all for change in seen[at]}
        if level == "read-your-writes":
            return {(a, b) for a, b in in_process if own[a] == process and not self.observes(a) and self.claims(b)}
        if level == "monotonic-reads":
            return {(a, b) for a, b in in_process if own[a] == process and self.claims(a) and self.claims(b)}
        if level == "monotonic-writes":
            return {(a, b) for a, b in in_process if not self.observes(a) and not self.observes(b)}
        return {(c, b) for a, b in in_process if not self.observes(b) for c in seen[a] if c != b}

    def _orderable(self, view: list[int], pairs: set[tuple[int, int]]) -> bool:
        """Try all orders; the pairs hold transitively, through what isn't in the view as well."""
        before = {at: {a for a, b in pairs if b == at} for at in self.all}
        grew = True
        while grew:
            grew = False
            for at in self.all:
                more = set(chain.from_iterable(before[other] for other in before[at])) - before[at]
                before[at] |= more
                grew |= bool(more)
        if any(at in before[at] for at in self.all):
            return False
        needed = frozenset(at for at in view if not self.open(at))
        return any(needed <= placed for placed, _ in self._runs(view, before))

    def _runs(
        self, view: list[int], before: dict[int, set[int]]
    ) -> Iterator[tuple[frozenset[int], tuple[tuple[object, object], ...]]]:
        """Yield every beginning of a legal run: what is placed, and the states by key."""
        start = frozenset[int](), tuple((key, self.specification.initial) for key in dict.fromkeys(self.keys))
        todo, met = [start], {start}
        while todo:
            placed, states = todo.pop()
            yield placed, states
            held = dict(states)
            for at in view:
                if at in placed or not (before[at] & set(view)) <= placed:
                    continue
                for after in next_states(self.specification, held[self.keys[at]], self.operations, at):
                    found = placed | {at}, tuple((held | {self.keys[at]: after}).items())
                    if found not in met:
                        met.add(found)
                        todo.append(found)

    def _saw(self, at: int) -> set[int]:
        """Return what no run of changes that ends in it can do without."""
        changes = [other for other in self.all if not self.observes(other) and other != at]
        changes = [other for other in changes if self.keys[other] == self.keys[at]]
        common: set[int] | None = None
        for placed, states in self._runs(changes, {other: set() for other in changes}):
            if list(next_states(self.specification, dict(states)[self.keys[at]], self.operations, at)):
                common = set(placed) if common is None else common & placed
        return common or set()
