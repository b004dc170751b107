"""Who leads: when a member stands, what it takes over, when it gives up. Touches role, ballot and leadership.

A ballot is won for all slots at once, so its owner proposes without a first phase until somebody takes a higher one.
Leading is an optimisation, never a right: two members that both believe they lead do no harm, since a quorum has
promised the higher ballot and refuses the lower one. What the rules here are for is that there is mostly just one.

* A member stands when it has heard no leader for an election timeout (MP1), and asks its own acceptor last, when the
  others have promised as good as enough: a member that nobody answers never refuses the leader that it can't hear.
* It proposes again whatever its quorum reports, and fills the gaps (MP3, in proposing.py), before anything new.
* It gives up at once when it hears of a higher ballot (MP7), and when no quorum has answered for an election timeout.
"""

from __future__ import annotations

from keelhaul.nodes.events import Body
from keelhaul.nodes.mutants import NO_PHASE_1, UNCONFIRMED_READS
from keelhaul.nodes.options import MS
from keelhaul.nodes.paxos.ballot import Ballot, ballot_of
from keelhaul.nodes.paxos.multi import learner, proposing, reads
from keelhaul.nodes.paxos.multi.entry import entry_of
from keelhaul.nodes.paxos.multi.settings import LEASE
from keelhaul.nodes.paxos.multi.state import CANDIDATE, ELECTION, FOLLOWER, HEARTBEAT, LEADER, Leadership, State
from keelhaul.nodes.replicated_log import Following, Leading


def reset_election_timer(state: State, now_ns: int) -> None:
    """Draw a new deadline. The timer itself is armed once and looks at the deadline when it fires."""
    timeout_ns = state.settings.election_timeout_ns
    state.election_deadline_ns = now_ns + timeout_ns + int(state.random.random() * timeout_ns)


def on_election_timer(state: State, now_ns: int) -> None:
    """Stand if the deadline has really passed, and if this member votes at all; else ask around: it may vote by now,
    and nobody who did before would tell (MP12)."""
    if state.role != LEADER and now_ns >= state.election_deadline_ns:
        reset_election_timer(state, now_ns)
        if any(state.name in config.voters for config in state.configs.from_slot(state.executed + 1)):
            _stand(state, now_ns)
        else:
            for peer in state.peers:
                learner.ask_at_once(state, now_ns, peer)
    timeout_ns = state.settings.election_timeout_ns
    state.out.set_timer(ELECTION, timeout_ns if state.role == LEADER else max(state.election_deadline_ns - now_ns, 0))


def _stand(state: State, now_ns: int) -> None:
    """MP1: a round above every one that was seen, on disk before anybody hears of it."""
    state.leader = None
    state.round_used = max(state.round_used, state.round_seen) + 1
    state.out.persist(["round", state.round_used])
    made = state.leadership = Leadership(Ballot(state.round_used, state.name), now_ns)
    state.set_role(CANDIDATE, made.ballot)
    if state.config.mutant == NO_PHASE_1:
        made.promises = dict.fromkeys(state.config.members, True)
        _lead(state, now_ns, made)
        return
    ask_for_promises(state)
    _ask_oneself_last(state, made)


def ask_for_promises(state: State) -> None:
    """Prepare, at all voters that haven't promised this ballot (MP1, and MP12 for voters that are new)."""
    leadership = state.leadership
    assert leadership is not None
    body = {"type": "prepare", "ballot": leadership.ballot, "from_slot": state.executed + 1}
    asked: dict[str, bool] = {}
    for config in state.configs.from_slot(state.executed + 1):
        asked |= dict.fromkeys(config.voters, True)
    for voter in asked:
        if voter not in leadership.promises and (voter != state.name or state.role == LEADER):
            state.out.send_durably(voter, body)


def _ask_oneself_last(state: State, leadership: Leadership) -> None:
    quorums = state.configs.at(state.executed + 1).quorums
    if state.name not in leadership.promises and quorums.is_q1([*leadership.promises, state.name]):
        body = {"type": "prepare", "ballot": leadership.ballot, "from_slot": state.executed + 1}
        state.out.send_durably(state.name, body)


def on_promise(state: State, now_ns: int, voter: str, body: Body) -> None:
    """Count a promise of just this ballot, and keep the newest acceptance of each slot that promises tell of."""
    leadership = state.leadership
    if leadership is None or ballot_of(body["ballot"]) != leadership.ballot:
        return
    if body["decided"] > max(state.executed, leadership.skip_until):
        leadership.skip_until = body["decided"]
        learner.ask(state, now_ns, voter)
    for slot, ballot_row, row in body["accepted"]:
        ballot = ballot_of(ballot_row)
        known = leadership.reported.get(slot)
        if known is None or ballot > known[0]:
            leadership.reported[slot] = (ballot, entry_of(row))
            leadership.reported_max = max(leadership.reported_max, slot)
    if body["more_from"] is not None:  # it counts when it is whole
        again = {"type": "prepare", "ballot": leadership.ballot, "from_slot": body["more_from"]}
        state.out.send(voter, again)
        return
    leadership.promises[voter] = True
    if state.role == CANDIDATE:
        if state.configs.at(state.executed + 1).quorums.is_q1(leadership.promises):
            _lead(state, now_ns, leadership)
        else:
            _ask_oneself_last(state, leadership)
    else:
        proposing.propose_more(state, now_ns)
        establish(state, now_ns)


def _lead(state: State, now_ns: int, leadership: Leadership) -> None:
    """The ballot is won: let everybody know, and take over what was begun."""
    state.set_role(LEADER, leadership.ballot)
    state.leader = state.name
    state.collisions = 0
    leadership.began_ns = now_ns
    leadership.acked_ns = dict.fromkeys(leadership.promises, now_ns)
    leadership.next_slot = state.executed + 1
    proposing.send_heartbeats(state, now_ns)
    state.out.set_timer(HEARTBEAT, state.settings.heartbeat_ns)
    proposing.propose_more(state, now_ns)
    establish(state, now_ns)


def establish(state: State, now_ns: int) -> None:
    """Note when all that was chosen under earlier leaders is executed here: from then on this member may serve reads.

    Voters that are new since then must have promised too: what they accepted is among what was chosen.
    """
    leadership = state.leadership
    if leadership is None or state.role != LEADER or leadership.is_established:
        return
    taken_over = max(leadership.reported_max, leadership.skip_until)
    quorums = state.configs.at(state.executed + 1).quorums
    if state.executed >= taken_over and quorums.is_q1(leadership.promises):
        leadership.is_established = True
        state.news.append(Leading(epoch_of(state, leadership.ballot)))
        reads.confirm_round(state, now_ns)


def epoch_of(state: State, ballot: Ballot) -> int:
    """Return the ballot as one number: a higher ballot has a higher one."""
    members = sorted(state.config.members)
    return ballot.round * len(members) + members.index(ballot.node)


def on_heartbeat_timer(state: State, now_ns: int) -> None:
    """A leader's tick: give up without a quorum, say again what was lost, let everybody hear something."""
    leadership = state.leadership
    if leadership is None or state.role != LEADER:
        return
    if not _quorum_answers(state, now_ns, leadership) or _cannot_catch_up(state, now_ns, leadership):
        step_down(state, now_ns)
        return
    ask_for_promises(state)
    proposing.send_again(state, now_ns)
    proposing.send_heartbeats(state, now_ns)
    state.out.set_timer(HEARTBEAT, state.settings.heartbeat_ns)


def _quorum_answers(state: State, now_ns: int, leadership: Leadership) -> bool:
    """Else it would keep clients waiting that another member could serve."""
    if state.config.mutant == UNCONFIRMED_READS:
        return True
    earliest_ns = now_ns - state.settings.election_timeout_ns
    answering = [member for member, acked_ns in leadership.acked_ns.items() if acked_ns >= earliest_ns]
    return state.configs.at(state.executed + 1).quorums.is_q2([*answering, state.name])


def _cannot_catch_up(state: State, now_ns: int, leadership: Leadership) -> bool:
    """Whoever said that slots are decided may be gone; another quorum then tells what was accepted in them."""
    behind = state.executed < leadership.skip_until
    return behind and now_ns - leadership.began_ns > 2 * state.settings.election_timeout_ns


def on_nack(state: State, now_ns: int, body: Body) -> None:
    """MP7: somebody promised a higher ballot. Give up, and wait a random time before standing again (§2.7)."""
    state.see(ballot_of(body["promised"]))
    leadership = state.leadership
    if leadership is None or ballot_of(body["ballot"]) != leadership.ballot:
        return
    step_down(state, now_ns)
    bound_ms = min(state.settings.backoff_max_ms, state.settings.backoff_ms << min(state.collisions, 16))
    state.collisions += 1
    # A heartbeat's time more, in which a leader that has won would be heard.
    pause_ns = state.settings.heartbeat_ns + int(state.random.random() * bound_ms * MS)
    state.election_deadline_ns = now_ns + pause_ns
    state.out.set_timer(ELECTION, pause_ns)


def yield_to(state: State, now_ns: int, ballot: Ballot) -> None:
    """MP7: this higher ballot was promised to another."""
    if state.leadership is not None and state.leadership.ballot < ballot:
        step_down(state, now_ns)


def follow(state: State, now_ns: int, ballot: Ballot) -> None:
    """Note contact with the owner of this ballot, which leads as far as is known here."""
    state.heard_ns = now_ns
    state.heard_from = ballot.node
    if ballot.node == state.name:
        return
    if state.leadership is not None:
        step_down(state, now_ns)  # its own ballot is lower, or it only stood for lack of a leader
    state.leader = ballot.node
    reset_election_timer(state, now_ns)


def step_down(state: State, now_ns: int) -> None:
    """Stop proposing at once (MP7). What has a slot may still be chosen, so nobody knows; what has none never will."""
    leadership = state.leadership
    assert leadership is not None
    led = state.role == LEADER
    state.leadership = None
    state.set_role(FOLLOWER, leadership.ballot)
    state.leader = None
    for _, asker in state.waiters.values():
        state.lose(asker)
    state.waiters.clear()
    for _, _, asker in leadership.backlog:
        state.refuse(asker)
    for _, asker in leadership.confirming:
        state.refuse(asker)
    if leadership.is_established:
        state.news.append(Following(None))
    if led:
        reset_election_timer(state, now_ns)


def has_lease(state: State, now_ns: int) -> bool:
    """Say whether a quorum of phase 2 refuses everybody else for now, by this member's own clock (§2.6).

    Counted from when a heartbeat was *sent*: it was acknowledged later, so the silence lasts at least as long.
    """
    leadership = state.leadership
    if state.settings.read_mode != LEASE or leadership is None or not leadership.is_established:
        return False
    granted = [
        member
        for member, heartbeat_round in leadership.acked_rounds.items()
        if now_ns < leadership.round_sent_ns.get(heartbeat_round, 0) + state.settings.lease_ns
    ]
    return state.configs.at(state.executed + 1).quorums.is_q2(granted)
