"""Snapshots: the state machine's image in place of the slots behind it, on the own disk and for members far behind.

Taken at what is executed (SN1), they hold the image, with the sessions in it (S4), and who votes from there on. A few
slots before it stay at hand, so that a member that is a little behind needs no snapshot (SN2). The log file is then
rewritten, all or nothing: what it must hold beyond the snapshot is the promise, the round, and what was accepted in
slots above (MP11).

A member that is too far behind *pulls* it, piece by piece: it asks for what it lacks, so lost, doubled and late pieces
cost nothing but time, and the teacher keeps no account of anybody. It only keeps a snapshot that somebody is pulling
until they have it, though it has a newer one by then: else nobody could ever finish where snapshots are taken often.
The whole is verified before it replaces anything.
"""

from __future__ import annotations

import json
from zlib import crc32

from keelhaul.nodes.events import Body, Record
from keelhaul.nodes.paxos.multi import learner
from keelhaul.nodes.paxos.multi.state import State


class Loan:
    """A snapshot that others are pulling, and when they asked last."""

    __slots__ = ("asked_ns", "slot", "text")

    def __init__(self, slot: int, text: str, now_ns: int) -> None:
        self.slot, self.text, self.asked_ns = slot, text, now_ns


class Fetch:
    """A snapshot that is being received from `teacher`."""

    __slots__ = ("asked_ns", "began_ns", "checksum", "parts", "received", "size", "slot", "teacher")

    def __init__(self, teacher: str, slot: int, size: int, checksum: int, now_ns: int) -> None:
        self.teacher, self.slot, self.size, self.checksum = teacher, slot, size, checksum
        self.parts: list[str] = []
        self.received = 0
        self.began_ns = self.asked_ns = now_ns


def take_if_due(state: State) -> None:
    """Take a snapshot every `snapshot_threshold` slots."""
    threshold = state.settings.snapshot_threshold
    if not threshold or state.executed - state.snapshot_slot < threshold:
        return
    state.snapshot_slot = state.executed
    state.snapshot_text = _text_of(state)
    state.ledger.drop_below(state.executed + 1 - state.settings.snapshot_trailing)
    state.out.trace({"type": "snapshot_taken", "index": state.executed, "state": state.machine.digest})
    save(state)


def _text_of(state: State) -> str:
    image = [state.executed, state.configs.image(state.executed + 1), state.machine.snapshot()]
    return json.dumps(image, separators=(",", ":"))


def save(state: State) -> None:
    """Rewrite the log file so that it holds the snapshot and what is above it, and tell what is gone (MPX-5)."""
    ledger = state.ledger
    records: list[Record] = [
        ["snapshot", state.snapshot_slot, state.snapshot_text],
        ["round", state.round_used],
        ["promise", *state.promised],
    ]
    # Also the few slots kept below the snapshot: an acceptor forgets nothing that it could still be asked for.
    records += [["accept", slot, row.ballot, row.entry] for slot, row in sorted(ledger.accepted.items())]
    records += [
        ["learn", slot, row.entry]
        for slot, row in sorted(ledger.chosen.items())
        if slot not in ledger.accepted or ledger.accepted[slot].entry != row.entry
    ]
    records.append(["first", ledger.first_slot])
    records.append(["decided", state.executed])
    state.unsaved.clear()
    state.hint_saved = state.executed
    ticket = state.out.rewrite(records)
    state.out.trace({"type": "compact", "below": min(ledger.first_slot, state.snapshot_slot + 1), "ticket": ticket})


def restore(state: State, text: str) -> None:
    """Take a snapshot's content in place of everything up to its slot (SN4). What is above it stays."""
    slot, configs, image = json.loads(text)
    state.machine.restore(image)
    state.configs.restore(configs)
    state.executed = state.snapshot_slot = slot
    state.snapshot_text = text


# --- between members


def offer(state: State, now_ns: int, learner_name: str, first: int) -> None:
    """Tell a member that needs slots from `first` on what it can have: what is being pulled just now, or the newest."""
    lent = state.lent
    if lent is None or lent.slot < first or now_ns - lent.asked_ns > state.settings.election_timeout_ns:
        lent = state.lent = Loan(state.snapshot_slot, state.snapshot_text, now_ns)
    body = {
        "type": "snapshot_offer",
        "slot": lent.slot,
        "size": len(lent.text),
        "checksum": crc32(lent.text.encode()),
    }
    state.out.send(learner_name, body)


def on_offer(state: State, now_ns: int, teacher: str, body: Body) -> None:
    """Begin to fetch it, unless it is of no use (SN3) or another one is under way and making progress."""
    state.learning_since_ns = None
    fetch = state.fetch
    if body["slot"] <= state.executed:
        return
    if fetch is not None and now_ns - fetch.asked_ns < state.settings.election_timeout_ns:
        if (fetch.teacher, fetch.slot) == (teacher, body["slot"]):
            _ask_for_more(state, now_ns, fetch)
        return
    state.fetch = Fetch(teacher, body["slot"], body["size"], body["checksum"], now_ns)
    _ask_for_more(state, now_ns, state.fetch)


def _ask_for_more(state: State, now_ns: int, fetch: Fetch) -> None:
    fetch.asked_ns = now_ns
    body = {"type": "snapshot_ask", "slot": fetch.slot, "offset": fetch.received}
    state.out.send(fetch.teacher, body)


def on_ask(state: State, now_ns: int, learner_name: str, body: Body) -> None:
    """Send the piece that is asked for; if another snapshot has taken its place, offer that one."""
    lent = state.lent
    if lent is None or body["slot"] != lent.slot:
        offer(state, now_ns, learner_name, body["slot"])
        return
    lent.asked_ns = now_ns
    offset = body["offset"]
    piece = lent.text[offset : offset + state.settings.snapshot_chunk_chars]
    state.out.send(learner_name, {"type": "snapshot_chunk", "slot": body["slot"], "offset": offset, "piece": piece})


def on_chunk(state: State, now_ns: int, teacher: str, body: Body) -> None:
    """SN5: take a piece that continues what was received of this very snapshot; install it when it is whole."""
    fetch = state.fetch
    if fetch is None or (teacher, body["slot"], body["offset"]) != (fetch.teacher, fetch.slot, fetch.received):
        return
    fetch.parts.append(body["piece"])
    fetch.received += len(body["piece"])
    if fetch.received < fetch.size:
        _ask_for_more(state, now_ns, fetch)
        return
    state.fetch = None
    text = "".join(fetch.parts)
    if crc32(text.encode()) == fetch.checksum and fetch.slot > state.executed:
        _install(state, now_ns, text)


def _install(state: State, now_ns: int, text: str) -> None:
    restore(state, text)
    state.ledger.begin_after(state.executed)
    state.out.trace({"type": "snapshot_installed", "index": state.executed, "state": state.machine.digest})
    learner.trace_config(state, state.executed + 1)
    save(state)
    _answer_overtaken(state)
    learner.execute(state, now_ns)
    learner.after_execution(state, now_ns)


def _answer_overtaken(state: State) -> None:
    """What was waited for lies behind the snapshot: whether it was that, or another entry, can't be told any more."""
    for slot in [slot for slot in state.waiters if slot <= state.executed]:
        state.lose(state.waiters.pop(slot)[1])
