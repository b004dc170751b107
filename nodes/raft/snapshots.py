"""Snapshots: taking one, cutting the log off behind it, and bringing one to a follower that is too far behind.

Every member takes its own, of what it has applied, and so of committed state only (SN1). A trailing window of entries
stays, so that a slow follower rarely needs a whole image (SN2). On disk snapshot and log are one file, and taking or
installing one replaces that file as a whole: at every moment the file is either the old state or the new (F6, F7, SN7).

A leader sends an image in chunks, one at a time, each answered (SN5); a heartbeat repeats the current one. The follower
believes the image only if it is complete and its checksum is right, and then replaces everything by it; entries behind
the snapshot stay if they follow from it (SN4). An old snapshot that arrives late changes nothing (SN3).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from zlib import crc32

from keelhaul.nodes.events import Body, Record
from keelhaul.nodes.raft import election, membership, reads, replication, requests
from keelhaul.nodes.raft.configuration import Configuration
from keelhaul.nodes.raft.state import Progress, Receiving, Sending, Snapshot, State

RECORD_CHARS_MAX = 1024 * 1024
"""An image goes to the disk in pieces of this size: a record has a limit."""

_encode = json.JSONEncoder(separators=(",", ":")).encode  # ASCII: one character is one byte


# --- taking one


def take_if_due(state: State) -> None:
    """Take a snapshot if enough was applied since the last one."""
    threshold = state.settings.snapshot_threshold
    since = 0 if state.snapshot is None else state.snapshot.last_index
    if threshold and state.applied_index - since >= threshold:
        _take(state)


def _take(state: State) -> None:
    index = state.applied_index
    committed = [each for each in state.configurations if each.entry_index <= index]
    state.snapshot = Snapshot(
        last_index=index,
        last_term=state.log.term_at(index),
        digest=state.log.digest_at(index),
        configuration=committed[-1],
        state_digest=state.machine.digest,
        data=_encode(state.machine.snapshot()),
    )
    _tell(state, "snapshot_taken", state.snapshot)
    state.configurations = [committed[-1], *state.configurations[len(committed) :]]
    state.log.compact(index - state.settings.snapshot_trailing)
    state.rewrite()


def _tell(state: State, what: str, snapshot: Snapshot) -> None:
    state.trace(
        {
            "type": what,
            "index": snapshot.last_index,
            "term": snapshot.last_term,
            "digest": snapshot.digest,
            "state": snapshot.state_digest,
            "config": [snapshot.configuration.entry_index, *snapshot.configuration.payload()],
        }
    )


# --- the file


def file_records(state: State) -> Iterator[Record]:
    """Yield all that the disk must hold: the vote, the snapshot, the log's base, the entries above it."""
    log, snapshot = state.log, state.snapshot
    yield ["vote", state.term, state.voted_for]
    if snapshot is not None:
        configuration = [snapshot.configuration.entry_index, *snapshot.configuration.payload()]
        about = [snapshot.last_index, snapshot.last_term, snapshot.digest, configuration, snapshot.state_digest]
        yield ["snapshot", *about, len(snapshot.data)]
        for start in range(0, len(snapshot.data), RECORD_CHARS_MAX):
            yield ["image", snapshot.data[start : start + RECORD_CHARS_MAX]]
    yield ["base", log.base_index, log.term_at(log.base_index), log.digest_at(log.base_index)]
    for index in range(log.base_index + 1, log.last_index + 1):
        yield ["entry", index, *log.entry(index)]


def replay_snapshot(state: State, about: Record, parts: list[str]) -> None:
    """Take a snapshot that the disk held, at a boot."""
    _, last_index, last_term, digest, configuration, state_digest, size = about
    data = "".join(parts)
    assert len(data) == size, f"the snapshot on disk has {len(data)} of {size} characters"
    entry_index, *payload = configuration
    configured = Configuration.of(payload, entry_index)
    state.snapshot = Snapshot(last_index, last_term, digest, configured, state_digest, data)
    _restore(state, state.snapshot)


def _restore(state: State, snapshot: Snapshot) -> None:
    """Replace machine, configuration and commit index; AP1: the image and the applied index move together."""
    state.machine.restore(json.loads(snapshot.data))
    assert state.machine.digest == snapshot.state_digest, "the image isn't the state of which it was taken (RI-6)"
    above = [each for each in state.configurations if each.entry_index > snapshot.last_index]
    state.configurations = [snapshot.configuration, *above]
    state.commit_index = state.applied_index = snapshot.last_index


# --- the leader's side


def begin_sending(state: State, now_ns: int, peer: str, progress: Progress) -> None:
    """L4: the peer needs entries that are compacted; bring it the snapshot instead."""
    assert state.snapshot is not None, "a log is only compacted behind a snapshot (F7)"
    progress.sending = Sending(state.snapshot)
    progress.probing = True
    progress.in_flight.clear()
    send_chunk(state, now_ns, peer, progress)


def send_chunk(state: State, now_ns: int, peer: str, progress: Progress) -> None:
    """Send the chunk that the peer needs next; again, if no answer came."""
    assert progress.sending is not None
    snapshot, offset = progress.sending.snapshot, progress.sending.offset
    chunk = snapshot.data[offset : offset + state.settings.snapshot_chunk_bytes]
    progress.probe_sent = True
    progress.last_sent_ns = now_ns
    state.send(
        peer,
        {
            "type": "install_snapshot",
            "term": state.term,
            "id": [state.term, snapshot.last_index, snapshot.last_term],
            "last_index": snapshot.last_index,
            "last_term": snapshot.last_term,
            "digest": snapshot.digest,
            "config": [snapshot.configuration.entry_index, *snapshot.configuration.payload()],
            "state": snapshot.state_digest,
            "offset": offset,
            "chunk": chunk,
            "done": offset + len(chunk) == len(snapshot.data),
            "crc": crc32(snapshot.data.encode()),
            "round": state.round,
            "sent_ns": now_ns,
        },
    )


def on_install_reply(state: State, now_ns: int, peer: str, body: Body) -> None:
    """SN6: go on with the next chunk, or, when it is done, with the entries behind the snapshot."""
    progress = replication.acknowledged(state, now_ns, peer, body)
    if progress is None:
        return
    sending = progress.sending
    if sending is not None and body["id"] == [state.term, sending.snapshot.last_index, sending.snapshot.last_term]:
        if body["done"]:
            progress.sending = None
            progress.probe_sent = False
            progress.next_index = sending.snapshot.last_index + 1
            replication.on_match(state, now_ns, peer, progress, body["match_index"])
        elif body["next_offset"] != sending.offset:
            sending.offset = body["next_offset"]
            send_chunk(state, now_ns, peer, progress)
    reads.on_acknowledged(state, now_ns)


# --- the follower's side


def on_install_snapshot(state: State, now_ns: int, leader: str, body: Body) -> None:
    """Take a chunk; when the image is complete and whole, install it (SN3–SN5)."""
    if body["term"] > state.term:
        election.adopt_term(state, now_ns, body["term"])
    if body["term"] < state.term:
        _answer(state, leader, body, done=False)  # A2
        return
    election.follow(state, now_ns, leader)  # E10
    if body["last_index"] <= state.commit_index:
        state.receiving = None
        _answer(state, leader, body, done=True)  # SN3
        return
    data = _receive(state, body)
    if data is not None:
        _install(state, now_ns, body, data)
    _answer(state, leader, body, done=data is not None)


def _receive(state: State, body: Body) -> str | None:
    """SN5: take a chunk that continues what is there; return the image when it is complete and its checksum right."""
    receiving = state.receiving
    if body["offset"] == 0 and (receiving is None or receiving.identity != body["id"]):
        receiving = state.receiving = Receiving(body["id"])
    if receiving is None or receiving.identity != body["id"] or receiving.received != body["offset"]:
        return None
    receiving.parts.append(body["chunk"])
    receiving.received += len(body["chunk"])
    if not body["done"]:
        return None
    data = "".join(receiving.parts)
    state.receiving = None
    return data if crc32(data.encode()) == body["crc"] else None


def _install(state: State, now_ns: int, body: Body, data: str) -> None:
    """SN4: replace everything up to the snapshot; the term stays. Entries behind it stay if they follow from it."""
    entry_index, *payload = body["config"]
    configuration = Configuration.of(payload, entry_index)
    index, term, digest = body["last_index"], body["last_term"], body["digest"]
    snapshot = Snapshot(index, term, digest, configuration, body["state"], data)
    log = state.log
    if log.base_index <= index <= log.last_index and log.term_at(index) == term:
        log.compact(index)
    else:
        log.reset(index, term, digest)
        membership.forget_all(state)
        replication.forget_durable(state, 1)
    state.snapshot = snapshot
    _restore(state, snapshot)
    _tell(state, "snapshot_installed", snapshot)
    for waited in [waited for waited in state.waiters if waited <= index]:
        requests.lose(state, state.waiters.pop(waited))
    state.rewrite()
    reads.on_applied(state, now_ns)


def _answer(state: State, leader: str, body: Body, *, done: bool) -> None:
    receiving = state.receiving
    state.send_durably(
        leader,
        {
            "type": "install_snapshot_reply",
            "term": state.term,
            "id": body["id"],
            "done": done,
            "next_offset": receiving.received if receiving is not None and receiving.identity == body["id"] else 0,
            "match_index": state.commit_index if done else 0,
            "round": body.get("round", 0),
            "sent_ns": body.get("sent_ns"),
        },
    )
