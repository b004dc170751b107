"""The checkers of Paxos' traces: every invariant, fed record by record, during the run or after it."""

from __future__ import annotations

from collections.abc import Sequence

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.invariants import Invariant, InvariantWatcher
from keelhaul.checkers.paxos_invariants import (
    AcceptancesGrow,
    Agreement,
    ChosenStaysInHigherBallots,
    OneValuePerBallot,
    PromisesGrow,
    Stability,
    Validity,
)
from keelhaul.checkers.paxos_log_invariants import (
    EqualPrefixes,
    NeverBack,
    NoGaps,
    NothingForgotten,
    OneLeaderPerBallot,
    PromisesYieldTheChosen,
    WithinWindow,
)
from keelhaul.checkers.paxos_quorums import Tally
from keelhaul.checkers.paxos_trace import EVENTS, NodeModel
from keelhaul.checkers.verdict import Result, Verdict

SYNOD_INVARIANTS: tuple[type[Invariant], ...] = (
    Agreement,
    Validity,
    Stability,
    PromisesGrow,
    AcceptancesGrow,
    OneValuePerBallot,
    ChosenStaysInHigherBallots,
)
PAXOS_INVARIANTS: tuple[type[Invariant], ...] = (
    *SYNOD_INVARIANTS,
    EqualPrefixes,
    NoGaps,
    OneLeaderPerBallot,
    WithinWindow,
    NothingForgotten,
    NeverBack,
    PromisesYieldTheChosen,
)


class PaxosWatcher(InvariantWatcher):
    """One run's watch, which also counts what is chosen in truth."""

    def __init__(self, nodes: Sequence[str], invariants: Sequence[type[Invariant]], *, in_order: bool) -> None:
        super().__init__(nodes, invariants, NodeModel, EVENTS, in_order=in_order)
        self._tally = Tally(in_order=in_order)
        self._tally.attach(self._listeners)
        for event in ("configured", "acceptance_stored", "finished"):
            # First of all, so that an invariant hears of a choice before what follows from it.
            self._listeners[event].insert(0, getattr(self._tally, event))
        self._is_finished = False

    def result(self, evidence: Evidence | None = None) -> Result:
        """Return the verdict on everything observed so far, which is all that there will be."""
        if not self._is_finished:
            self._is_finished = True
            for told in self._listeners["finished"]:
                told(not self.problems())
        return super().result()


class PaxosInvariants:
    """Judges what the nodes of a Paxos cluster told: PX-1 to PX-7, and in Multi-Paxos MPX-1 to MPX-7."""

    def __init__(self, invariants: tuple[type[Invariant], ...] = PAXOS_INVARIANTS) -> None:
        self._invariants = invariants

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

    def watcher(self, nodes: tuple[str, ...], *, in_order: bool) -> PaxosWatcher:
        """Begin a watch."""
        return PaxosWatcher(nodes, self._invariants, in_order=in_order)
