"""Asking nodes how they are: each over a connection of its own, all at once, and with a short patience.

A frozen node accepts connections, because its kernel does, and says nothing; so does the engine's port proxy on behalf
of a dead one. The time-out is what tells them from nodes that live.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import anyio

from keelhaul.nodes.messages import FrameDecoder, FrameError, encode_frame, envelope

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
            return await _exchange(node, address)
        except (OSError, anyio.EndOfStream, anyio.BrokenResourceError, FrameError):
            return None
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


async def _exchange(node: str, address: tuple[str, int]) -> Status | None:
    decoder = FrameDecoder()
    async with await anyio.connect_tcp(*address) as stream:
        await stream.send(encode_frame(envelope(_ASKER, node, {"type": "status", "msg_id": 1})))
        while True:
            for answer in decoder.feed(await stream.receive()):
                return _status(answer["body"])


def _status(body: dict[str, object]) -> Status | None:
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
