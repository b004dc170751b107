"""How small are refutations?

    python -m benchmarks.refutations [--failures 36] [--operations 1000] [NAME …]

For each model, histories of an object in which one thing goes wrong are drawn (faulty_objects.py: four ways in turn;
with 5, 10 and 30 clients) until so many of them are found invalid. The table has the median of the refutations' sizes,
for each number of clients and altogether, the largest, and how long it takes to make one, by the median. The verifier
looks at each; some are so large that it doesn't get through.

Of those with more operations than demanded, which are counted, the last column has the median of how many can't be
spared: without one of them, the history is linearizable, so any refutation has it. At most 24 of each are looked at.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from random import Random
from statistics import median
from typing import Final

from benchmarks.faulty_objects import OBJECTS, WAYS, recorded
from keelhaul.checkers import linearizability
from keelhaul.checkers.linearizability import Budget
from keelhaul.checkers.linearizability.outcome import Outcome
from keelhaul.checkers.models.registry import model_named
from keelhaul.checkers.verdict import Verdict

CLIENTS: Final = (5, 10, 30)
ATTEMPTS_MAX: Final = 12
"""Histories that are drawn for each one that is wanted."""
WORK_MAX: Final = 500_000
"""Units of work in which one has to be found invalid, or another one is drawn."""
DEMANDED: Final = 8
SPARED_MAX: Final = 24
"""Operations of a refutation without which the history is checked again."""


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--failures", type=int, default=36)
    options.add_argument("--operations", type=int, default=1_000)
    options.add_argument("names", nargs="*", default=list(OBJECTS), metavar="NAME")
    chosen = options.parse_args()
    run(chosen.names, chosen.failures, chosen.operations)


def run(names: list[str], failures: int, operations: int) -> None:
    """Measure and print."""
    print(f"refutations of failures of {operations:,} operations: sizes, median by the number of clients")
    columns = " ".join(f"{count:>6}" for count in CLIENTS)
    print(f"  {'':<30} {'number':>6} {columns} {'all':>6} {'most':>6} {'ms':>8} {'large':>6} {'needed':>6}")
    for name in names:
        print(f"  {line(name, failures, operations)}", flush=True)


def line(name: str, failures: int, operations: int) -> str:
    """Measure one kind of object."""
    sizes: dict[int, list[int]] = {}
    spent_ms: list[float] = []
    needed: list[int] = []
    unproven = 0
    for clients in CLIENTS:
        found = sizes[clients] = []
        for outcome in invalid(name, clients, failures // len(CLIENTS), operations):
            began = time.process_time()
            found.append(len(outcome.refutation or ()))
            spent_ms.append((time.process_time() - began) * 1_000)
            unproven += outcome.problem() is not None
            if found[-1] > DEMANDED:
                needed.append(count_of_needed(outcome))
    every = [size for found in sizes.values() for size in found]
    if not every:
        return f"{name:<30} {0:>6}"
    columns = " ".join(f"{median(found):>6g}" if found else f"{'-':>6}" for found in sizes.values())
    least = f"{median(needed):>6g}" if needed else f"{'-':>6}"
    note = f"  {unproven} too large for the verifier" if unproven else ""
    counts = f"{max(every):>6} {median(spent_ms):>8.1f} {len(needed):>6} {least}"
    return f"{name:<30} {len(every):>6} {columns} {median(every):>6g} {counts}{note}"


def count_of_needed(outcome: Outcome) -> int:
    """Count the operations of a refutation, among SPARED_MAX at most, without which the history is linearizable."""
    model, history = outcome.model, outcome.operations
    refutation = frozenset(outcome.refutation or ())
    core = [at for at, index in enumerate(history.index) if index in refutation]
    looked_at = Random("spared").sample(core, min(len(core), SPARED_MAX))
    rest = (history.select([at for at in range(len(history)) if at != spared]) for spared in looked_at)
    return sum(
        linearizability.check(model, less, budget=Budget(work=WORK_MAX)).verdict is Verdict.VALID for less in rest
    )


def invalid(name: str, clients: int, count: int, operations: int) -> Iterator[Outcome]:
    """Draw until so many are invalid, each thing that can go wrong in turn."""
    found, seed, one = 0, 0, OBJECTS[name]
    while found < count and seed < ATTEMPTS_MAX * count:
        way = WAYS[seed % len(WAYS)]
        history = recorded(Random(f"refutations/{name}/{clients}/{seed}"), one, operations, clients, way)
        outcome = linearizability.check(model_named(one.model), history, budget=Budget(work=WORK_MAX))
        seed += 1
        if outcome.verdict is Verdict.INVALID:
            found += 1
            yield outcome


if __name__ == "__main__":
    main()
