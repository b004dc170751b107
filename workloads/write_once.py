"""Registers that can be written once: proposals and reads, on a few fresh keys at a time.

Values are [key, v]: propose [k, v] → [k, the chosen value]; read [k, null] → [k, the chosen value or null]. What is
interesting about a key happens while it is being decided, so each gets only a handful of operations before the next one
takes its place. Now and then a read goes back to any older key: what was chosen must stay chosen.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from keelhaul.checkers.linearizability.checker import Linearizable
from keelhaul.checkers.models.agreement import write_once
from keelhaul.checkers.write_once import Consensus
from keelhaul.nodes.events import Body
from keelhaul.workloads.draws import Draws
from keelhaul.workloads.generator import Context, Emission, Generator, Happening, Nothing, Wanted
from keelhaul.workloads.workload import Workload, WorkloadKind, keyed, weighted

FUNCTIONS = weighted({"propose": 6, "read": 3, "read an old key": 1})


class WriteOnceProtocols:
    """Proposals and reads as `nodes/state_machines/write_once.py` takes them."""

    def request(self, f: str, value: Any) -> Body:
        """Turn an operation into a request."""
        key, argument = value
        return {"type": "read", "key": key} if f == "read" else {"type": "propose", "key": key, "value": argument}

    def result(self, f: str, value: Any, reply: Body) -> Any:
        """Both are filled in with what is chosen."""
        return keyed(value[0], reply["value"])

    def reads_only(self, f: str) -> bool:
        """A read may help to choose what others have proposed, but proposes nothing."""
        return f == "read"


class WriteOnceOperations(NamedTuple):
    """Operation number n goes to one of the `keys` keys of its generation; each generation has `uses` a key."""

    keys: int
    uses: int
    draws: Draws
    emitted: int = 0

    def ask(self, context: Context) -> Emission | Nothing:
        """Emit the next operation now. Operation number n proposes n + 1, so no value is proposed twice."""
        bits, which = divmod(self.draws.bits(), len(FUNCTIONS))
        f = FUNCTIONS[which]
        oldest = self.emitted // (self.keys * self.uses) * self.keys
        key = oldest + bits % self.keys
        if f == "read an old key":
            f, key = "read", bits % (oldest + self.keys)
        number = self.emitted + 1
        wanted = Wanted(f, keyed(f"k{key}", number if f == "propose" else None), context.time_ns)
        return Emission(wanted, WriteOnceOperations(self.keys, self.uses, self.draws.next(), number))

    def update(self, context: Context, event: Happening) -> Generator:
        """Nothing depends on what came of it."""
        return self


def make(options: dict[str, int], draws: Draws) -> Workload:
    """Build the workload: `keys` keys at a time, each for about `uses` operations."""
    finals = tuple(Wanted("read", keyed(f"k{number}", None), 0) for number in range(options["keys"]))
    return Workload(
        name="write-once",
        protocols=WriteOnceProtocols(),
        operations=WriteOnceOperations(options["keys"], options["uses"], draws),
        finals=(*finals, Wanted("propose", keyed("after the heal", 0), 0)),
        checkers={"linearizable": Linearizable(write_once(), keyed=True), "consensus": Consensus()},
    )


WRITE_ONCE = WorkloadKind(
    name="write-once",
    does="proposals and reads of registers that can be written once: one value per key is chosen, and stays",
    systems=("synod", "naive-paxos"),
    options={"keys": 3, "uses": 8},
    make=make,
)
