"""The client's lease, jeopardy and grace (LS3, LS5)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from keelhaul.workloads.lock.session import (
    DRIFT_PER_MILLE,
    EXPIRED,
    JEOPARDY,
    MARGIN_NS,
    SAFE,
    ClientSession,
    local_expiry_ns,
)

ROOT = Path(__file__).parents[3]
SECOND = 10**9
LEASE, GRACE = 2 * SECOND, 5 * SECOND


@pytest.fixture
def session():
    return ClientSession(7, 3, LEASE, GRACE, sent_ns=0)


def test_ls3_a_lease_is_counted_from_when_it_was_asked_for(session):
    assert session.expiry_ns == LEASE * (1000 - DRIFT_PER_MILLE) // 1000 - MARGIN_NS
    session.renewed(LEASE, sent_ns=SECOND)
    assert session.expiry_ns == local_expiry_ns(SECOND, LEASE)


@pytest.mark.parametrize("rate", [0.98, 1.0, 1.02])
def test_ls3_edge_case_clock_rates_within_the_bound_end_the_clients_lease_first(rate):
    """The client's clock runs at `rate` of the master's; the master counts from its answer, which can't come before
    the question was sent."""
    clients_end = (local_expiry_ns(0, LEASE) + MARGIN_NS) / rate
    assert clients_end <= LEASE


def test_an_answer_that_comes_late_never_shortens_the_lease(session):
    session.renewed(LEASE, sent_ns=SECOND)
    session.renewed(LEASE, sent_ns=SECOND // 2)
    assert session.expiry_ns == local_expiry_ns(SECOND, LEASE)


def test_ls5_safe_then_jeopardy_then_expired(session):
    end = session.expiry_ns
    assert [session.look(now) for now in (0, end - 1, end, end + GRACE - 1, end + GRACE)] == [
        SAFE, SAFE, JEOPARDY, JEOPARDY, EXPIRED,
    ]  # fmt: skip


def test_ls5_an_answer_within_the_grace_period_makes_it_safe_again(session):
    session.look(session.expiry_ns)
    session.renewed(LEASE, sent_ns=4 * SECOND)
    assert session.look(5 * SECOND) == SAFE


def test_ls5_nothing_brings_an_expired_session_back(session):
    session.expire()
    assert session.look(0) == EXPIRED
    with pytest.raises(AssertionError):
        session.renewed(LEASE, sent_ns=0)


def test_an_answer_to_a_question_of_long_ago_leaves_it_in_jeopardy(session):
    session.look(3 * SECOND)
    session.renewed(LEASE, sent_ns=SECOND // 2)
    assert session.look(3 * SECOND) == JEOPARDY


def test_it_says_when_it_will_change(session):
    assert session.changes_ns() == session.expiry_ns
    session.look(session.expiry_ns)
    assert session.changes_ns() == session.expiry_ns + GRACE


def test_edge_case_a_jump_of_the_clients_wall_clock_is_not_seen():
    """LS3: nobody on either side knows the wall clock; times come in, of a clock that only goes forward."""
    folders = [ROOT / "workloads" / "lock", ROOT / "nodes" / "lock"]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for folder in folders for path in sorted(folder.glob("*.py"))]
    imported = {
        name
        for tree in trees
        for node in ast.walk(tree)
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom) else [one.name for one in getattr(node, "names", [])]
        )
    }
    assert len(trees) > 15
    assert not imported & {"time", "datetime", "asyncio", "anyio"}
