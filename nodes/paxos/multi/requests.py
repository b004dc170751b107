"""Requests, of clients and of a service above: commands into slots, reads wherever the read mode says.

Only a leader takes commands; others name it (MP8). A client that asks again elsewhere may get its command into two
slots, which is what sessions are for (state_machines/sessions.py).
"""

from __future__ import annotations

from keelhaul.nodes.errors import ErrorCode, error_body
from keelhaul.nodes.events import Body
from keelhaul.nodes.paxos.multi import proposing, reads
from keelhaul.nodes.paxos.multi.entry import COMMAND, CONFIG
from keelhaul.nodes.paxos.multi.settings import LOG
from keelhaul.nodes.paxos.multi.state import LEADER, Asker, State
from keelhaul.nodes.replicated_log import Confirm, MalformedCommand, Propose


def on_request(state: State, now_ns: int, client: str, body: Body) -> None:
    """Take a client's request."""
    msg_id = body.get("msg_id")
    if type(msg_id) is not int:
        return  # nobody could tell what the answer belongs to
    if body["type"] == "status":
        state.out.reply(client, msg_id, _status(state))
        return
    if body["type"] == "reconfigure":
        _reconfigure(state, now_ns, Asker(client, msg_id, None), body.get("voters"))
        return
    try:
        command = state.machine.command_of(body)
    except MalformedCommand as error:
        state.out.reply(client, msg_id, error_body(error.code, str(error)))
        return
    asker = Asker(client, msg_id, command)
    if state.settings.read_mode != LOG and state.machine.reads_only(command):
        reads.confirm(state, now_ns, asker)
    else:
        proposing.propose(state, now_ns, COMMAND, command, asker)


def on_propose(state: State, now_ns: int, event: Propose) -> None:
    """Take a service's command."""
    proposing.propose(state, now_ns, COMMAND, event.command, Asker(None, event.tag, None))


def on_confirm(state: State, now_ns: int, event: Confirm) -> None:
    """Take a service's question for a moment at which the machine may be read."""
    reads.confirm(state, now_ns, Asker(None, event.tag, None))


def _reconfigure(state: State, now_ns: int, asker: Asker, voters: object) -> None:
    """MP12: a new set of voters is a command like any other, if its quorums can decide and must meet."""
    if state.role != LEADER:
        state.refuse(asker)
        return
    problem = _problem_of(state, voters)
    if problem is not None:
        state.refuse(asker, ErrorCode.PRECONDITION_FAILED, problem)
        return
    if state.configs.last.first > state.executed + 1:
        state.refuse(asker, why="a change of voters is under way")
        return
    proposing.propose(state, now_ns, CONFIG, voters, asker)


def _problem_of(state: State, voters: object) -> str | None:
    members = state.config.members
    if not isinstance(voters, list) or not voters or any(voter not in members for voter in voters):
        return f"voters must be some of {', '.join(members)}"
    if len(dict.fromkeys(voters)) < len(voters):
        return "a voter is there twice"
    try:
        state.settings.quorums_of(voters)
    except ValueError as error:
        return str(error)
    return None


def _status(state: State) -> Body:
    ballot = state.promised if state.leadership is None else state.leadership.ballot
    return {
        "type": "status_ok",
        "role": state.role,
        "term": ballot.round,
        "leader": state.leader,
        "commit_index": state.executed,
        "voters": list(state.configs.at(state.executed + 1).voters),
    }
