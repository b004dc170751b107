"""What a Raft node told of itself, taken record by record: its log replayed, its term, commits and configurations.

Records (one object each, with `incarnation`; the position counts from 1, like the lines of a trace.jsonl):

    boot       term, voted_for, last_index, digest     what recovery found; begins each incarnation
               snapshot_index, config                  optional: applied so far; [entry index, voters, old, learners]
    role       role, term
    vote       term, for                               the own vote included
    append     first, entries [[term, digest], …]      a digest covers the entry and all before it
    truncate   from                                    that entry and all above are gone
    commit     index, entry_term, term, digest         all up to `index`; `term` is the node's current one
    apply      first, entries [[digest, state], …]     `state` is the state machine's digest after it, or None
    fsync      index                                   the log is on disk up to there
    config     index, voters, old, learners            a configuration went into the log, and counts from now on
    answer     index                                   a client was told that this entry took effect
    read_asked number
    read       number, mode, read_index                a read was answered, at or after that index
    snapshot_taken, snapshot_installed                 index, term, digest, state, config

Other types are passed over. There is no order between the records of different nodes but in a simulation.

**What a killed node's trace is worth.** A record is written in the step that asks for the write to disk, so the last
records before a kill may tell of terms, votes and entries that the disk never got. They did happen in that node's
memory, but nobody ever heard of them: messages that reveal durable state wait for the disk. The next boot record says
what was kept, and is believed: the replayed log goes back to what it names. A digest names a whole log, so any state
that the log had in the incarnation before can be found again. If none fits, either recovery is broken or the trace lost
something; which of the two can't be told from here, so it is a `problem` (unknown), not a violation.

A trace may end anywhere. What is malformed ends the reading of that node's trace; what came before still counts.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple, TypeAlias

from keelhaul.checkers.invariants import Listeners

Digest: TypeAlias = Hashable
Entry: TypeAlias = tuple[int | None, Digest]
"""Term, None if it isn't known, and rolling digest. An entry that is only known to exist is None."""

LOG_ENTRIES_MAX = 10_000_000
"""Far above any run; a record that claims more must not fill the memory."""

_DIGESTS = (int, str)
_STATES = (int, str, type(None))


class Malformed(ValueError):
    """A record that makes no sense."""


class Boot(NamedTuple):
    """What recovery found on disk."""

    term: int
    voted_for: str | None
    last_index: int
    digest: Digest


class Config(NamedTuple):
    """A configuration: where its entry is, and its two groups of voters (the second is empty unless it is joint)."""

    entry_index: int
    voters: tuple[str, ...]
    old: tuple[str, ...]


EVENTS: dict[str, tuple[str, ...]] = {
    "booted": ("boot",),
    "in_term": ("before", "term"),
    "voted": ("term", "candidate"),
    "elected": ("term",),
    "appended": ("first", "term_below", "entries"),
    "truncated": ("first",),
    "committed": ("before", "index", "entry_term", "digest"),
    "applied": ("before", "index", "digest", "state"),
    "synced": ("before", "index"),
    "configured": ("before", "config"),
    "answered": ("index",),
    "read_asked": ("number",),
    "read": ("number", "mode", "read_index"),
    "snapshot": ("index", "digest", "state", "installed"),
}
"""What a record can mean; whoever listens is called with the node's model, as it is after the record, and these. Only
`booted` is told before: the model still is what the incarnation before left."""


class NodeModel:
    """One node as its records tell it; `log[i]` is the entry at index i + 1."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.position = 0
        self.problem: str | None = None
        self.unknown_log: str | None = None
        self.incarnation: Any = None
        self.term = 0
        self.role = "follower"
        self.log: list[Entry | None] = []
        self.commit_index = 0
        self.applied_index = 0
        self.durable_index = 0
        self.configs: list[Config] = []
        self._is_booted = False
        self._removed: dict[tuple[int, Digest], tuple[Entry, Digest | None]] = {}
        """Entries that this incarnation cut off, by (index, digest), with the digest below (None: what is below isn't
        known): the next boot may bring them back, if the cut never reached the disk."""

    @property
    def where(self) -> str:
        """Name the present record in a sentence."""
        return f"{self.name} (record {self.position})"

    @property
    def problems(self) -> list[str]:
        """Return what keeps the trace from proving anything."""
        return [problem for problem in (self.unknown_log, self.problem) if problem is not None]

    def take(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        """Take the next record and tell the listeners; after something malformed, take nothing any more."""
        if self.problem is not None:
            return
        self.position += 1
        try:
            kind = record["type"]
            handle = _HANDLERS.get(kind) if type(kind) is str else None
            if kind != "boot" and (not self._is_booted or record["incarnation"] != self.incarnation):
                raise Malformed("an incarnation begins with a boot record")
            if handle is not None:
                handle(self, record, listeners)
        except KeyError as error:
            self.problem = f"{self.name}'s trace, record {self.position}: it lacks {error}"
        except (TypeError, ValueError) as error:
            self.problem = f"{self.name}'s trace, record {self.position}: {error}"

    # --- the records

    def _boot(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        voted_for = None if record["voted_for"] is None else _name(record["voted_for"])
        boot = Boot(_count(record["term"]), voted_for, _count(record["last_index"]), _digest(record["digest"]))
        if boot.last_index > LOG_ENTRIES_MAX:
            raise Malformed(f"a log of {boot.last_index} entries is more than the {LOG_ENTRIES_MAX} that are followed")
        applied_index = _count(record.get("snapshot_index", 0))
        configs = [_config(*record["config"])] if record.get("config") is not None else []
        self.incarnation, self._is_booted = record["incarnation"], True
        for told in listeners["booted"]:
            told(self, boot)
        recovered = self._recovered(boot.last_index, boot.digest)
        if recovered is None:
            recovered = [None] * (boot.last_index - 1) + [(None, boot.digest)] * (boot.last_index > 0)
            self._note_unknown_log(boot.last_index)
        self._removed.clear()
        self.log, self.term, self.role = recovered, boot.term, "follower"
        self.commit_index = self.applied_index = applied_index
        self.durable_index, self.configs = boot.last_index, configs

    def _note_unknown_log(self, last_index: int) -> None:
        if self.unknown_log is None:
            self.unknown_log = (
                f"{self.name}'s trace, record {self.position}: it boots with a log of {last_index} entries that "
                "nothing in its trace before leads to: recovery made it up, or the trace lost something"
            )

    def _recovered(self, last_index: int, digest: Digest) -> list[Entry | None] | None:
        """Return the log that `digest` at `last_index` names; None if the incarnation before had no such log."""
        above: list[Entry | None] = []
        for index in range(last_index, 0, -1):
            entry = self.log[index - 1] if index <= len(self.log) else None
            if entry is not None and entry[1] == digest:
                return self.log[:index] + above[::-1]
            if (index, digest) not in self._removed:
                return None
            removed, below = self._removed[index, digest]
            above.append(removed)
            if below is None:
                return [None] * (index - 1) + above[::-1]
            digest = below
        return above[::-1]

    def _in_term(self, term: Any, listeners: Listeners) -> int:
        if type(term) is not int or term < 0:
            raise Malformed(f"{term!r} is no index or term")
        if term != self.term:
            before, self.term = self.term, term
            for told in listeners["in_term"]:
                told(self, before, term)
        return term

    def _vote(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        candidate = _name(record["for"])
        term = self._in_term(record["term"], listeners)
        for told in listeners["voted"]:
            told(self, term, candidate)

    def _role(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        role = record["role"]
        term = self._in_term(record["term"], listeners)
        self.role = role
        if role == "leader":
            for told in listeners["elected"]:
                told(self, term)

    def _append(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        first = record["first"]
        if first != len(self.log) + 1:
            raise Malformed(f"it appends from index {first} on to a log of {len(self.log)} entries")
        entries = [(term, digest) for term, digest in record["entries"]]
        for term, digest in entries:
            if type(term) is not int or term < 0 or type(digest) not in _DIGESTS:
                raise Malformed(f"{term!r} is no term or {digest!r} no digest")
        last = self.log[-1] if self.log else (0, 0)
        self.log += entries
        for told in listeners["appended"]:
            told(self, first, None if last is None else last[0], entries)

    def _truncate(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        first = _count(record["from"])
        if not 1 <= first <= len(self.log):
            raise Malformed(f"it truncates from index {first} on a log of {len(self.log)} entries")
        self._remove(first)
        self.durable_index = min(self.durable_index, first - 1)
        while self.configs and self.configs[-1].entry_index >= first:
            self.configs.pop()
        for told in listeners["truncated"]:
            told(self, first)

    def _remove(self, first: int) -> None:
        for index in range(first, len(self.log) + 1):
            entry = self.log[index - 1]
            below = self.log[index - 2] if index > 1 else (0, 0)
            if entry is not None:
                self._removed[index, entry[1]] = (entry, None if below is None else below[1])
        del self.log[first - 1 :]

    def _commit(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        index, entry_term, digest = record["index"], record["entry_term"], record["digest"]
        if not (type(index) is type(entry_term) is int and type(digest) in _DIGESTS):
            raise Malformed("it holds something that is no index, no term or no digest")
        if index < 1 or entry_term < 0:
            raise Malformed("it holds a negative index or term")
        term = record["term"]
        if term is not self.term:  # small numbers are the same object; for others the call finds out
            self._in_term(term, listeners)
        before, self.commit_index = self.commit_index, index
        for told in listeners["committed"]:
            told(self, before, index, entry_term, digest)

    def _apply(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        first = record["first"]
        if type(first) is not int or first < 1:
            raise Malformed(f"{first!r} is no index")
        for index, (digest, state) in enumerate(record["entries"], first):
            if type(digest) not in _DIGESTS or type(state) not in _STATES:
                raise Malformed(f"{digest!r} or {state!r} is no digest")
            before, self.applied_index = self.applied_index, index
            for told in listeners["applied"]:
                told(self, before, index, digest, state)

    def _fsync(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        before, self.durable_index = self.durable_index, _count(record["index"])
        for told in listeners["synced"]:
            told(self, before, self.durable_index)

    def _configure(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        config = _config(record["index"], record["voters"], record["old"])
        before = self.configs[-1] if self.configs else None
        self.configs.append(config)
        for told in listeners["configured"]:
            told(self, before, config)

    def _answer(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        for told in listeners["answered"]:
            told(self, _count(record["index"]))

    def _read_asked(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        for told in listeners["read_asked"]:
            told(self, str(record["number"]))

    def _read(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        for told in listeners["read"]:
            told(self, str(record["number"]), record["mode"], _count(record["read_index"]))

    def _snapshot(self, record: Mapping[str, Any], listeners: Listeners) -> None:
        index, term = _count(record["index"]), _count(record["term"])
        digest, state, config = _digest(record["digest"]), _digest(record["state"]), _config(*record["config"])
        if not 1 <= index <= LOG_ENTRIES_MAX:
            raise Malformed(f"a snapshot of index {index}")
        installed = record["type"] == "snapshot_installed"
        if installed:
            self._install(index, term, digest, config)
        for told in listeners["snapshot"]:
            told(self, index, digest, state, installed)

    def _install(self, index: int, term: int, digest: Digest, config: Config) -> None:
        kept = index <= len(self.log) and self.log[index - 1] == (term, digest)
        if not kept:
            self._remove(1)
            self.log = [None] * (index - 1) + [(term, digest)]
        self.configs = [config, *(each for each in self.configs if kept and each.entry_index > index)]
        self.durable_index = self.durable_index if kept else 0
        self.commit_index = self.applied_index = index


_HANDLERS = {
    "boot": NodeModel._boot,
    "apply": NodeModel._apply,
    "append": NodeModel._append,
    "commit": NodeModel._commit,
    "fsync": NodeModel._fsync,
    "truncate": NodeModel._truncate,
    "vote": NodeModel._vote,
    "role": NodeModel._role,
    "config": NodeModel._configure,
    "answer": NodeModel._answer,
    "read_asked": NodeModel._read_asked,
    "read": NodeModel._read,
    "snapshot_taken": NodeModel._snapshot,
    "snapshot_installed": NodeModel._snapshot,
}


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise Malformed(f"{value!r} is no index or term")
    return value


def _digest(value: object) -> Digest:
    if type(value) not in _DIGESTS:
        raise Malformed(f"{value!r} is no digest")
    return value


def _name(value: Any) -> str:
    if type(value) is not str:
        raise Malformed(f"{value!r} is no node's name")
    return value


def _config(entry_index: Any, voters: Any, old: Any, learners: Any = ()) -> Config:
    if not all(isinstance(names, list | tuple) and all(type(name) is str for name in names) for names in (voters, old)):
        raise Malformed("a configuration is made of lists of names")
    return Config(_count(entry_index), tuple(voters), tuple(old))
