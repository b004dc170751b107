"""Laws of the partition shapes, for every size of cluster and any draw."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelhaul.nemesis.topology import SHAPES, hears, isolate, majority, union

SEEDS = range(40)


def members(count):
    return tuple(f"n{number}" for number in range(1, count + 1))


def draws(shape, count):
    """That shape of that size, drawn with many seeds."""
    return [SHAPES[shape](members(count), Random(seed)) for seed in SEEDS]


def heard(grudge, nodes):
    """Whom each node hears, itself included."""
    return {node: frozenset(other for other in nodes if hears(grudge, node, other)) for node in nodes}


def is_symmetric(grudge, nodes):
    return all(hears(grudge, a, b) == hears(grudge, b, a) for a in nodes for b in nodes)


@pytest.mark.parametrize("count", range(1, 10))
@pytest.mark.parametrize("shape", SHAPES)
def test_a_grudge_is_in_the_members_order_and_about_others(shape, count):
    nodes = members(count)
    for grudge in draws(shape, count):
        assert list(grudge) == [node for node in nodes if node in grudge]
        for node, dropped in grudge.items():
            assert dropped
            assert node not in dropped
            assert list(dropped) == [other for other in nodes if other in dropped]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_draw_gives_the_same_grudge_and_draws_differ(shape):
    assert draws(shape, 5) == draws(shape, 5)
    assert len({repr(grudge) for grudge in draws(shape, 5)}) > 1


@pytest.mark.parametrize("count", range(2, 10))
def test_halves_are_two_cliques_of_nearly_equal_size(count):
    nodes = members(count)
    for grudge in draws("halves", count):
        groups = set(heard(grudge, nodes).values())
        assert sorted(len(group) for group in groups) == [count // 2, count - count // 2]
        assert is_symmetric(grudge, nodes)


@pytest.mark.parametrize("count", range(2, 10))
def test_isolate_one_leaves_one_alone_and_the_rest_together(count):
    nodes = members(count)
    for grudge in draws("isolate-one", count):
        assert any(grudge == isolate(nodes, lonely) for lonely in nodes)
    for lonely in nodes:
        sees = heard(isolate(nodes, lonely), nodes)
        assert sees.pop(lonely) == {lonely}
        assert set(sees.values()) == {frozenset(nodes) - {lonely}}


@pytest.mark.parametrize("count", range(3, 10))
def test_a_bridge_keeps_exactly_one_node_in_touch_with_all(count):
    nodes = members(count)
    for grudge in draws("bridge", count):
        sees = heard(grudge, nodes)
        joint = [node for node in nodes if sees[node] == frozenset(nodes)]
        assert len(joint) == 1
        assert is_symmetric(grudge, nodes)
        sides = {sees[node] - {*joint} for node in nodes if node not in joint}
        assert sorted(len(side) for side in sides) == sorted([count // 2, count - count // 2 - 1])


@pytest.mark.parametrize("count", range(3, 10))
def test_in_a_majorities_ring_each_hears_a_majority_and_no_two_the_same(count):
    nodes = members(count)
    for grudge in draws("majorities-ring", count):
        sees = heard(grudge, nodes)
        assert all(majority(count) <= len(group) < count for group in sees.values())
        assert len(set(sees.values())) == count
        assert is_symmetric(grudge, nodes) == (count != 3)


@pytest.mark.parametrize("count", range(2, 10))
def test_one_way_cuts_exactly_one_direction(count):
    nodes = members(count)
    deaf_sizes = set()
    for grudge in draws("one-way", count):
        deaf = [node for node in nodes if node in grudge]
        others = tuple(node for node in nodes if node not in grudge)
        assert all(grudge[node] == others for node in deaf)
        assert len(deaf) in (count // 2, count - count // 2)
        deaf_sizes.add(len(deaf))
    assert deaf_sizes == {count // 2, count - count // 2}, "either half is deaf at times"


GRUDGES = st.dictionaries(
    st.sampled_from(members(5)), st.lists(st.sampled_from(members(5)), unique=True).map(tuple), max_size=5
)


@given(st.lists(GRUDGES, max_size=4))
def test_a_union_drops_what_any_drops(grudges):
    nodes = members(5)
    together = union(grudges, nodes)
    for receiver in nodes:
        for sender in nodes:
            assert hears(together, receiver, sender) == all(hears(grudge, receiver, sender) for grudge in grudges)
    assert union([*grudges, *grudges], nodes) == together
    assert union(grudges[::-1], nodes) == together
