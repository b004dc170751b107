"""What a step's rules ask for, collected and handed out in a safe order: traces, the one write, messages, timers.

So a trace is never younger than what it tells of, and a message that reveals durable state waits for the newest write
that isn't done yet (rule G4). A member also talks to itself through here, over a queue that waits for the disk as the
network does: what counts its own answer needs no path of its own, and can't count it too early.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from keelhaul.nodes.events import Body, Effect, Persist, Record, Reply, Rewrite, Send, SetTimer, TimerFired, Trace


class Outbox:
    """One member's way out, for one incarnation."""

    __slots__ = (
        "_durable_ticket",
        "_generations",
        "_messages",
        "_own",
        "_records",
        "_rewrites",
        "_ticket",
        "_traces",
        "name",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self._ticket = 0
        self._durable_ticket = 0
        self._generations: dict[str, int] = {}
        self._own: deque[tuple[int, Body]] = deque()
        self._traces: list[Effect] = []
        self._records: list[Record] = []
        self._rewrites = False
        self._messages: list[Effect] = []

    def trace(self, record: dict[str, Any]) -> None:
        """Tell the invariant checkers something; whoever runs the node owns the record from then on."""
        self._traces.append(Trace(record))

    def persist(self, record: Record) -> int:
        """Add a record to this step's one write; return the ticket that will cover it."""
        self._records.append(record)
        return self._ticket + 1

    def rewrite(self, records: list[Record]) -> int:
        """Let these records take the place of the whole log file, in place of what this step asked for so far; return
        the ticket that will cover it."""
        self._records = list(records)
        self._rewrites = True
        return self._ticket + 1

    @property
    def is_writing(self) -> bool:
        """Say whether this step asks for a write."""
        return bool(self._records)

    def barrier(self) -> int | None:
        """Return the ticket that a message must wait for if it reveals durable state; None if all of it is on disk."""
        newest = self._ticket + 1 if self._records else self._ticket
        return newest if newest > self._durable_ticket else None

    def send(self, dest: str, body: Body) -> None:
        """Send at once, to oneself too: nothing in `body` depends on a write that isn't done."""
        self._send(dest, body, None)

    def send_durably(self, dest: str, body: Body) -> None:
        """Send when everything asked for so far is on disk. Call it after `persist`."""
        self._send(dest, body, self.barrier())

    def _send(self, dest: str, body: Body, after: int | None) -> None:
        if dest == self.name:
            self._own.append((after or 0, body))
        else:
            self._messages.append(Send(dest, body, after))

    def reply(self, client: str, msg_id: int, body: Body, after: int | None = None) -> None:
        """Answer a client's request."""
        self._messages.append(Reply(client, {**body, "in_reply_to": msg_id}, after))

    def set_timer(self, timer: str, delay_ns: int) -> None:
        """Arm a timer, in place of an earlier one of that name (rule G6)."""
        self.cancel_timer(timer)
        self._messages.append(SetTimer(timer, self._generations[timer], delay_ns))

    def cancel_timer(self, timer: str) -> None:
        """Make the timer's present setting void, if there is one."""
        self._generations[timer] = self._generations.get(timer, 0) + 1

    def is_current(self, fired: TimerFired) -> bool:
        """Say whether a timer that ran out is as it was set last (rule G6)."""
        return self._generations.get(fired.timer) == fired.generation

    def on_storage_done(self, ticket: int) -> None:
        """Note what is on disk, and tell."""
        self._durable_ticket = max(self._durable_ticket, ticket)
        self.trace({"type": "fsync", "ticket": ticket})

    def next_own(self) -> Body | None:
        """Take the next message to oneself that need not wait any longer; None if there is none."""
        if self._own and self._own[0][0] <= self._durable_ticket:
            return self._own.popleft()[1]
        return None

    def take(self) -> list[Effect]:
        """Hand out what was asked for, and start the next step with empty hands."""
        effects, self._traces = self._traces, []
        if self._records:
            self._ticket += 1
            write = Rewrite if self._rewrites else Persist
            effects.append(write(self._ticket, tuple(self._records)))
            self._records.clear()
            self._rewrites = False
        effects += self._messages
        self._messages.clear()
        return effects
