"""The simulated network between nodes: latency, loss, duplication, reordering, and cuts.

A message that is under way when a cut begins is lost at its arrival; one that is sent into a cut is lost too. Latency
has a long tail, so messages overtake each other. Each copy of a message draws on its own.

The tail is u/(1-u) of a uniform u, cut off at TAIL_MAX, whose mean is ln(1 + TAIL_MAX). An exponential one would need a
logarithm, and libraries of different machines round that differently: the same seed must give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from keelhaul.harness.scenario import Simulation
from keelhaul.harness.simulation.scheduler import Scheduler
from keelhaul.nemesis.topology import Grudge
from keelhaul.nodes.events import Body

MS = 1_000_000
TAIL_MAX = 19.0
TAIL_MEAN = 3.0
Deliver = Callable[[str, str, Body], None]


class Network:
    """Carries messages; `deliver(source, dest, body)` hands one over."""

    def __init__(self, scheduler: Scheduler, random: Random, settings: Simulation, deliver: Deliver) -> None:
        self._scheduler = scheduler
        self._random = random.random
        self._deliver = deliver
        self._latency_ns = int(settings.latency_ms * MS)
        self._tail_ns = settings.jitter_ms * MS / TAIL_MEAN
        self._loss = settings.loss_percent / 100
        self._duplicate = settings.duplicate_percent / 100
        self._dropped: dict[str, frozenset[str]] = {}

    def cut(self, grudge: Grudge) -> None:
        """Put exactly these cuts in force."""
        self._dropped = {receiver: frozenset(senders) for receiver, senders in grudge.items()}

    def send(self, source: str, dest: str, body: Body) -> None:
        """Send a message on its way, or lose it."""
        fate = self._random()  # one draw for both, since a message isn't lost and doubled
        if fate < self._loss or (self._dropped and self._is_cut(source, dest)):
            return
        self._carry(source, dest, body)
        if fate > 1.0 - self._duplicate:
            self._carry(source, dest, body)

    def _carry(self, source: str, dest: str, body: Body) -> None:
        uniform = self._random()
        tail = uniform / (1.0 - uniform)
        delay_ns = self._latency_ns + int((tail if tail < TAIL_MAX else TAIL_MAX) * self._tail_ns)
        self._scheduler.after(delay_ns, self._arrive, source, dest, body)

    def _arrive(self, source: str, dest: str, body: Body) -> None:
        if not (self._dropped and self._is_cut(source, dest)):
            self._deliver(source, dest, body)

    def _is_cut(self, source: str, dest: str) -> bool:
        dropped = self._dropped.get(dest)
        return dropped is not None and source in dropped
