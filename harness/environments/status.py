"""Asking nodes how they are: each over a connection of its own, all at once, and with a short patience.

A frozen node accepts connections, because its kernel does, and says nothing; so does the engine's port proxy on behalf
of a dead one. The time-out is what tells them from nodes that live.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import anyio

from keelhaul.harness.environments.connection import Broken, Connection, Refused
from keelhaul.nodes.events import Body

ANSWER_SECONDS = 0.15
"""A node that lives answers within a few milliseconds; a busy machine gets some room."""
_ASKER = "keelhaul-status"


@dataclass(frozen=True, slots=True)
class Status:
    """What a node says of itself: its role, its term, and whom it takes for the leader, if anybody."""

    role: str
    term: int
    leader: str | None
    commit_index: int


async def ask(node: str, address: tuple[str, int], timeout_seconds: float = ANSWER_SECONDS) -> Status | None:
    """Ask one node; None if it doesn't answer in time, or not in these terms."""
    with anyio.move_on_after(timeout_seconds):
        try:
            connection = await Connection.open(*address, _ASKER, timeout_seconds, node_name=node)
        except Refused:
            return None
        try:
            return _status(await connection.request({"type": "status"}))
        except Broken:
            return None
        finally:
            connection.close()
    return None


async def ask_all(addresses: Mapping[str, tuple[str, int]]) -> dict[str, Status]:
    """Ask all nodes side by side; those that don't answer at once are left out. In the order of `addresses`."""
    found: dict[str, Status | None] = dict.fromkeys(addresses)

    async def one(node: str) -> None:
        found[node] = await ask(node, addresses[node])

    async with anyio.create_task_group() as tasks:
        for node in addresses:
            tasks.start_soon(one, node)
    return {node: status for node, status in found.items() if status is not None}


def leader_of(statuses: Mapping[str, Status]) -> str | None:
    """Return who leads: the one of the highest term among those that say so; None if nobody does."""
    leaders = [(status.term, node) for node, status in statuses.items() if status.role == "leader"]
    return max(leaders)[1] if leaders else None


def _status(body: Body) -> Status | None:
    role, term = body.get("role"), body.get("term")
    leader, commit_index = body.get("leader"), body.get("commit_index")
    if body["type"] != "status_ok" or not isinstance(role, str) or not isinstance(term, int):
        return None
    return Status(
        role=role,
        term=term,
        leader=leader if isinstance(leader, str) else None,
        commit_index=commit_index if isinstance(commit_index, int) else 0,
    )
