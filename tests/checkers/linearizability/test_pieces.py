"""Answers don't depend on where the pieces end in which long histories are gone over: here after three operations."""

import sys

import pytest

from keelhaul.checkers import linearizability
from keelhaul.checkers.linearizability import clusters
from keelhaul.checkers.linearizability.portfolio import ALGORITHMS
from tests.oracle.differential import drawn, models_of, problem

PACKAGE = linearizability.__name__
DRAWS = range(20_000, 23_000)
WORK_MAX = 100_000


def answered(algorithm):
    """Return what it says of each draw, and what the oracle has against it."""
    names = models_of(algorithm)
    return [problem(ALGORITHMS[algorithm], drawn(names[seed % len(names)], seed), WORK_MAX) for seed in DRAWS]


@pytest.mark.parametrize("algorithm", ["zones", "versions", "fifo", "ownership", "staleness"])
def test_small_pieces_change_nothing(algorithm, monkeypatch):
    expected = answered(algorithm)
    within = [module for name, module in sys.modules.items() if name.startswith(PACKAGE) and hasattr(module, "PIECE")]
    assert len(within) > 2
    for module in within:
        monkeypatch.setattr(module, "PIECE", 3)
    monkeypatch.setattr(clusters, "WINDOW", 3)
    assert answered(algorithm) == expected
    assert {wrong for _, wrong in expected} == {None}
    assert len(set(expected)) > 1
