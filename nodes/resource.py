"""What locks protect, as a small server of its own: one value a lock, and, if it is fenced, an eye on tokens (LK-E).

A lease can't stop a client that was asleep when its lease ran out from sending what it had decided to send. Only
whoever receives it can: a *fenced* resource remembers the newest token that it has seen for each lock, and refuses
anything older. Equal is fine, that is the same holder again. A read shows its token, too: from then on no earlier
holder's write can slip in between what the reader saw and what it will write.

An unfenced resource does as it is told. Behind the same honest lock service it loses updates; that is what it is for.

Newest tokens and values are on disk before anybody is answered, in one record a change.
"""

from __future__ import annotations

from random import Random
from typing import Any

from keelhaul.nodes.errors import ErrorCode, error_body
from keelhaul.nodes.events import Body, Boot, ClientRequest, Effect, Event, Persist, Record, Reply, StorageDone, Trace
from keelhaul.nodes.mutants import RESOURCE_FORGETS
from keelhaul.nodes.node import NodeConfig
from keelhaul.nodes.state_machines.json_values import problem_of

NOTHING_YET = [0, None]


class Resource:
    """The server. Requests: guarded_read(lock, token), guarded_write(lock, token, value)."""

    def __init__(self, config: NodeConfig, random: Random, *, is_fenced: bool) -> None:
        self._is_fenced = is_fenced
        self._mutant = config.mutant
        self._values: dict[str, Any] = {}
        self._newest: dict[str, int] = {}
        self._ticket = 0
        self._durable_ticket = 0
        self._effects: list[Effect] = []

    def step(self, now_ns: int, event: Event) -> list[Effect]:
        """Take one event; return what is to be done."""
        self._effects = []
        if isinstance(event, Boot):
            for record in event.records:
                self._replay(record)
            self._effects.append(Trace({"type": "boot", "part": "resource", "fenced": self._is_fenced}))
        elif isinstance(event, StorageDone):
            self._durable_ticket = event.ticket
        elif isinstance(event, ClientRequest) and type(event.body.get("msg_id")) is int:
            answer = self._answer(event.body)
            after = self._ticket if self._ticket > self._durable_ticket else None
            self._effects.append(Reply(event.client, {**answer, "in_reply_to": event.body["msg_id"]}, after))
        return self._effects

    def _replay(self, record: Record) -> None:
        kind, lock, token = record[:3]
        if self._mutant != RESOURCE_FORGETS:
            self._newest[lock] = token
        if kind == "value":
            self._values[lock] = record[3]

    def _answer(self, body: Body) -> Body:
        kind = body["type"]
        if kind == "status":
            return {"type": "status_ok", "role": "follower", "term": 0, "leader": None}
        if kind not in ("guarded_read", "guarded_write"):
            return error_body(ErrorCode.NOT_SUPPORTED, "this resource has guarded_read and guarded_write")
        lock, token = body.get("lock"), body.get("token")
        if not isinstance(lock, str) or type(token) is not int or problem_of([lock, token, body.get("value")]):
            return error_body(ErrorCode.MALFORMED_REQUEST, f"{kind} needs lock, a string, and token, a whole number")
        newest = self._newest.get(lock, token)
        if self._is_fenced and token < newest:
            self._effects.append(Trace({"type": "refuse", "lock": lock, "token": token, "newest": newest}))
            text = f"token {token} is older than {newest}"
            return error_body(ErrorCode.PRECONDITION_FAILED, text, reason="stale_token")
        if kind == "guarded_read":
            return self._read(lock, token)
        return self._write(lock, token, body.get("value"))

    def _read(self, lock: str, token: int) -> Body:
        if token > self._newest.get(lock, -1):
            self._newest[lock] = token
            self._persist(["token", lock, token])
        return {"type": "guarded_read_ok", "value": self._values.get(lock, NOTHING_YET)}

    def _write(self, lock: str, token: int, value: Any) -> Body:
        self._newest[lock] = max(token, self._newest.get(lock, token))
        self._values[lock] = value
        self._persist(["value", lock, self._newest[lock], value])
        self._effects.append(Trace({"type": "accept", "lock": lock, "token": token}))
        return {"type": "guarded_write_ok"}

    def _persist(self, record: Record) -> None:
        self._ticket += 1
        self._effects.append(Persist(self._ticket, (record,)))
