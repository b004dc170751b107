"""Proofs that were tampered with: what the verifier says of them, beside what the oracle does.

    python -m tests.oracle.corrupted [--proofs 10000] [--first 0]

tampers with that many witnesses and as many refutations, of all models in turn, and prints how many of them became
wrong, by what was done to them. Whether one is wrong is for the specification and the oracle to say: an order that was
changed may be a linearization, too; a refutation is right if no choice of the other operations makes it legal
(brute.py: of locks, it may be right without that). What is
wrong has to be rejected; what is a linearization has to be accepted.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from keelhaul.checkers import linearizability
from keelhaul.checkers.linearizability import verify
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.verdict import Verdict
from tests.oracle.brute import next_states, refutes
from tests.oracle.differential import Case, drawn
from tests.oracle.specifications import SPECIFICATIONS, Specification

EACH = 4
"""Attempts at one proof."""
KINDS = ("swap", "move", "drop", "double", "add", "replace", "backwards", "another's")


class Tampered(NamedTuple):
    """What became of a proof: `accepted` by the verifier, `right` by the oracle."""

    kind: str
    case: Case
    seed: int
    proof: list[int]
    accepted: bool
    right: bool


def tampered(
    random: Random, kind: str, proof: Sequence[int], others: Sequence[int], operations: Operations
) -> list[int]:
    """Do something to a proof; `others` is the proof of another history."""
    found, count = list(proof), len(operations)
    if kind == "another's":
        return list(others)
    if kind == "add" or not found:
        return [*found, random.choice([count, -1, *range(count)])]
    at, other = random.randrange(len(found)), random.randrange(len(found))
    if kind == "swap":
        found[at], found[other] = found[other], found[at]
    elif kind == "move":
        found.insert(other, found.pop(at))
    elif kind == "drop":
        del found[at]
    elif kind == "double":
        found.insert(other, found[at])
    elif kind == "replace":
        found[at] = random.choice([count, *range(count)])
    else:  # what returned before another was invoked goes behind it
        late = [
            place for place, later in enumerate(found) if operations.invoked[later] > operations.returned[found[at]]
        ]
        found.insert(random.choice(late) if late else other, found.pop(at))
    return found


def witnesses(first: int) -> Iterator[Tampered]:
    """Tamper with the linearizations of valid histories."""
    others: dict[str, list[int]] = {}
    for case, seed, order in _proofs(first, Verdict.VALID):
        specification = SPECIFICATIONS[case.name]
        assert verify.problem_with_linearization(case.model, case.operations, order) is None, (case.name, seed)
        for kind, found in _attempts("witness", case, seed, order, others):
            accepted = verify.problem_with_linearization(case.model, case.operations, found) is None
            yield Tampered(kind, case, seed, found, accepted, is_linearization(specification, case.operations, found))


def refutations(first: int) -> Iterator[Tampered]:
    """Tamper with the refutations of invalid ones."""
    others: dict[str, list[int]] = {}
    for case, seed, core in _proofs(first, Verdict.INVALID):
        specification, count = SPECIFICATIONS[case.name], len(case.operations)
        assert verify.problem_with_refutation(case.model, case.operations, core) is None, (case.name, seed)
        for kind, found in _attempts("refutation", case, seed, core, others):
            accepted = verify.problem_with_refutation(case.model, case.operations, found) is None
            right = len(set(found)) == len(found) and all(0 <= at < count for at in found)
            right = right and refutes(specification, case.operations, sorted(found))
            yield Tampered(kind, case, seed, found, accepted, right)


def _proofs(first: int, verdict: Verdict) -> Iterator[tuple[Case, int, list[int]]]:
    names, seed = list(SPECIFICATIONS), first
    while True:
        case = drawn(names[seed % len(names)], seed)
        outcome = linearizability.check(case.model, case.operations)
        if outcome.verdict is verdict:
            proof = outcome.witness if verdict is Verdict.VALID else outcome.refutation
            positions = {index: at for at, index in enumerate(case.operations.index)}
            yield case, seed, [positions[index] for index in proof or ()]
        seed += 1


def _attempts(
    what: str, case: Case, seed: int, proof: list[int], others: dict[str, list[int]]
) -> Iterator[tuple[str, list[int]]]:
    random = Random(f"{what}/{seed}")
    for kind in random.sample(KINDS, EACH):
        found = tampered(random, kind, proof, others.get(case.name, []), case.operations)
        if found != proof:
            yield kind, found
    others[case.name] = proof


def is_linearization(specification: Specification, operations: Operations, order: Sequence[int]) -> bool:
    """Say so by the specification alone."""
    if sorted(set(order)) != sorted(order) or not set(order) <= set(range(len(operations))):
        return False
    returned = {at for at, row in enumerate(operations.returned) if row != OPEN}
    in_time = all(
        operations.returned[later] > operations.invoked[earlier]
        for place, earlier in enumerate(order)
        for later in order[place:]
    )
    states = {specification.initial}
    for at in order:
        states = {after for state in states for after in next_states(specification, state, operations, at)}
    return returned <= set(order) and in_time and bool(states)


def judged(found: Iterator[Tampered], wrong: int, *, complete: bool) -> tuple[Counter[str], Counter[str], list[str]]:
    """Take proofs until so many of them are wrong. Return how many were wrong by kind, how many were right, and what
    the verifier got wrong; if `complete`, it also has to accept what is right."""
    rejected, right, problems = Counter[str](), Counter[str](), []
    for one in found:
        if one.accepted and not one.right:
            problems.append(f"accepted: {one.kind} of drawn({one.case.name!r}, {one.seed}): {one.proof}")
        if one.right and complete and not one.accepted:
            problems.append(f"rejected: {one.kind} of drawn({one.case.name!r}, {one.seed}): {one.proof}")
        (right if one.right else rejected)[one.kind] += 1
        if rejected.total() >= wrong:
            break
    return rejected, right, problems


def main() -> None:
    """Tamper from the command line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--proofs", type=int, default=10_000)
    options.add_argument("--first", type=int, default=0)
    chosen = options.parse_args()
    for name, found in (("witnesses", witnesses(chosen.first)), ("refutations", refutations(chosen.first))):
        rejected, right, problems = judged(found, chosen.proofs, complete=name == "witnesses")
        print(f"{name}: {rejected.total()} wrong {dict(rejected)}, {right.total()} right {dict(right)}")
        print(f"  {len(problems)} misjudged", *problems[:10], sep="\n  ", flush=True)


if __name__ == "__main__":
    main()
