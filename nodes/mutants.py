"""Named switches, each of which breaks one rule of one system, to prove that the harness would notice.

A node is given at most one. The code that obeys a rule asks for the switch by name, beside the rule.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A planted bug: `breaks` is the rule (docs/rules.md), `tells` how it shows."""

    name: str
    system: str
    breaks: str
    tells: str


REPLY_BEFORE_COMMIT = "reply-before-commit"
DISJOINT_QUORUMS = "disjoint-quorums"
FORGETFUL_ACCEPTOR = "forgetful-acceptor"
OWN_VALUE_FIRST = "own-value-first"
MIXED_BALLOTS = "mixed-ballots"
NO_PHASE_1 = "no-phase-1"
BLIND_COMMIT = "blind-commit"
COMPACTED_IS_EMPTY = "compacted-is-empty"
UNCONFIRMED_READS = "unconfirmed-reads"

KEEP_ALIVE_FROM_MEMORY = "keep-alive-from-memory"
LEASE_CUT_SHORT = "lease-cut-short"
REST_CUT_SHORT = "rest-cut-short"
SERVE_AT_ONCE = "serve-at-once"
BARGING_TRY = "barging-try"
NO_RECALL = "no-recall"
FILES_OUTLIVE_SESSIONS = "files-outlive-sessions"
RESOURCE_FORGETS = "resource-forgets"

MUTANTS = {
    mutant.name: mutant
    for mutant in (
        Mutant(
            name=REPLY_BEFORE_COMMIT,
            system="raft",
            breaks="R-L18, F8: answer a write only when its entry is committed and applied",
            tells="a leader that is cut off acknowledges writes that the next leader never had: later reads miss them",
        ),
        Mutant(
            name=DISJOINT_QUORUMS,
            system="synod",
            breaks="§2.0, P-Q1: quorums are validated, never worked out from f; this takes f + 1 of 3f + 1",
            tells="two quorums that don't meet decide apart: clients are told of two values",
        ),
        Mutant(
            name=FORGETFUL_ACCEPTOR,
            system="synod",
            breaks="§2.5, PX-4: a promise is on disk before it is told",
            tells="an acceptor that was killed accepts an older ballot than it had promised to refuse",
        ),
        Mutant(
            name=OWN_VALUE_FIRST,
            system="synod",
            breaks="2a, PX-7: propose the value of the highest ballot that the promises tell of",
            tells="a later ballot chooses another value: clients are told of two",
        ),
        Mutant(
            name=MIXED_BALLOTS,
            system="synod",
            breaks="Learn, PX-3: a value is chosen when a quorum has accepted it in one and the same ballot",
            tells="acceptances of several ballots are added up, so a value is told to be chosen that isn't",
        ),
        Mutant(
            name=NO_PHASE_1,
            system="paxos",
            breaks="MP1, MP3: a leader first wins its ballot, and goes on with what the promises tell",
            tells="a new leader fills slots with its clients' commands that older ones had filled and chosen",
        ),
        Mutant(
            name=BLIND_COMMIT,
            system="paxos",
            breaks="MP6: a leader's commit decides a slot only for who accepted it in just that leader's ballot",
            tells="a member executes what an older leader had proposed, where the others execute something else",
        ),
        Mutant(
            name=COMPACTED_IS_EMPTY,
            system="paxos",
            breaks="MP2, MP11: an acceptor tells which slots it no longer holds because they are decided",
            tells="a new leader that is behind fills slots with nothing that were chosen and executed long ago",
        ),
        Mutant(
            name=UNCONFIRMED_READS,
            system="paxos",
            breaks="§2.6: before it answers a read, a leader makes sure it leads; and without a quorum it gives up",
            tells="a leader that is cut off answers reads that miss what the next one's clients wrote",
        ),
        Mutant(
            name=KEEP_ALIVE_FROM_MEMORY,
            system="lock",
            breaks="LS4: a KeepAlive is answered only after the log has confirmed that nobody else leads",
            tells="a master that is cut off prolongs sessions that its successor has ended: two clients hold one lock",
        ),
        Mutant(
            name=LEASE_CUT_SHORT,
            system="lock",
            breaks="LS3, LS4: a session ends when the lease that was promised is over, and not before",
            tells="a client that does all that it should is told that its session is over (LC-5)",
        ),
        Mutant(
            name=REST_CUT_SHORT,
            system="lock",
            breaks="LK-G: a lock whose holder was lost rests for the whole delay",
            tells="the master ends the rest too early (LC-6)",
        ),
        Mutant(
            name=SERVE_AT_ONCE,
            system="lock",
            breaks="§3.5, step 6: a new master waits until every session knows of the fail-over",
            tells="it serves while sessions live that don't know it (LC-14)",
        ),
        Mutant(
            name=BARGING_TRY,
            system="lock",
            breaks="LK-B: nobody passes those who wait",
            tells="a shared try is granted past an exclusive request that waits (LC-7)",
        ),
        Mutant(
            name=NO_RECALL,
            system="lock",
            breaks="§3.8: a file is changed when no client holds a copy of it any more",
            tells="a client reads from its cache what was overwritten before it asked (LC-11)",
        ),
        Mutant(
            name=FILES_OUTLIVE_SESSIONS,
            system="lock",
            breaks="§3.9: what a session has open is closed by the entry that ends it",
            tells="an ephemeral file stays though nobody who lives has it open (LC-10)",
        ),
        Mutant(
            name=RESOURCE_FORGETS,
            system="fenced-lock",
            breaks="LK-E: the newest token is on disk before anybody is answered",
            tells="restarted, the resource takes a token that is older than one that it had taken (LC-3)",
        ),
    )
}
