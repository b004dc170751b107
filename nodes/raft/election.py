"""Elections: when a member stands, whom it votes for, when a leader gives up. Touches term, vote, role and timers.

Raft's safety rests on two things here. A member gives at most one vote a term, and gives it only to a candidate whose
log is at least as up to date as its own (E3); votes and terms are on disk before anybody hears of them (F1–F3). So
two leaders of one term would need two majorities, and a leader holds every entry that was committed before it.

Liveness under partial partitions needs three more rules together. *PreVote* (E6): ask first whether an election could
be won, without raising the term, so that a member that comes back doesn't depose a healthy leader. *Stickiness* (E7):
who hears from a leader ignores requests for votes. *CheckQuorum* (E8): a leader that hears from no majority steps
down, since otherwise stickiness would keep others on a leader that can't commit anything.
"""

from __future__ import annotations

from keelhaul.nodes.events import Body
from keelhaul.nodes.raft import membership, reads, replication, transfer
from keelhaul.nodes.raft.settings import LEASE
from keelhaul.nodes.raft.state import CANDIDATE, ELECTION, FOLLOWER, HEARTBEAT, LEADER, State


def on_boot(state: State, now_ns: int) -> None:
    """Arm the timer. With leases on, a member that was there before first keeps silent for E: it may have promised
    that to a leader of which it remembers nothing (§1.10)."""
    if state.settings.read_mode == LEASE and state.incarnation > 1:
        state.last_heard_leader_ns = now_ns
    reset_election_timer(state, now_ns)
    state.set_timer(ELECTION, state.election_deadline_ns - now_ns)


def reset_election_timer(state: State, now_ns: int) -> None:
    """Draw a new deadline (E1). The timer itself is armed once and looks at the deadline when it fires."""
    timeout_ns = state.settings.election_timeout_ns
    state.election_deadline_ns = now_ns + timeout_ns + int(state.random.random() * timeout_ns)


def on_election_timer(state: State, now_ns: int) -> None:
    """Stand for election if the deadline has really passed."""
    if state.role != LEADER and now_ns >= state.election_deadline_ns:
        reset_election_timer(state, now_ns)
        state.leader = None
        if not membership.may_stand(state):
            pass
        elif state.settings.pre_vote:
            _start_pre_vote(state, now_ns)
        else:
            start_election(state, now_ns)
    timeout_ns = state.settings.election_timeout_ns
    state.set_timer(ELECTION, timeout_ns if state.role == LEADER else max(state.election_deadline_ns - now_ns, 0))


def _start_pre_vote(state: State, now_ns: int) -> None:
    state.pre_votes = {state.name: True}
    if state.configuration.has_quorum(state.pre_votes):
        start_election(state, now_ns)
        return
    for peer in _voting_peers(state):
        state.send(peer, _vote_request(state, state.term + 1, pre_vote=True))


def _voting_peers(state: State) -> list[str]:
    configuration = state.configuration
    return [name for name in configuration.members if name != state.name and configuration.votes(name)]


def start_election(state: State, now_ns: int, *, is_transfer: bool = False) -> None:
    """E2: a new term, a vote for itself, both durable before the requests leave or the own vote counts (F1)."""
    state.pre_votes = None
    state.term += 1
    state.voted_for = state.name
    state.votes = {}
    state.set_role(CANDIDATE)
    state.trace({"type": "vote", "term": state.term, "for": state.name})
    state.save_vote()
    for peer in _voting_peers(state):
        state.send_durably(peer, _vote_request(state, state.term, pre_vote=False, is_transfer=is_transfer))


def _vote_request(state: State, term: int, *, pre_vote: bool, is_transfer: bool = False) -> Body:
    return {
        "type": "request_vote",
        "term": term,
        "last_index": state.log.last_index,
        "last_term": state.log.last_term,
        "pre_vote": pre_vote,
        "transfer": is_transfer,
    }


def on_own_vote_durable(state: State, now_ns: int) -> None:
    """Count the own vote: it is on disk now (F1)."""
    if state.role == CANDIDATE and state.durable_ticket >= state.vote_ticket and state.name not in state.votes:
        _count_vote(state, now_ns, state.name)


def on_request_vote(state: State, now_ns: int, candidate: str, body: Body) -> None:
    """Answer a request for a vote or a pre-vote; a vote leaves when it is on disk (F2).

    Whether the candidate is a member isn't asked (A5); one that was removed and doesn't know it is kept quiet by E6 and
    E7 alone (M9).
    """
    sticks = state.settings.check_quorum or body["pre_vote"]  # without CheckQuorum E7 could last for ever
    if sticks and _hears_a_leader(state, now_ns) and not body.get("transfer"):
        return  # E6, E7: no answer, no new term; but a leader's own wish for a successor is heard (T4)
    if body["pre_vote"]:
        _answer_pre_vote(state, candidate, body)
        return
    if body["term"] > state.term:
        adopt_term(state, now_ns, body["term"])
    granted = grants_vote(state, candidate, body)
    if granted:
        if state.voted_for is None:
            state.voted_for = candidate
            state.trace({"type": "vote", "term": state.term, "for": candidate})
            state.save_vote()
        reset_election_timer(state, now_ns)  # E1 (b)
    state.send_durably(candidate, _vote_reply(state.term, granted=granted, asked=body))


def grants_vote(state: State, candidate: str, body: Body) -> bool:
    """E3, the rule that grants a vote: this very term, no vote for another, a log at least as up to date as ours."""
    return body["term"] == state.term and state.voted_for in (None, candidate) and _is_up_to_date(state, body)


def _is_up_to_date(state: State, body: Body) -> bool:
    return (body["last_term"], body["last_index"]) >= (state.log.last_term, state.log.last_index)


def _answer_pre_vote(state: State, candidate: str, body: Body) -> None:
    """E6: grant what a real request could get, and change nothing by it: no term, no vote, no timer."""
    could_vote = body["term"] > state.term or (body["term"] == state.term and state.voted_for in (None, candidate))
    granted = could_vote and _is_up_to_date(state, body)
    state.send_durably(candidate, _vote_reply(body["term"] if granted else state.term, granted=granted, asked=body))


def _vote_reply(term: int, *, granted: bool, asked: Body) -> Body:
    return {
        "type": "request_vote_reply",
        "term": term,
        "granted": granted,
        "pre_vote": asked["pre_vote"],
        "for_term": asked["term"],
    }


def _hears_a_leader(state: State, now_ns: int) -> bool:
    if state.role == LEADER:
        return True
    heard_ns = state.last_heard_leader_ns
    return heard_ns is not None and now_ns - heard_ns < state.settings.election_timeout_ns


def on_vote_reply(state: State, now_ns: int, voter: str, body: Body) -> None:
    """Count a vote, or learn of a newer term. Votes and pre-votes never mix (E6); old terms' replies are dropped."""
    if body["pre_vote"] and body["granted"]:
        if state.pre_votes is not None and body["for_term"] == state.term + 1:
            state.pre_votes[voter] = True
            if state.configuration.has_quorum(state.pre_votes):
                start_election(state, now_ns)
        return
    if body["term"] > state.term:
        adopt_term(state, now_ns, body["term"])
    elif body["granted"] and state.role == CANDIDATE and body["for_term"] == state.term:
        _count_vote(state, now_ns, voter)


def _count_vote(state: State, now_ns: int, voter: str) -> None:
    state.votes[voter] = True
    if state.configuration.has_quorum(state.votes):
        _become_leader(state, now_ns)


def _become_leader(state: State, now_ns: int) -> None:
    """E9. Everything that a leader knows of its peers starts anew (§1.1)."""
    state.set_role(LEADER)
    state.leader = state.name
    state.pre_votes = None  # else a late one would make it stand against itself
    state.progress = {}
    state.lease_floor_ns = None
    state.lease_voids = {}
    state.last_beat_ns = now_ns
    membership.follow_configuration(state, now_ns)
    replication.append_noop(state, now_ns)
    state.set_timer(HEARTBEAT, state.settings.heartbeat_ns)


def on_heartbeat_timer(state: State, now_ns: int) -> None:
    """A leader's tick: step down without a majority (E8), else let every peer hear something."""
    if state.role != LEADER:
        return
    if state.settings.check_quorum and not _majority_answers(state, now_ns):
        step_down(state, now_ns)
        return
    reads.on_beat(state, now_ns)
    transfer.on_tick(state, now_ns)
    membership.on_tick(state, now_ns)
    replication.send_heartbeats(state, now_ns)
    state.set_timer(HEARTBEAT, state.settings.heartbeat_ns)


def _majority_answers(state: State, now_ns: int) -> bool:
    earliest_ns = now_ns - state.settings.election_timeout_ns
    answering = [name for name, progress in state.progress.items() if progress.last_ack_ns >= earliest_ns]
    return state.configuration.has_quorum([state.name, *answering])


def step_down(state: State, now_ns: int) -> None:
    """E8, M7: follow in the same term; the vote for itself stands."""
    state.set_role(FOLLOWER)
    state.leader = None
    _give_up_leading(state, now_ns)


def _give_up_leading(state: State, now_ns: int) -> None:
    reset_election_timer(state, now_ns)  # its own deadline is from before it led, long past
    reads.refuse_all(state)
    membership.give_up(state)
    transfer.end(state)


def adopt_term(state: State, now_ns: int, term: int) -> None:
    """A1: a newer term; the vote belongs to it and is open again. Durable before anyone hears of it (F3)."""
    assert term > state.term
    was_leader = state.role == LEADER
    state.term = term
    state.voted_for = None
    state.leader = None
    state.pre_votes = None
    state.receiving = None  # SN5: another leader's snapshot begins anew
    state.save_vote()
    state.set_role(FOLLOWER)
    if was_leader:
        _give_up_leading(state, now_ns)


def follow(state: State, now_ns: int, leader: str) -> None:
    """Note contact with the leader of this term (E1 (a), E5)."""
    assert state.role != LEADER, "two leaders in one term: Election Safety is broken"
    if state.role != FOLLOWER:
        state.set_role(FOLLOWER)
    state.pre_votes = None
    state.leader = leader
    state.last_heard_leader_ns = now_ns
    reset_election_timer(state, now_ns)
