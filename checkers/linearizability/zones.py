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

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, count, filterfalse
from operator import itemgetter
from typing import Any, Final, NamedTuple

from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.result import Answer, Invalid, NotApplicable, Valid
from keelhaul.checkers.models.model import Model

OPERATION_BYTES: Final = 100
"""What it takes to decide about an operation, about."""
ROWS_MAX: Final = 8
"""Rows per operation up to which blocks are put in order by a table of all rows; where there are more, by sorting."""

_KINDS: Final = {"read": 0, "write": 1, "cas": 2}
_READS: Final = bytes.maketrans(b"\0\1\2", b"\1\0\0")
_CASES: Final = bytes.maketrans(b"\0\1\2", b"\0\0\1")


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
        clusters = _register_clusters(model.initial, operations)
        if clusters is None:
            return NotApplicable("a value is put in twice")
        return clusters if isinstance(clusters, Invalid) else decide_clusters(operations, clusters, budget)
    finally:
        budget.held = held


def decide_clusters(operations: Operations, clusters: Clusters, budget: Budget) -> Valid | Invalid:
    """Look for an order of the clusters, given that reads, and puts that follow others, have no choice."""
    sizes = _narrow(operations, clusters)
    if isinstance(sizes, Invalid):
        return sizes
    budget.spend(len(clusters.cluster_of))
    blocks = _blocks(operations, clusters) if clusters.follows else _Blocks(clusters.first, clusters.last, {})
    if isinstance(blocks, Invalid):
        return blocks
    budget.spend(len(clusters.called))
    order = _sorted(clusters.numbers, blocks, operations.invoked)
    budget.spend(len(order))
    return _placed(operations, clusters, blocks, order, sizes)


def _register_clusters(initial: Hashable, operations: Operations) -> Clusters | Invalid | None:
    """Form a register's clusters; None if its values are not unique, Invalid if one is read that nobody put in."""
    returned, positions = operations.returned, range(len(operations))
    puts = bytes(map(_KINDS.__getitem__, operations.f))
    reads: Sequence[int] = puts.translate(_READS)
    if OPEN in compress(returned, reads):
        reads = [is_read and row != OPEN for is_read, row in zip(reads, returned, strict=True)]
    values: list[Any] = [initial, *compress(operations.argument, puts)]
    pairs: list[Any] = []
    cas: list[int] = []
    if 2 in puts:
        cas = list(compress(count(1), compress(puts.translate(_CASES), puts)))
        pairs = list(map(values.__getitem__, cas))
        for cluster, (_, _, value) in zip(cas, pairs, strict=True):
            values[cluster] = value
    numbers = list(range(len(values)))
    number = dict(zip(values, numbers, strict=True))
    if len(number) < len(values):
        return None
    try:
        cluster_of = list(map(number.__getitem__, compress(operations.result, reads)))
    except KeyError:
        return Invalid([next(at for at in compress(positions, reads) if operations.result[at] not in number)])
    called = [-1, *compress(operations.invoked, puts)]
    return Clusters(
        numbers=numbers,
        puts=[-1, *compress(positions, puts)],
        reads=reads,
        cluster_of=cluster_of,
        called=called,
        first=[-1, *compress(returned, puts)],
        last=called.copy(),
        follows=dict(zip(cas, map(number.get, map(itemgetter(1), pairs)), strict=True)),
    )


def _narrow(operations: Operations, clusters: Clusters) -> list[int] | Invalid:
    """Take the readers into the clusters' bounds; return the clusters' sizes, with a put for each."""
    called, first, last = clusters.called, clusters.first, clusters.last
    sizes = [1] * len(first)
    invocations, returns = (compress(column, clusters.reads) for column in (operations.invoked, operations.returned))
    for cluster, invoked, returned in zip(clusters.cluster_of, invocations, returns, strict=True):
        sizes[cluster] += 1
        if returned < first[cluster]:
            first[cluster] = returned
            if returned < called[cluster]:
                return Invalid(_evidence(operations, clusters, [cluster], {returned}))
        if invoked > last[cluster]:
            last[cluster] = invoked
    return sizes


def _blocks(operations: Operations, clusters: Clusters) -> _Blocks | Invalid:
    """Join clusters that must follow each other."""
    following = _following(operations, clusters)
    if isinstance(following, Invalid):
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
                return Invalid(_evidence(operations, clusters, members[:until], {row, latest}))
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
        return Invalid(_evidence(operations, clusters, circle, set(clusters.first)))
    return blocks


def _following(operations: Operations, clusters: Clusters) -> dict[int, int] | Invalid:
    """Map clusters to those that must follow them; only what surely took effect counts."""
    first, follows, following = clusters.first, clusters.follows, dict[int, int]()
    todo = [cluster for cluster in follows if first[cluster] != OPEN]
    for cluster in todo:
        before = follows[cluster]
        if before is None:
            return Invalid(_evidence(operations, clusters, _needed_by(cluster, clusters, following), set()))
        rival = following.setdefault(before, cluster)
        if rival != cluster:
            one = [before, *_needed_by(rival, clusters, following)]
            other = _needed_by(cluster, clusters, following)
            return Invalid(_evidence(operations, clusters, one, set(), other))
        if first[before] == OPEN and before in follows:
            # Nobody read it, and its outcome is unknown; but it is needed, so it took effect.
            todo.append(before)
    return following


def _sorted(numbers: Sequence[int], blocks: _Blocks, invoked: Sequence[int]) -> list[int]:
    """List the clusters in the order of their blocks' smaller bounds. That of the first block, cluster 0's, is -1."""
    first, last = blocks.first, blocks.last
    rows = invoked[-1] + 1 if len(invoked) else 0
    if rows <= ROWS_MAX * len(invoked):
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
    clusters, behind = list[int](), blocks.following.get
    for block in order:
        clusters.append(block)
        member = behind(block)
        while member is not None:
            clusters.append(member)
            member = behind(member)
    return clusters


def _needed_by(cluster: int, clusters: Clusters, following: Mapping[int, int]) -> list[int]:
    """List the cluster and those after it, up to one that is known to have taken effect: they show that it did, too."""
    members = [cluster]
    while clusters.first[members[-1]] == OPEN:
        members.append(following[members[-1]])
    return members


def _evidence(
    operations: Operations, clusters: Clusters, one: Sequence[int], rows: set[int], other: Sequence[int] = ()
) -> list[int]:
    """Return the puts of the given blocks, as far as they matter, and the readers whose call or return is in `rows`.

    A block matters up to its last cluster with one of the rows, and on to the next one that is known to have taken
    effect; and so does whatever has to come before.
    """
    rows, kept = set(rows), set[int]()
    for block in (one, other):
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
    readers = compress(range(len(operations)), clusters.reads)
    for reader, cluster in zip(readers, clusters.cluster_of, strict=True):
        if cluster in kept and (operations.invoked[reader] in rows or operations.returned[reader] in rows):
            core.append(reader)
    return sorted(core)


def _bounds(clusters: Clusters, cluster: int) -> tuple[int, int]:
    return clusters.first[cluster], clusters.last[cluster]


def _placed(
    operations: Operations, clusters: Clusters, blocks: _Blocks, order: Sequence[int], sizes: list[int]
) -> Valid | Invalid:
    """List the operations, cluster by cluster, the put first and then its readers as they were invoked; Invalid if a
    block can't stand behind those before it."""
    first, last, puts, place = blocks.first, blocks.last, clusters.puts, sizes
    found = [-1] * (len(order) + len(clusters.cluster_of))
    latest, free = -1, 0
    for cluster in order:
        if first[cluster] < latest:
            one = last.index(latest)
            rows = {first[one], latest, first[cluster], last[cluster]}
            return Invalid(_evidence(operations, clusters, blocks.members(one), rows, blocks.members(cluster)))
        row = last[cluster]
        if row > latest:
            latest = row
        found[free] = puts[cluster]
        size = place[cluster]
        place[cluster] = free
        free += size
    readers = compress(range(len(operations)), clusters.reads)
    for cluster, reader in zip(clusters.cluster_of, readers, strict=True):
        at = place[cluster] = place[cluster] + 1
        found[at] = reader
    del found[0]  # There is no put of what was there at first, which comes first.
    return Valid(found)
