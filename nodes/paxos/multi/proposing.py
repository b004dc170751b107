"""The leader's work: what goes into which slot, and when it is chosen. Touches proposals, the backlog and heartbeats.

Slots are filled in order, without gaps, at most `window` beyond what is executed (MP4, MP12):

1. what the promises report: the value of the highest ballot, or nothing at all if none reports any (MP3). Also for
   values that may have been chosen already: proposing those again is what makes it certain;
2. then, what clients ask for;
3. and nothing at all, while a new set of voters waits for slots to pass.

No slot is filled before a quorum of *its* voters has promised this ballot, so whatever they accepted is reported.
"""

from __future__ import annotations

from typing import Any

from keelhaul.nodes.events import Body
from keelhaul.nodes.paxos.ballot import ballot_of
from keelhaul.nodes.paxos.multi import leader, learner, reads
from keelhaul.nodes.paxos.multi.entry import NOOP, Entry
from keelhaul.nodes.paxos.multi.ledger import ENTRIES_MAX, WEIGHT_MAX, weight_of
from keelhaul.nodes.paxos.multi.state import LEADER, Asker, Leadership, Proposal, State

BACKLOG_MAX = 10_000
"""Commands that wait for the window; more than that and clients are told to come back."""


def propose(state: State, now_ns: int, kind: str, payload: Any, asker: Asker) -> None:
    """Put a command or a change of voters into the log, as soon as there is room. Only a leader may."""
    leadership = state.leadership
    if leadership is None or state.role != LEADER or len(leadership.backlog) >= BACKLOG_MAX:
        state.refuse(asker)
        return
    leadership.backlog.append((kind, payload, asker))
    propose_more(state, now_ns)


def propose_more(state: State, now_ns: int) -> None:
    """Fill as many slots as can be filled, and send them together."""
    leadership = state.leadership
    if leadership is None or state.role != LEADER:
        return
    leadership.next_slot = max(leadership.next_slot, state.executed + 1, leadership.skip_until + 1)
    filled: dict[int, Entry] = {}
    while leadership.next_slot <= state.executed + state.settings.window:
        slot = leadership.next_slot
        if slot not in state.ledger.chosen:
            if not state.configs.at(slot).quorums.is_q1(leadership.promises):
                break
            found = _next_entry(state, leadership, slot)
            if found is None:
                break
            filled[slot] = found[0]
            _trace_proposal(state, leadership, slot, *found)
            leadership.proposals[slot] = Proposal(found[0], now_ns)
        leadership.next_slot += 1
    _send_accepts(state, leadership, filled)


def _next_entry(state: State, leadership: Leadership, slot: int) -> tuple[Entry, str] | None:
    """Return what goes into this slot and where it comes from; None if nothing has to."""
    if slot <= leadership.reported_max:
        reported = leadership.reported.get(slot)
        if reported is not None:
            return reported[1], "reported"
        return Entry(NOOP, None, leadership.ballot), NOOP
    if leadership.backlog:
        kind, payload, asker = leadership.backlog.popleft()
        state.waiters[slot] = (leadership.ballot, asker)
        return Entry(kind, payload, leadership.ballot), kind
    if state.configs.last.first > slot:
        return Entry(NOOP, None, leadership.ballot), NOOP
    return None


def _trace_proposal(state: State, leadership: Leadership, slot: int, entry: Entry, source: str) -> None:
    state.out.trace(
        {
            "type": "propose",
            "slot": slot,
            "ballot": list(leadership.ballot),
            "digest": state.ledger.digest_of(slot, entry),
            "source": source,
            "executed": state.executed,
        }
    )


def _send_accepts(state: State, leadership: Leadership, filled: dict[int, Entry]) -> None:
    """2a: to the voters of each slot."""
    by_voter: dict[str, list[list[Any]]] = {}
    for slot, entry in filled.items():
        row = [slot, entry]
        for voter in state.configs.at(slot).voters:
            by_voter.setdefault(voter, []).append(row)
    for voter, rows in by_voter.items():
        _send_accept(state, leadership, voter, rows)


def _send_accept(state: State, leadership: Leadership, voter: str, rows: list[list[Any]]) -> None:
    """Send these slots, in as many messages as it takes."""
    part: list[list[Any]] = []
    weight = 0
    for row in rows:
        weight += weight_of(row[1])
        if part and (weight > WEIGHT_MAX or len(part) == ENTRIES_MAX):
            state.out.send(voter, _accept(state, leadership, part))
            part, weight = [], weight_of(row[1])
        part.append(row)
    state.out.send(voter, _accept(state, leadership, part))


def _accept(state: State, leadership: Leadership, rows: list[list[Any]]) -> Body:
    return {"type": "accept", "ballot": leadership.ballot, "slots": rows, "commit": state.executed}


def send_again(state: State, now_ns: int) -> None:
    """MP9: say again, to whom it concerns, what hasn't been accepted for a while."""
    leadership = state.leadership
    assert leadership is not None
    late_ns = now_ns - state.settings.retransmit_ns
    by_voter: dict[str, list[list[Any]]] = {}
    for slot, proposal in leadership.proposals.items():
        if proposal.sent_ns <= late_ns:
            proposal.sent_ns = now_ns
            for voter in state.configs.at(slot).voters:
                if voter not in proposal.acks:
                    by_voter.setdefault(voter, []).append([slot, proposal.entry])
    for voter, rows in by_voter.items():
        _send_accept(state, leadership, voter, rows)


def on_accepted(state: State, now_ns: int, voter: str, body: Body) -> None:
    """MP5: a slot is chosen when a quorum of its voters has accepted it in this ballot, each on its own disk."""
    leadership = state.leadership
    if leadership is None or ballot_of(body["ballot"]) != leadership.ballot:
        return
    leadership.acked_ns[voter] = now_ns
    for slot in body["slots"]:
        proposal = leadership.proposals.get(slot)
        if proposal is None:
            continue
        proposal.acks[voter] = True
        if state.configs.at(slot).quorums.is_q2(proposal.acks):
            del leadership.proposals[slot]
            learner.learn(state, slot, proposal.entry, leadership.ballot)
    if body["decided"] > state.executed:
        learner.ask(state, now_ns, voter)
    learner.execute(state, now_ns)


def on_executed(state: State, now_ns: int) -> None:
    """The window has moved: give up the lead to others if this member isn't a voter any more, else go on."""
    leadership = state.leadership
    if leadership is None or state.role != LEADER:
        return
    for slot in [slot for slot in leadership.proposals if slot <= state.executed]:
        del leadership.proposals[slot]  # learned from elsewhere
    if state.name not in state.configs.at(state.executed + 1).voters:
        send_heartbeats(state, now_ns)  # so that those who vote from now on get to know it
        leader.step_down(state, now_ns)
        return
    leader.establish(state, now_ns)
    propose_more(state, now_ns)


def send_heartbeats(state: State, now_ns: int) -> None:
    """Begin a round of heartbeats to all members: they carry how far the log is decided (MP6)."""
    leadership = state.leadership
    assert leadership is not None
    leadership.round += 1
    leadership.round_sent_ns[leadership.round] = now_ns
    leadership.round_sent_ns.pop(leadership.round - 1000, None)
    body = {
        "type": "heartbeat",
        "ballot": leadership.ballot,
        "round": leadership.round,
        "commit": state.executed,
    }
    for peer in state.peers:
        state.out.send(peer, body)
    if state.promised <= leadership.ballot:  # its own acceptor hears it, too
        leader.follow(state, now_ns, leadership.ballot)
        leadership.acked_rounds[state.name] = leadership.round


def on_heartbeat_ack(state: State, now_ns: int, member: str, body: Body) -> None:
    """Note up to which round a member has heard this leader."""
    leadership = state.leadership
    if leadership is None or ballot_of(body["ballot"]) != leadership.ballot:
        return
    leadership.acked_ns[member] = now_ns
    leadership.acked_rounds[member] = max(leadership.acked_rounds.get(member, 0), body["round"])
    reads.confirm_round(state, now_ns)
