"""Clocks of real nodes: each node's host is told, over the clients' way in, to let its node's clock run wrong.

The kernel's clock is everybody's, the harness' own included, and can't be touched. What a node reads goes through its
host (`nodes/clock.py`), which is one of ours in both live environments.
"""

from __future__ import annotations

from collections.abc import Mapping

import anyio

from keelhaul.harness.environments.connection import Broken, Connection, Refused
from keelhaul.nemesis.victim import VictimError
from keelhaul.nodes.events import Body
from keelhaul.nodes.host.host import SKEW

ANSWER_SECONDS = 2.0
"""It takes milliseconds; a busy machine gets some room. Nobody but the nemesis waits."""
_ASKER = "keelhaul-clocks"


async def skew_clocks(addresses: Mapping[str, tuple[str, int]], rate_ppm: int, jump_ms: int) -> None:
    """Tell all these nodes' hosts, side by side; VictimError names those that didn't say that it is done."""
    problems: dict[str, str | None] = dict.fromkeys(addresses)
    body = {"type": SKEW, "rate_ppm": rate_ppm, "jump_ms": jump_ms}

    async def one(node: str) -> None:
        problems[node] = await _tell(node, addresses[node], body)

    async with anyio.create_task_group() as tasks:
        for node in addresses:
            tasks.start_soon(one, node)
    told = [f"{node}'s clock can't be set: {problem}" for node, problem in problems.items() if problem is not None]
    if told:
        raise VictimError("; ".join(told))


async def _tell(node: str, address: tuple[str, int], body: Body) -> str | None:
    with anyio.move_on_after(ANSWER_SECONDS):
        try:
            connection = await Connection.open(*address, _ASKER, ANSWER_SECONDS, node_name=node)
        except Refused as error:
            return str(error)
        try:
            answer = await connection.request(body)
        except Broken as error:
            return str(error)
        finally:
            connection.close()
        return None if answer["type"] == f"{SKEW}_ok" else f"it answered {str(answer)[:200]}"
    return f"no answer within {ANSWER_SECONDS:g} s"
