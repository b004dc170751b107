"""Builders of histories and of evidence."""

import pytest

from keelhaul.checkers.checker import Evidence, NodeTrace
from keelhaul.checkers.history import NEMESIS, History, Row

MS = 1_000_000


@pytest.fixture
def build():
    """Builds a history from (type, process, f, value) or, with a time in ms, (time, type, process, f, value)."""

    def make(*rows):
        timed = [row if isinstance(row[0], int | float) else (at, *row) for at, row in enumerate(rows)]
        return History.of(
            Row(at, round(time * MS), kind, process, f, value)
            for at, (time, kind, process, f, value) in enumerate(timed)
        )

    return make


@pytest.fixture
def nemesis():
    """Builds the nemesis' pair of rows, at a time in ms; without `outcome` only the first."""

    def make(time, f, fault=None, outcome=None, **more):
        value = {"fault": fault} if fault is not None else {}
        rows = [(time, "info", NEMESIS, f, {**value, "phase": "invoke"})]
        if outcome is not None:
            rows.append((time, "info", NEMESIS, f, {**value, "phase": "done", "outcome": outcome, **more}))
        return rows

    return make


@pytest.fixture
def operation():
    """Builds the two rows of an operation: (from, to, outcome, process, f, value), times in ms."""

    def make(start, end, outcome, process, f="read", value=None):
        return [(start, "invoke", process, f, value), (end, outcome, process, f, value)]

    return make


@pytest.fixture
def evidence():
    """Builds evidence from lists of rows, sorted by time."""

    def make(*groups, **more):
        rows = sorted((row for group in groups for row in group), key=lambda row: row[0])
        history = History.of(
            Row(at, round(time * MS), kind, process, f, value)
            for at, (time, kind, process, f, value) in enumerate(rows)
        )
        return Evidence(history=history, **more)

    return make


@pytest.fixture
def trace():
    """Builds a node's trace; records get the incarnation of the boot before them."""

    def make(node, *records):
        made, incarnation = [], 0
        for at, record in enumerate(records):
            incarnation += record["type"] == "boot"
            made.append({"incarnation": incarnation, "time": at, **record})
        return NodeTrace(node, tuple(made))

    return make
