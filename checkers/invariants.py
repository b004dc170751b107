"""What the checkers of protocols' own invariants share: an invariant, and the watch that feeds all of them.

A protocol has a model of one node (`NodeModel`), which takes the node's records one by one and tells listeners what
they mean; an invariant is a class that listens, and says a sentence for each violation. The watch is the same whether
records come while things happen or are read back afterwards (`watcher.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.verdict import Result, Verdict

Say: TypeAlias = Callable[[str], None]
Listeners: TypeAlias = Mapping[str, list[Callable[..., None]]]

SHOWN_MAX = 10
"""Violations of each invariant that go into the details; one bad entry makes thousands."""


class Invariant:
    """One invariant: its id and name; the methods that are named like events are what it listens to."""

    id = ""
    name = ""
    needs_order = False
    """Whether it holds only if records of different nodes come in the order of what they tell."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.in_order = False
        """Whether they come so: what was not told by now can't have happened before."""


class Model(Protocol):
    """One node as its records tell it."""

    name: str
    position: int
    """How many records it has taken."""

    @property
    def problems(self) -> list[str]:
        """Return what keeps the trace from proving anything."""
        ...

    def take(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        """Take the next record and tell the listeners; never raises."""
        ...


@dataclass(slots=True)
class _Said:
    """What the invariants have said, by id: how often, and the first few sentences."""

    counts: dict[str, int]
    sentences: dict[str, list[str]]

    def say(self, id_: str, sentence: str) -> None:
        """Take one more."""
        self.counts[id_] = self.counts.get(id_, 0) + 1
        shown = self.sentences.setdefault(id_, [])
        if len(shown) < SHOWN_MAX:
            shown.append(sentence)


class InvariantWatcher:
    """One run's watch. With `in_order` the invariants that need it are among those asserted."""

    def __init__(
        self,
        nodes: Sequence[str],
        invariants: Sequence[type[Invariant]],
        make_model: Callable[[str], Model],
        events: Mapping[str, Any],
        *,
        in_order: bool,
    ) -> None:
        self._make_model = make_model
        self._nodes = {name: make_model(name) for name in nodes}
        self._present: dict[str, bool] = {}
        # Invariants hold on to this and not to the watch, which holds them: a circle would keep a run's values alive.
        self._said = said = _Said({}, {})
        self._names = {each.id: each.name for each in invariants}
        made = [each(partial(said.say, each.id)) for each in invariants if in_order or not each.needs_order]
        for invariant in made:
            invariant.in_order = in_order
        self._listeners: dict[str, list[Callable[..., None]]] = {
            event: [getattr(invariant, event) for invariant in made if hasattr(invariant, event)] for event in events
        }

    def expect(self, node: str) -> None:
        """There is a trace of this node, which may hold nothing."""
        self._present[node] = True
        if node not in self._nodes:
            self._nodes[node] = self._make_model(node)

    def observe(self, node: str, record: Mapping[str, Any]) -> None:
        """Take the node's next record."""
        self._nodes[node].take(record, self._listeners)

    def result(self, evidence: Evidence | None = None) -> Result:
        """Invalid if an invariant is violated; unknown if a trace is missing or can't be read to the end."""
        problems = self.problems()
        counts, said = self._said.counts, self._said.sentences
        violations = {id_: {"count": counts[id_], "first": sentences} for id_, sentences in said.items()}
        records = sum(model.position for model in self._nodes.values())
        details = {"records": records, "violations": violations, "problems": problems}
        if violations:
            return Result(Verdict.INVALID, self._first_violation(), details)
        if problems or not self._nodes:
            more = f" (and {len(problems) - 1} more problems)" if len(problems) > 1 else ""
            return Result(Verdict.UNKNOWN, f"{(problems or ['there are no traces'])[0]}{more}", details)
        return Result(Verdict.VALID, "", details)

    def problems(self) -> list[str]:
        """Return what keeps the traces from proving anything."""
        return [problem for model in self._nodes.values() for problem in (*self._silence_of(model), *model.problems)]

    def _silence_of(self, model: Model) -> list[str]:
        if model.position:
            return []
        if model.name in self._present:
            return [f"{model.name}'s trace is empty"]
        return [f"there is no trace of {model.name}"]

    def _first_violation(self) -> str:
        """Name the first violation, and which other invariants are violated."""
        first, *others = [id_ for id_ in self._names if id_ in self._said.counts]
        also = f"; also violated: {', '.join(f'{id_} {self._names[id_]}' for id_ in others)}" if others else ""
        return f"{first} {self._names[first]}: {self._said.sentences[first][0]}{also}"
