"""Raft, as the harness knows it."""

from __future__ import annotations

from dataclasses import asdict

from keelhaul.checkers.raft import RaftInvariants
from keelhaul.checkers.raft_liveness import RaftLiveness
from keelhaul.harness.systems.system import System
from keelhaul.nodes.raft.settings import Settings

RAFT = System(
    name="raft",
    does="Raft, all of it: a replicated key-value store; reads through the log, by index, by lease, or stale",
    options=asdict(Settings()),
    check=Settings.of,
    invariants={"raft-invariants": RaftInvariants(), "raft-liveness": RaftLiveness()},
    administration=("reconfigure", "transfer"),
)
