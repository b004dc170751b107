"""The shapes of a partition: literal maps from a fixed seed. Their laws: properties/test_topology_properties.py."""

from __future__ import annotations

from random import Random

import pytest

from keelhaul.nemesis.topology import SHAPES, complete_grudge, hears, isolate, majority, union

FIVE = ("n1", "n2", "n3", "n4", "n5")


def drawn(shape, count):
    return SHAPES[shape](tuple(f"n{number}" for number in range(1, count + 1)), Random(7))


def test_halves():
    assert drawn("halves", 5) == {
        "n1": ("n2", "n3", "n4"),
        "n2": ("n1", "n5"),
        "n3": ("n1", "n5"),
        "n4": ("n1", "n5"),
        "n5": ("n2", "n3", "n4"),
    }


def test_isolate_one():
    assert drawn("isolate-one", 5) == {
        "n1": ("n3",),
        "n2": ("n3",),
        "n3": ("n1", "n2", "n4", "n5"),
        "n4": ("n3",),
        "n5": ("n3",),
    }


def test_bridge():
    """n1 and n5 on one side, n2 and n3 on the other; only n4 talks to both."""
    assert drawn("bridge", 5) == {
        "n1": ("n2", "n3"),
        "n2": ("n1", "n5"),
        "n3": ("n1", "n5"),
        "n5": ("n2", "n3"),
    }


def test_majorities_ring_of_five():
    """On the ring n1 n5 n2 n3... each hears itself and its two neighbours."""
    assert drawn("majorities-ring", 5) == {
        "n1": ("n2", "n3"),
        "n2": ("n1", "n5"),
        "n3": ("n1", "n4"),
        "n4": ("n3", "n5"),
        "n5": ("n2", "n4"),
    }


def test_majorities_ring_of_three_is_one_way_links_around_a_circle():
    assert drawn("majorities-ring", 3) == {"n1": ("n2",), "n2": ("n3",), "n3": ("n1",)}


def test_majorities_ring_of_four_parts_opposites():
    assert drawn("majorities-ring", 4) == {"n1": ("n4",), "n2": ("n3",), "n3": ("n2",), "n4": ("n1",)}


def test_majorities_ring_of_seven():
    assert drawn("majorities-ring", 7) == {
        "n1": ("n3", "n6"),
        "n2": ("n5", "n7"),
        "n3": ("n1", "n5"),
        "n4": ("n6", "n7"),
        "n5": ("n2", "n3"),
        "n6": ("n1", "n4"),
        "n7": ("n2", "n4"),
    }


def test_one_way():
    """n1 and n5 are deaf to the others, who go on hearing them."""
    assert drawn("one-way", 5) == {"n1": ("n2", "n3", "n4"), "n5": ("n2", "n3", "n4")}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_single_node_cannot_be_cut(shape):
    assert drawn(shape, 1) == {}


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("halves", {"n1": ("n2",), "n2": ("n1",)}),
        ("isolate-one", {"n1": ("n2",), "n2": ("n1",)}),
        ("one-way", {"n1": ("n2",)}),
        ("bridge", {}),
        ("majorities-ring", {}),
    ],
)
def test_two_nodes(shape, expected):
    assert drawn(shape, 2) == expected


def test_isolate_names_everybody():
    assert isolate(("n1", "n2", "n3"), "n2") == {"n1": ("n2",), "n2": ("n1", "n3"), "n3": ("n2",)}


def test_complete_grudge_of_three_components():
    assert complete_grudge([("a",), ("b", "c"), ("d",)]) == {
        "a": ("b", "c", "d"),
        "b": ("a", "d"),
        "c": ("a", "d"),
        "d": ("a", "b", "c"),
    }


def test_one_component_holds_no_grudge():
    assert complete_grudge([("a", "b")]) == {}


def test_union_adds_up_in_the_members_order():
    one_way = {"n5": ("n4", "n1")}
    assert union([one_way, {"n1": ("n2",), "n5": ("n1", "n3")}], FIVE) == {"n1": ("n2",), "n5": ("n1", "n3", "n4")}
    assert list(union([{"n3": ("n1",)}, {"n2": ("n1",)}], FIVE)) == ["n2", "n3"]
    assert union([], FIVE) == {}


def test_hears_is_about_one_direction():
    grudge = {"n1": ("n2",)}
    assert not hears(grudge, "n1", "n2")
    assert hears(grudge, "n2", "n1")
    assert hears(grudge, "n3", "n1")


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (9, 5)])
def test_majority_is_more_than_half(count, expected):
    assert majority(count) == expected
