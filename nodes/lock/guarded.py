"""A cluster whose last member is the resource that the locks protect; the others are the lock service's cell."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from keelhaul.nodes.lock.on_raft import LockOnRaft
from keelhaul.nodes.node import Node, NodeConfig
from keelhaul.nodes.resource import Resource


def fenced_lock(config: NodeConfig, random: Random) -> Node:
    """Make a member of a cluster whose resource looks at tokens."""
    return _member(config, random, is_fenced=True)


def unfenced_lock(config: NodeConfig, random: Random) -> Node:
    """Make a member of a cluster whose resource doesn't: a counter-example."""
    return _member(config, random, is_fenced=False)


def _member(config: NodeConfig, random: Random, *, is_fenced: bool) -> Node:
    *cell, resource = config.members
    if config.name == resource:
        return Resource(config, random, is_fenced=is_fenced)
    return LockOnRaft(replace(config, members=tuple(cell)), random)
