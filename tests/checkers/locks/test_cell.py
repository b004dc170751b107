"""The cell by itself, without the resource that stands beside it."""

from __future__ import annotations

from keelhaul.checkers.checker import Evidence, NodeTrace
from keelhaul.checkers.history import History
from keelhaul.checkers.locks.cell import OfTheCell
from keelhaul.checkers.verdict import Result, Verdict


class Asked:
    """A checker that remembers what it was shown."""

    def __init__(self):
        self.seen = []

    def check(self, evidence):
        self.seen.append((evidence.nodes, evidence.traces and [trace.node for trace in evidence.traces]))
        return Result(Verdict.VALID)

    def watcher(self, nodes, *, in_order):
        self.seen.append((nodes, in_order))
        return self

    def observe(self, node, record):
        self.seen.append(node)

    def result(self, evidence=None):
        return Result(Verdict.INVALID, f"seen, and {evidence and evidence.nodes}")


def test_the_last_node_is_left_out_afterwards_and_as_it_goes():
    inner = Asked()
    traces = tuple(NodeTrace(node, ()) for node in ("n1", "n2", "n3"))
    OfTheCell(inner).check(Evidence(history=History.of([]), nodes=("n1", "n2", "n3"), traces=traces))
    watcher = OfTheCell(inner).watcher(("n1", "n2", "n3"), in_order=True)
    for node in ("n3", "n1"):
        watcher.observe(node, {})
    assert inner.seen == [(("n1", "n2"), ["n1", "n2"]), (("n1", "n2"), True), "n1"]
    assert watcher.result().reason == "seen, and None"
    evidence = Evidence(history=History.of([]), nodes=("n1", "n2", "n3"))
    assert watcher.result(evidence).reason == "seen, and ('n1', 'n2')"


def test_without_traces_there_is_nothing_to_leave_out():
    inner = Asked()
    OfTheCell(inner).check(Evidence(history=History.of([]), nodes=("n1", "n2")))
    assert inner.seen == [(("n1",), None)]
