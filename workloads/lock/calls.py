"""What a client has asked the cell and not heard of yet: routing, patience, trying again.

A call is one question, at most one of each purpose. It is asked of the member that is taken for the master; a hint
moves the client on, silence and refusals move it to the next member. A call that `repeats` may be asked again after it
may have arrived, since the service knows it by its sequence number; any other is over then (`Given`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keelhaul.nodes.errors import ErrorCode, is_definite
from keelhaul.nodes.events import Body
from keelhaul.workloads.lasting import Ask, Forget
from keelhaul.workloads.lock.stopping import StoppingAct

MS = 1_000_000
BACKOFF_NS = 50 * MS
"""Between two tries, when there is no better place to ask."""


@dataclass(slots=True, kw_only=True)
class Call:
    """A question. `body` makes it anew for each try: the epoch in it may have changed."""

    purpose: str
    body: Callable[[], Body]
    attempt_ns: int
    repeats: bool = True
    node: str | None = None
    """Whom to ask; None: the master."""
    request: int | None = None
    asked: str = ""
    sent_ns: int = 0
    due_ns: int = 0
    attempts: int = 0


class Calls:
    """All of one client's calls. What it wants done is left in `acts`."""

    def __init__(self, cell: tuple[str, ...], home: int) -> None:
        self.acts: list[StoppingAct] = []
        self._cell = cell
        self._at = home % len(cell)
        self._by_purpose: dict[str, Call] = {}
        self._requests = 0

    def start(self, now_ns: int, call: Call) -> None:
        """Ask at once; an earlier call of that purpose is dropped."""
        self.drop(call.purpose)
        self._by_purpose[call.purpose] = call
        self._ask(now_ns, call)

    def drop(self, purpose: str) -> None:
        """Nothing of this call matters any more."""
        call = self._by_purpose.pop(purpose, None)
        if call is not None and call.request is not None:
            self.acts.append(Forget(call.request))

    def under_way(self, purpose: str) -> bool:
        """Say whether there is such a call."""
        return purpose in self._by_purpose

    def taken(self, request: int) -> Call | None:
        """Return the call that this request was a try of, for its answer; None if that doesn't matter any more."""
        for call in self._by_purpose.values():
            if call.request == request:
                call.request = None
                return call
        return None

    def matters(self, call: Call) -> bool:
        """Say whether this very call still waits for an answer."""
        return self._by_purpose.get(call.purpose) is call

    def over(self, call: Call) -> None:
        """The call was answered."""
        del self._by_purpose[call.purpose]

    def again(self, now_ns: int, call: Call, body: Body) -> bool:
        """Try again after an answer that answers nothing, where a hint leads or after a while. False if this mustn't
        be: the answer leaves open what happened, and the call doesn't repeat."""
        code = body.get("code")
        if not (isinstance(code, int) and is_definite(code)) and not call.repeats:
            return False
        hint = body.get("leader")
        if code == ErrorCode.TEMPORARILY_UNAVAILABLE and hint in self._cell and hint != call.asked:
            self._at = self._cell.index(hint)
            self._ask(now_ns, call)
        else:
            self._later(now_ns, call, elsewhere=hint != call.asked)
        return True

    def unanswered(self, now_ns: int, call: Call, *, sent: bool) -> bool:
        """Try elsewhere after a refusal, a lost connection or silence. False if this mustn't be."""
        if sent and not call.repeats:
            return False
        self._later(now_ns, call, elsewhere=True)
        return True

    def overdue(self, now_ns: int) -> list[Call]:
        """Ask what is to be asked again by now; return the calls whose patience is over."""
        silent = []
        for call in list(self._by_purpose.values()):
            if call.due_ns > now_ns:
                continue
            if call.request is None:
                self._ask(now_ns, call)
            else:
                self.acts.append(Forget(call.request))
                call.request = None
                silent.append(call)
        return silent

    def due_ns(self) -> int | None:
        """Return when `overdue` has something to do."""
        return min((call.due_ns for call in self._by_purpose.values()), default=None)

    def _later(self, now_ns: int, call: Call, *, elsewhere: bool) -> None:
        if elsewhere and call.node is None and call.asked == self._cell[self._at]:
            self._at = (self._at + 1) % len(self._cell)
        call.due_ns = now_ns + BACKOFF_NS

    def _ask(self, now_ns: int, call: Call) -> None:
        self._requests += 1
        call.request = self._requests
        call.asked = self._cell[self._at] if call.node is None else call.node
        call.sent_ns = now_ns
        call.due_ns = now_ns + call.attempt_ns
        call.attempts += 1
        self.acts.append(Ask(call.request, call.asked, call.body()))


def reason_of(body: Body) -> Any:
    """Return why a request was refused, in one word of the service's; None if it was not, or no word was given."""
    return body.get("reason") if body["type"] == "error" else None
