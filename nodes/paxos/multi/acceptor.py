"""The acceptor: promises for all slots at once, acceptances slot by slot, both on disk before they are told (§2.5).

An acceptor that heard a leader within the election timeout doesn't answer anybody else who wants to lead. Without that
one member with a bad link could depose a leader that all others are content with; and with leases on, this silence *is*
the lease (§2.6). A restarted acceptor no longer knows whom it heard, so with leases on it keeps silent for that long.
"""

from __future__ import annotations

from keelhaul.nodes.events import Body
from keelhaul.nodes.mutants import COMPACTED_IS_EMPTY
from keelhaul.nodes.paxos.ballot import Ballot, ballot_of
from keelhaul.nodes.paxos.multi import leader, learner
from keelhaul.nodes.paxos.multi.entry import entry_of
from keelhaul.nodes.paxos.multi.state import State


def on_prepare(state: State, now_ns: int, proposer: str, body: Body) -> None:
    """1b for every slot from `from_slot` on (MP1, MP2): promise, and tell all that was accepted there; or refuse."""
    ballot = ballot_of(body["ballot"])
    state.see(ballot)
    if _keeps_faith(state, now_ns, proposer):
        return
    if ballot < state.promised:
        _refuse(state, proposer, ballot)
        return
    if ballot > state.promised:
        state.promised = ballot
        _promise(state, ballot)
        leader.yield_to(state, now_ns, ballot)
        leader.reset_election_timer(state, now_ns)
    rows, more_from = state.ledger.undecided(max(body["from_slot"], state.executed + 1))
    # Slots up to `decided` are chosen, and kept or behind a snapshot: to be learned from here, never to be filled.
    state.out.send_durably(
        proposer,
        {
            "type": "promise",
            "ballot": ballot,
            "decided": 0 if state.config.mutant == COMPACTED_IS_EMPTY else state.executed,
            "accepted": rows,
            "more_from": more_from,
        },
    )


def _promise(state: State, ballot: Ballot) -> None:
    ticket = state.out.persist(["promise", *ballot])
    state.out.trace({"type": "promise", "ballot": list(ballot), "ticket": ticket})


def _keeps_faith(state: State, now_ns: int, proposer: str) -> bool:
    if now_ns < state.silent_until_ns:
        return True
    if state.heard_ns is None or proposer == state.heard_from:
        return False
    return now_ns - state.heard_ns < state.settings.election_timeout_ns


def on_accept(state: State, now_ns: int, proposer: str, body: Body) -> None:
    """2b for each slot of the message; also a promise, if the Prepare never came."""
    ballot = ballot_of(body["ballot"])
    state.see(ballot)
    if ballot < state.promised:
        _refuse(state, proposer, ballot)
        return
    before = state.promised
    if ballot > before:
        state.promised = ballot
        leader.yield_to(state, now_ns, ballot)
    if proposer != state.name:
        leader.follow(state, now_ns, ballot)
    slots = []
    for slot, row in body["slots"]:
        if slot < state.ledger.first_slot:
            continue  # MP11: chosen long ago; `decided` below says so
        entry = entry_of(row)
        known = state.ledger.accepted.get(slot)
        if known is None or known.ballot != ballot:
            digest = state.ledger.accept(slot, ballot, entry)
            ticket = state.out.persist(["accept", slot, ballot, entry])
            state.out.trace(
                {"type": "accept", "slot": slot, "ballot": list(ballot), "digest": digest, "ticket": ticket}
            )
        slots.append(slot)
    if ballot > before and not any(slot >= state.ledger.first_slot for slot, _ in body["slots"]):
        _promise(state, ballot)  # no acceptance says so on disk
    state.out.send_durably(
        proposer, {"type": "accepted", "ballot": ballot, "slots": slots, "decided": state.ledger.first_slot - 1}
    )
    learner.on_commit(state, now_ns, proposer, ballot, body["commit"])


def on_heartbeat(state: State, now_ns: int, sender: str, body: Body) -> None:
    """Take a leader's word: its ballot stands, unless a higher one was promised."""
    ballot = ballot_of(body["ballot"])
    state.see(ballot)
    if ballot < state.promised:
        _refuse(state, sender, ballot)
        return
    leader.follow(state, now_ns, ballot)
    state.out.send(sender, {"type": "heartbeat_ack", "ballot": ballot, "round": body["round"]})
    learner.on_commit(state, now_ns, sender, ballot, body["commit"])


def _refuse(state: State, proposer: str, ballot: Ballot) -> None:
    body = {"type": "nack", "ballot": ballot, "promised": state.promised}
    state.out.send_durably(proposer, body)
