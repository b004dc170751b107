"""Handing the leadership over to a chosen member (T1–T6).

The leader stops taking commands, brings the target up to date, gives up its lease, and tells the target to stand at
once. That election passes by PreVote and stickiness, which would stop it otherwise; so no lease may be in force (LR1),
and a `timeout_now` that comes late must be harmless: the target drops it unless term and log are still the same.

A lease that was given up isn't taken up again before the target has acknowledged an entry that is newer than the
message: from then on a late copy of it can do nothing.
"""

from __future__ import annotations

from keelhaul.nodes.errors import ErrorCode, error_body
from keelhaul.nodes.events import Body
from keelhaul.nodes.raft import election
from keelhaul.nodes.raft.state import FOLLOWER, Asker, State, Transfer


def on_request(state: State, now_ns: int, client: str, msg_id: int, target: str) -> None:
    """T1: begin a transfer that a client asked for; this member leads."""
    if target == state.name:
        state.reply(client, msg_id, {"type": "transfer_ok"})
    elif target not in state.configuration.voters:
        state.reply(client, msg_id, error_body(ErrorCode.ABORT, "the target is no voter"))
    elif state.transfer is not None:
        state.reply(client, msg_id, error_body(ErrorCode.TEMPORARILY_UNAVAILABLE, "another transfer is under way"))
    else:
        deadline_ns = now_ns + state.settings.election_timeout_ns
        state.transfer = Transfer(target, deadline_ns, Asker(client, msg_id))
        on_match(state, now_ns, target)


def on_match(state: State, now_ns: int, peer: str) -> None:
    """T2, T3: when the target has everything, void the lease and tell it to stand. Also ends a lease's void."""
    progress = state.progress.get(peer)
    if progress is None:
        return
    if progress.match_index > state.lease_voids.get(peer, progress.match_index):
        del state.lease_voids[peer]
        state.lease_floor_ns = now_ns
    transfer = state.transfer
    if transfer is None or transfer.told or transfer.target != peer or progress.match_index < state.log.last_index:
        return
    transfer.told = True
    state.lease_voids[peer] = state.log.last_index
    state.send(
        peer,
        {
            "type": "timeout_now",
            "term": state.term,
            "last_index": state.log.last_index,
            "last_term": state.log.last_term,
        },
    )


def on_tick(state: State, now_ns: int) -> None:
    """T5: give up after E, and take commands again."""
    transfer = state.transfer
    if transfer is not None and now_ns >= transfer.deadline_ns:
        state.transfer = None
        _answer(state, transfer, error_body(ErrorCode.TEMPORARILY_UNAVAILABLE, "the target didn't take over in time"))


def end(state: State) -> None:
    """This member leads no more: that is what a transfer is for."""
    transfer = state.transfer
    if transfer is not None:
        state.transfer = None
        _answer(state, transfer, {"type": "transfer_ok"})


def _answer(state: State, transfer: Transfer, body: Body) -> None:
    if transfer.asker.client is not None:
        state.reply(transfer.asker.client, transfer.asker.number, body)


def on_timeout_now(state: State, now_ns: int, leader: str, body: Body) -> None:
    """T4, T6: stand at once, unless that message is old or not for the likes of us."""
    if body["term"] > state.term:
        election.adopt_term(state, now_ns, body["term"])  # A1
    is_current = body["term"] == state.term and leader == state.leader and state.role == FOLLOWER
    is_up_to_date = (body["last_index"], body["last_term"]) == (state.log.last_index, state.log.last_term)
    if is_current and is_up_to_date and state.name in state.configuration.voters:
        election.reset_election_timer(state, now_ns)
        election.start_election(state, now_ns, is_transfer=True)
