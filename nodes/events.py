"""What goes into a node (G2) and what comes out (G3): the values of `step(now_ns, event) -> effects`.

A node never waits, sends, writes or reads a clock. Whoever runs it (the simulator, or `nodes/host/`) turns the world
into events and carries the effects out, in the order in which they were returned.

Durability is one mechanism (rule G4): `Persist` (or `Rewrite`) asks for a write under a ticket; a `Send` or `Reply`
that carries `after=ticket` leaves only when that write, and so every earlier one, is on disk. Tickets grow by one
within an incarnation.

All of these are values: nobody changes one. They aren't frozen, nor tuples, because either takes twice as long to make,
and a simulated run makes some ten thousand of them for each second of its time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

Body: TypeAlias = dict[str, Any]
"""A message's body: JSON values, at least `type`. Whoever receives one must not change it: simulated peers share it."""

Record: TypeAlias = list[Any]
"""One record of a node's log file: JSON values, the first of them names its kind."""


@dataclass(slots=True)
class Boot:
    """The first event of an incarnation: what the disk still holds. `incarnation` is 1 at the first start ever."""

    records: tuple[Record, ...]
    incarnation: int


@dataclass(slots=True)
class Received:
    """A peer's message arrived; maybe late, twice, or out of order (G8)."""

    source: str
    body: Body


@dataclass(slots=True)
class ClientRequest:
    """A client asks; `body` holds `msg_id`, which the reply repeats as `in_reply_to`."""

    client: str
    body: Body


@dataclass(slots=True)
class TimerFired:
    """A timer ran out. A node ignores it if `generation` isn't the one that it set last (G6)."""

    timer: str
    generation: int


@dataclass(slots=True)
class StorageDone:
    """Everything up to and including this ticket is on disk. (A failed write ends the node instead: G5.)"""

    ticket: int


@dataclass(slots=True)
class Send:
    """A message to a peer."""

    dest: str
    body: Body
    after: int | None = None


@dataclass(slots=True)
class Reply:
    """An answer to a client; `body` holds `in_reply_to`."""

    client: str
    body: Body
    after: int | None = None


@dataclass(slots=True)
class Persist:
    """Append these records to the log file and make them durable, then say `StorageDone(ticket)`."""

    ticket: int
    records: tuple[Record, ...]


@dataclass(slots=True)
class Rewrite:
    """Replace the whole log file by these records, all or nothing, then say `StorageDone(ticket)` (F6, F7).

    A crash before that leaves the old file, with the writes that were asked for before.
    """

    ticket: int
    records: tuple[Record, ...]


@dataclass(slots=True)
class SetTimer:
    """Fire `timer` once, `delay_ns` from now; it replaces an earlier one of that name."""

    timer: str
    generation: int
    delay_ns: int


@dataclass(slots=True)
class Trace:
    """Something that an invariant checker wants to know (docs/rules.md §0.4): `record["type"]` names it."""

    record: dict[str, Any]


Event: TypeAlias = Boot | Received | ClientRequest | TimerFired | StorageDone
Effect: TypeAlias = Send | Reply | Persist | Rewrite | SetTimer | Trace
