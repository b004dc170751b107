"""The lock services, and the counter-examples, as the harness knows them."""

from __future__ import annotations

from dataclasses import asdict, fields
from functools import partial
from typing import Any

from keelhaul.checkers.checker import Checker
from keelhaul.checkers.locks.cell import OfTheCell
from keelhaul.checkers.locks.resource import FencedTokens
from keelhaul.checkers.locks.server import LockInvariants
from keelhaul.checkers.watcher import TraceChecker
from keelhaul.harness.systems.paxos import PAXOS
from keelhaul.harness.systems.raft import RAFT
from keelhaul.harness.systems.system import System
from keelhaul.nodes.lock.settings import LockSettings, NaiveSettings

_OWN = {field.name for field in fields(LockSettings)}


def _for_the_log(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in _OWN}


def _check(log: System, options: dict[str, Any]) -> object:
    """Check the service's own options, and pass the others on to the log's."""
    LockSettings.of({name: value for name, value in options.items() if name in _OWN})
    return log.check(_for_the_log(options))


def _fits(log: System, options: dict[str, Any], members: tuple[str, ...]) -> object:
    return log.fits(_for_the_log(options), members)


LOCK = System(
    name="lock",
    does="a Chubby-style lock service on Raft: sessions with leases, queues, tokens, a master that takes over in steps",
    options={**asdict(LockSettings()), **RAFT.options},
    check=partial(_check, RAFT),
    fits=partial(_fits, RAFT),
    invariants={"lock-invariants": LockInvariants(), **RAFT.invariants},
    administration=RAFT.administration,
)
LOCK_ON_PAXOS = System(
    name="lock-on-paxos",
    does="the same lock service on Multi-Paxos",
    options={**asdict(LockSettings()), **PAXOS.options},
    check=partial(_check, PAXOS),
    fits=partial(_fits, PAXOS),
    invariants={"lock-invariants": LockInvariants(), **PAXOS.invariants},
    administration=PAXOS.administration,
)


def _has_a_cell(options: dict[str, Any], members: tuple[str, ...]) -> object:
    if len(members) < 2:
        raise ValueError("it needs at least 2 nodes: the last one is the resource")
    return LOCK.fits(options, members[:-1])


_OF_THE_CELL: dict[str, Checker] = {
    name: OfTheCell(checker) for name, checker in LOCK.invariants.items() if isinstance(checker, TraceChecker)
}
FENCED_LOCK = System(
    name="fenced-lock",
    does="the lock service, and as the last node a resource that refuses tokens older than the newest it has seen",
    options=LOCK.options,
    check=LOCK.check,
    fits=_has_a_cell,
    invariants={"fenced-tokens": FencedTokens(), **_OF_THE_CELL},
)
UNFENCED_LOCK = System(
    name="unfenced-lock",
    does="a counter-example: the honest lock service, and a resource that doesn't look at tokens; must be refuted",
    options=LOCK.options,
    check=LOCK.check,
    fits=_has_a_cell,
    invariants=_OF_THE_CELL,
)
NAIVE_LOCK = System(
    name="naive-lock",
    does="a counter-example: a lock server without sessions, leases, tokens or agreement; must be refuted",
    options=asdict(NaiveSettings()),
    check=NaiveSettings.of,
    invariants={},
)
