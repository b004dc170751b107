"""Levels of consistency: if it isn't linearizable, what is it still?

    from keelhaul.checkers import levels

    found = levels.judge("register", history)
    found.strongest, found.of["sequential"].reason

Systems that promise less than linearizability keep what they promise, or not; and one that breaks its promise breaks it
at some level. Time plays no part below linearizability: only the order in which each process did things.

| level | promise |
|---|---|
| `linearizable` | one order of everything, in which nothing stands behind what was invoked after it had returned |
| `sequential` | one order of everything, in which each process's operations stand as it did them (Lamport, 1979) |
| `per-key-sequential` | such an order for each object by itself; they may contradict each other |
| `causal` | all four guarantees below, at once: a view for each process that keeps causality (Ahamad et al., 1995) |
| `read-your-writes` | what a process changed stands before what it observes later |
| `monotonic-reads` | what a process has seen once it sees ever after |
| `monotonic-writes` | what a process changes stands in its order for everybody |
| `writes-follow-reads` | what a process saw stands, for everybody, before what it changes later |

The last four are the session guarantees of Terry et al. (1994); a session is a process, and it ends with an outcome
that nobody knows. They are judged by *views*, after Steinke and Nutt (2004): a process's view is a legal order of all
changes, whoever made them, and of what the process observed itself, in which stands before what the guarantee says so.
A change that answers something (a cas, a dequeue) has to be legal in everybody's view. Who *saw* what: see seen.py.

Each level implies those that `IMPLIED` names, and only those: what is sequential for each key may break causality
across keys, and the other way round. So there can be two strongest levels, or, of the last four, several.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from keelhaul.checkers.history import History
from keelhaul.checkers.levels import views
from keelhaul.checkers.levels.arrange import Cycle, Scene, View, arrange
from keelhaul.checkers.levels.reasons import smallest, told
from keelhaul.checkers.levels.seen import Seen
from keelhaul.checkers.linearizability.budget import Budget, BudgetSpent
from keelhaul.checkers.linearizability.explain import name_key
from keelhaul.checkers.linearizability.operations import Call, FailedCas, Operations
from keelhaul.checkers.linearizability.outcome import WORK_MAX, Outcome, check
from keelhaul.checkers.models.model import Model
from keelhaul.checkers.verdict import Verdict

__all__ = ["IMPLIED", "LEVELS", "Finding", "Levels", "judge"]

SESSION: Final = ("read-your-writes", "monotonic-reads", "monotonic-writes", "writes-follow-reads")
LEVELS: Final = ("linearizable", "sequential", "per-key-sequential", "causal", *SESSION)
IMPLIED: Final = {
    "linearizable": ("sequential",),
    "sequential": ("per-key-sequential", "causal"),
    "causal": SESSION,
}
"""The levels that hold directly below one that holds."""
RESTS_ON_SEEN: Final = ("causal", "writes-follow-reads")
WHY: Final = {
    "sequential": "have no legal order that keeps each process's own",
    "per-key-sequential": "have no legal order that keeps each process's own",
    "causal": "have no legal order that keeps causality",
    "read-your-writes": "have no legal order in which it observes what it changed before",
    "monotonic-reads": "have no legal order in which it keeps seeing what it has seen",
    "monotonic-writes": "have no legal order that keeps each process's changes in its order",
    "writes-follow-reads": "have no legal order in which what a process saw stands before what it changed later",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one level. `operations` are those that can't be put in order, by `Operations.index`."""

    level: str
    verdict: Verdict
    reason: str = ""
    operations: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Levels:
    """What became of all of them; `outcome` is the check for linearizability, with its own proof."""

    outcome: Outcome
    of: dict[str, Finding]

    @property
    def strongest(self) -> list[str]:
        """The levels that hold and aren't implied by others that do; empty if none is known to."""
        holding = [level for level in LEVELS if self.of[level].verdict is Verdict.VALID]
        below = {lower for level in holding for lower in implied(level)}
        return [level for level in holding if level not in below]

    @property
    def reason(self) -> str:
        """Say in words which are the strongest, and why the next stronger ones don't hold or aren't known to."""
        strongest = self.strongest
        first = f"the strongest level that holds: {', '.join(strongest)}" if strongest else "no level is known to hold"
        nearest = [level for level in LEVELS if self.of[level].verdict is not Verdict.VALID and self._is_next(level)]
        return ". ".join([first, *(f"{level}: {self.of[level].reason}" for level in nearest)])

    def _is_next(self, level: str) -> bool:
        """Say whether all directly below hold, or nothing is below."""
        return all(self.of[lower].verdict is Verdict.VALID for lower in IMPLIED.get(level, ())) or (
            level == "sequential" and "per-key-sequential" in self.strongest
        )


def implied(level: str) -> Iterator[str]:
    """Yield all levels that hold where this one does."""
    for lower in IMPLIED.get(level, ()):
        yield lower
        yield from implied(lower)


def judge(
    model: Model | str,
    recorded: Operations | History | Iterable[Call],
    *,
    failed_cas: FailedCas = "ignore",
    keyed: bool = False,
    budget: Budget | None = None,
) -> Levels:
    """Judge what was recorded at every level; arguments are `linearizability.check`'s.

    What the budget doesn't suffice for is unknown; each level in turn may cost an even share of what is left.
    """
    allowance = Budget(work=WORK_MAX) if budget is None else budget
    share = allowance.share(2)
    outcome = check(model, recorded, failed_cas=failed_cas, keyed=keyed, budget=share)
    allowance.account(share)
    reason = "" if outcome.verdict is Verdict.VALID else outcome.reason
    first = Finding("linearizable", outcome.verdict, reason, outcome.refutation or ())
    if outcome.verdict is Verdict.VALID:
        return Levels(outcome, {level: Finding(level, Verdict.VALID) for level in LEVELS})
    return Levels(outcome, _Ladder(outcome, allowance, first).down())


class _Ladder:
    """The levels from the strongest to the weakest: what is implied isn't asked."""

    def __init__(self, outcome: Outcome, budget: Budget, first: Finding) -> None:
        self._budget = budget
        self._found = {first.level: first}
        self._scene = Scene(outcome.model, outcome.operations)
        self._seen = Seen(self._scene, budget)

    def down(self) -> dict[str, Finding]:
        """Judge them all; of sequential consistency, first whether each object by itself has it."""
        several = len(self._scene.keys) > 1
        order = ["per-key-sequential", "sequential", "causal", *SESSION] if several else [*LEVELS[1:]]
        for number, level in enumerate(order):
            if any(level in implied(higher) for higher, found in self._found.items() if found.verdict is Verdict.VALID):
                self._found[level] = Finding(level, Verdict.VALID)
                continue
            share = self._budget.share(len(order) - number)
            try:
                self._found[level] = self._ask(level, share)
            except BudgetSpent as spent:
                self._found[level] = Finding(level, Verdict.UNKNOWN, str(spent))
            self._budget.account(share)
        self._scene.transitions.ask_again()
        return {level: self._found[level] for level in LEVELS}

    def _ask(self, level: str, budget: Budget) -> Finding:
        below = self._found.get("per-key-sequential")
        if level == "sequential" and below is not None and below.verdict is Verdict.INVALID:
            return Finding(level, Verdict.INVALID, below.reason, below.operations)
        for whose, view in self._views(level, budget):
            if isinstance(view, Cycle):
                return self._invalid(level, whose, view.positions)
            if arrange(self._scene, view, budget) is None:
                return self._invalid(level, whose, smallest(self._scene, view, budget))
        if level in RESTS_ON_SEEN and not self._seen.complete:
            return Finding(level, Verdict.UNKNOWN, "it can't be told for certain who saw what")
        return Finding(level, Verdict.VALID)

    def _views(self, level: str, budget: Budget) -> Iterator[tuple[str, View | Cycle]]:
        """Yield whose view it is, in words, and the view."""
        scene = self._scene
        if level == "sequential":
            yield "", views.of_all(scene)
        elif level == "per-key-sequential":
            for part, key in enumerate(scene.keys):
                yield "" if key is None else f"key {name_key(key)}: ", views.of_object(scene, part)
        else:
            self._seen.budget = budget
            for process, view in views.of_processes(scene, level, self._seen):
                yield "" if process is None else f"process {process}'s view: ", view

    def _invalid(self, level: str, whose: str, positions: Sequence[int]) -> Finding:
        operations = self._scene.operations
        reason = f"{whose}{told(self._scene, positions)} {WHY[level]}"
        return Finding(level, Verdict.INVALID, reason, [operations.index[at] for at in positions])
