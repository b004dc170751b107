"""Paxos. Two systems, and a counter-example.

    synod/         single-decree Paxos: registers that can be written once
    multi/         Multi-Paxos: a replicated log
    naive.py       what is not Paxos
    ballot.py      what orders attempts
    quorums.py     which groups may decide, and that they meet
    settings.py    the options

Rules are those of docs/rules.md, §2.
"""

from keelhaul.nodes.paxos.multi import Paxos
from keelhaul.nodes.paxos.naive import NaivePaxos
from keelhaul.nodes.paxos.synod import Synod

__all__ = ["NaivePaxos", "Paxos", "Synod"]
