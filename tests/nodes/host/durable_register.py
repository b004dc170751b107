"""A node for the host's tests: a register that is on disk before it answers, and a gossip. `module:attribute` names it.

write value        stores it; answers when it is durable; tells every peer at once, before that
read               answers with the value, and with what it heard from peers, in order
tell text          sends `text` to every peer
fail               raises
status             like any system's; the option `leader=1` makes it a leader of term 7
timer delay_ms     answers when a timer has run out
"""

from __future__ import annotations

from random import Random
from typing import Any

from keelhaul.nodes.events import (
    Boot,
    ClientRequest,
    Effect,
    Event,
    Persist,
    Received,
    Reply,
    Send,
    SetTimer,
    TimerFired,
    Trace,
)
from keelhaul.nodes.node import NodeConfig


class DurableRegister:
    """See above."""

    def __init__(self, config: NodeConfig, random: Random) -> None:
        self.config = config
        self.random = random
        self.value: Any = None
        self.heard: list[list[Any]] = []
        self.ticket = 0
        self.generation = 0
        self.sleepers: list[tuple[str, int]] = []

    def step(self, now_ns: int, event: Event) -> list[Effect]:
        """Take one event."""
        if isinstance(event, Boot):
            for record in event.records:
                self.value = record[1]
            return [Trace({"type": "boot", "value": self.value, "draw": self.random.random()})]
        if isinstance(event, Received):
            self.heard.append([event.source, event.body.get("text")])
            return [Trace({"type": "heard", "source": event.source})]
        if isinstance(event, TimerFired):
            client, msg_id = self.sleepers.pop()
            return [Reply(client, {"type": "timer_ok", "in_reply_to": msg_id, "generation": event.generation})]
        if isinstance(event, ClientRequest):
            return getattr(self, f"on_{event.body['type']}")(event.client, event.body)
        return []

    def on_write(self, client: str, body: dict[str, Any]) -> list[Effect]:
        """Store, tell, answer."""
        self.value = body["value"]
        self.ticket += 1
        return [
            Persist(self.ticket, (["value", self.value],)),
            *self.to_peers(f"write {self.value}"),
            Reply(client, {"type": "write_ok", "in_reply_to": body["msg_id"]}, after=self.ticket),
            Trace({"type": "written", "value": self.value}),
        ]

    def on_read(self, client: str, body: dict[str, Any]) -> list[Effect]:
        """Answer."""
        return [
            Reply(
                client,
                {"type": "read_ok", "in_reply_to": body["msg_id"], "value": self.value, "heard": list(self.heard)},
            )
        ]

    def on_tell(self, client: str, body: dict[str, Any]) -> list[Effect]:
        """Tell every peer."""
        return [*self.to_peers(body["text"]), Reply(client, {"type": "tell_ok", "in_reply_to": body["msg_id"]})]

    def on_status(self, client: str, body: dict[str, Any]) -> list[Effect]:
        """Say who leads."""
        leads = self.config.options.get("leader") == int(self.config.name[1:])
        status = {"role": "leader" if leads else "follower", "term": 7, "leader": None, "commit_index": 0}
        return [Reply(client, {"type": "status_ok", "in_reply_to": body["msg_id"], **status})]

    def on_timer(self, client: str, body: dict[str, Any]) -> list[Effect]:
        """Sleep twice as long as was wanted, think better of it, answer then."""
        self.generation += 2
        self.sleepers.append((client, body["msg_id"]))
        delay_ns = body["delay_ms"] * 1_000_000
        return [SetTimer("sleep", self.generation - 1, 2 * delay_ns), SetTimer("sleep", self.generation, delay_ns)]

    def on_fail(self, client: str, body: dict[str, Any]) -> list[Effect]:
        """Fail."""
        raise ZeroDivisionError("a bug of the node's")

    def to_peers(self, text: str) -> list[Effect]:
        """Send a text to every peer."""
        peers = [member for member in self.config.members if member != self.config.name]
        return [Send(peer, {"type": "told", "text": text}) for peer in peers]
