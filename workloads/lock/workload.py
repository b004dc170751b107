"""The lock workloads: clients that acquire, try, use and give back locks, and now and then stop for too long.

`lock` asks the service alone. `guarded-resource` also lets each holder change what the lock protects, on a resource
that is the cluster's last node: there it shows whether tokens are looked at.
"""

from __future__ import annotations

from typing import Any

from keelhaul.checkers.checker import Checker
from keelhaul.checkers.locks.belief import MutualExclusionAsBelieved
from keelhaul.checkers.locks.liveness import LocksComeBack
from keelhaul.checkers.locks.order import LockOrder
from keelhaul.checkers.locks.resource import GuardedResource
from keelhaul.checkers.locks.sessions import SessionsLast
from keelhaul.checkers.locks.tokens import TokenOrder
from keelhaul.workloads.draws import Draws
from keelhaul.workloads.generator import Wanted
from keelhaul.workloads.lasting import LastingClient
from keelhaul.workloads.lock.client import LockClient
from keelhaul.workloads.lock.generator import EXCLUSIVE, Chances, LockOperations
from keelhaul.workloads.lock.stopping import Stopping
from keelhaul.workloads.workload import Workload, WorkloadKind

MS = 1_000_000


class LockFunctions:
    """What the interpreter must know of the operations; how they are said on the wire is the clients' business."""

    def reads_only(self, f: str) -> bool:
        """A hung try may have got its lock, a hung release may have freed one."""
        return False


def _make(options: dict[str, int], draws: Draws, *, guarded: bool) -> Workload:
    locks = tuple(f"l{number}" for number in range(1, options["locks"] + 1))
    chances = Chances(
        update=options.get("update_percent", 0),
        pause=options["pause_percent"],
        shared=options.get("shared_percent", 0),
        attempt=options["try_percent"],
    )

    def client(process: int, thread: int, nodes: tuple[str, ...]) -> LastingClient:
        cell, resource = (nodes[:-1], nodes[-1]) if guarded else (nodes, None)
        return Stopping(LockClient(f"p{process}", cell, resource, thread, options["patience_ms"] * MS))

    checkers: dict[str, Checker] = {"mutual-exclusion": MutualExclusionAsBelieved(), "token-order": TokenOrder()}
    checkers["sessions-last"] = SessionsLast()
    checkers["lock-order"] = LockOrder()
    checkers["locks-come-back"] = LocksComeBack()
    if guarded:
        checkers["guarded-resource"] = GuardedResource()
    return Workload(
        name="guarded-resource" if guarded else "lock",
        protocols=LockFunctions(),
        operations=LockOperations(locks, draws, chances, options["pause_ms"]),
        finals=tuple(Wanted("acquire", [lock, {"mode": EXCLUSIVE}], 0) for lock in locks),
        checkers=checkers,
        farewell=Wanted("close", [None, {}], 0),
        clients=client,
    )


def make_lock(options: dict[str, int], draws: Draws) -> Workload:
    """Build the workload that asks the service alone."""
    return _make(options, draws, guarded=False)


def make_guarded(options: dict[str, int], draws: Draws) -> Workload:
    """Build the workload that uses a resource under each lock."""
    return _make(options, draws, guarded=True)


_OPTIONS: dict[str, Any] = {"locks": 6, "try_percent": 30, "pause_percent": 4, "pause_ms": 4500, "patience_ms": 1500}

LOCK = WorkloadKind(
    name="lock",
    does="acquire, try-acquire and release by clients with sessions, some of which stop for longer than their lease",
    systems=("lock", "lock-on-paxos", "naive-lock"),
    options={**_OPTIONS, "shared_percent": 25},
    make=make_lock,
)
GUARDED_RESOURCE = WorkloadKind(
    name="guarded-resource",
    does="the same, and each holder changes what the lock protects; no acknowledged change may be lost",
    systems=("fenced-lock", "unfenced-lock"),
    options={**_OPTIONS, "update_percent": 60},
    make=make_guarded,
)
