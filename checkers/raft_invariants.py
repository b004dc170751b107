"""Raft's own invariants, asserted on what the nodes told of themselves (docs/rules.md §1.14; the ids are from there).

Each invariant is one function from the nodes' stories to sentences, one sentence per violation found. None of them
relies on an order between records of different nodes: terms and log indexes are all that two nodes have in common.

What a node told and the disk then forgot needs care, since a violation must be one for every correct Raft:

* RI-1, RI-4: a role record "leader" needs no such care. A node leads only after a majority heard of its term and vote,
  so both were on its disk.
* RI-3, RI-11: an entry that was appended and forgotten was still made by the one leader of its term, which makes each
  (index, term) once: it leads in one incarnation, and that one remembers.
* RI-5: only what is committed is committed or applied again, so forgetting doesn't matter.
* RI-7: a later incarnation may be back at a lower term than was traced, but not lower than at the boot before (that
  was on disk) nor than a term in which the node led.
* RI-8: a vote that the next boot doesn't show was never heard of, and another may be given in its place. So what an
  incarnation starts from is its boot record's vote, not the earlier records.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple, TypeAlias

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.raft_trace import Digest, Incarnation, NodeStory, read_trace
from keelhaul.checkers.verdict import Result, Verdict

Stories: TypeAlias = Sequence[NodeStory]
_Told: TypeAlias = tuple[Digest, str, int]
"""A digest, and where it was told first: node and position."""
_Committed: TypeAlias = tuple[int, Digest, str, int]
"""An index that was committed, its digest, and who said so where: node and position."""

SHOWN_MAX = 10
"""Violations of each invariant that go into the details; one bad entry makes thousands."""


class Invariant(NamedTuple):
    """An invariant: its id and name, and the function that finds violations."""

    id: str
    name: str
    violations: Callable[[Stories], Iterator[str]]


def election_safety(stories: Stories) -> Iterator[str]:
    """RI-1: at most one leader per term."""
    leaders: dict[int, tuple[str, int]] = {}
    for story, life in _lives(stories):
        for election in life.elections:
            first, position = leaders.setdefault(election.term, (story.node, election.position))
            if first != story.node:
                yield (
                    f"term {election.term} has two leaders, {first} (record {position}) "
                    f"and {story.node} (record {election.position})"
                )


def log_matching(stories: Stories) -> Iterator[str]:
    """RI-3: the same index and term mean the same entry and the same log before it, on every node."""
    seen: dict[int, dict[int, _Told]] = {}
    for story in stories:
        for position, first, _, entries in story.appends:
            for index, (term, digest) in enumerate(entries, first):
                known = seen.setdefault(term, {}).setdefault(index, (digest, story.node, position))
                if known[0] != digest:
                    yield _mismatch(index, term, known, story.node, position)
        for life in story.incarnations:
            for position, index, term, _, digest in life.commits:
                known = seen.setdefault(term, {}).setdefault(index, (digest, story.node, position))
                if known[0] != digest:
                    yield _mismatch(index, term, known, story.node, position)


def _mismatch(index: int, term: int, known: _Told, node: str, position: int) -> str:
    return (
        f"the entry at index {index} of term {term} isn't the same, or doesn't follow the same log, on "
        f"{known[1]} (record {known[2]}) and {node} (record {position})"
    )


def leader_completeness(stories: Stories) -> Iterator[str]:
    """RI-4: what was committed in some term is in the log of every leader of a later term.

    A digest covers all before it, so the highest committed entry of the earlier terms stands for all of them.
    """
    terms, best = _committed(stories)
    for story, life in _lives(stories):
        for election in life.elections:
            earlier = bisect_left(terms, election.term)
            if not earlier:
                continue
            index, digest, node, position = best[earlier - 1]
            if index > len(election.log):
                lacks = f"with a log of {len(election.log)} entries"
            else:
                entry = election.log[index - 1]
                if entry is None or entry[1] == digest:
                    continue
                lacks = "with another entry there, or before it"
            yield (
                f"{story.node} became leader of term {election.term} (record {election.position}) {lacks}, though "
                f"index {index} had been committed in an earlier term, as {node} knew (record {position})"
            )


def _committed(stories: Stories) -> tuple[list[int], list[_Committed]]:
    """List the terms in which something was committed, and for each the highest that was, in it or before it."""
    highest: dict[int, _Committed] = {}
    for story, life in _lives(stories):
        for position, index, _, term, digest in life.commits:
            if term not in highest or index > highest[term][0]:
                highest[term] = (index, digest, story.node, position)
    terms = sorted(highest)
    return terms, list(accumulate((highest[term] for term in terms), _higher))


def _higher(one: _Committed, other: _Committed) -> _Committed:
    return other if other[0] > one[0] else one


def state_machine_safety(stories: Stories) -> Iterator[str]:
    """RI-5: what is committed or applied at an index is the same everywhere."""
    seen: dict[int, _Told] = {}
    for story, life in _lives(stories):
        for position, index, digest in [*((told[0], told[1], told[4]) for told in life.commits), *life.applies]:
            known = seen.setdefault(index, (digest, story.node, position))
            if known[0] != digest:
                yield (
                    f"at index {index}, {story.node} committed or applied (record {position}) another entry than "
                    f"{known[1]} (record {known[2]}), or the same after another log"
                )


def monotonicity(stories: Stories) -> Iterator[str]:
    """RI-7: a node's term, commit index and applied index never go back in an incarnation, nor its term across."""
    for story in stories:
        durable_term = 0
        for life in story.incarnations:
            if life.boot.term < durable_term:
                yield (
                    f"{story.node} boots in term {life.boot.term} (record {life.boot.position}), though term "
                    f"{durable_term} was on its disk before"
                )
            yield from _backward_steps(story.node, life)
            durable_term = max([life.boot.term, *(election.term for election in life.elections)])


def _backward_steps(node: str, life: Incarnation) -> Iterator[str]:
    newest = life.boot.term
    for position, term in life.terms:
        if term < newest:
            yield f"{node}'s term goes back from {newest} to {term} (record {position})"
        newest = term
    newest = 0
    for position, index, _, _, _ in life.commits:
        if index < newest:
            yield f"{node}'s commit index goes back from {newest} to {index} (record {position})"
        newest = index
    newest = 0
    for position, index, _ in life.applies:
        if index <= newest:
            yield f"{node} applies index {index} after index {newest} (record {position})"
        newest = index


def one_vote_per_term(stories: Stories) -> Iterator[str]:
    """RI-8: a node votes for at most one candidate in a term."""
    for story, life in _lives(stories):
        boot = life.boot
        votes = {} if boot.voted_for is None else {boot.term: (boot.voted_for, boot.position)}
        for position, term, candidate in life.votes:
            first, position_first = votes.setdefault(term, (candidate, position))
            if first != candidate:
                yield (
                    f"{story.node} votes twice in term {term}: for {first} (record {position_first}) and for "
                    f"{candidate} (record {position})"
                )


def terms_in_log(stories: Stories) -> Iterator[str]:
    """RI-11: the terms of the entries in a log never decrease."""
    for story in stories:
        for position, first, term_before, entries in story.appends:
            below = term_before or 0
            for index, (term, _) in enumerate(entries, first):
                if term < below:
                    yield (
                        f"{story.node} appends an entry of term {term} at index {index}, above one of term {below} "
                        f"(record {position})"
                    )
                below = term


def _lives(stories: Stories) -> Iterator[tuple[NodeStory, Incarnation]]:
    return ((story, life) for story in stories for life in story.incarnations)


INVARIANTS = (
    Invariant("RI-1", "Election Safety", election_safety),
    Invariant("RI-3", "Log Matching", log_matching),
    Invariant("RI-4", "Leader Completeness", leader_completeness),
    Invariant("RI-5", "State Machine Safety", state_machine_safety),
    Invariant("RI-7", "monotonicity", monotonicity),
    Invariant("RI-8", "one vote per term", one_vote_per_term),
    Invariant("RI-11", "terms in a log", terms_in_log),
)


class RaftInvariants:
    """Invalid if an invariant is violated; unknown if traces are missing or can't be read to the end."""

    def check(self, evidence: Evidence) -> Result:
        """Judge the traces. A violation counts even if other traces are missing."""
        if evidence.traces is None:
            return Result(Verdict.UNKNOWN, "the nodes' traces could not be collected")
        stories = [read_trace(trace) for trace in evidence.traces]
        present = {story.node for story in stories}
        problems = [f"there is no trace of {node}" for node in evidence.nodes if node not in present]
        problems += [problem for story in stories for problem in story.problems]
        if not stories:
            problems = problems or ["there are no traces"]
        found = {invariant: list(invariant.violations(stories)) for invariant in INVARIANTS}
        details = {
            "records": sum(len(trace.records) for trace in evidence.traces),
            "violations": {
                invariant.id: {"count": len(sentences), "first": sentences[:SHOWN_MAX]}
                for invariant, sentences in found.items()
                if sentences
            },
            "problems": problems,
        }
        if any(found.values()):
            return Result(Verdict.INVALID, _first_violation(found), details)
        if problems:
            more = f" (and {len(problems) - 1} more problems)" if len(problems) > 1 else ""
            return Result(Verdict.UNKNOWN, f"{problems[0]}{more}", details)
        return Result(Verdict.VALID, "", details)


def _first_violation(found: dict[Invariant, list[str]]) -> str:
    """Name the first violation, and which other invariants are violated."""
    violated = [(invariant, sentences) for invariant, sentences in found.items() if sentences]
    (first, sentences), others = violated[0], violated[1:]
    also = f"; also violated: {', '.join(f'{other.id} {other.name}' for other, _ in others)}" if others else ""
    return f"{first.id} {first.name}: {sentences[0]}{also}"
