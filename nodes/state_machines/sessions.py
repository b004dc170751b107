"""Client sessions, exactly once (S1–S7): a state machine around another one.

A client that got no answer must ask again, and what it asked for must not be done twice. So each of its commands
carries the session's number and a sequence number, and the answers are part of the replicated state: whoever leads,
after whatever crash or snapshot, knows what was done already. Both replicated logs use this file as it is.

Requests, and the commands that they become (others go to the inner machine as they are, done once each time):

    {"type": "register"}                                       ["register"]
    {…a request…, "session": 7, "seq": 3, "acked": 2}          ["session", 7, 3, 2, the inner command]
    {"type": "expire_sessions", "before": 100}                 ["expire", 100]

A session's number is the log index of its registration (S1). `acked` is the highest sequence number up to which the
client has all its answers: those are dropped (S2). With several requests open at once the table keeps an answer for
each (S3). A session ends when too many newer ones were used since, by log order, which is the same on every member
(S5); its client is told, and never has a command done twice (S2). Retries may go to any member (S6): answers come only
from `apply`, so never from a part of the log that isn't applied (S7).
"""

from __future__ import annotations

from typing import Any, NamedTuple
from zlib import crc32

from keelhaul.nodes.errors import ErrorCode, error_body
from keelhaul.nodes.events import Body
from keelhaul.nodes.replicated_log import Command, MalformedCommand, StateMachine

SESSIONS_MAX = 10_000
ANSWERS_MAX = 1000
"""Unacknowledged answers that a session may hold; a client that opens more requests loses the session."""
EXPIRED = "session_expired"
STALE = "stale"


class Session(NamedTuple):
    """What is known of a client: answers by sequence number, in the order in which they were given."""

    acked: int
    answers: dict[int, Body]


class Sessions:
    """The inner machine, with a table of sessions in order of their last use."""

    def __init__(self, machine: StateMachine, sessions_max: int = SESSIONS_MAX) -> None:
        self.machine = machine
        self._sessions_max = sessions_max
        self._sessions: dict[int, Session] = {}
        self._last_used: dict[int, int] = {}

    def command_of(self, body: Body) -> Command:
        """Make a command of a client's request; MalformedCommand if it is none."""
        if body["type"] == "register":
            return ["register"]
        if body["type"] == "expire_sessions":
            return ["expire", _whole(body, "before")]
        command = self.machine.command_of(body)
        if "session" not in body:
            return command
        return ["session", _whole(body, "session"), _whole(body, "seq"), _whole(body, "acked"), command]

    def reads_only(self, command: Command) -> bool:
        """Say whether the command changes nothing. One of a session notes at least the session's use."""
        return command[0] not in _OWN and self.machine.reads_only(command)

    def apply(self, index: int, command: Command) -> Body:
        """Carry out a command: for a session's, at most once for each sequence number."""
        kind = command[0]
        if kind == "session":
            return self._apply_once(index, *command[1:])
        if kind == "register":
            self._sessions[index] = Session(0, {})
            self._use(index, index)
            self._evict()
            return {"type": "register_ok", "session": index}
        if kind == "expire":
            self._expire(command[1])
            return {"type": "expire_sessions_ok"}
        return self.machine.apply(index, command)

    def _apply_once(self, index: int, number: int, seq: int, acked: int, command: Command) -> Body:
        session = self._sessions.get(number)
        if session is None:
            # Indefinite: an earlier try of the same command may have been carried out before the session ended.
            return error_body(ErrorCode.UNKNOWN_OUTCOME, "the session has expired", reason=EXPIRED)
        self._use(number, index)
        if seq in session.answers:
            return session.answers[seq]
        if seq <= session.acked:
            return error_body(ErrorCode.UNKNOWN_OUTCOME, "the answer to this was acknowledged", reason=STALE)
        answer = self.machine.apply(index, command)
        kept = {other: body for other, body in session.answers.items() if other > acked}
        kept[seq] = answer
        self._sessions[number] = Session(max(session.acked, acked), kept)
        if len(kept) > ANSWERS_MAX:
            self._end(number)
        return answer

    def read(self, command: Command) -> Body:
        """Answer a command that reads only."""
        return self.machine.read(command)

    def _use(self, number: int, index: int) -> None:
        self._last_used.pop(number, None)  # so that the first of them is always the one used longest ago
        self._last_used[number] = index

    def _evict(self) -> None:
        if len(self._sessions) > self._sessions_max:
            self._end(next(iter(self._last_used)))

    def _expire(self, before: int) -> None:
        for number in [number for number, used in self._last_used.items() if used < before]:
            self._end(number)

    def _end(self, number: int) -> None:
        del self._sessions[number]
        del self._last_used[number]

    def snapshot(self) -> dict[str, Any]:
        """Return the inner machine's image with the table (S4), in order of last use."""
        table = [
            [number, used, self._sessions[number].acked, list(map(list, self._sessions[number].answers.items()))]
            for number, used in self._last_used.items()
        ]
        return {"machine": self.machine.snapshot(), "sessions": table}

    def restore(self, image: dict[str, Any]) -> None:
        """Replace everything (SN4)."""
        self.machine.restore(image["machine"])
        self._last_used = {number: used for number, used, _, _ in image["sessions"]}
        self._sessions = {
            number: Session(acked, {seq: body for seq, body in answers})
            for number, _, acked, answers in image["sessions"]
        }

    @property
    def digest(self) -> int:
        """The inner machine's digest, and which sessions there are."""
        if not self._last_used:
            return self.machine.digest
        sessions = ",".join(f"{number}:{used}" for number, used in self._last_used.items())
        return crc32(sessions.encode(), self.machine.digest & 0xFFFFFFFF)


_OWN = ("session", "register", "expire")


def _whole(body: Body, name: str) -> int:
    value = body.get(name)
    if type(value) is not int or not 0 <= value < 2**63:
        raise MalformedCommand(ErrorCode.MALFORMED_REQUEST, f"{name} is a whole number from 0 on")
    return value
