"""Raft, one concern a file; `Raft` is the node.

    node.py         takes events, hands them to the rule that they concern, returns the effects in a safe order
    state.py        what a member knows, durable and volatile, and how an effect is asked for
    settings.py     the options and their defaults
    log.py          entries, terms and rolling digests
    election.py     when to stand, whom to vote for, when to step down
    replication.py  AppendEntries on both sides, and the commit rule
    requests.py     clients' requests: into the log, out of the state machine, back to the client

Rule numbers (A1, E3, L2, …) are those of docs/rules.md.
"""

from keelhaul.nodes.raft.node import Raft

__all__ = ["Raft"]
