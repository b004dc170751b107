"""A counter-example: a lock server without sessions, leases, tokens or agreement. Don't build one like this.

The first member, in the order of the list, from which something was heard lately is the primary. It keeps the holders
in memory, answers at once, and tells the others in passing, so that the next one can take over. Each part is plausible
and each is wrong:

* two members on either side of a cut both believe themselves primary, and both give the same lock away;
* a member that comes back is the first again, and what it knows of the locks is what it last heard;
* a client that dies holds its lock for ever; one that was only slow can't be told from one that died;
* nothing (no number that grows) lets anybody else see which of two holders is the later one.

Clients talk to it as to the real service (nodes/lock/), and are told that it has no sessions. An `owner` names who
asks.
"""

from __future__ import annotations

from collections import deque
from random import Random
from typing import NamedTuple

from keelhaul.nodes.errors import ErrorCode, error_body
from keelhaul.nodes.events import (
    Body,
    Boot,
    ClientRequest,
    Effect,
    Event,
    Received,
    Reply,
    Send,
    SetTimer,
    TimerFired,
    Trace,
)
from keelhaul.nodes.lock.settings import NaiveSettings
from keelhaul.nodes.node import NodeConfig

BEAT = "beat"


class _Waiter(NamedTuple):
    owner: str
    client: str
    msg_id: int


class NaiveLock:
    """One member."""

    def __init__(self, config: NodeConfig, random: Random) -> None:
        self._config = config
        self._settings = NaiveSettings.of(config.options)
        self._peers = tuple(name for name in config.members if name != config.name)
        self._heard_ns: dict[str, int] = {}
        self._holders: dict[str, str] = {}
        self._queues: dict[str, deque[_Waiter]] = {}
        self._is_primary = False
        self._generation = 0
        self._effects: list[Effect] = []

    def step(self, now_ns: int, event: Event) -> list[Effect]:
        """Take one event; return what is to be done."""
        self._effects = []
        if isinstance(event, ClientRequest):
            self._on_request(now_ns, event.client, event.body)
        elif isinstance(event, Received):
            self._on_message(now_ns, event.source, event.body)
        elif isinstance(event, Boot):
            self._effects.append(Trace({"type": "boot", "role": "follower"}))
            self._beat(now_ns)
        elif isinstance(event, TimerFired) and event.generation == self._generation:
            self._beat(now_ns)
        return self._effects

    def _beat(self, now_ns: int) -> None:
        for peer in self._peers:
            self._effects.append(Send(peer, {"type": "beat"}))
        is_primary = self._primary(now_ns) == self._config.name
        if is_primary != self._is_primary:
            self._is_primary = is_primary
            role = "leader" if is_primary else "follower"
            self._effects.append(Trace({"type": "role", "role": role, "term": 0}))
        self._generation += 1
        self._effects.append(SetTimer(BEAT, self._generation, self._settings.heartbeat_ns))

    def _primary(self, now_ns: int) -> str:
        """The naive election: the first member that isn't silent."""
        for name in self._config.members:
            heard_ns = self._heard_ns.get(name)
            lately = heard_ns is not None and now_ns - heard_ns < self._settings.election_timeout_ns
            if name == self._config.name or lately:
                return name
        raise AssertionError("a member finds itself, if nobody else")

    def _on_message(self, now_ns: int, source: str, body: Body) -> None:
        self._heard_ns[source] = now_ns
        if body["type"] == "held":
            if body["owner"] is None:
                self._holders.pop(body["lock"], None)
            else:
                self._holders[body["lock"]] = body["owner"]

    # --- clients

    def _on_request(self, now_ns: int, client: str, body: Body) -> None:
        msg_id, kind = body.get("msg_id"), body["type"]
        if type(msg_id) is not int:
            return
        primary = self._primary(now_ns)
        if kind == "status":
            role = "leader" if primary == self._config.name else "follower"
            self._reply(client, msg_id, {"type": "status_ok", "role": role, "term": 0, "leader": primary})
        elif kind not in ("acquire", "release"):
            self._reply(client, msg_id, error_body(ErrorCode.NOT_SUPPORTED, "this server has only acquire and release"))
        elif not (isinstance(body.get("lock"), str) and isinstance(body.get("owner"), str)):
            self._reply(client, msg_id, error_body(ErrorCode.MALFORMED_REQUEST, f"{kind} needs a lock and an owner"))
        elif primary != self._config.name:
            hint = error_body(ErrorCode.TEMPORARILY_UNAVAILABLE, "not the primary", leader=primary)
            self._reply(client, msg_id, hint)
        elif kind == "acquire":
            self._acquire(body["lock"], _Waiter(body["owner"], client, msg_id), wait=bool(body.get("wait")))
        else:
            self._release(body["lock"], _Waiter(body["owner"], client, msg_id))

    def _acquire(self, lock: str, who: _Waiter, *, wait: bool) -> None:
        if lock not in self._holders:
            self._grant(lock, who)
        elif wait:
            self._queues.setdefault(lock, deque()).append(who)
        else:
            self._reply(who.client, who.msg_id, error_body(ErrorCode.PRECONDITION_FAILED, "held", reason="held"))

    def _grant(self, lock: str, who: _Waiter) -> None:
        self._hold(lock, who.owner)
        self._reply(who.client, who.msg_id, {"type": "acquire_ok", "token": None})

    def _release(self, lock: str, who: _Waiter) -> None:
        if self._holders.get(lock) != who.owner:
            text = "somebody else holds it, or nobody"
            self._reply(who.client, who.msg_id, error_body(ErrorCode.PRECONDITION_FAILED, text, reason="not_holder"))
            return
        self._reply(who.client, who.msg_id, {"type": "release_ok"})
        self._hold(lock, None)
        waiting = self._queues.get(lock)
        if waiting:
            self._grant(lock, waiting.popleft())

    def _hold(self, lock: str, owner: str | None) -> None:
        """Note who holds a lock, and tell the others, who may or may not hear of it."""
        if owner is None:
            self._holders.pop(lock, None)
        else:
            self._holders[lock] = owner
        self._effects.append(Trace({"type": "naive_lock", "lock": lock, "owner": owner}))
        for peer in self._peers:
            self._effects.append(Send(peer, {"type": "held", "lock": lock, "owner": owner}))

    def _reply(self, client: str, msg_id: int, body: Body) -> None:
        self._effects.append(Reply(client, {**body, "in_reply_to": msg_id}))
