"""Which systems there are, by name, and where their node class is. Imports a system only when it is asked for."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import cast

from keelhaul.nodes.node import NodeFactory

SYSTEMS = {
    "raft": "keelhaul.nodes.raft:Raft",
    "synod": "keelhaul.nodes.paxos:Synod",
    "paxos": "keelhaul.nodes.paxos:Paxos",
    "naive-paxos": "keelhaul.nodes.paxos:NaivePaxos",
    "lock": "keelhaul.nodes.lock.on_raft:LockOnRaft",
    "lock-on-paxos": "keelhaul.nodes.lock.on_paxos:LockOnPaxos",
    "fenced-lock": "keelhaul.nodes.lock.guarded:fenced_lock",
    "naive-lock": "keelhaul.nodes.naive_lock:NaiveLock",
    "unfenced-lock": "keelhaul.nodes.lock.guarded:unfenced_lock",
}
"""A system's name, and `module:attribute` of what makes a node of it."""


class UnknownSystem(ValueError):
    """No such system; the message says what was asked for and what there is."""


def node_factory(system: str) -> NodeFactory:
    """Return what makes a node of `system`: a name of ours, or `module:attribute`; UnknownSystem if there is none."""
    place = SYSTEMS.get(system, system)
    module, colon, attribute = place.partition(":")
    if not (module and colon and attribute):
        raise UnknownSystem(_explanation(system))
    try:
        return cast(NodeFactory, getattr(import_module(module), attribute))
    except (ModuleNotFoundError, AttributeError) as error:
        raise UnknownSystem(f"system {system!r}: {place} can't be loaded: {error}") from error


def _explanation(system: str) -> str:
    near = get_close_matches(system, SYSTEMS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"there is no system {system!r}; allowed are {', '.join(SYSTEMS)} and module:attribute of a class{hint}"
