"""The injector: carries a plan out on a victim and says in the history what became of each fault.

It owns which faults are in force. Drivers ask when the next thing is due (`due_ns`) and call `fire` then; both the
simulation's and the wall clock's driver use it. Cuts are set as a whole: several partitions may overlap, and their
union is in force. The final heal lifts everything, in an order in which each step can work: links first, then the
frozen, then the dead, then clocks. A node is under one fault at a time, but for partitions.

Rows: f is `start-KIND`, `stop-KIND` or `heal`; each comes twice, with `phase` "invoke" and "done". The second has
`outcome`: in_force, lifted, skipped (nothing was done; `reason`) or indeterminate (it may or may not be in force;
`reason`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from keelhaul.nemesis.plan import Plan, TimedFault
from keelhaul.nemesis.targets import Unmet, resolve
from keelhaul.nemesis.topology import SHAPES, Grudge, isolate, union
from keelhaul.nemesis.victim import Victim, VictimError

Recorder = Callable[[str, dict[str, Any]], None]

PATIENCE_NS = 700_000_000
RETRY_NS = 50_000_000
"""A leader target waits that long for someone to lead: a bit more than two election timeouts."""


@dataclass(slots=True)
class InForce:
    """A fault that was installed: as `grudge` (partition) or on `nodes` (all others)."""

    fault: TimedFault
    nodes: tuple[str, ...] = ()
    grudge: Grudge = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """Return what the history says of where it took effect."""
        if self.fault.kind == "partition":
            return {"grudge": {node: list(dropped) for node, dropped in self.grudge.items()}}
        return {"nodes": list(self.nodes)}

    def sentence(self) -> str:
        """Return a few words for people."""
        if self.fault.kind != "partition":
            return f"{self.fault.kind} {' '.join((*self._wrong_by(), *self.nodes))}"
        deaf = " ".join(f"{node}⊘{','.join(dropped)}" for node, dropped in self.grudge.items())
        return f"partition {self.fault.shape}: {deaf}"

    def _wrong_by(self) -> list[str]:
        rate = [] if self.fault.rate_ppm is None else [f"{self.fault.rate_ppm / 10_000:+g} %"]
        return rate if self.fault.jump_ms is None else [*rate, f"{self.fault.jump_ms:+d} ms"]


class Injector:
    """One plan on one victim. `record` appends to the history, `random_for` gives each fault its own stream by its id,
    `clock` tells the time of the run in ns."""

    def __init__(
        self,
        plan: Plan,
        victim: Victim,
        random_for: Callable[[int], Random],
        record: Recorder,
        clock: Callable[[], int],
    ) -> None:
        self._victim = victim
        self._clock = clock
        self._random_for = random_for
        self._record = record
        self._starts = sorted(plan.faults, key=lambda fault: (fault.start_ns, fault.id))
        self._stops: list[tuple[int, TimedFault]] = []
        self.in_force: dict[int, InForce] = {}
        self._skewed: dict[str, None] = {}  # every node whose clock was ever touched
        self._retry_ns: int | None = None
        self._late_ns = 0

    def due_ns(self) -> int | None:
        """Return when `fire` should be called next; None when the plan is carried out."""
        times = [stop_ns for stop_ns, _ in self._stops[:1]]
        if self._starts:
            times.append(self._start_ns() if self._retry_ns is None else self._retry_ns)
        return min(times, default=None)

    def _start_ns(self) -> int:
        """When the next fault begins: as planned, plus what installing, lifting and waiting have taken so far.

        Otherwise a victim that takes its time would be hit by fault upon fault, without a stable stretch between them.
        """
        return self._starts[0].start_ns + self._late_ns

    async def fire(self) -> None:
        """Do everything that is due: ends before beginnings, so that nodes are there to be hit."""
        while (due_ns := self.due_ns()) is not None and due_ns <= self._clock():
            if self._stops and self._stops[0][0] == due_ns:
                began_ns = self._clock()
                await self._stop(self._stops.pop(0)[1])
                self._late_ns += self._clock() - began_ns
            else:
                # Asked for once: at a second look, right after it, there may be nobody again.
                leader = await self._victim.leader() if self._starts[0].target == "leader" else None
                if self._should_wait(leader):
                    return
                due_ns = self._start_ns()
                self._retry_ns = None
                await self._start(self._starts.pop(0), leader)
                self._late_ns += self._clock() - due_ns

    def _should_wait(self, leader: str | None) -> bool:
        wants_leader = self._starts[0].target == "leader" and leader is None
        if not wants_leader or self._clock() >= self._start_ns() + PATIENCE_NS:
            return False
        self._retry_ns = self._clock() + RETRY_NS
        return True

    async def _start(self, fault: TimedFault, leader: str | None) -> None:
        f = f"start-{fault.kind}"
        self._record(f, {**fault.described(), "phase": "invoke"})
        try:
            made = self._resolve(fault, leader)
            self.in_force[fault.id] = made
            try:
                await self._install(made)
            finally:  # whatever became of it, it is lifted when it has lasted as long as planned
                stop_ns = self._clock() + fault.stop_ns - fault.start_ns
                self._stops = sorted([*self._stops, (stop_ns, fault)], key=lambda pair: (pair[0], pair[1].id))
        except Unmet as unmet:
            self._record(f, {**fault.described(), "phase": "done", "outcome": "skipped", "reason": str(unmet)})
        except VictimError as error:
            self._record(f, {**fault.described(), "phase": "done", "outcome": "indeterminate", "reason": str(error)})
        else:
            self._record(f, {**fault.described(), "phase": "done", "outcome": "in_force", **made.described()})

    def _resolve(self, fault: TimedFault, leader: str | None) -> InForce:
        """Decide who is hit; Unmet if nobody can be."""
        members = self._victim.nodes
        random = self._random_for(fault.id)
        if fault.kind != "partition":
            hit = {node for one in self.in_force.values() for node in one.nodes}
            eligible = [node for node in members if node not in hit]
            assert fault.target is not None
            return InForce(fault, nodes=tuple(resolve(fault.target, members, eligible, leader, random)))
        assert fault.shape is not None
        if fault.shape == "isolate-one" and fault.target is not None:
            lonely = resolve(fault.target, members, members, leader, random)
            grudge = isolate(members, lonely[0])
        else:
            grudge = SHAPES[fault.shape](members, random)
        if not grudge:
            raise Unmet(f"{len(members)} members can't be cut into the shape {fault.shape}")
        return InForce(fault, grudge=grudge)

    async def _install(self, made: InForce) -> None:
        if made.fault.kind == "partition":
            await self._set_cuts()
        elif made.fault.kind == "kill":
            await self._victim.kill(made.nodes)
        elif made.fault.kind == "pause":
            await self._victim.pause(made.nodes)
        else:
            self._skewed |= dict.fromkeys(made.nodes)
            await self._victim.skew(made.nodes, made.fault.rate_ppm or 0, made.fault.jump_ms or 0)

    async def _stop(self, fault: TimedFault) -> None:
        f = f"stop-{fault.kind}"
        made = self.in_force.pop(fault.id)
        self._record(f, {**fault.described(), "phase": "invoke"})
        try:
            await self._lift(made)
        except VictimError as error:
            self._record(f, {**fault.described(), "phase": "done", "outcome": "indeterminate", "reason": str(error)})
        else:
            self._record(f, {**fault.described(), "phase": "done", "outcome": "lifted", **made.described()})

    async def _lift(self, made: InForce) -> None:
        if made.fault.kind == "partition":
            await self._set_cuts()
        elif made.fault.kind == "kill":
            await self._victim.restart(made.nodes)
        elif made.fault.kind == "pause":
            await self._victim.resume(made.nodes)
        else:
            await self._victim.skew(made.nodes, 0, 0)

    async def _set_cuts(self) -> None:
        await self._victim.cut(union((made.grudge for made in self.in_force.values()), self._victim.nodes))

    async def heal(self) -> bool:
        """Lift everything, whatever the records say is in force; return whether that worked. The plan is over then.

        Each step is tried, whatever becomes of the others: also when one fails in a way that is a mistake of ours.
        """
        self._starts, self._stops, self._retry_ns = [], [], None
        lifted = sorted(self.in_force)
        self._record("heal", {"phase": "invoke", "faults": lifted})
        problems = []
        victim, members = self._victim, self._victim.nodes
        lifts = [partial(victim.cut, {}), partial(victim.resume, members), partial(victim.restart, members)]
        if self._skewed:
            lifts.append(partial(victim.skew, tuple(self._skewed), 0, 0))
        for lift in lifts:
            try:
                await lift()
            except VictimError as error:
                problems.append(str(error))
            except Exception as error:
                problems.append(f"{type(error).__name__}: {error}")
        self.in_force.clear()
        outcome: dict[str, Any] = {"outcome": "lifted"}
        if problems:
            outcome = {"outcome": "indeterminate", "reason": "; ".join(problems)}
        self._record("heal", {"phase": "done", "faults": lifted, **outcome})
        return not problems
