"""Raft's own invariants, asserted on what the nodes told of themselves (docs/rules.md §1.14; the ids are from there).

Each invariant is one class that listens to what the records mean (`raft_trace.py`) and says a sentence for each
violation. None of these relies on an order between records of different nodes: terms and log indexes are all that two
nodes have in common. What needs more is in `raft_quorums.py`.

What a node told and the disk then forgot needs care, since a violation must be one for every correct Raft:

* RI-1, RI-4: a role record "leader" needs no such care. A node leads only after a majority heard of its term and vote,
  so both were on its disk.
* RI-3, RI-11: an entry that was appended and forgotten was still made by the one leader of its term, which makes each
  (index, term) once: it leads in one incarnation, and that one remembers.
* RI-5, RI-6: only what is committed is committed or applied again, so forgetting doesn't matter.
* RI-7: a later incarnation may be back at a lower term than was traced, but not lower than at the boot before (that
  was on disk) nor than a term in which the node led.
* RI-8: a vote that the next boot doesn't show was never heard of, and another may be given in its place. So what an
  incarnation starts from is its boot record's vote, not the earlier records.
"""

from __future__ import annotations

from keelhaul.checkers.invariants import Invariant, Say
from keelhaul.checkers.raft_trace import Boot, Digest, Entry, NodeModel


class ElectionSafety(Invariant):
    """RI-1: at most one leader per term."""

    id, name = "RI-1", "Election Safety"

    def __init__(self, say: Say) -> None:
        super().__init__(say)
        self._leaders: dict[int, tuple[str, str]] = {}

    def elected(self, node: NodeModel, term: int) -> None:
        """Compare with whoever led this term."""
        first, where = self._leaders.setdefault(term, (node.name, node.where))
        if first != node.name:
            self.say(f"term {term} has two leaders, {where} and {node.where}")


class LeaderAppendOnly(Invariant):
    """RI-2: a leader never cuts its own log."""

    id, name = "RI-2", "Leader Append-Only"

    def truncated(self, node: NodeModel, first: int) -> None:
        """Say so if a leader does."""
        if node.role == "leader":
            self.say(f"{node.where}, leader of term {node.term}, cuts its own log from index {first} on")


class LogMatching(Invariant):
    """RI-3: the same index and term mean the same entry and the same log before it, on every node."""

    id, name = "RI-3", "Log Matching"

    def __init__(self, say: Say) -> None:
        super().__init__(say)
        self._seen: dict[int, dict[int, tuple[Digest, str, int]]] = {}

    def appended(self, node: NodeModel, first: int, term_below: int | None, entries: list[tuple[int, Digest]]) -> None:
        """Compare each entry with what is known of its place and term."""
        told = (node.name, node.position)
        for index, (term, digest) in enumerate(entries, first):
            of_term = self._seen.get(term)
            if of_term is None:
                of_term = self._seen[term] = {}
            known = of_term.get(index)
            if known is None:
                of_term[index] = (digest, *told)
            elif known[0] != digest:
                self._mismatch(node, index, term, known)

    def committed(self, node: NodeModel, before: int, index: int, entry_term: int, digest: Digest) -> None:
        """Compare what was committed, too."""
        of_term = self._seen.setdefault(entry_term, {})
        known = of_term.setdefault(index, (digest, node.name, node.position))
        if known[0] != digest:
            self._mismatch(node, index, entry_term, known)

    def _mismatch(self, node: NodeModel, index: int, term: int, known: tuple[Digest, str, int]) -> None:
        self.say(
            f"the entry at index {index} of term {term} isn't the same, or doesn't follow the same log, on "
            f"{known[1]} (record {known[2]}) and {node.where}"
        )


class LeaderCompleteness(Invariant):
    """RI-4: what was committed in some term is in the log of every leader of a later term.

    A digest covers all before it, so the highest entry that was committed in a term stands for all of them. Commits and
    elections are compared whichever of the two is told first.
    """

    id, name = "RI-4", "Leader Completeness"

    def __init__(self, say: Say) -> None:
        super().__init__(say)
        self._highest: dict[int, tuple[int, Digest, str]] = {}
        self._elected: list[tuple[int, str, str, list[Entry | None]]] = []

    def elected(self, node: NodeModel, term: int) -> None:
        """Compare the new leader's log with the highest commit of all earlier terms."""
        log = node.log[:]
        self._elected.append((term, node.name, node.where, log))
        earlier = [told for of_term, told in self._highest.items() if of_term < term]
        if earlier:
            self._compare(term, node.name, node.where, log, max(earlier, key=lambda told: told[0]))

    def committed(self, node: NodeModel, before: int, index: int, entry_term: int, digest: Digest) -> None:
        """Compare with the logs of later leaders that are known already, if this is news."""
        known = self._highest.get(node.term)
        if known is not None and known[0] >= index:
            return
        self._highest[node.term] = told = (index, digest, node.where)
        for term, name, where, log in self._elected:
            if term > node.term:
                self._compare(term, name, where, log, told)

    def _compare(
        self, term: int, name: str, where: str, log: list[Entry | None], told: tuple[int, Digest, str]
    ) -> None:
        index, digest, known_by = told
        if index > len(log):
            lacks = f"with a log of {len(log)} entries"
        else:
            entry = log[index - 1]
            if entry is None or entry[1] == digest:
                return
            lacks = "with another entry there, or before it"
        self.say(
            f"{name} became leader of term {term}{where.removeprefix(name)} {lacks}, though "
            f"index {index} had been committed in an earlier term, as {known_by} knew"
        )


class StateMachineSafety(Invariant):
    """RI-5: what is committed or applied at an index is the same everywhere."""

    id, name = "RI-5", "State Machine Safety"

    def __init__(self, say: Say) -> None:
        super().__init__(say)
        self._seen: dict[int, tuple[Digest, str, int]] = {}

    def committed(self, node: NodeModel, before: int, index: int, entry_term: int, digest: Digest) -> None:
        """Compare a commit."""
        self._compare(node, index, digest)

    def applied(self, node: NodeModel, before: int, index: int, digest: Digest, state: Digest | None) -> None:
        """Compare what was applied. (This is told most often of all: without a call between.)"""
        known = self._seen.get(index)
        if known is None or known[0] != digest:
            self._compare(node, index, digest)

    def snapshot(self, node: NodeModel, index: int, digest: Digest, state: Digest, installed: bool) -> None:
        """A snapshot holds what was applied elsewhere."""
        self._compare(node, index, digest)

    def _compare(self, node: NodeModel, index: int, digest: Digest) -> None:
        known = self._seen.get(index)
        if known is None:
            self._seen[index] = (digest, node.name, node.position)
        elif known[0] != digest:
            self.say(
                f"at index {index}, {node.name} committed or applied (record {node.position}) another entry than "
                f"{known[1]} (record {known[2]}), or the same after another log"
            )


class EqualStates(Invariant):
    """RI-6: after the same index every state machine is in the same state, however it got there."""

    id, name = "RI-6", "equal states"

    def __init__(self, say: Say) -> None:
        super().__init__(say)
        self._seen: dict[int, tuple[Digest, str, int]] = {}

    def applied(self, node: NodeModel, before: int, index: int, digest: Digest, state: Digest | None) -> None:
        """Compare the state after an entry."""
        known = self._seen.get(index)
        if state is not None and (known is None or known[0] != state):
            self._compare(node, index, state)

    def snapshot(self, node: NodeModel, index: int, digest: Digest, state: Digest, installed: bool) -> None:
        """Compare the state in a snapshot."""
        self._compare(node, index, state)

    def _compare(self, node: NodeModel, index: int, state: Digest) -> None:
        known = self._seen.get(index)
        if known is None:
            self._seen[index] = (state, node.name, node.position)
        elif known[0] != state:
            self.say(f"after index {index}, {node.where} is in another state than {known[1]} was (record {known[2]})")


class Monotonicity(Invariant):
    """RI-7: a node's term, commit index and applied index never go back in an incarnation, nor its term across."""

    id, name = "RI-7", "monotonicity"

    def __init__(self, say: Say) -> None:
        super().__init__(say)
        self._durable_terms: dict[str, int] = {}

    def booted(self, node: NodeModel, boot: Boot) -> None:
        """Compare the term with what must have been on the disk."""
        durable = self._durable_terms.get(node.name, 0)
        if boot.term < durable:
            self.say(
                f"{node.name} boots in term {boot.term} (record {node.position}), though term {durable} was on its "
                "disk before"
            )
        self._durable_terms[node.name] = boot.term

    def elected(self, node: NodeModel, term: int) -> None:
        """A term in which it leads is on its disk."""
        self._durable_terms[node.name] = max(self._durable_terms.get(node.name, 0), term)

    def in_term(self, node: NodeModel, before: int, term: int) -> None:
        """Compare the term with the one before."""
        if term < before:
            self.say(f"{node.name}'s term goes back from {before} to {term} (record {node.position})")

    def committed(self, node: NodeModel, before: int, index: int, entry_term: int, digest: Digest) -> None:
        """Compare the commit index with the one before."""
        if index < before:
            self.say(f"{node.name}'s commit index goes back from {before} to {index} (record {node.position})")

    def applied(self, node: NodeModel, before: int, index: int, digest: Digest, state: Digest | None) -> None:
        """Compare the applied index with the one before."""
        if index <= before:
            self.say(f"{node.name} applies index {index} after index {before} (record {node.position})")


class OneVotePerTerm(Invariant):
    """RI-8: a node votes for at most one candidate in a term."""

    id, name = "RI-8", "one vote per term"

    def __init__(self, say: Say) -> None:
        super().__init__(say)
        self._votes: dict[str, dict[int, tuple[str, int]]] = {}

    def booted(self, node: NodeModel, boot: Boot) -> None:
        """Begin with the vote on the disk."""
        self._votes[node.name] = {} if boot.voted_for is None else {boot.term: (boot.voted_for, node.position)}

    def voted(self, node: NodeModel, term: int, candidate: str) -> None:
        """Compare with the vote of this term, if there is one."""
        first, position = self._votes[node.name].setdefault(term, (candidate, node.position))
        if first != candidate:
            self.say(
                f"{node.name} votes twice in term {term}: for {first} (record {position}) and for "
                f"{candidate} (record {node.position})"
            )


class NoAnswerWithoutCommit(Invariant):
    """RI-10: a client is told that an entry took effect only when it is committed and applied where it was told."""

    id, name = "RI-10", "no answer without commit"

    def answered(self, node: NodeModel, index: int) -> None:
        """Compare with what this node has committed and applied. That all later leaders have it is RI-4."""
        if index > node.commit_index or index > node.applied_index:
            self.say(
                f"{node.where} told a client that index {index} took effect, with {node.commit_index} entries "
                f"committed and {node.applied_index} applied"
            )


class TermsInLog(Invariant):
    """RI-11: the terms of the entries in a log never decrease."""

    id, name = "RI-11", "terms in a log"

    def appended(self, node: NodeModel, first: int, term_below: int | None, entries: list[tuple[int, Digest]]) -> None:
        """Compare each term with the one below."""
        below = term_below or 0
        for index, (term, _) in enumerate(entries, first):
            if term < below:
                self.say(
                    f"{node.name} appends an entry of term {term} at index {index}, above one of term {below} "
                    f"(record {node.position})"
                )
            below = term
