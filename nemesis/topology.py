"""The shapes of a partition, as data: who drops whose packets.

A *grudge* maps a node to the nodes whose **incoming** packets it drops, so an entry on one side only is a one-way cut
(semantics.md §4.7). Every shape is a function from the nodes and a generator to a grudge; `SHAPES` names them.
Grudges list nodes in the members' order, so that the same draw gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import TypeAlias

Grudge: TypeAlias = dict[str, tuple[str, ...]]
Nodes: TypeAlias = tuple[str, ...]


def majority(count: int) -> int:
    """Return the smallest number of nodes that is more than half."""
    return count // 2 + 1


def complete_grudge(components: Iterable[Nodes]) -> Grudge:
    """Cut every link, both ways, between nodes of different components."""
    parts = [tuple(part) for part in components]
    return {
        node: tuple(other for part in parts if part is not own for other in part)
        for own in parts
        for node in own
        if len(parts) > 1
    }


def halves(nodes: Nodes, random: Random) -> Grudge:
    """Split into a random ⌊n/2⌋ and the rest."""
    return _ordered(nodes, complete_grudge(_halves(nodes, random)))


def isolate_one(nodes: Nodes, random: Random) -> Grudge:
    """Cut one random node off from all others."""
    return isolate(nodes, random.choice(nodes))


def isolate(nodes: Nodes, lonely: str) -> Grudge:
    """Cut `lonely` off from all others, both ways."""
    return _ordered(nodes, complete_grudge([(lonely,), tuple(node for node in nodes if node != lonely)]))


def bridge(nodes: Nodes, random: Random) -> Grudge:
    """Split into halves that only one node of the second (larger or equal) half can bridge."""
    smaller, larger = _halves(nodes, random)
    joint = larger[0]
    grudge = complete_grudge([smaller, larger])
    return _ordered(
        nodes,
        {
            node: tuple(other for other in dropped if other != joint)
            for node, dropped in grudge.items()
            if node != joint
        },
    )


def majorities_ring(nodes: Nodes, random: Random) -> Grudge:
    """Let every node hear a majority, and no two nodes the same one.

    Up to five nodes: windows of majority size on a shuffled ring, each window's middle node drops all outside it
    (three nodes: one-way links around a circle). Above: a circulant graph, which keeps every node in touch with the
    same number of ring neighbours.
    """
    ring = _shuffled(nodes, random)
    count = len(ring)
    if count < 3:
        return {}
    if count > 5:
        return _ordered(nodes, _circulant(ring))
    size = majority(count)
    grudge = {}
    for start in range(count):
        window = [ring[(start + step) % count] for step in range(size)]
        grudge[window[size // 2]] = tuple(node for node in ring if node not in window)
    return _ordered(nodes, grudge)


def one_way(nodes: Nodes, random: Random) -> Grudge:
    """Split into halves of which only one still hears the other."""
    sides = _halves(nodes, random)
    deaf, heard = random.sample(sides, 2)
    return _ordered(nodes, {node: heard for node in deaf})


SHAPES: dict[str, Callable[[Nodes, Random], Grudge]] = {
    "halves": halves,
    "majorities-ring": majorities_ring,
    "bridge": bridge,
    "isolate-one": isolate_one,
    "one-way": one_way,
}


def union(grudges: Iterable[Grudge], nodes: Nodes) -> Grudge:
    """Put several grudges in force at once."""
    merged: dict[str, set[str]] = {}
    for grudge in grudges:
        for node, dropped in grudge.items():
            merged.setdefault(node, set()).update(dropped)
    return _ordered(nodes, {node: tuple(dropped) for node, dropped in merged.items()})


def hears(grudge: Grudge, receiver: str, sender: str) -> bool:
    """Say whether packets from `sender` still reach `receiver`."""
    return sender not in grudge.get(receiver, ())


def _circulant(ring: Nodes) -> Grudge:
    from networkx import circulant_graph

    reach = majority(len(ring)) // 2
    graph = circulant_graph(len(ring), list(range(1, reach + 1)))
    return {ring[at]: tuple(ring[other] for other in graph if other != at and other not in graph[at]) for at in graph}


def _halves(nodes: Nodes, random: Random) -> list[Nodes]:
    shuffled = _shuffled(nodes, random)
    middle = len(nodes) // 2
    return [shuffled[:middle], shuffled[middle:]]


def _shuffled(nodes: Nodes, random: Random) -> Nodes:
    mixed = list(nodes)
    random.shuffle(mixed)
    return tuple(mixed)


def _ordered(nodes: Nodes, grudge: Grudge) -> Grudge:
    return {node: tuple(other for other in nodes if other in grudge[node]) for node in nodes if grudge.get(node)}
