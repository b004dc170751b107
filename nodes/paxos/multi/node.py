"""The Multi-Paxos node: events in, effects and news out. It owns the order of effects, and what a boot finds."""

from __future__ import annotations

from random import Random

from keelhaul.nodes.events import Body, Boot, ClientRequest, Effect, Received, Record, StorageDone, TimerFired
from keelhaul.nodes.node import NodeConfig
from keelhaul.nodes.paxos.ballot import Ballot, ballot_of
from keelhaul.nodes.paxos.multi import acceptor, leader, learner, proposing, reads, requests, snapshots
from keelhaul.nodes.paxos.multi.entry import entry_of
from keelhaul.nodes.paxos.multi.settings import LEASE, Settings
from keelhaul.nodes.paxos.multi.state import ELECTION, HEARTBEAT, READ, State
from keelhaul.nodes.replicated_log import Confirm, LogEvent, News, Propose, StateMachine
from keelhaul.nodes.state_machines.key_value import KeyValue
from keelhaul.nodes.state_machines.sessions import Sessions

_MESSAGES = {
    "prepare": acceptor.on_prepare,
    "promise": leader.on_promise,
    "accept": acceptor.on_accept,
    "accepted": proposing.on_accepted,
    "heartbeat": acceptor.on_heartbeat,
    "heartbeat_ack": proposing.on_heartbeat_ack,
    "learn": learner.on_learn,
    "learn_reply": learner.on_learn_reply,
    "snapshot_offer": snapshots.on_offer,
    "snapshot_ask": snapshots.on_ask,
    "snapshot_chunk": snapshots.on_chunk,
    "how_far": reads.on_how_far,
    "so_far": reads.on_so_far,
}
_TIMERS = {ELECTION: leader.on_election_timer, HEARTBEAT: leader.on_heartbeat_timer, READ: reads.on_read_timer}


class Paxos:
    """One member of a replicated log, by default under a key-value store with client sessions.

    ValueError if the options don't fit, or quorums that must meet need not.
    """

    def __init__(self, config: NodeConfig, random: Random, machine: StateMachine | None = None) -> None:
        settings = Settings.of(config.options)
        self._has_service = machine is not None
        if machine is None:
            machine = Sessions(KeyValue(), settings.sessions_max)
        self._state = State(config, settings, random, machine)

    @property
    def leader(self) -> str | None:
        """Who leads, as far as this member knows; its own name while it leads."""
        return self._state.leader

    def has_lease(self, now_ns: int) -> bool:
        """Say whether no other member can lead at this moment, if clocks drift no more than they may."""
        return leader.has_lease(self._state, now_ns)

    def step(self, now_ns: int, event: LogEvent) -> list[Effect | News]:
        """Take one event; return traces, the write, messages, replies and timers, in that order, then news."""
        state = self._state
        if isinstance(event, Received):
            if event.source in state.config.members:
                _on_message(state, now_ns, event.source, event.body)
        elif isinstance(event, StorageDone):
            state.out.on_storage_done(event.ticket)
        elif isinstance(event, ClientRequest):
            requests.on_request(state, now_ns, event.client, event.body)
        elif isinstance(event, TimerFired):
            if state.out.is_current(event):
                _TIMERS[event.timer](state, now_ns)
        elif isinstance(event, Propose):
            requests.on_propose(state, now_ns, event)
        elif isinstance(event, Confirm):
            requests.on_confirm(state, now_ns, event)
        else:
            _boot(state, now_ns, event)
        while (body := state.out.next_own()) is not None:
            _on_message(state, now_ns, state.name, body)
        state.save_hints()
        news, state.news = state.news, []
        # A host would not know what to do with news.
        return [*state.out.take(), *(news if self._has_service else ())]


def _on_message(state: State, now_ns: int, source: str, body: Body) -> None:
    if body["type"] == "nack":
        leader.on_nack(state, now_ns, body)
        return
    handler = _MESSAGES.get(body["type"])
    if handler is not None:
        handler(state, now_ns, source, body)


def _boot(state: State, now_ns: int, boot: Boot) -> None:
    state.incarnation = boot.incarnation
    decided = 0
    for record in boot.records:
        decided = max(decided, _replay(state, record))
    state.hint_saved = decided
    state.round_seen = max(state.round_seen, state.promised.round)
    state.out.trace(
        {
            "type": "boot",
            "promised": list(state.promised),
            "slots": [[slot, list(row.ballot), row.digest] for slot, row in sorted(state.ledger.accepted.items())],
            "snapshot": state.snapshot_slot,
            "window": state.settings.window,
        }
    )
    learner.trace_config(state, state.executed + 1)
    for slot in range(state.ledger.first_slot, decided + 1):
        if slot not in state.ledger.chosen:
            state.ledger.choose(slot, state.ledger.accepted[slot].entry)
    learner.execute(state, now_ns)
    if state.settings.read_mode == LEASE and boot.incarnation > 1:
        state.silent_until_ns = now_ns + state.settings.election_timeout_ns
    leader.reset_election_timer(state, now_ns)
    state.out.set_timer(ELECTION, state.election_deadline_ns - now_ns)


def _replay(state: State, record: Record) -> int:
    """Take in a record from the disk; return up to where it says that slots are decided."""
    kind = record[0]
    if kind == "promise":
        state.promised = max(state.promised, Ballot(record[1], record[2]))
    elif kind == "accept":
        ballot = ballot_of(record[2])
        state.promised = max(state.promised, ballot)
        state.ledger.accept(record[1], ballot, entry_of(record[3]))
    elif kind == "learn":
        state.ledger.choose(record[1], entry_of(record[2]))
    elif kind == "round":
        state.round_used = max(state.round_used, record[1])
    elif kind == "snapshot":
        snapshots.restore(state, record[2])
        state.ledger.begin_after(record[1])
    elif kind == "first":
        state.ledger.first_slot = record[1]
    elif kind == "decided":
        return int(record[1])
    else:
        raise AssertionError(f"an unknown record on disk: {kind!r}")
    return 0
