"""Multi-Paxos: a replicated log, one instance of Paxos a slot, and one member that leads for all of them.

    node.py        takes events, hands them to the rule that they concern; what a boot finds
    state.py       what a member knows, durable and volatile; how askers are answered
    settings.py    the options and their defaults
    entry.py       what a slot holds
    ledger.py      the slots: accepted and chosen
    configs.py     who votes on which slot
    acceptor.py    promises and acceptances
    leader.py      when to stand, what to take over, when to give up; leases
    proposing.py   what goes into which slot, when it is chosen; heartbeats
    learner.py     what is chosen, in order, into the state machine; catching up
    snapshots.py   images in place of slots
    reads.py       reads that take no slot
    requests.py    clients' requests

Rule numbers (MP1 … MP12) are those of docs/rules.md, §2.
"""

from keelhaul.nodes.paxos.multi.node import Paxos

__all__ = ["Paxos"]
