"""The administrator: changes of membership and hand-overs of the leadership, among whatever else clients do.

They are operations like any other, said to a node, answered or not, and written into the history; a workload's own
checkers don't see them. `reconfigure` names the voters that there shall be: the generator draws any set that is more
than half of the nodes. `transfer` names who shall lead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from keelhaul.checkers.checker import Checker, Evidence
from keelhaul.checkers.history import NEMESIS, History, Row
from keelhaul.checkers.verdict import Result
from keelhaul.nodes.events import Body
from keelhaul.workloads.draws import Draws
from keelhaul.workloads.generator import Context, Emission, Generator, Happening, Nothing, Wanted

RECONFIGURE, TRANSFER = "reconfigure", "transfer"
FUNCTIONS = (RECONFIGURE, TRANSFER)
TRANSFER_PERCENT = 40


class AdministratorProtocols:
    """How the administrator's operations are said on the wire."""

    def request(self, f: str, value: Any) -> Body:
        """Turn an operation into a request."""
        return {"type": f, "voters": value} if f == RECONFIGURE else {"type": f, "target": value}

    def result(self, f: str, value: Any, reply: Body) -> Any:
        """Both stay as they were."""
        return value

    def reads_only(self, f: str) -> bool:
        """Neither only reads."""
        return False


class AdministratorOperations(NamedTuple):
    """Draws changes without end. `functions` are those that the system knows."""

    nodes: tuple[str, ...]
    functions: tuple[str, ...]
    draws: Draws

    def ask(self, context: Context) -> Emission | Nothing:
        """Emit the next change now."""
        bits, percent = divmod(self.draws.bits(), 100)
        rest = AdministratorOperations(self.nodes, self.functions, self.draws.next())
        if TRANSFER in self.functions and (percent < TRANSFER_PERCENT or RECONFIGURE not in self.functions):
            return Emission(Wanted(TRANSFER, self.nodes[bits % len(self.nodes)], context.time_ns), rest)
        return Emission(Wanted(RECONFIGURE, self._voters(bits), context.time_ns), rest)

    def _voters(self, bits: int) -> list[str]:
        """Leave out up to as many nodes as a minority has, one by one."""
        voters = list(self.nodes)
        bits, gone = divmod(bits, (len(voters) + 1) // 2)
        for _ in range(gone):
            bits, at = divmod(bits, len(voters))
            del voters[at]
        return voters

    def update(self, context: Context, event: Happening) -> Generator:
        """Nothing that happens matters for what comes next."""
        return self


class WithAdministrator(NamedTuple):
    """A workload's operations and the administrator's: whichever wants to go first goes first, and hears of its own."""

    workload: Generator
    administrator: Generator

    def ask(self, context: Context) -> Emission | Nothing:
        """Emit the earlier operation; PENDING or EXHAUSTED if the workload says so."""
        first, second = self.workload.ask(context), self.administrator.ask(context)
        if isinstance(first, Nothing):
            return first
        if isinstance(second, Nothing) or first.wanted.time_ns <= second.wanted.time_ns:
            return Emission(first.wanted, WithAdministrator(first.rest, self.administrator))
        return Emission(second.wanted, WithAdministrator(self.workload, second.rest))

    def update(self, context: Context, event: Happening) -> Generator:
        """Tell the one whose operation it is."""
        if event.f in FUNCTIONS:
            return self
        workload = self.workload.update(context, event)
        return self if workload is self.workload else WithAdministrator(workload, self.administrator)


@dataclass(frozen=True, slots=True)
class WithoutAdministrator:
    """A workload's checker, which is shown the administrator's rows as notes of the nemesis."""

    checker: Checker

    @property
    def reads_traces(self) -> bool:
        """Say whether the workload's checker does."""
        return getattr(self.checker, "reads_traces", False)

    def check(self, evidence: Evidence) -> Result:
        """Let the checker judge the rest."""
        rows = tuple(map(_as_note, evidence.history.rows))
        return self.checker.check(replace(evidence, history=History(rows)))


def _as_note(row: Row) -> Row:
    return replace(row, type="info", process=NEMESIS) if row.f in FUNCTIONS else row
