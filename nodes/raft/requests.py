"""Requests, of clients and of a service on top: into the log, through the state machine, back to whoever asked.

A waiter belongs to (index, term), not to an index: another leader's entry may land there (AP2). Reads go through the
log like writes, unless an option says otherwise (`reads.py`).
"""

from __future__ import annotations

from keelhaul.nodes.errors import ErrorCode, error_body
from keelhaul.nodes.events import Body
from keelhaul.nodes.mutants import REPLY_BEFORE_COMMIT
from keelhaul.nodes.raft import membership, reads, replication, transfer
from keelhaul.nodes.raft.log import COMMAND, Entry
from keelhaul.nodes.raft.settings import LOG
from keelhaul.nodes.raft.state import LEADER, Asker, State, Waiter
from keelhaul.nodes.replicated_log import (
    Applied,
    Command,
    Confirm,
    Leading,
    Lost,
    MalformedCommand,
    Propose,
    Refused,
)


def on_request(state: State, now_ns: int, client: str, body: Body) -> None:
    """Take a client's request; only a leader appends it."""
    msg_id = body.get("msg_id")
    if type(msg_id) is not int:
        return  # nobody could tell what the answer belongs to
    kind = body["type"]
    if kind == "status":
        state.reply(client, msg_id, _status(state))
    elif kind in ("reconfigure", "transfer"):
        _administer(state, now_ns, client, msg_id, body)
    else:
        try:
            command = state.machine.command_of(body)
        except MalformedCommand as error:
            state.reply(client, msg_id, error_body(error.code, str(error)))
            return
        _take(state, now_ns, Asker(client, msg_id, command), command)


def _take(state: State, now_ns: int, asker: Asker, command: Command) -> None:
    if state.settings.read_mode != LOG and state.machine.reads_only(command):
        reads.ask(state, now_ns, asker)
    elif state.role != LEADER:
        reads.refuse(state, asker)
    elif state.transfer is not None:
        _refuse_in_transfer(state, asker)
    else:
        index = replication.append_as_leader(state, now_ns, Entry(state.term, COMMAND, command))
        _wait(state, index, asker)


def _refuse_in_transfer(state: State, asker: Asker) -> None:
    """T1: nothing new while the target catches up."""
    if asker.client is None:
        state.tell(Refused(asker.number, None))
    else:
        error = error_body(ErrorCode.TEMPORARILY_UNAVAILABLE, "the leadership is being handed over")
        state.reply(asker.client, asker.number, error)


def _wait(state: State, index: int, asker: Asker) -> None:
    earlier = state.waiters.get(index)
    if earlier is not None:  # its entry was cut off here, but another member may hold it (R-INFO)
        lose(state, earlier)
    command = asker.command
    if state.config.mutant == REPLY_BEFORE_COMMIT and asker.client is not None and command and command[0] == "write":
        _confirm(state, index, asker, {"type": "write_ok"}, state.barrier())
        return
    # Its command is in the log; no need to keep it twice.
    state.waiters[index] = Waiter(state.term, Asker(asker.client, asker.number))


def _confirm(state: State, index: int, asker: Asker, result: Body, after: int | None = None) -> None:
    """Tell a client what its entry at `index` came to."""
    assert asker.client is not None
    state.trace({"type": "answer", "index": index})
    state.reply(asker.client, asker.number, result, after)


def lose(state: State, waiter: Waiter) -> None:
    """Tell whoever waits that nobody knows what became of it."""
    asker = waiter.asker
    if asker.client is None:
        state.tell(Lost(asker.number))
    else:
        state.reply(asker.client, asker.number, error_body(ErrorCode.UNKNOWN_OUTCOME, "another leader took over"))


def _administer(state: State, now_ns: int, client: str, msg_id: int, body: Body) -> None:
    if state.role != LEADER:
        reads.refuse(state, Asker(client, msg_id))
    elif body["type"] == "reconfigure":
        membership.on_request(state, now_ns, client, msg_id, body)
    elif isinstance(body.get("target"), str):
        transfer.on_request(state, now_ns, client, msg_id, body["target"])
    else:
        state.reply(client, msg_id, error_body(ErrorCode.MALFORMED_REQUEST, "transfer needs target, a name"))


def _status(state: State) -> Body:
    return {
        "type": "status_ok",
        "role": state.role,
        "term": state.term,
        "leader": state.leader,
        "commit_index": state.commit_index,
        "voters": list(state.configuration.voters),
    }


# --- the service on top


def on_proposal(state: State, now_ns: int, event: Propose) -> None:
    """Take a service's command."""
    asker = Asker(number=event.tag, command=event.command)
    if state.role != LEADER:
        reads.refuse(state, asker)
    elif state.transfer is not None:
        _refuse_in_transfer(state, asker)
    else:
        _wait(state, replication.append_as_leader(state, now_ns, Entry(state.term, COMMAND, event.command)), asker)


def on_confirm(state: State, now_ns: int, event: Confirm) -> None:
    """Take a service's wish to read: confirmed by a round, or by the lease where that is on."""
    reads.ask(state, now_ns, Asker(number=event.tag))


# --- applying


def apply_committed(state: State, now_ns: int) -> None:
    """A4, AP1: apply every committed entry once, in order; answer whoever waits for it (F8)."""
    log, machine, applied, answers = state.log, state.machine, [], []
    first = state.applied_index + 1
    for index in range(first, state.commit_index + 1):
        entry = log.entry(index)
        result = machine.apply(index, entry.payload) if entry.kind == COMMAND else None
        state.applied_index = index
        applied.append([log.digest_at(index), machine.digest])
        if index in state.waiters:
            answers.append((index, state.waiters.pop(index), entry, result))
    if applied:
        state.trace({"type": "apply", "first": first, "entries": applied})
    for answer in answers:
        _answer(state, *answer)
    if state.role == LEADER and not state.has_led and state.log.term_at(state.applied_index) == state.term:
        state.has_led = True
        state.tell(Leading(state.term))
        reads.on_leading(state, now_ns)


def _answer(state: State, index: int, waiter: Waiter, entry: Entry, result: Body | None) -> None:
    client, number = waiter.asker.client, waiter.asker.number
    is_ours = waiter.term == entry.term and result is not None
    if client is None:
        if is_ours and result is not None:
            state.tell(Applied(index, result, number))
        else:
            state.tell(Refused(number, state.leader))
    elif is_ours and result is not None:
        _confirm(state, index, waiter.asker, result)
    else:  # another entry is committed here, so the client's never will be
        state.reply(client, number, error_body(ErrorCode.ABORT, "overwritten by another leader's entry"))
