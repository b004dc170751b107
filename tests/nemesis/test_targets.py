"""Symbolic targets: how many, which, and why not."""

from __future__ import annotations

from random import Random

import pytest

from keelhaul.nemesis.targets import SYMBOLS, Unmet, resolve


def members(count):
    return tuple(f"n{number}" for number in range(1, count + 1))


def size(target, count):
    return len(resolve(target, members(count), members(count), "n1", Random(1)))


@pytest.mark.parametrize(
    ("count", "minority", "majority"),
    [(3, 1, 2), (4, 1, 3), (5, 2, 3), (6, 2, 4), (7, 3, 4), (8, 3, 5), (9, 4, 5)],
)
def test_sizes(count, minority, majority):
    assert size("one", count) == 1
    assert size("leader", count) == 1
    assert size("minority", count) == minority
    assert size("majority", count) == majority
    assert size("all", count) == count
    assert 2 * minority < count, "a minority is never half"


@pytest.mark.parametrize("count", [1, 2])
def test_a_minority_of_nobody_is_refused(count):
    with pytest.raises(Unmet, match=f"{count} members have no minority that could be lost"):
        size("minority", count)


def test_a_single_node_is_its_own_majority():
    assert size("majority", 1) == 1


@pytest.mark.parametrize("target", SYMBOLS)
def test_hit_nodes_are_eligible_members_in_the_members_order(target):
    nodes = members(5)
    seen = set()
    for seed in range(50):
        hit = resolve(target, nodes, nodes, "n4", Random(seed))
        assert hit == [node for node in nodes if node in hit]
        seen.update(hit)
    assert seen == ({"n4"} if target == "leader" else set(nodes))


def test_only_eligible_nodes_are_hit():
    for seed in range(50):
        assert set(resolve("majority", members(5), ("n1", "n3", "n5"), None, Random(seed))) == {"n1", "n3", "n5"}


def test_the_same_draw_hits_the_same():
    one, again = (resolve("minority", members(9), members(9), None, Random(3)) for _ in range(2))
    assert one == again


def test_a_node_by_name():
    assert resolve("n2", members(3), members(3), None, Random(1)) == ["n2"]


@pytest.mark.parametrize(
    ("target", "eligible", "leader", "reason"),
    [
        ("leader", members(3), None, "nobody is known to lead"),
        ("leader", ("n1",), "n2", "n2 is under another fault already"),
        ("n2", ("n1", "n3"), "n1", "n2 is under another fault already"),
        ("one", (), "n1", "one means 1 nodes, and only 0 can be hit now"),
        ("majority", ("n3",), "n1", "majority means 2 nodes, and only 1 can be hit now"),
        ("all", ("n1", "n2"), "n1", "all means 3 nodes, and only 2 can be hit now"),
        ("n9", members(3), "n1", "there is no node n9"),
        ("everybody", members(3), "n1", "there is no node everybody"),
    ],
)
def test_why_not(target, eligible, leader, reason):
    with pytest.raises(Unmet, match=f"^{reason}$"):
        resolve(target, members(3), eligible, leader, Random(1))
