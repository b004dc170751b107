"""Quorum systems (§2.0): which are refused, and with which pair; judged against all pairs of groups there are."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelhaul.nodes.paxos.quorums import (
    QuorumsDisjoint,
    Weighted,
    flexible,
    grid,
    majority,
    threshold,
    weighted,
)

MEMBERS = [f"n{number}" for number in range(1, 11)]


def groups(members):
    """List every group of members."""
    return [group for size in range(len(members) + 1) for group in combinations(members, size)]


def disjoint_pair(system, members):
    """Find, by trying all groups, a quorum of each phase that don't meet; None if there are none."""
    for first in groups(members):
        rest = [member for member in members if member not in first]
        if system.is_q1(first) and system.is_q2(rest):
            return first, rest
    return None


@pytest.mark.parametrize(
    ("n", "quorum", "crashes"), [(1, 1, 0), (3, 2, 1), (4, 3, 1), (5, 3, 2), (7, 4, 3), (10, 6, 4)]
)
def test_majorities_of_n_are_the_table_of_section_2_0(n, quorum, crashes):
    system = majority(MEMBERS[:n])
    system.validate()
    assert system.is_q1(MEMBERS[:quorum])
    assert not system.is_q1(MEMBERS[: quorum - 1])
    assert system.is_q2(MEMBERS[crashes:n])
    assert not system.is_q2(MEMBERS[crashes + 1 : n])


@pytest.mark.parametrize("f", [1, 2, 3])
def test_2f_plus_1_of_3f_plus_1_is_safe(f):
    threshold(MEMBERS[: 3 * f + 1], 2 * f + 1).validate()


def test_f_plus_1_of_3f_plus_1_is_refused_with_the_two_halves_that_would_decide_apart():
    with pytest.raises(QuorumsDisjoint) as refused:
        threshold(MEMBERS[:4], 2).validate()
    assert str(refused.value) == (
        "quorums that must meet don't: n1, n2 can win a ballot while n3, n4 have chosen a value"
    )


@pytest.mark.parametrize(("q1", "q2"), [(1, 5), (5, 1), (2, 4), (4, 2), (3, 3), (5, 5)])
def test_flexible_quorums_need_only_meet_across_the_phases(q1, q2):
    flexible(MEMBERS[:5], q1, q2).validate()


@pytest.mark.parametrize(
    ("q1", "q2", "pair"), [(1, 4, "n1 can .* n2, n3, n4, n5"), (2, 2, "n1, n2 can .* n3, n4 have")]
)
def test_flexible_quorums_that_need_not_meet_are_refused_with_a_pair(q1, q2, pair):
    with pytest.raises(QuorumsDisjoint, match=pair):
        flexible(MEMBERS[:5], q1, q2).validate()


@pytest.mark.parametrize(("q1", "q2", "phase"), [(0, 5, 1), (6, 1, 1), (5, 0, 2), (1, 6, 2)])
def test_a_quorum_that_nobody_or_nothing_can_make_is_refused(q1, q2, phase):
    with pytest.raises(ValueError, match=f"a phase {phase} quorum of [06] can't be had: all members together make 5"):
        flexible(MEMBERS[:5], q1, q2).validate()


def test_a_grid_wins_ballots_by_rows_and_chooses_by_columns():
    system = grid(MEMBERS[:6], 2)
    system.validate()
    assert system.is_q1(["n4", "n5", "n6"])
    assert not system.is_q1(["n1", "n2", "n4", "n5"])
    assert system.is_q2(["n2", "n5"])
    assert not system.is_q2(["n1", "n2", "n3", "n4"][1:])
    assert disjoint_pair(system, MEMBERS[:6]) is None


@pytest.mark.parametrize(("members", "rows"), [(5, 2), (3, 4)])
def test_a_grid_with_gaps_is_refused(members, rows):
    with pytest.raises(ValueError, match=f"{members} members can't stand in {rows} rows of equal length"):
        grid(MEMBERS[:members], rows)


def test_weights_let_one_member_count_for_several_and_another_for_none():
    system = weighted(MEMBERS[:4], [3, 1, 1, 0])
    system.validate()
    assert system.is_q2(["n1"])
    assert not system.is_q2(["n2", "n3", "n4"])


def test_weights_are_needed_for_everybody():
    with pytest.raises(ValueError, match="there are 2 weights for 3 members"):
        weighted(MEMBERS[:3], [1, 1])


def test_strangers_in_a_group_count_for_nothing():
    assert not majority(MEMBERS[:3]).is_q1(["n1", "n8", "n9"])
    assert not grid(MEMBERS[:4], 2).is_q2(["n1", "n9"])


WEIGHTS = st.lists(st.integers(0, 4), min_size=1, max_size=5)


@given(WEIGHTS, st.integers(1, 12), st.integers(1, 12))
def test_validation_agrees_with_trying_every_pair_of_groups(weights, q1, q2):
    members = MEMBERS[: len(weights)]
    system = Weighted(tuple(zip(members, weights, strict=True)), q1, q2)
    try:
        system.validate()
    except QuorumsDisjoint as refused:
        assert disjoint_pair(system, members) is not None
        first, second = (
            part.split(", ") for part in str(refused).split("don't: ")[1].split(" can win a ballot while ")
        )
        second[-1] = second[-1].removesuffix(" have chosen a value")
        assert system.is_q1(first)
        assert system.is_q2(second)
        assert not set(first) & set(second)
    except ValueError:
        assert max(q1, q2) > sum(weights)
    else:
        assert disjoint_pair(system, members) is None
        assert system.is_q1(members)
        assert system.is_q2(members)
