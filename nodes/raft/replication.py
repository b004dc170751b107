"""Replication: AppendEntries on both sides and the commit rule. Touches the log, progress and commit_index.

A follower takes entries only where the one before them matches, so that the same (index, term) always means the same
entry and the same past (Log Matching). It cuts its log only at a real conflict, and claims no more than what this
request verified. A leader commits an entry of *its own* term once a majority has it on disk; older entries are
committed by that one, never counted on their own (C1: Figure 8 of the paper shows why).
"""

from __future__ import annotations

from keelhaul.nodes.events import Body
from keelhaul.nodes.raft import election, membership, reads, requests, snapshots, transfer
from keelhaul.nodes.raft.log import CONFIG, NOOP, Entry, entries_of
from keelhaul.nodes.raft.state import LEADER, Progress, State

BATCH_BYTES_MAX = 4 * 1024 * 1024
"""L7: at most doubled by the wire's quoting, and still far below a message's limit. No single entry comes near that:
the state machine takes no such commands."""


def append_noop(state: State, now_ns: int) -> None:
    """N1: a new leader's first entry, since entries of older terms can only be committed by one of its own."""
    append_as_leader(state, now_ns, Entry(state.term, NOOP, None))


def append_as_leader(state: State, now_ns: int, entry: Entry) -> int:
    """L1: append, write, and replicate while the write is under way; return the index."""
    index = state.log.last_index + 1
    _append(state, [entry])
    if entry.kind == CONFIG:
        membership.follow_configuration(state, now_ns)
    for peer, progress in state.progress.items():
        _replicate(state, now_ns, peer, progress)
    return index


def _append(state: State, entries: list[Entry]) -> None:
    first = state.log.last_index + 1
    digests = []
    for index, entry in enumerate(entries, first):
        digests.append([entry.term, state.log.append(entry)])
        ticket = state.persist(["entry", index, *entry])
    state.unsynced.append((ticket, state.log.last_index))
    state.trace({"type": "append", "first": first, "entries": digests})
    for index, entry in enumerate(entries, first):
        if entry.kind == CONFIG:
            membership.adopt(state, index, entry)


def _truncate(state: State, first: int) -> None:
    assert first > state.commit_index, "a committed entry would be overwritten: Leader Completeness is broken"
    state.log.truncate(first)
    state.persist(["truncate", first])
    forget_durable(state, first)
    state.trace({"type": "truncate", "from": first})
    membership.roll_back(state, first)


def forget_durable(state: State, first: int) -> None:
    """What is on disk, or on its way there, from `first` on counts for nothing any more."""
    state.durable_index = min(state.durable_index, first - 1)
    for position, (ticket, last_index) in enumerate(state.unsynced):
        state.unsynced[position] = (ticket, min(last_index, first - 1))


# --- the leader's side


def send_heartbeats(state: State, now_ns: int) -> None:
    """Send something to each peer that got nothing for a heartbeat (L5: with the normal check of what precedes)."""
    idle_since_ns = now_ns - state.settings.heartbeat_ns
    for peer, progress in state.progress.items():
        progress.probe_sent = False
        if progress.last_sent_ns <= idle_since_ns or progress.probing:
            send_now(state, now_ns, peer, progress)


def send_now(state: State, now_ns: int, peer: str, progress: Progress) -> None:
    """Send what this peer needs, or, if it needs nothing, an empty message that asks for an answer."""
    if progress.sending is not None:
        snapshots.send_chunk(state, now_ns, peer, progress)
    else:
        _send_append(state, now_ns, peer, progress)


def _replicate(state: State, now_ns: int, peer: str, progress: Progress) -> None:
    """L6: while probing one message a heartbeat, else everything that fits the window."""
    if progress.probing and not progress.probe_sent:
        send_now(state, now_ns, peer, progress)
    while not progress.probing and progress.next_index <= state.log.last_index and _has_room(state, progress):
        _send_append(state, now_ns, peer, progress)


def _has_room(state: State, progress: Progress) -> bool:
    entries = progress.next_index - progress.match_index
    settings = state.settings
    return entries <= settings.inflight_entries_max and len(progress.in_flight) < settings.inflight_messages_max


def _send_append(state: State, now_ns: int, peer: str, progress: Progress) -> None:
    """Send the next entries; none while the window is full (if any of it was lost, that is refused all the same)."""
    if progress.next_index <= state.log.base_index:  # L4: what comes next for it is compacted
        snapshots.begin_sending(state, now_ns, peer, progress)
        return
    previous = progress.next_index - 1
    entries: list[Entry] = []
    if progress.probing or _has_room(state, progress):
        entries = state.log.slice(progress.next_index, state.settings.batch_entries_max, BATCH_BYTES_MAX)
    if progress.probing:
        progress.probe_sent = True
    elif entries:
        progress.next_index += len(entries)
        progress.in_flight.append(progress.next_index - 1)
    progress.last_sent_ns = now_ns
    state.send(
        peer,
        {
            "type": "append_entries",
            "term": state.term,
            "prev_index": previous,
            "prev_term": state.log.term_at(previous),
            "entries": entries,
            "leader_commit": state.commit_index,
            "round": state.round,
            "sent_ns": now_ns,
        },
    )


def on_append_reply(state: State, now_ns: int, peer: str, body: Body) -> None:
    """L2, L3: learn what a follower holds."""
    progress = acknowledged(state, now_ns, peer, body)
    if progress is None:
        return
    if body["success"]:
        on_match(state, now_ns, peer, progress, body["match_index"])
    else:
        _on_reject(state, now_ns, peer, progress, body)
    reads.on_acknowledged(state, now_ns)


def acknowledged(state: State, now_ns: int, peer: str, body: Body) -> Progress | None:
    """Note that a peer answered in this leader's term, whatever it said; None if it is no such answer (A1, A3)."""
    if body["term"] > state.term:
        election.adopt_term(state, now_ns, body["term"])
        return None
    progress = state.progress.get(peer)
    if state.role != LEADER or body["term"] != state.term or progress is None:
        return None
    progress.last_ack_ns = now_ns
    progress.acked_round = max(progress.acked_round, body.get("round", 0))
    sent_ns = body.get("sent_ns")
    if sent_ns is not None and (progress.acked_sent_ns is None or sent_ns > progress.acked_sent_ns):
        progress.acked_sent_ns = sent_ns
    return progress


def on_match(state: State, now_ns: int, peer: str, progress: Progress, match_index: int) -> None:
    """L2: what a peer holds only grows within a term; send on, commit, and go on with what waited for it."""
    while progress.in_flight and progress.in_flight[0] <= match_index:
        progress.in_flight.popleft()
    if match_index > progress.match_index:
        progress.match_index = match_index
        if match_index > state.commit_index:
            advance_commit(state, now_ns)
    if state.role != LEADER or peer not in state.progress:
        return  # what was committed just then took the lead from this member, or the peer out of the cluster
    progress.next_index = max(progress.next_index, progress.match_index + 1)
    if progress.sending is None:
        progress.probing = False
        if progress.next_index <= state.log.last_index:
            _replicate(state, now_ns, peer, progress)
    transfer.on_match(state, now_ns, peer)
    membership.advance(state, now_ns)


def _on_reject(state: State, now_ns: int, peer: str, progress: Progress, body: Body) -> None:
    """L3, fast backup: step back a whole term at a time, always below what was refused, never below what matches."""
    refused = body["prev_index"]
    if refused <= progress.match_index or (progress.probing and refused != progress.next_index - 1):
        return  # a reply to something older
    conflict_term = body["conflict_term"]
    own_last = None if conflict_term is None else state.log.last_index_of(conflict_term)
    wanted = body["conflict_index"] if own_last is None else own_last + 1
    progress.next_index = max(progress.match_index + 1, min(wanted, refused))
    progress.probing = True
    progress.in_flight.clear()
    send_now(state, now_ns, peer, progress)


def advance_commit(state: State, now_ns: int) -> None:
    """C1: commit what a majority of the voters holds on disk, if it is of this leader's term (F5 for its own part).

    While a joint change is under way, it takes a majority of both groups (M5). A leader that is no voter itself doesn't
    count (M7).
    """
    if state.role != LEADER:
        return
    newest = state.log.last_index
    if newest == state.commit_index or state.log.term_at(newest) != state.term:
        return  # nothing is open, or nothing of its own term is in its log
    reached = {peer: progress.match_index for peer, progress in state.progress.items()}
    reached[state.name] = state.durable_index
    majority_index = state.configuration.agreed(reached)
    if majority_index > state.commit_index and state.log.term_at(majority_index) == state.term:
        set_commit_index(state, now_ns, majority_index)


def set_commit_index(state: State, now_ns: int, index: int) -> None:
    """Commit up to `index`, tell, and apply."""
    state.commit_index = index
    state.trace(
        {
            "type": "commit",
            "index": index,
            "entry_term": state.log.term_at(index),
            "term": state.term,
            "digest": state.log.digest_at(index),
        }
    )
    requests.apply_committed(state, now_ns)
    membership.on_commit(state, now_ns)
    reads.on_applied(state, now_ns)
    snapshots.take_if_due(state)


# --- the follower's side


def on_append_entries(state: State, now_ns: int, leader: str, body: Body) -> None:
    """Take entries from the leader (§1.5, steps 1–6)."""
    if body["term"] < state.term:
        _refuse(state, leader, body, state.log.last_index + 1, None)  # A2
        return
    if body["term"] > state.term:
        election.adopt_term(state, now_ns, body["term"])
    election.follow(state, now_ns, leader)
    previous, entries = body["prev_index"], body["entries"]
    if state.log.last_index < previous:
        _refuse(state, leader, body, state.log.last_index + 1, None)
        return
    base_index = state.log.base_index
    if previous < base_index:  # step 1: what is compacted here is committed, so the leader has the same
        entries, previous = entries[base_index - previous :], base_index
    else:
        conflict_term = state.log.term_at(previous)
        if conflict_term != body["prev_term"]:
            _refuse(state, leader, body, state.log.first_index_of(conflict_term), conflict_term)
            return
    verified = _take(state, previous, entries_of(entries))
    _accept(state, leader, body, verified)
    commit_index = min(body["leader_commit"], verified)  # never past what this request verified
    if commit_index > state.commit_index:
        set_commit_index(state, now_ns, commit_index)


def _take(state: State, previous: int, entries: list[Entry]) -> int:
    """Append what is new, truncating only where terms differ; return the last index that is now known to match."""
    for offset, entry in enumerate(entries):
        index = previous + 1 + offset
        if index <= state.log.last_index:
            if state.log.term_at(index) == entry.term:
                continue
            _truncate(state, index)
        _append(state, entries[offset:])
        break
    return previous + len(entries)


def _accept(state: State, leader: str, body: Body, verified: int) -> None:
    _answer(state, leader, body, {"success": True, "match_index": verified})


def _refuse(state: State, leader: str, body: Body, conflict_index: int, conflict_term: int | None) -> None:
    told = {"success": False, "conflict_index": conflict_index, "conflict_term": conflict_term}
    _answer(state, leader, body, told)


def _answer(state: State, leader: str, body: Body, told: Body) -> None:
    """Answer when everything is on disk (F3, F4), with all that tells which message is answered (G8)."""
    echo = {"prev_index": body["prev_index"], "round": body.get("round", 0), "sent_ns": body.get("sent_ns")}
    state.send_durably(leader, {"type": "append_entries_reply", "term": state.term, **told, **echo})
