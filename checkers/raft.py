"""The checker of Raft's traces: every invariant, fed record by record, during the run or after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.raft_invariants import (
    ElectionSafety,
    EqualStates,
    Invariant,
    LeaderAppendOnly,
    LeaderCompleteness,
    LogMatching,
    Monotonicity,
    NoAnswerWithoutCommit,
    OneVotePerTerm,
    StateMachineSafety,
    TermsInLog,
)
from keelhaul.checkers.raft_quorums import Configurations, DurableOnMajority, ReadsAreFresh
from keelhaul.checkers.raft_trace import EVENTS, NodeModel
from keelhaul.checkers.verdict import Result, Verdict

INVARIANTS: tuple[type[Invariant], ...] = (
    ElectionSafety,
    LeaderAppendOnly,
    LogMatching,
    LeaderCompleteness,
    StateMachineSafety,
    EqualStates,
    Monotonicity,
    OneVotePerTerm,
    DurableOnMajority,
    NoAnswerWithoutCommit,
    TermsInLog,
    Configurations,
    ReadsAreFresh,
)
SHOWN_MAX = 10
"""Violations of each invariant that go into the details; one bad entry makes thousands."""


class RaftWatcher:
    """One run's watch. With `in_order` the invariants that need it are among those asserted."""

    def __init__(self, nodes: Sequence[str], *, in_order: bool) -> None:
        self._nodes = {name: NodeModel(name) for name in nodes}
        self._present: dict[str, bool] = {}
        self._records = 0
        self._counts: dict[str, int] = {}
        self._sentences: dict[str, list[str]] = {}
        self._names = {each.id: each.name for each in INVARIANTS}
        made = [each(partial(self._say, each.id)) for each in INVARIANTS if in_order or not each.needs_order]
        self._listeners = {
            event: [getattr(invariant, event) for invariant in made if hasattr(invariant, event)] for event in EVENTS
        }

    def _say(self, id_: str, sentence: str) -> None:
        self._counts[id_] = self._counts.get(id_, 0) + 1
        sentences = self._sentences.setdefault(id_, [])
        if len(sentences) < SHOWN_MAX:
            sentences.append(sentence)

    def expect(self, node: str) -> None:
        """There is a trace of this node, which may hold nothing."""
        self._present[node] = True
        self._nodes.setdefault(node, NodeModel(node))

    def observe(self, node: str, record: Mapping[str, Any]) -> None:
        """Take the node's next record."""
        self._records += 1
        self._nodes[node].take(record, self._listeners)

    def result(self) -> Result:
        """Invalid if an invariant is violated; unknown if a trace is missing or can't be read to the end."""
        problems = [
            problem
            for model in self._nodes.values()
            for problem in (self._silence_of(model), model.unknown_log, model.problem)
            if problem is not None
        ]
        violations = {
            id_: {"count": self._counts[id_], "first": sentences} for id_, sentences in self._sentences.items()
        }
        details = {"records": self._records, "violations": violations, "problems": problems}
        if violations:
            return Result(Verdict.INVALID, self._first_violation(), details)
        if problems or not self._nodes:
            more = f" (and {len(problems) - 1} more problems)" if len(problems) > 1 else ""
            return Result(Verdict.UNKNOWN, f"{(problems or ['there are no traces'])[0]}{more}", details)
        return Result(Verdict.VALID, "", details)

    def _silence_of(self, model: NodeModel) -> str | None:
        if model.position:
            return None
        return f"{model.name}'s trace is empty" if model.name in self._present else f"there is no trace of {model.name}"

    def _first_violation(self) -> str:
        """Name the first violation, and which other invariants are violated."""
        first, *others = [id_ for id_ in self._names if id_ in self._counts]
        also = f"; also violated: {', '.join(f'{id_} {self._names[id_]}' for id_ in others)}" if others else ""
        return f"{first} {self._names[first]}: {self._sentences[first][0]}{also}"


class RaftInvariants:
    """Judges what the nodes of a Raft cluster told: RI-1 to RI-13."""

    def check(self, evidence: Evidence) -> Result:
        """Judge traces that were collected, node by node. A violation counts even if other traces are missing."""
        if evidence.traces is None:
            return Result(Verdict.UNKNOWN, "the nodes' traces could not be collected")
        watcher = self.watcher(evidence.nodes, in_order=False)
        for trace in evidence.traces:
            watcher.expect(trace.node)
            for record in trace.records:
                watcher.observe(trace.node, record)
        return watcher.result()

    def watcher(self, nodes: tuple[str, ...], *, in_order: bool) -> RaftWatcher:
        """Begin a watch."""
        return RaftWatcher(nodes, in_order=in_order)
