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
from contextlib import nullcontext, suppress
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

LET_GO_S: Final = 50e-9
"""Time for each of them, until all that was made to decide is let go of; of a million, it can't be interrupted."""

FORESEEN: Final = 4
"""Operations that it takes at least a unit of work to put into order, once their clusters are formed. Meanwhile, tables
grow by half at a time, which can't be interrupted."""

TAKEN: Final = 2
"""Operations of one object that are taken out of those of all in the time of a unit of work."""

NOTHING: Final = nullcontext()
"""A thousandth of a second need not be reserved: to say so for 10,000 objects takes longer."""

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
        """Form the clusters; None if values are not unique, or what a cas is asked for is not a pair. `places` are the
        positions. Nothing is spent."""
        kinds, argument = self.kinds, self.argument
        writes, reads = kinds.translate(_WRITES), kinds.translate(_READS)
        put_at, source_of = list(compress(places, writes)), _Sources()
        written = zip(compress(argument, writes), put_at, strict=True)
        for _ in range(0, len(put_at), PIECE):
            budget.foresee(len(kinds) // FORESEEN)
            source_of.update(islice(written, PIECE))
        cas_at: list[int] = []
        expected: list[Any] = []
        if CAS in kinds:
            cas_at = list(compress(places, kinds.translate(_CASES)))
            for start in range(0, len(cas_at), PIECE):
                budget.foresee(len(kinds) // FORESEEN)
                some = cas_at[start : start + PIECE]
                pairs = list(map(argument.__getitem__, some))
                if not are_pairs(pairs):
                    return None
                source_of.update(zip(map(itemgetter(2), pairs), some, strict=True))
                expected += map(itemgetter(1), pairs)
            put_at = list(compress(places, kinds.translate(_PUTS)))
        if len(source_of) < len(put_at) or initial in source_of:
            return None
        source_of[initial] = INITIAL
        budget.foresee(len(kinds) // FORESEEN)
        follows: dict[int, int | None] = {}
        if cas_at:
            follows.update(zip(cas_at, map(source_of.get, expected), strict=True))
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
        self._kinds = _kinds_of(operations, model, budget)

    def decide(self, positions: Sequence[int], budget: Budget) -> Valid | Invalid | None:
        """Decide the one that has these operations. None, and nothing is spent: others have to look at it, for a value
        is put in twice, or it isn't plain that all operations are a register's."""
        budget.foresee(len(positions) // TAKEN)
        operations, every = self._operations, list(positions)
        take = taker(every)
        kinds, argument = bytes(take(self._kinds)), take(operations.argument)
        if OTHER in kinds:
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
            with budget.reserving(LET_GO_S * len(positions)) if len(positions) > PIECE else NOTHING:
                answer = register.decided(formed, places, budget)
        finally:
            budget.held = held
        if isinstance(answer, Valid):
            return Valid(Within(array("I", taker(answer.order)(every)), positions))
        return answer


def decide(model: Model, operations: Operations, budget: Budget) -> Answer:
    """Decide a register or cas-register history with unique values."""
    if model.family != "register":
        return NotApplicable("it is no register")
    if operations.failed is not None:  # Which would be seen below, too, but later.
        return NotApplicable("a failed cas is kept as an observation")
    held = budget.held
    budget.hold(OPERATION_BYTES * len(operations))
    try:
        with budget.reserving(LET_GO_S * len(operations)):
            return _decided_alone(model, operations, budget)
    finally:
        budget.held = held


def _decided_alone(model: Model, operations: Operations, budget: Budget) -> Answer:
    budget.spend(len(operations))
    kinds = _kinds_of(operations, model, budget)
    if OTHER in kinds:
        return NotApplicable("not all of it is a register's work")
    times, places = Times(operations.invoked, operations.returned), list(range(len(operations)))
    register = _Register(bytes(kinds), operations.argument, operations.result, times)
    formed = register.formed(model.initial, places, budget)
    if formed is None:
        return NotApplicable("a value is put in twice, or a cas has no pair")
    return register.decided(formed, places, budget)


def are_pairs(arguments: Iterable[Any]) -> bool:
    """Say whether all are [expected, new]."""
    for pair in arguments:  # noqa: SIM110 - a generator takes half as long again
        if type(pair) is not tuple or len(pair) != 3 or pair[0] != "array":
            return False
    return True


def _kinds_of(operations: Operations, model: Model, budget: Budget) -> bytearray:
    """Say what each operation is."""
    known, kinds = {name: _KINDS[name] for name in model.functions if name in _KINDS}, bytearray()
    for start in range(0, len(operations), PIECE):
        budget.foresee(len(operations) // FORESEEN)
        some = operations.f[start : start + PIECE]
        try:
            kinds += bytes(map(known.__getitem__, some))
        except KeyError:
            kinds += bytes(known.get(f, OTHER) for f in some)
    returned, at = operations.returned, -1
    with suppress(ValueError):
        while True:
            at = returned.index(OPEN, at + 1)
            if kinds[at] == READ:
                kinds[at] = UNSEEN
    for at in compress(count(), operations.failed or ()):
        kinds[at] = OTHER
    return kinds
