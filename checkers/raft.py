"""The checker of Raft's traces: every invariant, fed record by record, during the run or after it."""

from __future__ import annotations

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.invariants import Invariant, InvariantWatcher
from keelhaul.checkers.raft_invariants import (
    ElectionSafety,
    EqualStates,
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

    def watcher(self, nodes: tuple[str, ...], *, in_order: bool) -> InvariantWatcher:
        """Begin a watch."""
        return InvariantWatcher(nodes, INVARIANTS, NodeModel, EVENTS, in_order=in_order)
