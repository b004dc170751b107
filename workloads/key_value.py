"""A key-value store of texts: get, put, append, delete on several keys.

Values are [key, v]: get [k, null] → [k, text or null]; put [k, text]; append [k, text]; delete [k, null]. What is put
or appended is never written twice ("17;"), so a text tells which changes it is made of, and in which order: an append
that took effect twice, or two of them in the wrong order, shows in the next get. Puts and deletes keep the texts short.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from keelhaul.checkers.linearizability.checker import Linearizable
from keelhaul.checkers.models.key_value import key_value
from keelhaul.nodes.events import Body
from keelhaul.workloads.draws import Draws
from keelhaul.workloads.generator import Context, Emission, Generator, Happening, Nothing, Wanted
from keelhaul.workloads.workload import Workload, WorkloadKind, keyed, weighted

FUNCTIONS = weighted({"get": 8, "append": 8, "put": 2, "delete": 1})
_ON_THE_WIRE = {"get": "read", "put": "write", "append": "append", "delete": "delete"}


class KeyValueProtocols:
    """The operations as `nodes/state_machines/key_value.py` takes them."""

    def request(self, f: str, value: Any) -> Body:
        """Turn an operation into a request."""
        key, text = value
        body = {"type": _ON_THE_WIRE[f], "key": key}
        return body if text is None else {**body, "value": text}

    def result(self, f: str, value: Any, reply: Body) -> Any:
        """A get is filled in with what was there; the others stay as they were."""
        return keyed(value[0], reply["value"]) if f == "get" else value

    def reads_only(self, f: str) -> bool:
        """Only a get never changes anything."""
        return f == "get"


class KeyValueOperations(NamedTuple):
    """All four on random keys. Operation number n writes "n;"."""

    keys: tuple[str, ...]
    draws: Draws
    emitted: int = 1

    def ask(self, context: Context) -> Emission | Nothing:
        """Emit the next operation now."""
        bits, which = divmod(self.draws.bits(), len(FUNCTIONS))
        f = FUNCTIONS[which]
        text = f"{self.emitted};" if f in ("put", "append") else None
        wanted = Wanted(f, keyed(self.keys[bits % len(self.keys)], text), context.time_ns)
        return Emission(wanted, KeyValueOperations(self.keys, self.draws.next(), self.emitted + 1))

    def update(self, context: Context, event: Happening) -> Generator:
        """Nothing depends on what came of it."""
        return self


def make(options: dict[str, int], draws: Draws) -> Workload:
    """Build the workload over `keys` keys."""
    keys = tuple(f"k{number}" for number in range(options["keys"]))
    return Workload(
        name="key-value",
        protocols=KeyValueProtocols(),
        operations=KeyValueOperations(keys, draws),
        finals=tuple(Wanted("get", keyed(key, None), 0) for key in keys),
        checkers={"linearizable": Linearizable(key_value(), keyed=True)},
    )


KEY_VALUE = WorkloadKind(
    name="key-value",
    does="get, put, append and delete of texts on several keys; no append may be lost or doubled",
    systems=("raft", "paxos"),
    options={"keys": 5},
    make=make,
)
