"""The learner: what is chosen, in order, into the state machine. Touches what is chosen, and `executed`.

How a slot comes to be known as chosen here: the leader counts acceptances (MP5); the others hear from it how far the
log is decided. That number alone says nothing about what *they* hold in a slot, since in Paxos two members may have
accepted different things there. So it counts only where the own acceptance is of that very leader's ballot; anything
else is asked for (MP6), and only what is chosen is ever copied (MP10).
"""

from __future__ import annotations

from keelhaul.nodes.errors import ErrorCode
from keelhaul.nodes.events import Body
from keelhaul.nodes.mutants import BLIND_COMMIT
from keelhaul.nodes.paxos.ballot import Ballot
from keelhaul.nodes.paxos.multi import proposing, reads, snapshots
from keelhaul.nodes.paxos.multi.entry import COMMAND, CONFIG, Entry, entry_of
from keelhaul.nodes.paxos.multi.state import State


def on_commit(state: State, now_ns: int, sender: str, ballot: Ballot, commit: int) -> None:
    """MP6: take the leader's word for slots that were accepted from just this leader; ask for others (MP9)."""
    if commit <= state.executed:
        return
    for slot in range(state.executed + 1, commit + 1):
        accepted = state.ledger.accepted.get(slot)
        is_its = accepted is not None and (accepted.ballot == ballot or state.config.mutant == BLIND_COMMIT)
        if accepted is not None and is_its and slot not in state.ledger.chosen:
            learn(state, slot, accepted.entry, ballot)
    execute(state, now_ns)
    if state.executed < commit:
        ask(state, now_ns, sender)


def learn(state: State, slot: int, entry: Entry, ballot: Ballot | None) -> None:
    """Note that this entry is chosen; `ballot` None: another member said so."""
    if slot <= state.executed or slot in state.ledger.chosen:
        return
    chosen = state.ledger.choose(slot, entry)
    accepted = state.ledger.accepted.get(slot)
    if accepted is None or accepted.entry != entry:
        state.unsaved.append(["learn", slot, entry])
    state.out.trace(
        {
            "type": "chosen",
            "slot": slot,
            "ballot": None if ballot is None else list(ballot),
            "digest": chosen.digest,
        }
    )


def execute(state: State, now_ns: int) -> None:
    """Apply what is chosen, strictly in order, each slot once (MP4, AP1); answer who waits for it."""
    before = state.executed
    while (found := state.ledger.chosen.get(state.executed + 1)) is not None:
        state.executed += 1
        slot, entry = state.executed, found.entry
        result = _apply(state, slot, entry)
        state.out.trace({"type": "apply", "index": slot, "digest": found.digest, "state": state.machine.digest})
        waiter = state.waiters.pop(slot, None)
        if waiter is not None:
            ballot, asker = waiter
            if entry.origin == ballot:
                state.answer(asker, slot, result)
            else:  # another entry is decided here, so the client's never will be (AP2)
                state.refuse(asker, ErrorCode.ABORT, "another leader's entry took its place")
    if state.executed > before:
        snapshots.take_if_due(state)
        after_execution(state, now_ns)


def after_execution(state: State, now_ns: int) -> None:
    """Go on with whatever waited for slots to be executed, or to be covered by a snapshot."""
    reads.on_executed(state)
    proposing.on_executed(state, now_ns)


def _apply(state: State, slot: int, entry: Entry) -> Body:
    if entry.kind == COMMAND:
        return state.machine.apply(slot, entry.payload)
    if entry.kind == CONFIG:
        config = state.configs.add(slot + state.settings.window, entry.payload)
        trace_config(state, config.first)
    return {"type": "reconfigure_ok"}


def trace_config(state: State, first: int) -> None:
    """Tell who votes from this slot on."""
    config = state.configs.at(first)
    state.out.trace(
        {
            "type": "config",
            "first": config.first,
            "voters": list(config.voters),
            "quorums": config.quorums.described(),
        }
    )


# --- catching up


def ask(state: State, now_ns: int, teacher: str) -> None:
    """Ask a member that knows more, unless an answer may still be under way."""
    since_ns = state.learning_since_ns
    if since_ns is not None and now_ns - since_ns < state.settings.heartbeat_ns:
        return
    ask_at_once(state, now_ns, teacher)


def ask_at_once(state: State, now_ns: int, teacher: str) -> None:
    """Ask a member that may know more."""
    state.learning_since_ns = now_ns
    state.out.send(teacher, {"type": "learn", "first": state.executed + 1})


def on_learn(state: State, now_ns: int, learner: str, body: Body) -> None:
    """Teach what is chosen from that slot on, and nothing that is merely accepted (MP10)."""
    first = body["first"]
    if first < state.ledger.first_slot:
        snapshots.offer(state, now_ns, learner, first)
        return
    rows = state.ledger.chosen_from(first, state.executed)
    state.out.send(learner, {"type": "learn_reply", "slots": rows, "decided": state.executed})


def on_learn_reply(state: State, now_ns: int, teacher: str, body: Body) -> None:
    """Take what is chosen, and go on asking while there is more."""
    state.learning_since_ns = None
    for slot, row in body["slots"]:
        learn(state, slot, entry_of(row), None)
    execute(state, now_ns)
    if body["slots"] and state.executed < body["decided"]:
        ask(state, now_ns, teacher)
