"""The Raft node: events in, effects out. It owns the order of effects; the rules live in the other files here."""

from __future__ import annotations

from random import Random

from keelhaul.nodes.events import Boot, ClientRequest, Effect, Event, Persist, Received, Record, StorageDone, TimerFired
from keelhaul.nodes.node import NodeConfig
from keelhaul.nodes.raft import election, replication, requests
from keelhaul.nodes.raft.log import Entry
from keelhaul.nodes.raft.state import ELECTION, HEARTBEAT, State

_MESSAGES = {
    "append_entries": replication.on_append_entries,
    "append_entries_reply": replication.on_append_reply,
    "request_vote": election.on_request_vote,
    "request_vote_reply": election.on_vote_reply,
}
_TIMERS = {ELECTION: election.on_election_timer, HEARTBEAT: election.on_heartbeat_timer}


class Raft:
    """One member of a Raft cluster that replicates a key-value store."""

    def __init__(self, config: NodeConfig, random: Random) -> None:
        self._state = State(config, random)

    def step(self, now_ns: int, event: Event) -> list[Effect]:
        """Take one event; return traces, the write, messages, replies and timers, in that order."""
        state = self._state
        if isinstance(event, Received):
            handler = _MESSAGES.get(event.body["type"])
            if handler is not None and event.source in state.peers:
                handler(state, now_ns, event.source, event.body)
        elif isinstance(event, StorageDone):
            _on_storage_done(state, now_ns, event.ticket)
        elif isinstance(event, ClientRequest):
            requests.on_request(state, now_ns, event.client, event.body)
        elif isinstance(event, TimerFired):
            if event.generation == state.timer_generations[event.timer]:  # G6
                _TIMERS[event.timer](state, now_ns)
        else:
            _boot(state, now_ns, event)
        return _take_effects(state)


def _boot(state: State, now_ns: int, boot: Boot) -> None:
    for record in boot.records:
        _replay(state, record)
    state.durable_index = state.log.last_index
    state.trace(
        {
            "type": "boot",
            "term": state.term,
            "voted_for": state.voted_for,
            "last_index": state.log.last_index,
            "digest": state.log.digest_at(state.log.last_index),
        }
    )
    election.reset_election_timer(state, now_ns)
    state.set_timer(ELECTION, state.election_deadline_ns - now_ns)


def _replay(state: State, record: Record) -> None:
    kind = record[0]
    if kind == "vote":
        state.term, state.voted_for = record[1], record[2]
    elif kind == "entry":
        assert record[1] == state.log.last_index + 1, f"entry {record[1]} follows entry {state.log.last_index} on disk"
        state.log.append(Entry(*record[2:]))
    elif kind == "truncate":
        state.log.truncate(record[1])
    else:
        raise AssertionError(f"an unknown record on disk: {kind!r}")


def _on_storage_done(state: State, now_ns: int, ticket: int) -> None:
    state.durable_ticket = max(state.durable_ticket, ticket)
    durable_index = state.durable_index
    while state.unsynced and state.unsynced[0][0] <= ticket:
        state.durable_index = max(state.durable_index, state.unsynced.popleft()[1])
    election.on_own_vote_durable(state, now_ns)
    if state.durable_index > durable_index:
        replication.advance_commit(state)


def _take_effects(state: State) -> list[Effect]:
    """Hand out what the rules asked for, and start the next step with empty hands."""
    effects = state.traces
    state.traces = []
    if state.records:
        state.ticket += 1
        effects.append(Persist(state.ticket, tuple(state.records)))
        state.records.clear()
    if state.outgoing:
        effects += state.outgoing
        state.outgoing.clear()
    return effects
