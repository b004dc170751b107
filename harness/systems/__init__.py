"""The systems that can be put under test, by name: what they are and which options they take. One file a family."""

from __future__ import annotations

from keelhaul.harness.systems.lock import FENCED_LOCK, LOCK, LOCK_ON_PAXOS, NAIVE_LOCK, UNFENCED_LOCK
from keelhaul.harness.systems.paxos import NAIVE_PAXOS, PAXOS, SYNOD
from keelhaul.harness.systems.raft import RAFT
from keelhaul.harness.systems.system import System

SYSTEMS: dict[str, System] = {
    system.name: system
    for system in (
        RAFT,
        SYNOD,
        PAXOS,
        NAIVE_PAXOS,
        LOCK,
        LOCK_ON_PAXOS,
        FENCED_LOCK,
        NAIVE_LOCK,
        UNFENCED_LOCK,
    )
}
