"""Single-decree Paxos: registers, by key, that can be written once. One instance of the algorithm a key.

    node.py        takes events, hands each to the role that it concerns
    instance.py    one key: the three roles of this member, and the values that they share
    acceptor.py    promises and accepts: the memory of the cluster
    proposer.py    clients' requests; attempts to get a value chosen, and what to do when they collide
    learner.py     when a value is chosen

A value is chosen once a quorum has accepted it in one ballot. A proposer that wins a ballot has heard, from a group
that meets each such quorum, of the newest value accepted below it, and goes on with that one; so whatever was chosen
stays chosen (Lamport: Paxos Made Simple, 2001; docs/rules.md §2.1).

A read can't just look: a value may be chosen without any member knowing. It wins a ballot too, and helps on whatever it
finds. If it finds nothing, then nothing is chosen, and the ballot that it leaves behind keeps all older attempts from
choosing anything later; that makes the answer "undecided" true at a moment during the read.
"""

from keelhaul.nodes.paxos.synod.node import Synod

__all__ = ["Synod"]
