"""Registers whose values are written once: no search, whatever the concurrency and however many outcomes are unknown.

If every written value is unique, each read names the operation that it read from. The put of a value (a write or a cas)
and its readers are a cluster, for a register holds the value from the put until the next put. A cas expects a value, so
its cluster comes immediately after that value's. What the register holds at first is a cluster whose put came before
everything else. How clusters are put into order, and why there is none where this can't be done, says clusters.py.

A value that is put twice, or also held at first, makes it `NotApplicable`; so does a failed cas that is kept as an
observation. A value that is read, but that nobody puts in, shows that it is invalid. Costs O(n): a handful of passes
over columns, by functions in C where possible.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable, Sequence
from itertools import compress, count, islice
from operator import itemgetter
from typing import Any, Final, NamedTuple, NoReturn

from keelhaul.checkers.linearizability import clusters
from keelhaul.checkers.linearizability.budget import PIECE, Budget
from keelhaul.checkers.linearizability.clusters import INITIAL, Clusters, Times
from keelhaul.checkers.linearizability.operations import OPEN, Operations, taker
from keelhaul.checkers.linearizability.result import Answer, Invalid, NotApplicable, Valid, Within
from keelhaul.checkers.models.model import Model

OPERATION_BYTES: Final = 100
"""What it takes to decide about an operation, about."""

FORESEEN: Final = 4
"""Operations that it takes at least a unit of work to put into order, once their clusters are formed. Meanwhile, tables
grow by half at a time, which can't be interrupted."""

READ, WRITE, CAS, UNSEEN, OTHER = range(5)
"""What an operation is to a register: UNSEEN is a read of which nobody knows what it answered, OTHER no work of a
register's, or a cas that failed."""

_KINDS: Final = {"read": READ, "write": WRITE, "cas": CAS}
_READS: Final = bytes.maketrans(b"\0\1\2\3", b"\1\0\0\0")
_PUTS: Final = bytes.maketrans(b"\0\1\2\3", b"\0\1\1\0")
_WRITES: Final = bytes.maketrans(b"\0\1\2\3", b"\0\1\0\0")
_CASES: Final = bytes.maketrans(b"\0\1\2\3", b"\0\0\1\0")


class _Unwritten(Exception):
    """A value that nobody puts in."""

    def __init__(self, value: Hashable) -> None:
        super().__init__()
        self.value = value


class _Sources(dict[Any, int]):
    """Clusters, by their value."""

    __slots__ = ()

    def __missing__(self, value: Hashable) -> NoReturn:
        """Raise _Unwritten."""
        raise _Unwritten(value)


class _Register(NamedTuple):
    """One register's operations, in columns; `kinds` says what each is."""

    kinds: bytes
    argument: Sequence[Any]
    result: Sequence[Any]
    times: Times

    def formed(self, initial: Hashable, places: Sequence[int], budget: Budget) -> Clusters | None:
        """Form the clusters; None if the values are not unique. `places` are the positions. Nothing is spent."""
        kinds, argument = self.kinds, self.argument
        puts, writes, reads = (kinds.translate(table) for table in (_PUTS, _WRITES, _READS))
        put_at, source_of = list(compress(places, puts)), _Sources()
        written = zip(compress(argument, writes), compress(places, writes), strict=True)
        for _ in range(0, len(put_at), PIECE):
            budget.foresee(len(kinds) // FORESEEN)
            source_of.update(islice(written, PIECE))
        cas_at, pairs = list[int](), list[Any]()
        if CAS in kinds:
            cases = kinds.translate(_CASES)
            cas_at, pairs = list(compress(places, cases)), list(compress(argument, cases))
            budget.foresee(len(kinds) // FORESEEN)
            source_of.update(zip(map(itemgetter(2), pairs), cas_at, strict=True))
        if len(source_of) < len(put_at) or initial in source_of:
            return None
        source_of[initial] = INITIAL
        budget.foresee(len(kinds) // FORESEEN)
        follows = dict(zip(cas_at, map(source_of.get, map(itemgetter(1), pairs)), strict=True))
        sources = map(source_of.__getitem__, compress(self.result, reads))
        return Clusters(put_at, list(compress(places, reads)), sources, follows)

    def decided(self, formed: Clusters, places: Sequence[int], budget: Budget) -> Valid | Invalid:
        """Decide it."""
        try:
            return clusters.decide(self.times, formed, places, budget)
        except _Unwritten as unwritten:
            reads = compress(count(), self.kinds.translate(_READS))
            return Invalid([next(at for at in reads if self.result[at] == unwritten.value)])


class Registers:
    """The registers of a store, each of which is decided without making a history of it."""

    def __init__(self, model: Model, operations: Operations, budget: Budget) -> None:
        """Look at all operations once. BudgetSpent if there is no time for that."""
        self._initial, self._operations = model.initial, operations
        names = [name for name in model.functions if name in _KINDS]
        self._kinds = _kinds_of(operations, names, budget)

    def decide(self, positions: Sequence[int], budget: Budget) -> Valid | Invalid | None:
        """Decide the one that has these operations. None, and nothing is spent: others have to look at it, for a value
        is put in twice, or it isn't plain that all operations are a register's."""
        operations, take = self._operations, taker(positions)
        kinds, argument = bytes(take(self._kinds)), take(operations.argument)
        if OTHER in kinds or (CAS in kinds and not are_pairs(kinds, argument, CAS)):
            return None
        times = Times(take(operations.invoked), take(operations.returned))
        register, places = _Register(kinds, argument, take(operations.result), times), list(range(len(positions)))
        formed = register.formed(self._initial, places, budget)
        if formed is None:
            return None
        held = budget.held
        budget.hold(OPERATION_BYTES * len(positions))
        try:
            budget.spend(len(positions))
            answer = register.decided(formed, places, budget)
        finally:
            budget.held = held
        if isinstance(answer, Valid):
            return Valid(Within(array("I", taker(answer.order)(list(positions))), positions))
        return answer


def decide(model: Model, operations: Operations, budget: Budget) -> Answer:
    """Decide a register or cas-register history with unique values."""
    if model.family != "register":
        return NotApplicable("it is no register")
    if operations.failed is not None:
        return NotApplicable("a failed cas is kept as an observation")
    held = budget.held
    budget.hold(OPERATION_BYTES * len(operations))
    try:
        budget.spend(len(operations))
        kinds = _kinds_of(operations, _KINDS, budget)
        assert OTHER not in kinds, "the portfolio looked at the shape of all"
        times, places = Times(operations.invoked, operations.returned), list(range(len(operations)))
        register = _Register(bytes(kinds), operations.argument, operations.result, times)
        formed = register.formed(model.initial, places, budget)
        if formed is None:
            return NotApplicable("a value is put in twice")
        return register.decided(formed, places, budget)
    finally:
        budget.held = held


def are_pairs(names: Iterable[object], arguments: Sequence[Any], cas: object) -> bool:
    """Say whether the arguments of what is named `cas` are [expected, new]. The others aren't touched."""
    for at in [at for at, name in enumerate(names) if name == cas]:
        pair = arguments[at]
        if type(pair) is not tuple or len(pair) != 3 or pair[0] != "array":
            return False
    return True


def _kinds_of(operations: Operations, names: Iterable[str], budget: Budget) -> bytearray:
    """Say what each operation is."""
    known, kinds = {name: _KINDS[name] for name in names}, bytearray()
    for start in range(0, len(operations), PIECE):
        budget.foresee(len(operations) // FORESEEN)
        some = operations.f[start : start + PIECE]
        try:
            kinds += bytes(map(known.__getitem__, some))
        except KeyError:
            kinds += bytes(known.get(f, OTHER) for f in some)
    returned, at = operations.returned, -1
    for _ in range(returned.count(OPEN)):
        at = returned.index(OPEN, at + 1)
        if kinds[at] == READ:
            kinds[at] = UNSEEN
    for at in compress(count(), operations.failed or ()):
        kinds[at] = OTHER
    return kinds
