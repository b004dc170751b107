"""Linearizable reads without a slot of their own (§2.6). Touches heartbeat rounds that reads wait for, and questions.

confirm   A leader that has executed all that was chosen before its ballot holds everything that clients were told, as
          long as nobody else leads. It begins a round of heartbeats *after* the read came; if a quorum of phase 2
          acknowledges it, nobody can have won a higher ballot before that: that takes a quorum of phase 1, and the two
          share a member.
lease     The same, but a quorum has promised to keep everybody else waiting for a time that isn't over.
quorum    Any member asks a quorum of phase 1 how far anything was *accepted*: whatever was chosen before is among
          that. It answers when it has executed up to there. What is merely accepted may not be chosen yet, and must be
          waited for: two reads could otherwise see it and then not.
"""

from __future__ import annotations

from keelhaul.nodes.events import Body
from keelhaul.nodes.mutants import UNCONFIRMED_READS
from keelhaul.nodes.paxos.multi import leader, learner, proposing
from keelhaul.nodes.paxos.multi.settings import LEASE, QUORUM
from keelhaul.nodes.paxos.multi.state import LEADER, READ, Asker, State

PATIENCE_TICKS = 12
"""A question that isn't answered after so many heartbeats' time is given up: nothing was changed by it."""


class Question:
    """A quorum read under way. `upto`: to be executed first; None while no quorum has answered."""

    __slots__ = ("answers", "asker", "config", "highest", "ticks", "upto")

    def __init__(self, asker: Asker) -> None:
        self.asker = asker
        self.ticks = 0
        self.begin(0)

    def begin(self, config: int) -> None:
        """Ask from the beginning: the voters in force from slot `config` on."""
        self.config = config
        self.answers: dict[str, bool] = {}
        self.highest = 0
        self.upto: int | None = None


def confirm(state: State, now_ns: int, asker: Asker) -> None:
    """Answer `asker` at a moment at which the machine reflects all that was committed when it asked; or refuse."""
    if state.settings.read_mode == QUORUM:
        _ask_quorum(state, asker)
        return
    leadership = state.leadership
    if leadership is None or state.role != LEADER:
        state.refuse(asker)
        return
    if state.config.mutant == UNCONFIRMED_READS and leadership.is_established:
        state.confirm(asker)
        return
    if state.settings.read_mode == LEASE and leader.has_lease(state, now_ns):
        state.confirm(asker)
        return
    # One round serves all that came before it began; those that come while one is under way wait for the next.
    is_idle = not leadership.confirming
    leadership.confirming.append((leadership.round + 1, asker))
    if is_idle:
        proposing.send_heartbeats(state, now_ns)
        confirm_round(state, now_ns)


def confirm_round(state: State, now_ns: int) -> None:
    """Answer the reads whose round a quorum has acknowledged, and begin the round that others wait for."""
    leadership = state.leadership
    if leadership is None or not leadership.is_established or not leadership.confirming:
        return
    quorums = state.configs.at(state.executed + 1).quorums
    waiting = leadership.confirming
    leadership.confirming = []
    for needed, asker in waiting:
        acked = [member for member, heartbeat in leadership.acked_rounds.items() if heartbeat >= needed]
        if quorums.is_q2(acked):
            state.confirm(asker)
        else:
            leadership.confirming.append((needed, asker))
    if leadership.confirming and leadership.confirming[0][0] > leadership.round:
        proposing.send_heartbeats(state, now_ns)


# --- quorum reads


def _ask_quorum(state: State, asker: Asker) -> None:
    state.questions_asked += 1
    number = state.questions_asked
    question = state.questions[number] = Question(asker)
    question.begin(state.configs.at(state.executed + 1).first)
    if len(state.questions) == 1:
        state.out.set_timer(READ, state.settings.heartbeat_ns)
    _send_question(state, number)


def _send_question(state: State, number: int) -> None:
    question = state.questions[number]
    for voter in state.configs.at(question.config).voters:
        if voter not in question.answers:
            state.out.send(voter, {"type": "how_far", "question": [state.incarnation, number]})


def on_how_far(state: State, now_ns: int, asker: str, body: Body) -> None:
    """Say how far anything was accepted or chosen here. Only what is on disk was accepted: so it waits for that."""
    reply = {
        "type": "so_far",
        "question": body["question"],
        "highest": state.ledger.highest,
        "decided": state.executed,
    }
    state.out.send_durably(asker, reply)


def on_so_far(state: State, now_ns: int, voter: str, body: Body) -> None:
    """Count an answer to a question of this incarnation."""
    incarnation, number = body["question"]
    question = state.questions.get(number)
    if incarnation != state.incarnation or question is None or question.upto is not None:
        return
    question.answers[voter] = True
    question.highest = max(question.highest, body["highest"])
    if state.configs.at(question.config).quorums.is_q1(question.answers):
        question.upto = question.highest
        on_executed(state)
    if body["decided"] > state.executed:
        learner.ask(state, now_ns, voter)


def on_executed(state: State) -> None:
    """Answer the questions that waited for this; but if other voters are in force by now, ask those instead: what they
    have accepted since is nothing that the earlier ones need know of (MP12)."""
    if not state.questions:
        return
    config = state.configs.at(state.executed + 1).first
    for number, question in list(state.questions.items()):
        if question.config != config:
            question.begin(config)
            _send_question(state, number)
        elif question.upto is not None and question.upto <= state.executed:
            del state.questions[number]
            state.confirm(question.asker)


def on_read_timer(state: State, now_ns: int) -> None:
    """Ask again who hasn't answered; give up what has taken too long."""
    for number, question in list(state.questions.items()):
        question.ticks += 1
        if question.ticks > PATIENCE_TICKS:
            del state.questions[number]
            state.refuse(question.asker)
        elif question.upto is None:
            _send_question(state, number)
    if state.questions:
        state.out.set_timer(READ, state.settings.heartbeat_ns)
