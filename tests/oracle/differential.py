"""One algorithm against the oracle on one drawn history, its proof included.

    python -m tests.oracle.differential [--histories 1000000] [--first 0] [ALGORITHM …]

compares as many histories for each algorithm (all of them, if none is named) and prints how many were decided how. A
disagreement is printed with what draws it again.
"""

from __future__ import annotations

import argparse
from collections import Counter
from random import Random
from typing import Any, NamedTuple

from keelhaul.checkers.linearizability.actions import actions_of
from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.portfolio import ALGORITHMS, FAMILIES, Decide
from keelhaul.checkers.linearizability.result import Invalid, NotApplicable, Valid
from keelhaul.checkers.linearizability.sparing import Whole, missing
from keelhaul.checkers.models.model import Model
from keelhaul.checkers.models.registry import MODELS, model_named
from tests.oracle.brute import linearizable, next_states
from tests.oracle.draws import arbitrary, simulated
from tests.oracle.lock_draws import locks_by_process
from tests.oracle.specifications import SPECIFICATIONS, Specification

WORK_MAX = 5_000_000
BEGUN = {"semaphore": "semaphore:2", "multi-register": 'multi-register:{"x":0,"y":0}'}
"""Models as the specifications begin them."""
LOCKS = ("owner-mutex", "fenced-lock")
COSTLY = ("set", "fencing-token", "leader-election")
"""Models for which the oracle has many states to try."""


class Case(NamedTuple):
    """A drawn history and what it is of."""

    name: str
    model: Model
    operations: Operations


def models_of(algorithm: str) -> list[str]:
    """Name the models on which the algorithm may be asked; what no family lists takes all."""
    families = [family for family, names in FAMILIES.items() if algorithm in names]
    return [name for name, make in MODELS.items() if not families or make().family in families]


def drawn(name: str, seed: int, operations_max: int = 9) -> Case:
    """Draw a history for a model. The seed decides everything, the kind of draw too."""
    random = Random(f"{name}/{seed}")
    specification, model = SPECIFICATIONS[name], model_named(BEGUN.get(name, name))
    operations = random.randint(2, operations_max)
    if name in LOCKS and seed % 3 == 2:
        mistakes = random.choice((0.0, 0.1))
        return Case(name, model, locks_by_process(random, operations=operations, mistakes=mistakes, tokens="f" in name))
    processes, domain = random.randint(1, 4), random.randint(1, 4)
    unique, observe = random.random() < 0.5, random.random() < 0.3
    if seed % 3:
        info = random.choice((0.0, 0.1, 0.4))
        found = simulated(
            random,
            specification,
            operations=operations,
            processes=processes,
            info=info,
            unique=unique,
            domain=domain,
            observe=observe,
        )
    else:
        found = arbitrary(
            random,
            specification,
            operations=operations,
            processes=processes,
            unique=unique,
            domain=domain,
            observe=observe,
        )
    return Case(name, model, found)


def crowded(name: str, seed: int) -> Case:
    """Draw a history in which much is under way at once, and much stays open; few values, so that they repeat."""
    random, specification = Random(f"{name}/crowded/{seed}"), SPECIFICATIONS[name]
    operations = random.randint(4, 6 if name in COSTLY else 9)
    processes, domain = random.randint(3, 8), random.randint(1, 4)
    unique, observe = random.random() < 0.2, random.random() < 0.3
    sizes: dict[str, Any] = {"operations": operations, "processes": processes, "domain": domain}
    sizes |= {"unique": unique, "observe": observe}
    if seed % 4:
        info, mutations = random.choice((0.0, 0.1, 0.4, 0.8)), random.choice((0, 0, 1, 2))
        found = simulated(random, specification, info=info, mutations=mutations, **sizes)
    else:
        found = arbitrary(random, specification, **sizes)
    return Case(name, model_named(BEGUN.get(name, name)), found)


def problem(decide: Decide, case: Case, work_max: int = WORK_MAX) -> tuple[str, str | None]:
    """Return what an algorithm answers (valid, invalid, or "not applicable"), and what is wrong with that, if
    anything."""
    answer = decide(case.model, case.operations, Budget(work=work_max))
    if isinstance(answer, NotApplicable):
        return "not applicable", None
    expected = linearizable(SPECIFICATIONS[case.name], case.operations)
    if isinstance(answer, Valid):
        return "valid", None if expected and follows(case, answer) else f"{answer}, but the oracle says {expected}"
    if isinstance(answer, Invalid):
        return "invalid", f"{answer}, but the oracle says valid" if expected else unproven(case, answer)
    return "unknown", str(answer)


def follows(case: Case, answer: Valid) -> bool:
    """Say whether the order is complete, in time, and legal by the specification."""
    operations, order = case.operations, list(answer.order)
    specification: Specification = SPECIFICATIONS[case.name]
    states, latest = {specification.initial}, -1
    for at in order:
        if operations.returned[at] < latest:
            return False
        latest = max(latest, operations.invoked[at])
        states = {after for state in states for after in next_states(specification, state, operations, at)}
    returned = {at for at, row in enumerate(operations.returned) if row != OPEN}
    return bool(states) and len(set(order)) == len(order) and returned <= set(order)


def unproven(case: Case, answer: Invalid) -> str | None:
    """Say why the core proves nothing; None if it does: it has no legal order, together with what has to be there."""
    whole = Whole(case.model, case.operations, actions_of(case.model, case.operations), range(len(case.operations)))
    core = sorted(set(answer.core))
    while lacking := missing(whole, core):
        core = sorted({*core, *(change for changes in lacking.values() for change in changes)})
    if linearizable(SPECIFICATIONS[case.name], case.operations.select(core)):
        return f"the core {answer.core} has a legal order"
    if answer.stuck is not None:
        before, _ = case.operations.until(case.operations.returned[answer.stuck] - 1)
        if not linearizable(SPECIFICATIONS[case.name], before):
            return f"it gets stuck before {answer.stuck} already"
    return None


def compare(algorithm: str, seeds: range) -> tuple[Counter[str], list[str]]:
    """Compare on one history per seed, of the algorithm's models in turn, every other one crowded; count the answers
    and list what is wrong."""
    names, seen, wrong = models_of(algorithm), Counter[str](), []
    for seed in seeds:
        name, draw = names[seed // 2 % len(names)], crowded if seed % 2 else drawn
        answer, found = problem(ALGORITHMS[algorithm], draw(name, seed))
        seen[answer] += 1
        if found is not None:
            wrong.append(f"{draw.__name__}({name!r}, {seed}): {found}")
    return seen, wrong


def main() -> None:
    """Compare from the command line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--histories", type=int, default=1_000_000)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("algorithms", nargs="*", default=list(ALGORITHMS), metavar="ALGORITHM")
    chosen = options.parse_args()
    for algorithm in chosen.algorithms:
        seen, wrong = compare(algorithm, range(chosen.first, chosen.first + chosen.histories))
        print(f"{algorithm:12} {dict(seen)}, {len(wrong)} wrong", *wrong[:10], sep="\n  ", flush=True)


if __name__ == "__main__":
    main()
