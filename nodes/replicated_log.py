"""What lies between a replicated log and the service on top of it: the state machine below, events down, news up.

Raft and Multi-Paxos are both a *replicated log*: a node (`node.py`) that also takes two events from the service which
wraps it, and returns, among its effects, news for that service. So a service is written once and runs on either:

    service.step(now, event) ─► log.step(now, event or Propose or Confirm) ─► effects for the host, and news

The state machine belongs to the log, which applies each committed command to it exactly once, in order, on every
member, and puts its image into snapshots (AP1, SN1). Whatever must be the same on all members, and must survive a
change of leader, lives there; what only a leader needs (timers, pending answers) lives in the service.

A service passes everything that isn't its own on to the log: `Boot`, messages, `StorageDone`, timers. Names of a
service's own timers and messages begin with its name and a slash, for instance "lock/lease"; a log's never have one.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, TypeAlias

from keelhaul.nodes.errors import ErrorCode
from keelhaul.nodes.events import Body, Effect, Event

Command: TypeAlias = list[Any]
"""A state machine's command: JSON values, the first of them names its kind."""


class MalformedCommand(ValueError):
    """A request that isn't a command; `code` is the error's number."""

    def __init__(self, code: ErrorCode, text: str) -> None:
        super().__init__(text)
        self.code = code


class StateMachine(Protocol):
    """Deterministic state (G10): no time, no chance, no order of a set, and no command can make it fail."""

    def command_of(self, body: Body) -> Command:
        """Make a command of a client's request; MalformedCommand if it is none."""
        ...

    def reads_only(self, command: Command) -> bool:
        """Say whether the command never changes anything, so that `read` may answer it."""
        ...

    def apply(self, index: int, command: Command) -> Body:
        """Carry out the command that is committed at `index` of the log; return the body of the answer."""
        ...

    def read(self, command: Command) -> Body:
        """Answer a command that reads only, from the state as it is."""
        ...

    def snapshot(self) -> Any:
        """Return the whole state as JSON values that share nothing with it."""
        ...

    def restore(self, image: Any) -> None:
        """Replace the whole state by what `snapshot` returned, on this member or another."""
        ...

    @property
    def digest(self) -> int:
        """A number of the state's content: equal states have equal ones, whichever way they came about (RI-6)."""
        ...


# --- events, from the service


class Propose(NamedTuple):
    """Put a command into the log. Exactly one of Applied, Refused and Lost answers it, with the same tag; nothing
    does if this incarnation ends before."""

    tag: int
    command: Command


class Confirm(NamedTuple):
    """Ask for a moment at which this member's machine may be read linearizably; Confirmed or Refused answers."""

    tag: int


# --- news, for the service; they come among the effects, in the order in which things happened


class Applied(NamedTuple):
    """A command of this service's was committed at `log_index` and applied; `result` is what the machine answered."""

    log_index: int
    result: Body
    tag: int


class Confirmed(NamedTuple):
    """The machine reflects all that had been committed anywhere when `Confirm` came. True within this step only."""

    tag: int


class Refused(NamedTuple):
    """It certainly never takes effect. `leader` is who to ask instead, None if that isn't known."""

    tag: int
    leader: str | None


class Lost(NamedTuple):
    """Nobody knows what becomes of the command: it was in the log, and this member doesn't lead any more."""

    tag: int


class Leading(NamedTuple):
    """This member leads, and everything committed under earlier leaders is applied here (N2, MP3). `epoch` grows from
    leader to leader and belongs to one member only: the term, or the ballot as one number."""

    epoch: int


class Following(NamedTuple):
    """This member doesn't lead any more. Comes once after each Leading, unless the incarnation ends."""

    leader: str | None


LogEvent: TypeAlias = Event | Propose | Confirm
News: TypeAlias = Applied | Confirmed | Refused | Lost | Leading | Following


class ReplicatedLog(Protocol):
    """A member of a replicated log. It answers clients' requests itself only if no service stands in front of it."""

    def step(self, now_ns: int, event: LogEvent) -> list[Effect | News]:
        """Take one event; return effects for the host and news for the service, in order."""
        ...

    @property
    def leader(self) -> str | None:
        """Who leads, as far as this member knows; its own name while it leads."""
        ...

    def has_lease(self, now_ns: int) -> bool:
        """Say whether no other member can lead at this moment, if clocks drift no more than they may; False where
        leases are off."""
        ...
