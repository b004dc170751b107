"""The synod node: events in, effects out. It owns the instances, by key; the rules live in the roles."""

from __future__ import annotations

from random import Random

from keelhaul.nodes.errors import error_body
from keelhaul.nodes.events import Body, Boot, ClientRequest, Effect, Event, Received, StorageDone, TimerFired
from keelhaul.nodes.mutants import DISJOINT_QUORUMS
from keelhaul.nodes.node import NodeConfig
from keelhaul.nodes.outbox import Outbox
from keelhaul.nodes.paxos.ballot import digest_of
from keelhaul.nodes.paxos.quorums import threshold
from keelhaul.nodes.paxos.settings import SynodSettings
from keelhaul.nodes.paxos.synod.acceptor import Key
from keelhaul.nodes.paxos.synod.instance import Instance
from keelhaul.nodes.replicated_log import MalformedCommand
from keelhaul.nodes.state_machines.write_once import proposal_of

_TIMER = "proposer/"


class Synod:
    """One member of a cluster that holds write-once registers. ValueError if its quorums need not meet."""

    def __init__(self, config: NodeConfig, random: Random) -> None:
        self._members = config.members
        self._mutant = config.mutant
        self._settings = SynodSettings.of(config.options)
        self._quorums = self._settings.quorums_of(config.members)
        if self._mutant == DISJOINT_QUORUMS:
            self._quorums = threshold(config.members, (len(config.members) - 1) // 3 + 1)
        self._random = random
        self._outbox = Outbox(config.name)
        self._instances: dict[Key, Instance] = {}
        self._by_timer: dict[str, Instance] = {}

    def step(self, now_ns: int, event: Event) -> list[Effect]:
        """Take one event; return traces, the write, messages, replies and timers, in that order."""
        if isinstance(event, Received):
            if event.source in self._members:
                self._on_message(event.source, event.body)
        elif isinstance(event, ClientRequest):
            self._on_request(event.client, event.body)
        elif isinstance(event, StorageDone):
            self._outbox.on_storage_done(event.ticket)
        elif isinstance(event, TimerFired):
            if self._outbox.is_current(event):
                self._by_timer[event.timer].proposer.on_timer()
        else:
            self._boot(event)
        while (body := self._outbox.next_own()) is not None:
            self._on_message(self._outbox.name, body)
        return self._outbox.take()

    def _boot(self, boot: Boot) -> None:
        for record in boot.records:
            self._instance(record[1]).replay(record)
        self._outbox.trace(
            {
                "type": "boot",
                "quorums": self._quorums.described(),
                "slots": [instance.recovered() for instance in self._instances.values()],
            }
        )

    def _on_message(self, source: str, body: Body) -> None:
        key = body.get("key")
        if key is not None:
            self._instance(key).on_message(source, body)

    def _on_request(self, client: str, body: Body) -> None:
        msg_id = body.get("msg_id")
        if type(msg_id) is not int:
            return  # nobody could tell what the answer belongs to
        if body["type"] == "status":
            self._outbox.reply(client, msg_id, self._status())
            return
        try:
            key, value = proposal_of(body)
        except MalformedCommand as error:
            self._outbox.reply(client, msg_id, error_body(error.code, str(error)))
            return
        if value is not None:
            self._outbox.trace({"type": "request", "slot": key, "digest": digest_of(value)})
        self._instance(key).proposer.on_request(client, msg_id, value)

    def _status(self) -> Body:
        chosen = sum(instance.learner.is_chosen for instance in self._instances.values())
        return {"type": "status_ok", "role": "member", "term": 0, "leader": None, "commit_index": chosen}

    def _instance(self, key: Key) -> Instance:
        found = self._instances.get(key)
        if found is None:
            timer = f"{_TIMER}{len(self._instances)}"
            shared = (self._outbox, self._members, self._quorums, self._settings, self._random, self._mutant)
            found = Instance(key, timer, *shared)
            self._instances[key] = self._by_timer[timer] = found
        return found
