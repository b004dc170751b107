"""Registers whose values are written once: no search, whatever the concurrency and however many outcomes are unknown.

**Clusters.** If every written value is unique, each read names the operation that it read from. The put of a value (a
write or a cas) and its readers are a *cluster*, and a register holds the value from the put until the next put: in any
linearization a cluster's operations stand together, the put first. A cas expects a value, so its cluster comes
immediately after that value's cluster: clusters linked by cas are a *block*, and stand together too. What the register
holds at first is a cluster whose put came before everything else. An open put that nobody reads, and that no cas needs,
is left out; one that somebody needs did take effect, and merely has no return.

**Inside a block** the order is forced: one cluster after the other along the cas, the put first and then the readers.
That is legal in real time exactly if no reader returns before its put is invoked, and no operation returns before an
operation of an earlier cluster of the block is invoked.

**Between blocks.** Let `first` be the first return in a block, `last` the last invocation. Block A may stand before
block B exactly if nothing in B returned before something in A was invoked: A.last < B.first. Sort the blocks by
min(first, last). If each block's `first` comes after the `last` of all blocks before it, this order is a
linearization, with nothing left to prove. If not, let A be before B in that order and A.last > B.first. A's smaller
bound is `first`: were it `last`, then A.last <= min(B.first, B.last) <= B.first. So A.first <= B.last, and positions of
events are distinct, so A.first < B.last: B can't stand before A either. Neither order is possible, so there is none,
and the two blocks show it: the put of each, the operation that gives `first` and the one that gives `last`.

(Gibbons and Korach, SIAM J. Comput. 26(4), 1997, with "zones" for the span between the two bounds; for cas, Fan and
Golab, IPL 2018.)

A value that is put twice, or also held at first, makes it `NotApplicable`; so does a failed cas that is kept as an
observation. Costs O(n), a handful of passes over columns, by functions in C where possible, for this is what decides
histories of a million operations; there is nothing to sort, as a bound is the row of an event and belongs to one block.
Only where most rows are of other objects, the bounds are sorted.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, count, filterfalse
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import OPEN, Operations, taker
from keelhaul.checkers.linearizability.result import Answer, Invalid, NotApplicable, Valid, Within
from keelhaul.checkers.models.model import Model

OPERATION_BYTES: Final = 100
"""What it takes to decide about an operation, about."""
ROWS_MAX: Final = 8
"""Rows per operation up to which blocks are put in order by a table of all rows; where there are more, by sorting."""

READ, WRITE, CAS, UNSEEN, OTHER = range(5)
"""What an operation is to a register: UNSEEN is a read of which nobody knows what it answered, OTHER no work of a
register's, or a cas that failed."""

_KINDS: Final = {"read": READ, "write": WRITE, "cas": CAS}
_READS: Final = bytes.maketrans(b"\0\1\2\3", b"\1\0\0\0")
_PUTS: Final = bytes.maketrans(b"\0\1\2\3", b"\0\1\1\0")
_CASES: Final = bytes.maketrans(b"\0\1\2\3", b"\0\0\1\0")

Take: TypeAlias = Callable[[Sequence[Any]], Iterable[Any]]
"""Takes some operations' entries out of a column."""


@dataclass(slots=True)
class Clusters:
    """What belongs together. Clusters are numbered: 0 is what there was at first, the others are in the order in which
    their puts were invoked."""

    numbers: Sequence[int]
    """Theirs, from 0 on. There are many: what names a cluster refers to these objects."""
    puts: Sequence[int]
    """Position of each cluster's put; -1 for cluster 0."""
    reads: Sequence[int]
    """For each operation, whether it is a read that returned: a reader."""
    cluster_of: Sequence[int]
    """For each reader the cluster that it read."""
    called: Sequence[int]
    """Row at which the put was invoked."""
    first: list[int]
    """Row of the first return; `OPEN` if nobody knows whether the put took effect."""
    last: list[int]
    """Row of the last invocation."""
    follows: Mapping[int, int | None] = field(default_factory=dict)
    """For puts that need another cluster right before them: which; None if nobody puts in what they need."""


class _Blocks(NamedTuple):
    """Bounds by number of the block, which is that of its first cluster; `OPEN` and -1 for other clusters: no bounds,
    and none that could be broken."""

    first: list[int]
    last: list[int]
    following: Mapping[int, int]
    """Which cluster stands right behind another one of the same block."""

    def members(self, head: int) -> list[int]:
        """List the clusters of a block; or of a circle, from any of them on."""
        members = [head]
        while (after := self.following.get(members[-1], head)) != head:
            members.append(after)
        return members


class _Clash(NamedTuple):
    """What can't be put in order: one block or two, and the rows that show it."""

    one: Sequence[int]
    rows: set[int]
    other: Sequence[int] = ()


class _Register(NamedTuple):
    """What is read of one register's operations."""

    kinds: bytes
    puts_at: Iterable[int]
    readers_at: Iterable[int]
    """Where they stand; to be read once."""
    puts: Take
    readers: Take
    """Take their entries out of a column."""
    rows: int
    """All were invoked before this one."""

    def decided(self, operations: Operations, clusters: Clusters | Invalid, budget: Budget) -> Valid | Invalid:
        """Decide it, given what became of its clusters."""
        if isinstance(clusters, Invalid):
            return clusters
        columns = self.readers(operations.invoked), self.readers(operations.returned)
        return _decided(operations, clusters, self.readers_at, columns, self.rows, budget)


class Registers:
    """The registers of a store, each of which is decided without making a history of it."""

    def __init__(self, model: Model, operations: Operations) -> None:
        """Look at all operations once."""
        self._initial, self._operations = model.initial, operations
        self._kinds = _kinds_of(operations, [name for name in model.functions if name in _KINDS])

    def decide(self, positions: Sequence[int], budget: Budget) -> Valid | Invalid | None:
        """Decide the one that has these operations. None, and nothing is spent: others have to look at it, for a value
        is put in twice, or it isn't plain that all operations are a register's."""
        operations = self._operations
        kinds = bytes(taker(positions)(self._kinds))
        if OTHER in kinds or (CAS in kinds and not _are_pairs(_those(positions, kinds, _CASES)(operations.argument))):
            return None
        puts_at = [*compress(positions, kinds.translate(_PUTS))]
        readers_at = [*compress(positions, kinds.translate(_READS))]
        rows = operations.invoked[positions[-1]] + 1
        register = _Register(kinds, puts_at, readers_at, taker(puts_at), taker(readers_at), rows)
        found = _register_clusters(self._initial, operations, register)
        if found is None:
            return None
        held = budget.held
        budget.hold(OPERATION_BYTES * len(positions))
        try:
            budget.spend(len(positions))
            answer = register.decided(operations, found, budget)
        finally:
            budget.held = held
        if isinstance(answer, Valid):
            return Valid(Within(array("I", answer.order), positions))
        return Invalid([bisect_left(positions, at) for at in answer.core])


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
        kinds = bytes(_kinds_of(operations, _KINDS))
        assert OTHER not in kinds, "the portfolio looked at the shape of all"
        register = _whole(operations, kinds)
        clusters = _register_clusters(model.initial, operations, register)
        if clusters is None:
            return NotApplicable("a value is put in twice")
        return register.decided(operations, clusters, budget)
    finally:
        budget.held = held


def _whole(operations: Operations, kinds: bytes) -> _Register:
    puts, reads = kinds.translate(_PUTS), kinds.translate(_READS)
    return _Register(
        kinds=kinds,
        puts_at=compress(count(), puts),
        readers_at=compress(count(), reads),
        puts=lambda column: compress(column, puts),
        readers=lambda column: compress(column, reads),
        rows=_rows(operations),
    )


def decide_clusters(operations: Operations, clusters: Clusters, budget: Budget) -> Valid | Invalid:
    """Look for an order of the clusters, given that reads, and puts that follow others, have no choice."""
    reads = clusters.reads
    columns = (compress(column, reads) for column in (operations.invoked, operations.returned))
    return _decided(operations, clusters, compress(count(), reads), columns, _rows(operations), budget)


def _rows(operations: Operations) -> int:
    return operations.invoked[-1] + 1 if len(operations) else 0


def _kinds_of(operations: Operations, names: Iterable[str]) -> bytearray:
    """Say what each operation is."""
    known = {name: _KINDS[name] for name in names}
    try:
        kinds = bytearray(map(known.__getitem__, operations.f))
    except KeyError:
        kinds = bytearray(known.get(f, OTHER) for f in operations.f)
    returned, at = operations.returned, -1
    for _ in range(returned.count(OPEN)):
        at = returned.index(OPEN, at + 1)
        if kinds[at] == READ:
            kinds[at] = UNSEEN
    for at in compress(count(), operations.failed or ()):
        kinds[at] = OTHER
    return kinds


def _are_pairs(arguments: Iterable[Any]) -> bool:
    """Say whether all are [expected, new]."""
    return all(type(pair) is tuple and len(pair) == 3 and pair[0] == "array" for pair in arguments)


def _those(positions: Sequence[int], kinds: bytes, table: bytes) -> Take:
    return taker([*compress(positions, kinds.translate(table))])


def _register_clusters(initial: Hashable, operations: Operations, register: _Register) -> Clusters | Invalid | None:
    """Form a register's clusters; None if its values are not unique, Invalid if one is read that nobody put in."""
    kinds = register.kinds
    values: list[Any] = [initial, *register.puts(operations.argument)]
    pairs: list[Any] = []
    cas: list[int] = []
    if CAS in kinds:
        cas = list(compress(count(1), compress(kinds.translate(_CASES), kinds.translate(_PUTS))))
        pairs = list(map(values.__getitem__, cas))
        for cluster, (_, _, value) in zip(cas, pairs, strict=True):
            values[cluster] = value
    numbers = list(range(len(values)))
    number = dict(zip(values, numbers, strict=True))
    if len(number) < len(values):
        return None
    try:
        cluster_of = list(map(number.__getitem__, register.readers(operations.result)))
    except KeyError:
        seen = zip(register.readers_at, register.readers(operations.result), strict=True)
        return Invalid([next(at for at, value in seen if value not in number)])
    follows = dict(zip(cas, map(number.get, map(itemgetter(1), pairs)), strict=True)) if cas else {}
    del number, values, pairs  # Of a million operations, they take as much as what follows.
    called = [-1, *register.puts(operations.invoked)]
    return Clusters(
        numbers=numbers,
        puts=[-1, *register.puts_at],
        reads=kinds.translate(_READS),
        cluster_of=cluster_of,
        called=called,
        first=[-1, *register.puts(operations.returned)],
        last=called.copy(),
        follows=follows,
    )


def _decided(
    operations: Operations,
    clusters: Clusters,
    readers: Iterable[int],
    columns: Iterable[Iterable[int]],
    rows: int,
    budget: Budget,
) -> Valid | Invalid:
    """Decide it. `readers` are where the readers stand, to be read once; `columns` when they were invoked and returned.
    All were invoked before `rows`."""
    found = _ordered(clusters, readers, zip(clusters.cluster_of, *columns, strict=True), rows, budget)
    return found if isinstance(found, Valid) else Invalid(_evidence(operations, clusters, readers, found))


def _ordered(
    clusters: Clusters, readers: Iterable[int], seen: Iterable[tuple[int, int, int]], rows: int, budget: Budget
) -> Valid | _Clash:
    """Look for an order. `seen` are the readers' (cluster, invocation, return)."""
    sizes = _narrow(clusters, seen)
    if isinstance(sizes, _Clash):
        return sizes
    clusters.called = ()  # It is done with, and large.
    budget.spend(len(clusters.cluster_of))
    blocks = _blocks(clusters) if clusters.follows else _Blocks(clusters.first, clusters.last, {})
    if isinstance(blocks, _Clash):
        return blocks
    budget.spend(len(clusters.puts))
    order = _sorted(clusters, blocks, rows)
    clusters.numbers = ()  # They are done with, and many.
    budget.spend(len(order))
    return _placed(clusters, readers, blocks, order, sizes)


def _narrow(clusters: Clusters, seen: Iterable[tuple[int, int, int]]) -> list[int] | _Clash:
    """Take the readers into the clusters' bounds; return the clusters' sizes, with a put for each."""
    called, first, last = clusters.called, clusters.first, clusters.last
    sizes = [1] * len(first)
    for cluster, invoked, returned in seen:
        sizes[cluster] += 1
        if returned < first[cluster]:
            first[cluster] = returned
            if returned < called[cluster]:
                return _Clash([cluster], {returned})
        if invoked > last[cluster]:
            last[cluster] = invoked
    return sizes


def _blocks(clusters: Clusters) -> _Blocks | _Clash:
    """Join clusters that must follow each other."""
    following = _following(clusters)
    if isinstance(following, _Clash):
        return following
    blocks = _Blocks(clusters.first.copy(), clusters.last.copy(), following)
    first, last, behind = blocks.first, blocks.last, following.get
    led = set(following.values())
    joined = 0
    for head in filterfalse(led.__contains__, following):
        earliest, latest = first[head], last[head]
        member = behind(head)
        while member is not None:
            row = first[member]
            if row < latest:
                members = blocks.members(head)
                until = members.index(member) + 1
                return _Clash(members[:until], {row, latest})
            if row < earliest:
                earliest = row
            if last[member] > latest:
                latest = last[member]
            first[member], last[member] = OPEN, -1
            joined += 1
            member = behind(member)
        first[head], last[head] = earliest, latest
    if joined < len(following):
        # What follows something and has kept its bounds is in a circle.
        circle = blocks.members(next(cluster for cluster in following.values() if last[cluster] >= 0))
        return _Clash(circle, set(clusters.first))
    return blocks


def _following(clusters: Clusters) -> dict[int, int] | _Clash:
    """Map clusters to those that must follow them; only what surely took effect counts."""
    first, follows, following = clusters.first, clusters.follows, dict[int, int]()
    todo = [cluster for cluster in follows if first[cluster] != OPEN]
    for cluster in todo:
        before = follows[cluster]
        if before is None:
            return _Clash(_needed_by(cluster, clusters, following), set())
        rival = following.setdefault(before, cluster)
        if rival != cluster:
            one = [before, *_needed_by(rival, clusters, following)]
            other = _needed_by(cluster, clusters, following)
            return _Clash(one, set(), other)
        if first[before] == OPEN and before in follows:
            # Nobody read it, and its outcome is unknown; but it is needed, so it took effect.
            todo.append(before)
    return following


def _sorted(clusters: Clusters, blocks: _Blocks, rows: int) -> list[int]:
    """List the clusters in the order of their blocks' smaller bounds. That of the first block, cluster 0's, is -1."""
    numbers, first, last = clusters.numbers, blocks.first, blocks.last
    if rows <= ROWS_MAX * len(clusters.reads):
        # No two bounds share a row, and the smaller one is no later than the last invocation. What is -1 goes to the
        # end: cluster 0, and those that don't begin a block.
        block_at = [0] * (rows + 1)
        for block, row, other in zip(numbers, first, last, strict=True):
            block_at[row if row < other else other] = block
        order = [0, *filter(None, block_at)]
    else:
        smaller = [row if row < other else other for row, other in zip(first, last, strict=True)]
        order = sorted(numbers, key=smaller.__getitem__)
    if OPEN in first:
        order = [block for block in order if first[block] != OPEN]
    if not blocks.following:
        return order
    members, behind = list[int](), blocks.following.get
    for block in order:
        members.append(block)
        member = behind(block)
        while member is not None:
            members.append(member)
            member = behind(member)
    return members


def _needed_by(cluster: int, clusters: Clusters, following: Mapping[int, int]) -> list[int]:
    """List the cluster and those after it, up to one that is known to have taken effect: they show that it did, too."""
    members = [cluster]
    while clusters.first[members[-1]] == OPEN:
        members.append(following[members[-1]])
    return members


def _evidence(operations: Operations, clusters: Clusters, readers: Iterable[int], clash: _Clash) -> list[int]:
    """Return the puts of the given blocks, as far as they matter, and the readers whose call or return is in `rows`.

    A block matters up to its last cluster with one of the rows, and on to the next one that is known to have taken
    effect; and so does whatever has to come before.
    """
    rows, kept = set(clash.rows), set[int]()
    for block in (clash.one, clash.other):
        matter = [place for place, cluster in enumerate(block) if not rows.isdisjoint(_bounds(clusters, cluster))]
        end = matter[-1] if matter else len(block) - 1
        while end < len(block) - 1 and clusters.first[block[end]] == OPEN:
            end += 1
        rows.update(clusters.first[c] for c in block[end : end + 1])
        kept.update(block[: end + 1])
    for cluster in list(kept):
        before = clusters.follows.get(cluster)
        while before is not None and before not in kept:
            kept.add(before)
            before = clusters.follows.get(before)
    core = [clusters.puts[cluster] for cluster in kept if cluster]
    for reader, cluster in zip(readers, clusters.cluster_of, strict=True):
        if cluster in kept and (operations.invoked[reader] in rows or operations.returned[reader] in rows):
            core.append(reader)
    return sorted(core)


def _bounds(clusters: Clusters, cluster: int) -> tuple[int, int]:
    return clusters.first[cluster], clusters.last[cluster]


def _placed(
    clusters: Clusters, readers: Iterable[int], blocks: _Blocks, order: Sequence[int], sizes: list[int]
) -> Valid | _Clash:
    """List the operations, cluster by cluster, the put first and then its readers as they were invoked; a clash if a
    block can't stand behind those before it."""
    first, last, puts = blocks.first, blocks.last, clusters.puts
    # Numbers up to a million, each of which would take as much as three of these.
    place = array("i", bytes(array("i").itemsize * len(puts)))
    found = [-1] * (len(order) + len(clusters.cluster_of))
    latest, free = -1, 0
    for cluster in order:
        if first[cluster] < latest:
            one = last.index(latest)
            rows = {first[one], latest, first[cluster], last[cluster]}
            return _Clash(blocks.members(one), rows, blocks.members(cluster))
        row = last[cluster]
        if row > latest:
            latest = row
        found[free] = puts[cluster]
        size = sizes[cluster]
        if size > 1:
            place[cluster] = free
        free += size
    for cluster, reader in zip(clusters.cluster_of, readers, strict=True):
        at = place[cluster] = place[cluster] + 1
        found[at] = reader
    del found[0]  # There is no put of what was there at first, which comes first.
    return Valid(found)
