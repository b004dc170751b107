"""The Raft node: events in, effects out. It owns the order of effects; the rules live in the other files here."""

from __future__ import annotations

from random import Random

from keelhaul.nodes.events import (
    Boot,
    ClientRequest,
    Effect,
    Persist,
    Received,
    Record,
    Rewrite,
    StorageDone,
    TimerFired,
)
from keelhaul.nodes.node import NodeConfig
from keelhaul.nodes.raft import election, membership, reads, replication, requests, snapshots, transfer
from keelhaul.nodes.raft.log import CONFIG, Entry
from keelhaul.nodes.raft.settings import Settings
from keelhaul.nodes.raft.state import ELECTION, HEARTBEAT, READ, State
from keelhaul.nodes.replicated_log import Confirm, LogEvent, News, Propose, StateMachine
from keelhaul.nodes.state_machines.key_value import KeyValue
from keelhaul.nodes.state_machines.sessions import Sessions

_MESSAGES = {
    "append_entries": replication.on_append_entries,
    "append_entries_reply": replication.on_append_reply,
    "request_vote": election.on_request_vote,
    "request_vote_reply": election.on_vote_reply,
    "install_snapshot": snapshots.on_install_snapshot,
    "install_snapshot_reply": snapshots.on_install_reply,
    "read_index": reads.on_read_index,
    "read_index_reply": reads.on_read_index_reply,
    "timeout_now": transfer.on_timeout_now,
}
_TIMERS = {
    ELECTION: election.on_election_timer,
    HEARTBEAT: election.on_heartbeat_timer,
    READ: reads.on_read_timer,
}


class Raft:
    """One member of a Raft cluster: a replicated log. Without a `machine` it replicates a key-value store, with
    sessions, and answers clients itself."""

    def __init__(self, config: NodeConfig, random: Random, machine: StateMachine | None = None) -> None:
        settings = Settings.of(config.options)
        has_service = machine is not None
        machine = machine or Sessions(KeyValue(), settings.sessions_max)
        self._state = State(config, random, settings, machine, has_service=has_service)

    def step(self, now_ns: int, event: LogEvent) -> list[Effect | News]:
        """Take one event; return traces, the write, messages, replies, timers and news, in that order."""
        state = self._state
        now_ns = _steady(state, now_ns)
        if isinstance(event, Received):
            handler = _MESSAGES.get(event.body["type"])
            if handler is not None and event.source in state.known:
                handler(state, now_ns, event.source, event.body)
        elif isinstance(event, StorageDone):
            _on_storage_done(state, now_ns, event.ticket)
        elif isinstance(event, ClientRequest):
            requests.on_request(state, now_ns, event.client, event.body)
        elif isinstance(event, TimerFired):
            if event.generation == state.timer_generations[event.timer]:  # G6
                _TIMERS[event.timer](state, now_ns)
        elif isinstance(event, Propose):
            requests.on_proposal(state, now_ns, event)
        elif isinstance(event, Confirm):
            requests.on_confirm(state, now_ns, event)
        else:
            _boot(state, now_ns, event)
        return _take_effects(state)

    @property
    def leader(self) -> str | None:
        """Who leads, as far as this member knows."""
        return self._state.leader

    def has_lease(self, now_ns: int) -> bool:
        """Say whether nobody else can lead at this moment; False without `read_mode = "lease"`."""
        return reads.has_lease(self._state, _steady(self._state, now_ns))


def _steady(state: State, now_ns: int) -> int:
    """Return the time on a clock that never goes back. Where the given one does (it was promised not to: G1), this one
    goes on from where it was; how much time really passed can't be told then, so a lease begins anew."""
    now_ns += state.clock_shift_ns
    if now_ns < state.latest_ns:
        state.clock_shift_ns += state.latest_ns - now_ns
        state.lease_floor_ns = now_ns = state.latest_ns
    state.latest_ns = now_ns
    return now_ns


def _boot(state: State, now_ns: int, boot: Boot) -> None:
    state.incarnation = boot.incarnation
    image: list[str] = []
    about: Record = []
    for record in boot.records:
        if record[0] == "snapshot":
            about = record
        elif record[0] == "image":
            image.append(record[1])
        else:
            _replay(state, record)
    if about:
        snapshots.replay_snapshot(state, about, image)
    for index in range(state.log.base_index + 1, state.log.last_index + 1):
        if state.log.entry(index).kind == CONFIG:
            membership.adopt(state, index, state.log.entry(index))
    state.durable_index = state.log.last_index
    _tell_boot(state)
    election.on_boot(state, now_ns)


def _tell_boot(state: State) -> None:
    newest, last_index = state.configuration, state.log.last_index
    state.traces.clear()  # what was read back is no news
    state.trace(
        {
            "type": "boot",
            "term": state.term,
            "voted_for": state.voted_for,
            "last_index": last_index,
            "digest": state.log.digest_at(last_index),
            "snapshot_index": state.applied_index,
            "config": [newest.entry_index, *newest.payload()],
            "election_timeout_ns": state.settings.election_timeout_ns,
        }
    )


def _replay(state: State, record: Record) -> None:
    kind = record[0]
    if kind == "vote":
        state.term, state.voted_for = record[1], record[2]
    elif kind == "entry":
        assert record[1] == state.log.last_index + 1, f"entry {record[1]} follows entry {state.log.last_index} on disk"
        state.log.append(Entry(*record[2:]))
    elif kind == "truncate":
        state.log.truncate(record[1])
    elif kind == "base":
        state.log.reset(*record[1:])
    else:
        raise AssertionError(f"an unknown record on disk: {kind!r}")


def _on_storage_done(state: State, now_ns: int, ticket: int) -> None:
    state.durable_ticket = max(state.durable_ticket, ticket)
    durable_index = state.durable_index
    while state.unsynced and state.unsynced[0][0] <= ticket:
        state.durable_index = max(state.durable_index, state.unsynced.popleft()[1])
    election.on_own_vote_durable(state, now_ns)
    if state.durable_index > durable_index:
        state.trace({"type": "fsync", "index": state.durable_index})
        replication.advance_commit(state, now_ns)


def _take_effects(state: State) -> list[Effect | News]:
    """Hand out what the rules asked for, and start the next step with empty hands."""
    effects: list[Effect | News] = state.traces
    state.traces = []
    if state.rewriting:
        state.ticket += 1
        effects.append(Rewrite(state.ticket, tuple(snapshots.file_records(state))))
        state.rewriting = False
        state.records.clear()
    elif state.records:
        state.ticket += 1
        effects.append(Persist(state.ticket, tuple(state.records)))
        state.records.clear()
    if state.outgoing:
        effects += state.outgoing
        state.outgoing.clear()
    return effects
