"""Registers, one per key: reads, writes of values that are never written twice, compare-and-set.

Values are [key, v]: read [k, null] → [k, v]; write [k, v]; cas [k, [expected, new]]. Since no value is written twice,
each read tells exactly which write it saw, which makes both the checker's work and a reader's easy.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from keelhaul.checkers.linearizability.checker import Linearizable
from keelhaul.checkers.models.registers import cas_register
from keelhaul.nodes.events import Body
from keelhaul.workloads.draws import Draws
from keelhaul.workloads.generator import Context, Emission, Generator, Happening, Nothing, Wanted
from keelhaul.workloads.workload import Workload, WorkloadKind, keyed, weighted

FUNCTIONS = weighted({"read": 5, "write": 3, "cas": 2})
RECENT_MAX = 4
"""Half of the reads go to the keys of the last so many acknowledged changes: a lost one shows there, as long as no
later write has covered it up."""


class RegisterProtocols:
    """Reads, writes and compare-and-set as `lin-kv` says them."""

    def request(self, f: str, value: Any) -> Body:
        """Turn an operation into a request."""
        key, argument = value
        if f == "read":
            return {"type": "read", "key": key}
        if f == "write":
            return {"type": "write", "key": key, "value": argument}
        return {"type": "cas", "key": key, "from": argument[0], "to": argument[1]}

    def result(self, f: str, value: Any, reply: Body) -> Any:
        """A read is filled in with what was read; the others stay as they were."""
        return keyed(value[0], reply["value"]) if f == "read" else value

    def reads_only(self, f: str) -> bool:
        """Only a read never changes anything."""
        return f == "read"


class RegisterOperations(NamedTuple):
    """Reads, writes and cas on random keys. Operation number n writes n + 1, so no value is written twice.

    `latest` holds, by key, what the last completed operation left or saw: a cas expects that, and so often succeeds.
    """

    keys: tuple[str, ...]
    draws: Draws
    latest: tuple[Any, ...]
    recent: tuple[int, ...] = ()
    emitted: int = 0

    def ask(self, context: Context) -> Emission | Nothing:
        """Emit the next operation now."""
        bits, which = divmod(self.draws.bits(), len(FUNCTIONS))  # one draw has room for all three choices
        bits, at = divmod(bits, len(self.keys))
        f = FUNCTIONS[which]
        if f == "read" and self.recent and bits % 2:
            at = self.recent[bits // 2 % len(self.recent)]
        number = self.emitted + 1
        argument = None if f == "read" else number if f == "write" else [self.latest[at], number]
        rest = RegisterOperations(self.keys, self.draws.next(), self.latest, self.recent, number)
        return Emission(Wanted(f, keyed(self.keys[at], argument), context.time_ns), rest)

    def update(self, context: Context, event: Happening) -> Generator:
        """Remember what a key holds."""
        if event.type != "ok":
            return self
        key, result = event.value
        at = self.keys.index(key)
        value = result[1] if event.f == "cas" else result
        if value == self.latest[at]:
            return self
        latest = (*self.latest[:at], value, *self.latest[at + 1 :])
        recent = self.recent if event.f == "read" else (*self.recent[1 - RECENT_MAX :], at)
        return RegisterOperations(self.keys, self.draws, latest, recent, self.emitted)


def make(options: dict[str, int], draws: Draws) -> Workload:
    """Build the workload over `keys` registers."""
    keys = tuple(f"k{number}" for number in range(options["keys"]))
    return Workload(
        name="register",
        protocols=RegisterProtocols(),
        operations=RegisterOperations(keys, draws, (None,) * len(keys)),
        finals=tuple(Wanted("read", keyed(key, None), 0) for key in keys),
        checkers={"linearizable": Linearizable(cas_register(), keyed=True)},
    )


REGISTER = WorkloadKind(
    name="register",
    does="reads, unique writes and compare-and-set on several keys; each key must be a linearizable register",
    systems=("raft", "paxos"),
    options={"keys": 5},
    make=make,
)
