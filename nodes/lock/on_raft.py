"""The lock service on Raft."""

from __future__ import annotations

from random import Random

from keelhaul.nodes.lock.service import LockService
from keelhaul.nodes.node import NodeConfig
from keelhaul.nodes.raft import Raft


class LockOnRaft(LockService):
    """A member whose log is Raft's."""

    def __init__(self, config: NodeConfig, random: Random) -> None:
        super().__init__(config, random, Raft)
