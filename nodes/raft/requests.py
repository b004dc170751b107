"""Clients' requests: into the log, through the state machine, back to the client. Touches waiters and the machine.

Reads go through the log like writes: always linearizable, and the baseline for every faster way to read. A waiter
belongs to (index, term), not to an index: another leader's entry may land there (AP2).
"""

from __future__ import annotations

from keelhaul.nodes.errors import ErrorCode, error_body
from keelhaul.nodes.events import Body
from keelhaul.nodes.mutants import REPLY_BEFORE_COMMIT
from keelhaul.nodes.raft import replication
from keelhaul.nodes.raft.log import COMMAND, Entry
from keelhaul.nodes.raft.state import LEADER, State
from keelhaul.nodes.state_machines.key_value import MalformedCommand, command_of


def on_request(state: State, now_ns: int, client: str, body: Body) -> None:
    """Take a client's request; only a leader appends it."""
    msg_id = body.get("msg_id")
    if type(msg_id) is not int:
        return  # nobody could tell what the answer belongs to
    if body["type"] == "status":
        state.reply(client, msg_id, _status(state))
        return
    try:
        command = command_of(body)
    except MalformedCommand as error:
        state.reply(client, msg_id, error_body(error.code, str(error)))
        return
    if state.role != LEADER:
        hint = {} if state.leader is None else {"leader": state.leader}
        state.reply(client, msg_id, error_body(ErrorCode.TEMPORARILY_UNAVAILABLE, "not the leader", **hint))
        return
    index = replication.append_as_leader(state, now_ns, Entry(state.term, COMMAND, command))
    if state.config.mutant == REPLY_BEFORE_COMMIT and command[0] == "write":
        state.reply(client, msg_id, {"type": "write_ok"}, state.barrier())
    else:
        _wait(state, index, (state.term, client, msg_id))


def _wait(state: State, index: int, waiter: tuple[int, str, int]) -> None:
    earlier = state.waiters.get(index)
    if earlier is not None:  # its entry was cut off here, but another member may hold it (R-INFO)
        state.reply(earlier[1], earlier[2], error_body(ErrorCode.UNKNOWN_OUTCOME, "another leader took over"))
    state.waiters[index] = waiter


def _status(state: State) -> Body:
    return {
        "type": "status_ok",
        "role": state.role,
        "term": state.term,
        "leader": state.leader,
        "commit_index": state.commit_index,
    }


def apply_committed(state: State) -> None:
    """A4, AP1: apply every committed entry once, in order; answer whoever waits for it (F8)."""
    while state.applied_index < state.commit_index:
        state.applied_index += 1
        index = state.applied_index
        entry = state.log.entry(index)
        result = state.machine.apply(entry.payload) if entry.kind == COMMAND else None
        state.trace({"type": "apply", "index": index, "digest": state.log.digest_at(index)})
        waiter = state.waiters.pop(index, None)
        if waiter is not None:
            _answer(state, waiter, entry, result)


def _answer(state: State, waiter: tuple[int, str, int], entry: Entry, result: Body | None) -> None:
    term, client, msg_id = waiter
    if term == entry.term and result is not None:
        state.reply(client, msg_id, result)
    else:  # another entry is committed here, so the client's never will be
        state.reply(client, msg_id, error_body(ErrorCode.ABORT, "overwritten by another leader's entry"))
