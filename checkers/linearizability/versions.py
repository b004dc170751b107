"""Texts that grow: each get tells the whole past of its key, so put, append, get and delete are a register's work.

If nothing is put or appended twice, and a text can be taken apart in one way only, then a get shows which changes its
text is made of and in which order. A change that some get shows has one place: after the text that stands before it. So
it leaves one text whenever it takes effect, its *version*, and versions behave like the values of a register:

    put                     write of its version
    append that was seen    cas from the version before it to its own
    append that wasn't      write: it leaves a text that no get shows, whatever it found, so all such texts are alike
    delete                  write of the empty version, which is also what there was at first
    get                     read of its version

Each order of the operations is legal for the texts exactly if it is legal for the versions. (That an append is never
seen twice, in two places, or behind something else than its first get shows, follows from each text being made in one
way; what contradicts it is refuted here.) What is open and was not seen need not have taken effect, and is left out.

Without deletes every version is put in once, and clusters.py decides it, in time that grows with what was read. With
deletes the empty version repeats, and absorption.py searches.

If some are written twice, real time may tell which of them a get shows: it wasn't invoked after the get, or what stands
behind it in the text, had returned, nor had it returned before what stands in front of it was invoked, and it is shown
in one place only. Where several are left, the latest is taken: a guess. An order that is found with it is as good as
any, but that none is found says nothing.

Before all that, texts.py looks whether the order that the gets show is a linearization, or plainly can't be one.

`NotApplicable`: a guess that led nowhere; a text that begins another one (then a get might be taken apart in two ways);
one that is empty.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final, NamedTuple

from keelhaul.checkers.linearizability import absorption, clusters, texts
from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.result import Answer, Invalid, NotApplicable, Valid
from keelhaul.checkers.models.model import Model
from keelhaul.checkers.models.registers import cas_register

EMPTY: Final = 0
"""The version that is there at first, and after a delete. The others count from 1, by the change that leaves them."""

_TEXTS: Final = frozenset({str, type(None)})
_SHAPES: Final = frozenset(
    {(f, str) for f in ("put", "append", "get", "delete")} | {(f, type(None)) for f in ("get", "delete")}
)


class Contradiction(Exception):
    """Gets that no order of the changes explains."""

    def __init__(self, *gets: int) -> None:
        super().__init__()
        self.gets = gets


class _Seen(NamedTuple):
    """The texts that begin with the same change: prefixes of the longest."""

    longest: str
    ends: dict[int, int]
    """Version by the length of its text."""


class Versions:
    """Takes the texts of gets apart, and learns what each change follows."""

    def __init__(self, operations: Operations, changes: Sequence[int]) -> None:
        """Number the changes, puts and appends at these positions, from 1."""
        self.follows: dict[int, int] = {}
        """Appends that were seen: the version that each found."""
        self.shown_by: dict[int, int] = {}
        """The first get that shows a change."""
        self._operations, self._changes = operations, changes
        self._writers: dict[str, list[int]] = {}
        for number, at in enumerate(changes, 1):
            self._writers.setdefault(operations.argument[at], []).append(number)
        self._lengths = sorted(set(map(len, self._writers)))
        self._seen: dict[int, _Seen] = {}
        self._read = {"": EMPTY}
        """Versions by their text, where no other one can have it."""
        self.repeats = len(self._writers) < len(changes)
        """Whether a text is written twice."""
        self.is_guess = False

    def reason_against(self) -> str | None:
        """Say why the texts can't be taken apart; None if they can."""
        ordered = sorted(self._writers)
        if ordered and not ordered[0]:
            return "a text is empty"
        # A text that begins others stands right before one of them.
        return "a text begins another one" if any(map(str.startswith, ordered[1:], ordered)) else None

    def read(self, get: int, text: str) -> int:
        """Return the version that a get has read; `Contradiction` if there can't be such a one."""
        version = self._read.get(text)
        if version is not None:
            return version
        first = self._first_of(text, get)
        seen = self._seen.get(first)
        if seen is not None and not _fits(text, seen):
            raise Contradiction(get, self.shown_by[seen.ends[len(seen.longest)]])
        known, ends = seen or _Seen("", {0: EMPTY})
        if len(text) > len(known):
            self._learn(get, text, len(known), ends, first)
            self._seen[first] = _Seen(text, ends)
        if not self.repeats:
            self._read[text] = ends[len(text)]
        return ends[len(text)]

    def _first_of(self, text: str, get: int) -> int:
        """Choose the change with which a text begins, of those that fit."""
        writers, end = self._writers_at(text, 0, get)
        if len(writers) == 1:
            return writers[0]
        possible = []
        for number in self._in_time(writers, self._last_put_before(get), text, end, get):
            seen = self._seen.get(number)
            if number not in self.shown_by if seen is None else _fits(text, seen):
                possible.append(number)
        return self._chosen(possible, get)

    def _learn(self, get: int, text: str, start: int, ends: dict[int, int], first: int) -> None:
        """Take the rest of a text apart, from `start` on."""
        while start < len(text):
            writers, end = self._writers_at(text, start, get)
            change = self._pick(writers, text, end, ends, get) if start else first
            at = self._changes[change - 1]
            if change in self.shown_by:
                raise Contradiction(get, self.shown_by[change])
            if self._operations.f[at] == "append":
                self.follows[change] = ends[start]
            elif start:
                raise Contradiction(get)
            self.shown_by[change] = get
            ends[end] = change
            start = end

    def _pick(self, writers: Sequence[int], text: str, end: int, ends: dict[int, int], get: int) -> int:
        """Choose, of the changes that may have added a text, one that isn't shown elsewhere."""
        if len(writers) == 1:
            return writers[0]
        invoked = self._operations.invoked
        latest = max((invoked[self._changes[number - 1]] for number in ends.values() if number != EMPTY), default=-1)
        possible = [number for number in writers if number not in self.shown_by]
        return self._chosen(self._in_time(possible, latest, text, end, get), get)

    def _last_put_before(self, get: int) -> int:
        """Return when the last put was invoked that had returned before the get: what is older was replaced."""
        operations = self._operations
        before = (at for at in self._changes if operations.returned[at] < operations.invoked[get])
        return max((operations.invoked[at] for at in before if operations.f[at] == "put"), default=-1)

    def _in_time(self, writers: Sequence[int], latest: int, text: str, end: int, get: int) -> list[int]:
        """Leave those that hadn't returned by the row `latest`, and were invoked before the get, and what stands behind
        them in the text, had returned."""
        invoked, returned = self._operations.invoked, self._operations.returned
        first = returned[get]
        while end < len(text):
            behind, end = self._writers_at(text, end, get)
            if len(behind) == 1:
                first = min(first, returned[self._changes[behind[0] - 1]])
        rows = {number: self._changes[number - 1] for number in writers}
        return [number for number, at in rows.items() if invoked[at] < first and returned[at] > latest]

    def _chosen(self, possible: Sequence[int], get: int) -> int:
        if not possible:
            raise Contradiction(get)
        if len(possible) > 1:
            self.is_guess = True
        return possible[-1]

    def _writers_at(self, text: str, start: int, get: int) -> tuple[list[int], int]:
        """Return the changes that may have added what is there, and where that ends."""
        for length in self._lengths:
            writers = self._writers.get(text[start : start + length])
            if writers is not None:
                return writers, start + length
        raise Contradiction(get)


def has_shape(operations: Operations) -> bool:
    """Say whether all values plainly are texts or null, as they should be; False: they have to be looked at."""
    arguments = set(zip(operations.f, map(type, operations.argument), strict=True))
    return _TEXTS.issuperset(map(type, operations.result)) and _SHAPES.issuperset(arguments)


def _fits(text: str, seen: _Seen) -> bool:
    """Say whether the text is one of these, as far as they are known."""
    return text.startswith(seen.longest) or (seen.longest.startswith(text) and len(text) in seen.ends)


def glance(model: Model, operations: Operations, positions: Sequence[int], budget: Budget) -> Valid | Invalid | None:
    """Decide one key, whose operations stand at these positions among others, if that is seen at once; None if it
    isn't, or if they may be none of the model's."""
    if model.family != "key-value" or model.initial != "":
        return None
    return texts.glance(operations, positions, budget)


def decide(model: Model, operations: Operations, budget: Budget) -> Answer:
    """Decide one key of a store of texts."""
    if model.family != "key-value":
        return NotApplicable("it is no store of texts")
    budget.spend(len(operations))
    if model.initial != "":
        return NotApplicable("there is a text at first")
    seen = texts.glance(operations, range(len(operations)), budget)
    if seen is not None:
        return seen
    f, returned = operations.f, operations.returned
    changes = [at for at, name in enumerate(f) if name == "append" or name == "put"]
    versions = Versions(operations, changes)
    reason = versions.reason_against()
    if reason is not None:
        return NotApplicable(reason)
    gets = [at for at, name in enumerate(f) if name == "get" and returned[at] != OPEN]
    answer: Answer
    try:
        read = [versions.read(at, operations.result[at] or "") for at in gets]
    except Contradiction as found:
        answer = Invalid(sorted(set(found.gets)))
    else:
        if "delete" in f:
            answer = _decide_with_deletes(operations, changes, versions, dict(zip(gets, read, strict=True)), budget)
        else:
            times = clusters.Times(operations.invoked, operations.returned)
            formed = _clusters(changes, gets, read, versions)
            answer = clusters.decide(times, formed, range(len(operations)), budget)
    if versions.is_guess and not isinstance(answer, Valid):
        return NotApplicable("a text is written twice")
    if versions.repeats and isinstance(answer, Invalid):
        # Which of them was shown may rest on anything.
        return Invalid(range(len(operations)))
    return _with_gets(answer, changes, versions) if isinstance(answer, Invalid) else answer


def _clusters(changes: Sequence[int], gets: Sequence[int], read: list[int], versions: Versions) -> clusters.Clusters:
    places = [clusters.INITIAL, *changes]
    return clusters.Clusters(
        puts=changes,
        readers=gets,
        sources=map(places.__getitem__, read),
        follows={places[change]: places[before] for change, before in versions.follows.items()},
    )


def _decide_with_deletes(
    operations: Operations, changes: Sequence[int], versions: Versions, read: dict[int, int], budget: Budget
) -> Answer:
    """Say it as a register's history, and have that decided."""
    version = {at: number for number, at in enumerate(changes, 1)}
    kept, said = list[int](), list[tuple[str, Hashable, int | None]]()
    for at, name in enumerate(operations.f):
        number = version.get(at, EMPTY)
        if name == "get":
            found: tuple[str, Hashable, int | None] = "read", None, read.get(at)
        elif number in versions.follows:
            found = "cas", ("array", versions.follows[number], number), None
        else:
            found = "write", number, None
        is_unseen = number != EMPTY and number not in versions.shown_by
        if operations.returned[at] != OPEN or not (name == "get" or is_unseen):
            kept.append(at)
            said.append(found)
    register = operations.select(kept)
    register.f = [name for name, _, _ in said]
    register.argument = [argument for _, argument, _ in said]
    register.result = [result for _, _, result in said]
    answer = absorption.decide(cas_register(EMPTY), register, budget)
    if isinstance(answer, Valid):
        return Valid([kept[at] for at in answer.order])
    if isinstance(answer, Invalid):
        prefixes = [[kept[at] for at in prefix] for prefix in answer.prefixes]
        return Invalid([kept[at] for at in answer.core], None, prefixes)
    return answer


def _with_gets(answer: Invalid, changes: Sequence[int], versions: Versions) -> Invalid:
    """Add the gets that show what the changes in the core follow."""
    version = {at: number for number, at in enumerate(changes, 1)}
    numbers = [version.get(at, EMPTY) for at in answer.core]
    shown = {versions.shown_by[number] for number in numbers if number in versions.follows}
    return Invalid(sorted(shown.union(answer.core)), answer.stuck, answer.prefixes)
