"""The lock service on Multi-Paxos: the same service, another log."""

from __future__ import annotations

from random import Random

from keelhaul.nodes.lock.service import LockService
from keelhaul.nodes.node import NodeConfig
from keelhaul.nodes.paxos import Paxos


class LockOnPaxos(LockService):
    """A member whose log is Multi-Paxos'."""

    def __init__(self, config: NodeConfig, random: Random) -> None:
        super().__init__(config, random, Paxos)
