"""Lists and sets that only grow, and are read as a whole: each read contains all reads before it.

So reads are ordered by size, and two of one size are equal, or there is no order. What is new in a read was put in
after the next smaller one, of a list in the order in which it stands there. What no read shows came after all of them,
or, if it is open, never. The whole order is known but for what may stand in any order (chain.py): reads of one size,
values of a set that show up together, and what nobody saw.

That needs values that are put in once. If one is put in twice, the algorithm isn't applicable.

Cost: the total length of the reads, and sorting.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Final

from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.chain import clash_of
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.result import Answer, Invalid, NotApplicable, Valid
from keelhaul.checkers.models.model import Model

PUTS: Final = {"list": "append", "grow-only-set": "add"}
"""What puts a value in, by family."""
EMPTY: Final = ("array",)
"""A read of nothing."""


def decide(model: Model, operations: Operations, budget: Budget) -> Answer:
    """Decide a history of a list or of a grow-only set in which no value is put in twice."""
    if model.family not in PUTS or model.initial:
        return NotApplicable("it is about lists and sets that only grow, and are empty at first")
    growth = _Growth(model, operations)
    budget.spend(len(operations))
    if growth.repeated is not None:
        return NotApplicable(f"operation {operations.index[growth.repeated]} puts in a value for the second time")
    contradiction = growth.contradiction(budget)
    if contradiction is not None:
        return contradiction
    blocks = list(growth.blocks(budget))
    clash = clash_of(operations, blocks, budget)
    if clash is None:
        return Valid([at for block in blocks for at in block])
    return growth.around(clash)


class _Growth:
    """What was put in, `puts` by value, and the reads by size. Values of a read stand after its tag, "array"."""

    def __init__(self, model: Model, operations: Operations) -> None:
        self.operations = operations
        self.family, self.ordered = model.family, model.family == "list"
        self.puts: dict[Hashable, int] = {}
        self.repeated: int | None = None
        reads: list[int] = []
        put = PUTS[model.family]
        for at, f in enumerate(operations.f):
            if f == put:
                if self.puts.setdefault(operations.argument[at], at) != at:
                    self.repeated = at
            elif operations.returned[at] != OPEN:
                reads.append(at)
        self.reads = sorted(reads, key=lambda at: len(operations.result[at]))

    def contradiction(self, budget: Budget) -> Invalid | None:
        """Tell of reads, and what they show, that contradict each other or show what was never put in."""
        result = self.operations.result
        smaller: tuple[Hashable, ...] = EMPTY
        smaller_at: list[int] = []
        smaller_values = frozenset[Hashable]()
        for at in self.reads:
            shown = result[at]
            budget.spend(1 + len(shown) // 8)
            if shown == smaller:
                continue
            values = frozenset(shown[1:])
            if len(values) < len(shown) - 1 or not values <= self.puts.keys():
                return self.showing([at])
            contained = shown[: len(smaller)] == smaller if self.ordered else smaller_values <= values
            if not contained:
                return self.showing([*smaller_at, at])
            smaller, smaller_at, smaller_values = shown, [at], values
        return None

    def blocks(self, budget: Budget) -> Iterator[list[int]]:
        """Yield what stands together: the reads of nothing, what is new in the next ones, those, and so on; at the end
        what no read shows."""
        result, puts = self.operations.result, self.puts
        shown: dict[Hashable, None] = {}
        alike: list[int] = []
        size = len(EMPTY)
        for at in self.reads:
            if len(result[at]) > size:
                budget.spend(1 + len(result[at]) // 4)
                yield sorted(alike)
                new = [puts[value] for value in result[at][1:] if value not in shown]
                yield from ([put] for put in new) if self.ordered else [sorted(new)]
                shown.update(dict.fromkeys(result[at][1:]))
                alike, size = [], len(result[at])
            alike.append(at)
        yield sorted(alike)
        returned = self.operations.returned
        yield [at for value, at in puts.items() if value not in shown and returned[at] != OPEN]

    def showing(self, reads: list[int], *others: int) -> Invalid:
        """Answer with these reads, and others, and what put in the values that they show."""
        shown = dict.fromkeys(value for at in reads for value in self.operations.result[at][1:])
        plainest = {*reads, *others}
        return Invalid(
            sorted(plainest.union(self.puts[value] for value in shown if value in self.puts)),
            plainest=sorted(plainest),
        )

    def around(self, clash: tuple[int, int]) -> Invalid:
        """Answer with the two operations of a clash, and the reads that say how they stand."""
        result, argument = self.operations.result, self.operations.argument
        put = PUTS[self.family]
        reads = [at for at in clash if self.operations.f[at] != put]
        if not reads:
            # The first read that shows the one that ought to come first: the other is not in it, or behind.
            reads = [next(at for at in self.reads if argument[clash[0]] in result[at][1:])]
        return self.showing(reads, *clash)
