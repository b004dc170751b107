"""What a Raft node told of itself, read back: its votes, terms, commits and applies by incarnation, its log replayed.

Records (one object each, with `incarnation`; the position counts from 1, like the lines of a trace.jsonl):

    boot      term, voted_for, last_index, digest     what recovery found; begins each incarnation
    role      role, term
    vote      term, for                               the own vote included
    append    first, entries [[term, digest], …]      a digest covers the entry and all before it
    truncate  from                                    that entry and all above are gone
    commit    index, entry_term, term, digest         all up to `index`; `term` is the node's current one
    apply     index, digest

Other types are passed over. There is no order between the records of different nodes.

**What a killed node's trace is worth.** A record is written in the step that asks for the write to disk, so the last
records before a kill may tell of terms, votes and entries that the disk never got. They did happen in that node's
memory, but nobody ever heard of them: messages that reveal durable state wait for the disk. The next boot record says
what was kept, and is believed: the replayed log goes back to what it names. A digest names a whole log, so any state
that the log had in the incarnation before can be found again. If none fits, either recovery is broken or the trace lost
something; which of the two can't be told from here, so it is a `problem` (unknown), not a violation.

A trace may end anywhere. What is malformed ends the reading of that node's trace; what came before still counts.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from keelhaul.checkers.checker import NodeTrace

Digest: TypeAlias = Hashable
Entry: TypeAlias = tuple[int | None, Digest]
"""Term, None if it isn't known, and rolling digest. An entry that is only known to exist is None."""


# Plain tuples where there are tens of thousands: they cost a fifth of a class to make, and the collector skips them.


LOG_ENTRIES_MAX = 10_000_000
"""Far above any run; a boot record that claims more must not fill the memory."""

_DIGESTS = (int, str)


class Boot(NamedTuple):
    """What recovery found on disk."""

    position: int
    term: int
    voted_for: str | None
    last_index: int
    digest: Digest


Vote: TypeAlias = tuple[int, int, str]
"""(position, term, candidate)"""

Commit: TypeAlias = tuple[int, int, int, int, Digest]
"""(position, index, entry_term, term, digest): the commit index moved to `index` in the node's current `term`."""

Apply: TypeAlias = tuple[int, int, Digest]
"""(position, index, digest)"""

Append: TypeAlias = tuple[int, int, int | None, list[tuple[int, Digest]]]
"""(position, first, term_before, entries): entries are (term, digest), and `term_before` is that of the entry below the
first, None if it isn't known."""


class Election(NamedTuple):
    """The node became leader; `log` is what it held then, from index 1 on."""

    position: int
    term: int
    log: list[Entry | None]


@dataclass(slots=True)
class Incarnation:
    """One life of a node. `terms` are (position, current term) as told by role, vote and commit records, in order,
    without repetitions."""

    boot: Boot
    terms: list[tuple[int, int]] = field(default_factory=list)
    votes: list[Vote] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    applies: list[Apply] = field(default_factory=list)
    elections: list[Election] = field(default_factory=list)

    def note_term(self, position: int, term: int) -> None:
        """Note the current term, if it isn't the one noted last."""
        if not self.terms or self.terms[-1][1] != term:
            self.terms.append((position, term))


@dataclass(slots=True)
class NodeStory:
    """All of a node's trace that could be read; `problems` say what could not."""

    node: str
    incarnations: list[Incarnation] = field(default_factory=list)
    appends: list[Append] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class _Malformed(ValueError):
    """A record that makes no sense."""


def read_trace(trace: NodeTrace) -> NodeStory:
    """Read a node's trace, as far as it can be read."""
    story = NodeStory(trace.node)
    if not trace.records:
        story.problems.append(f"{trace.node}'s trace is empty")
    reader = _Reader(story)
    try:
        reader.read(trace.records)
    except _Malformed as error:
        story.problems.append(f"{trace.node}'s trace, record {reader.position}: {error}")
    except KeyError as error:
        story.problems.append(f"{trace.node}'s trace, record {reader.position}: it lacks {error}")
    except (TypeError, ValueError) as error:
        story.problems.append(f"{trace.node}'s trace, record {reader.position}: {error}")
    return story


class _Reader:
    """Takes records in order; holds the log as it stands."""

    def __init__(self, story: NodeStory) -> None:
        self.position = 0
        self._story = story
        self._log: list[Entry | None] = []
        self._removed: dict[tuple[int, Digest], tuple[Entry, Digest]] = {}
        """Entries that this incarnation cut off, by (index, digest), with the digest below: the next boot may bring
        them back, if the cut never reached the disk."""

    def read(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Take the records. The frequent types come first: a run has tens of thousands of records."""
        life: Incarnation | None = None
        number: Any = None
        for position, record in enumerate(records, 1):
            self.position = position
            kind = record["type"]
            if kind == "boot":
                number = record["incarnation"]
                life = self._boot(position, record)
            elif life is None or record["incarnation"] != number:
                raise _Malformed("an incarnation begins with a boot record")
            elif kind == "apply":
                index, digest = record["index"], record["digest"]
                if type(index) is not int or index < 1 or type(digest) not in _DIGESTS:
                    raise _Malformed(f"{index!r} is no index or {digest!r} no digest")
                life.applies.append((position, index, digest))
            elif kind == "append":
                self._append(position, record["first"], record["entries"])
            elif kind == "commit":
                self._commit(life, position, record)
            else:
                self._read_rare(life, position, kind, record)

    def _commit(self, life: Incarnation, position: int, record: Mapping[str, Any]) -> None:
        index, entry_term, term = record["index"], record["entry_term"], record["term"]
        digest = record["digest"]
        if not (type(index) is type(entry_term) is type(term) is int and type(digest) in _DIGESTS):
            raise _Malformed("it holds something that is no index, no term or no digest")
        if index < 1 or entry_term < 0 or term < 0:
            raise _Malformed("it holds a negative index or term")
        life.note_term(position, term)
        life.commits.append((position, index, entry_term, term, digest))

    def _read_rare(self, life: Incarnation, position: int, kind: Any, record: Mapping[str, Any]) -> None:
        if kind == "truncate":
            self._truncate(_count(record["from"]))
        elif kind == "vote":
            term = _count(record["term"])
            life.note_term(position, term)
            life.votes.append((position, term, _name(record["for"])))
        elif kind == "role":
            term = _count(record["term"])
            life.note_term(position, term)
            if record["role"] == "leader":
                life.elections.append(Election(position, term, self._log[:]))

    def _boot(self, position: int, record: Mapping[str, Any]) -> Incarnation:
        voted_for = None if record["voted_for"] is None else _name(record["voted_for"])
        last_index, digest = _count(record["last_index"]), _digest(record["digest"])
        if last_index > LOG_ENTRIES_MAX:
            raise _Malformed(f"a log of {last_index} entries is more than the {LOG_ENTRIES_MAX} that are followed")
        life = Incarnation(Boot(position, _count(record["term"]), voted_for, last_index, digest))
        self._story.incarnations.append(life)
        recovered = self._recovered(last_index, digest)
        if recovered is None:
            self._story.problems.append(
                f"{self._story.node}'s trace, record {position}: it boots with a log of {last_index} entries that "
                "nothing in its trace before leads to: recovery made it up, or the trace lost something"
            )
            recovered = [None] * (last_index - 1) + [(None, digest)] * (last_index > 0)
        self._removed.clear()
        self._log = recovered
        return life

    def _recovered(self, last_index: int, digest: Digest) -> list[Entry | None] | None:
        """Return the log that `digest` at `last_index` names; None if the incarnation before had no such log."""
        above: list[Entry | None] = []
        for index in range(last_index, 0, -1):
            entry = self._log[index - 1] if index <= len(self._log) else None
            if entry is not None and entry[1] == digest:
                return self._log[:index] + above[::-1]
            if (index, digest) not in self._removed:
                return None
            removed, digest = self._removed[index, digest]
            above.append(removed)
        return above[::-1]

    def _append(self, position: int, first: int, told: Any) -> None:
        if first != len(self._log) + 1:
            raise _Malformed(f"it appends from index {first} on to a log of {len(self._log)} entries")
        below = self._log[-1] if self._log else (0, 0)
        entries = [(term, digest) for term, digest in told]
        for term, digest in entries:
            if type(term) is not int or term < 0 or type(digest) not in _DIGESTS:
                raise _Malformed(f"{term!r} is no term or {digest!r} no digest")
        self._story.appends.append((position, first, None if below is None else below[0], entries))
        self._log += entries

    def _truncate(self, first: int) -> None:
        if not 1 <= first <= len(self._log):
            raise _Malformed(f"it truncates from index {first} on a log of {len(self._log)} entries")
        for index in range(first, len(self._log) + 1):
            entry = self._log[index - 1]
            below = self._log[index - 2] if index > 1 else (0, 0)
            if entry is not None and below is not None:
                self._removed[index, entry[1]] = (entry, below[1])
        del self._log[first - 1 :]


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise _Malformed(f"{value!r} is no index or term")
    return value


def _digest(value: object) -> Digest:
    if type(value) not in _DIGESTS:
        raise _Malformed(f"{value!r} is no digest")
    return value


def _name(value: Any) -> str:
    if type(value) is not str:
        raise _Malformed(f"{value!r} is no node's name")
    return value
