"""Reads that don't go through the log (§1.10), and the proof that each of them needs: nobody else has led since.

    log         a read is an entry like a write; nothing here is used
    read-index  the leader notes its commit index, then lets a majority confirm that it still leads (RI1–RI5)
    lease       it needn't ask: a majority has promised, by stickiness, to elect nobody for a while (LR1)
    follower    any member answers, at an index that it got from the leader, who confirmed it as above
    stale       any member answers from what it has; the answer says so, and promises no order between members

A *round* of confirmations is a number that every message of the leader carries and every answer repeats. Reads that
arrive while a round is under way wait for the next one: answers to messages that left before a read came prove nothing
for it. Before an entry of its own term is committed, a leader doesn't know how far its predecessors committed, so no
round begins (N2).
"""

from __future__ import annotations

from keelhaul.nodes.errors import ErrorCode, error_body
from keelhaul.nodes.events import Body
from keelhaul.nodes.raft import replication
from keelhaul.nodes.raft.settings import FOLLOWER as FOLLOWER_READS
from keelhaul.nodes.raft.settings import LEASE, STALE
from keelhaul.nodes.raft.state import LEADER, READ, Asker, State
from keelhaul.nodes.replicated_log import Confirmed, Refused


def ask(state: State, now_ns: int, asker: Asker) -> None:
    """Take a read, on whichever member it came to."""
    mode = state.settings.read_mode
    if mode == STALE and asker.client is not None:
        _answer(state, now_ns, asker, state.applied_index)
        return
    state.trace({"type": "read_asked", "number": _number(asker)})
    if state.role == LEADER:
        _ask_leader(state, now_ns, asker)
    elif mode == FOLLOWER_READS and state.leader is not None and asker.client is not None:
        _forward(state, now_ns, asker)
        state.set_timer(READ, 2 * state.settings.heartbeat_ns)
    else:
        refuse(state, asker)


# --- the leader's side


def _ask_leader(state: State, now_ns: int, asker: Asker) -> None:
    if state.settings.read_mode == LEASE and has_lease(state, now_ns):
        _answer(state, now_ns, asker, state.commit_index)
        return
    state.queued_reads.append(asker)
    _begin_round(state, now_ns)


def _begin_round(state: State, now_ns: int) -> None:
    """Begin a round for all reads that wait for one, unless one is under way."""
    if not state.queued_reads or state.open_reads or not state.has_led:
        return
    state.open_reads, state.queued_reads = state.queued_reads, []
    state.read_index = state.commit_index  # RI2
    state.round += 1
    for peer, progress in state.progress.items():
        replication.send_now(state, now_ns, peer, progress)
    on_acknowledged(state, now_ns)


def on_acknowledged(state: State, now_ns: int) -> None:
    """RI3: a peer answered; if a majority has confirmed the round, answer its reads and begin the next."""
    if not state.open_reads or state.role != LEADER:
        return
    confirming = [name for name, progress in state.progress.items() if progress.acked_round >= state.round]
    if not state.configuration.has_quorum([state.name, *confirming]):
        return
    confirmed, state.open_reads = state.open_reads, []
    for asker in confirmed:
        _answer(state, now_ns, asker, state.read_index)
    _begin_round(state, now_ns)


def has_lease(state: State, now_ns: int) -> bool:
    """Say whether a majority has promised to elect nobody else at this moment.

    It counts from when the acknowledged messages *left*, on this leader's clock, and allows for all clocks' drift.
    """
    settings = state.settings
    if not (state.role == LEADER and state.has_led and settings.read_mode == LEASE and settings.check_quorum):
        return False
    if state.transfer is not None or state.lease_voids:
        return False  # LR1
    since_ns = now_ns - settings.lease_ns
    if state.lease_floor_ns is not None:
        since_ns = max(since_ns, state.lease_floor_ns)
    promised = [
        name
        for name, progress in state.progress.items()
        if progress.acked_sent_ns is not None and progress.acked_sent_ns > since_ns
    ]
    return state.configuration.has_quorum([state.name, *promised])


def on_beat(state: State, now_ns: int) -> None:
    """A leader's heartbeat. One that comes late means that this member stood still, or that its clock jumped: how long
    ago anything was sent can't be told any more, so the lease begins anew."""
    if now_ns - state.last_beat_ns > 2 * state.settings.heartbeat_ns:
        state.lease_floor_ns = now_ns
    state.last_beat_ns = now_ns


def on_leading(state: State, now_ns: int) -> None:
    """N2: an entry of this leader's own term is committed; reads that waited for that can go on."""
    _begin_round(state, now_ns)


def refuse_all(state: State) -> None:
    """This member leads no more: its reads had no effect, and never will."""
    refused = [*state.open_reads, *state.queued_reads]
    state.open_reads, state.queued_reads = [], []
    for asker in refused:
        refuse(state, asker)


# --- the follower's side


def _forward(state: State, since_ns: int, asker: Asker) -> None:
    """Ask the leader for a read index. The number is new for each attempt, over restarts too: an answer to an earlier
    attempt is about an earlier moment."""
    assert state.leader is not None
    state.attempts += 1
    state.forwarded[state.attempts] = (asker, since_ns)
    state.send(state.leader, {"type": "read_index", "id": [state.incarnation, state.attempts]})


def on_read_timer(state: State, now_ns: int) -> None:
    """Ask again where no answer came; give up after two election timeouts, or if nobody leads."""
    forwarded, state.forwarded = state.forwarded, {}
    for asker, since_ns in forwarded.values():
        if state.leader is None or state.role == LEADER or now_ns - since_ns > 2 * state.settings.election_timeout_ns:
            refuse(state, asker)
        else:
            _forward(state, since_ns, asker)
    if state.forwarded:
        state.set_timer(READ, 2 * state.settings.heartbeat_ns)


def on_read_index(state: State, now_ns: int, member: str, body: Body) -> None:
    """Take a follower's question; only a leader can answer it."""
    asker = Asker(member=member, attempt=body["id"])
    if state.role == LEADER:
        state.trace({"type": "read_asked", "number": _number(asker)})
        _ask_leader(state, now_ns, asker)
    else:
        refuse(state, asker)


def on_read_index_reply(state: State, now_ns: int, leader: str, body: Body) -> None:
    """RI4: answer when everything up to that index is applied here."""
    incarnation, attempt = body["id"]
    if incarnation != state.incarnation or attempt not in state.forwarded:
        return
    asker, _ = state.forwarded.pop(attempt)
    if body["read_index"] is None:
        refuse(state, asker)
    else:
        state.waiting_reads.append((body["read_index"], asker))
        on_applied(state, now_ns)


def on_applied(state: State, now_ns: int) -> None:
    """More was applied here: answer whoever waited for it."""
    if not state.waiting_reads:
        return
    waiting, state.waiting_reads = state.waiting_reads, []
    for read_index, asker in waiting:
        if read_index <= state.applied_index:
            _answer(state, now_ns, asker, read_index)
        else:
            state.waiting_reads.append((read_index, asker))


# --- answers


def _answer(state: State, now_ns: int, asker: Asker, read_index: int) -> None:
    """RI5: read and answer."""
    assert state.applied_index >= read_index, "a read may not be older than its index (RI4)"
    if asker.member is not None:
        state.send(asker.member, {"type": "read_index_reply", "id": asker.attempt, "read_index": read_index})
    mode = state.settings.read_mode
    what = {"type": "read", "mode": mode, "read_index": read_index, "applied_index": state.applied_index}
    state.trace({**what, "number": _number(asker)})
    if asker.member is not None:
        return
    if asker.client is None:
        state.tell(Confirmed(asker.number))
        return
    assert asker.command is not None
    body = state.machine.read(asker.command)
    if mode == STALE:
        body = {**body, "stale": True, "applied_index": state.applied_index}
    state.reply(asker.client, asker.number, body)


def refuse(state: State, asker: Asker) -> None:
    """Answer that this member can't; nothing was done."""
    leader = None if state.leader == state.name else state.leader
    if asker.member is not None:
        state.send(asker.member, {"type": "read_index_reply", "id": asker.attempt, "read_index": None})
    elif asker.client is None:
        state.tell(Refused(asker.number, leader))
    else:
        hint = {} if leader is None else {"leader": leader}
        error = error_body(ErrorCode.TEMPORARILY_UNAVAILABLE, "not the leader", **hint)
        state.reply(asker.client, asker.number, error)


def _number(asker: Asker) -> list[str | int | None]:
    """Name a read in the trace."""
    attempt = asker.attempt or [0, asker.number]
    return [asker.member or asker.client, *attempt]
