"""Operations that have to stand together, put into order: no search, and O(n).

A *cluster* is a put and its readers: in any linearization they stand together, the put first. What there was at first
is a cluster whose put came before everything else. A put may need another cluster right before its own (a cas needs the
value that it expects): clusters linked thereby are a *block*, and stand together, too. An open put that nobody reads,
and that no other one needs, is left out; one that somebody needs did take effect, and merely has no return.

**Inside a block** the order is forced: one cluster after the other, the put first and then the readers. That is legal
in real time exactly if no reader returns before its put is invoked, and no operation returns before an operation of an
earlier cluster of the block is invoked.

**Between blocks.** Let `first` be the first return in a block, `last` the last invocation. Block A may stand before
block B exactly if nothing in B returned before something in A was invoked: A.last < B.first. Sort the blocks by
min(first, last). If each block's `first` comes after the `last` of all blocks before it, this order is a
linearization, with nothing left to prove. If not, let A be before B in that order and A.last > B.first. A's smaller
bound is `first`: were it `last`, then A.last <= min(B.first, B.last) <= B.first. So A.first <= B.last, and positions of
events are distinct, so A.first < B.last: B can't stand before A either. Neither order is possible, so there is none,
and the two blocks show it: the put of each, the operation that gives `first` and the one that gives `last`.

(Gibbons and Korach, SIAM J. Comput. 26(4), 1997, with "zones" for the span between the two bounds; for cas, Fan and
Golab, IPL 2018.)

Histories of a million operations are decided by this. So columns are what the clusters consist of, readers are linked
to a chain behind their put, from which the witness is read off in the end, and there is nothing to sort, as a bound is
the row of an event and belongs to one block. Only where most rows are of other objects, the bounds are sorted. And what
is gone over one by one is fetched from memory beforehand, a window at a time, in the order in which it lies there:
where a thousand clients are underway, one operation's cluster is far from the next one's, and the processor would wait
for each of them (`_near`).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, MutableSequence, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final, NamedTuple

from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import OPEN
from keelhaul.checkers.linearizability.result import Invalid, Valid

WINDOW: Final = 1 << 11
"""Operations that are fetched from memory at once: their share of the columns has to fit into the processor's caches,
together with that of all that is underway."""
SPAN_MAX: Final = 4 * WINDOW
"""Where they lie further apart than this, not all between them is fetched."""
ROWS_MAX: Final = 8
"""Rows per operation up to which blocks are put in order by a table of all rows; where there are more, by sorting."""

ROWS_IN_UNIT: Final = 32
"""Rows of the table that are gone over, without a question to the budget, in the time of a unit of work."""

INITIAL: Final = -1
"""The cluster of what there was at first, whose put came before everything else. As a position it is the last one of a
column; those of clusters have a place more than there are operations."""


@dataclass(slots=True)
class Clusters:
    """What belongs together. A cluster is named by its put: by the position of that."""

    puts: Sequence[int]
    """Ascending."""
    readers: Sequence[int]
    """Ascending."""
    sources: Iterable[int]
    """The cluster of each reader, in this order; to be read once."""
    follows: Mapping[int, int | None]
    """For puts that need another cluster right before them: which; None if nobody puts in what they need."""


class Times(NamedTuple):
    """When the operations were underway; packed or not."""

    invoked: Sequence[int]
    returned: Sequence[int]


class _Chains(NamedTuple):
    """The clusters with their readers: a column each, by the position of the put."""

    first: MutableSequence[int]
    """Row of the first return; `OPEN` if nobody knows whether the put took effect. A reader's is its own."""
    end: list[int]
    """The reader that was invoked last; the put itself if there is none."""
    after: list[int]
    """By position of any operation: the reader that comes after it in its cluster, if it isn't the end."""

    def members(self, cluster: int) -> Iterator[int]:
        """Yield the operations of a cluster, the put first."""
        at = cluster
        yield at
        while at != self.end[cluster]:
            at = self.after[at]
            yield at


class _Blocks(NamedTuple):
    """What has to stand together, named by its first cluster, the head."""

    first: MutableSequence[int]
    """Row of the first return, by head; `OPEN` for clusters that are no head: no bound that could be broken."""
    last_at: list[int]
    """The operation that was invoked last, or one before the head."""
    following: Sequence[int | None]
    """By cluster: which one stands right behind it in the same block. Empty if each is a block of its own."""

    def clusters(self, head: int) -> list[int]:
        """List the clusters of a block; or of a circle, from any of them on."""
        clusters = [head]
        while self.following:
            after = self.following[clusters[-1]]
            if after is None or after == head:
                break
            clusters.append(after)
        return clusters


class _Clash(NamedTuple):
    """What can't be put in order: one block or two, and the rows that show it."""

    one: Sequence[int]
    rows: set[int]
    other: Sequence[int] = ()


def decide(times: Times, clusters: Clusters, places: Sequence[int], budget: Budget) -> Valid | Invalid:
    """Look for an order of the clusters. `places` are the positions of all operations, from 0 on: there are many, and
    what names an operation refers to these objects. What `Clusters.sources` raises is raised."""
    chains = _Chains(_first_returns(times.returned), [*places, INITIAL], [0] * (len(places) + 1))
    found = _narrow(times, clusters, chains, budget) or _ordered(times, clusters, chains, budget)
    return found if isinstance(found, Valid) else Invalid(_evidence(times, clusters, chains, found))


def _first_returns(returned: Sequence[int]) -> MutableSequence[int]:
    """Begin the column of first returns: each put's own, and none for what there was at first. Packed rows stay packed:
    to make a million numbers takes longer than to read them."""
    return returned + array("q", [-1]) if isinstance(returned, array) else [*returned, -1]


def _narrow(times: Times, clusters: Clusters, chains: _Chains, budget: Budget) -> _Clash | None:
    """Take the readers into the clusters; a clash if one returned before its put was invoked."""
    invoked, (first, end, after) = times.invoked, chains
    readers = _near(clusters.readers, (first, end), budget)
    for reader, cluster in zip(readers, clusters.sources, strict=True):
        after[end[cluster]] = reader
        end[cluster] = reader
        row = first[reader]
        if row < first[cluster]:
            first[cluster] = row
            if row < invoked[cluster]:
                return _Clash([cluster], {row})
    clusters.readers = clusters.sources = ()  # Both are done with, and what finds sources is large.
    return None


def _ordered(times: Times, clusters: Clusters, chains: _Chains, budget: Budget) -> Valid | _Clash:
    """Look for an order."""
    blocks = _blocks(times.invoked, clusters, chains, budget)
    if isinstance(blocks, _Clash):
        return blocks
    order = _sorted(clusters.puts, times.invoked, blocks, budget)
    return _placed(times.invoked, order, blocks, chains, budget)


def _blocks(invoked: Sequence[int], clusters: Clusters, chains: _Chains, budget: Budget) -> _Blocks | _Clash:
    """Join clusters that must follow each other."""
    if not clusters.follows:
        return _Blocks(chains.first, chains.end, ())
    links = _linked(clusters, chains, budget)
    if isinstance(links, _Clash):
        return links
    following, led = links
    blocks = _Blocks(chains.first[:], chains.end[:], following)
    first, last_at = blocks.first, blocks.last_at
    joined = 0
    for head in _near(_heads(clusters, led), (first, last_at, invoked), budget):
        earliest, latest_at = first[head], max(head, last_at[head])
        latest = invoked[latest_at] if latest_at >= 0 else -1
        member = following[head]
        while member is not None:
            row = first[member]
            if row < latest:
                members = blocks.clusters(head)
                return _Clash(members[: members.index(member) + 1], {row, latest})
            if row < earliest:
                earliest = row
            at = last_at[member]
            if at < member:
                at = member
            if at > latest_at:
                latest_at, latest = at, invoked[at]
            first[member] = OPEN
            joined += 1
            member = following[member]
        first[head], last_at[head] = earliest, latest_at
    if joined < led.count(True):
        return _circle(clusters, blocks, led, chains)
    return blocks


def _heads(clusters: Clusters, led: bytearray) -> list[int]:
    """List the clusters that others stand behind, and that don't stand behind any."""
    return [before for put, before in clusters.follows.items() if before is not None and led[put] and not led[before]]


def _circle(clusters: Clusters, blocks: _Blocks, led: bytearray, chains: _Chains) -> _Clash:
    """Find clusters each of which follows another one of them: no head leads to them."""
    for head in _heads(clusters, led):
        for member in blocks.clusters(head):
            led[member] = False
    circle = blocks.clusters(led.index(True))
    return _Clash(circle, {chains.first[cluster] for cluster in circle})


def _linked(clusters: Clusters, chains: _Chains, budget: Budget) -> tuple[list[int | None], bytearray] | _Clash:
    """Say which cluster must stand right behind each, and for each whether it must stand behind one; only what surely
    took effect counts."""
    first, follows = chains.first, clusters.follows
    following: list[int | None] = [None] * len(first)
    led = bytearray(len(first))
    returned = [cluster for cluster in follows if first[cluster] != OPEN]
    needed: list[int] = []
    for cluster in chain(_near(returned, (first,), budget), needed):
        before = follows[cluster]
        if before is None:
            return _Clash(_needed_by(cluster, chains, following), set())
        rival = following[before]
        if rival is not None:
            one = [before, *_needed_by(rival, chains, following)]
            other = _needed_by(cluster, chains, following)
            return _Clash(one, set(), other)
        following[before] = cluster
        led[cluster] = True
        if first[before] == OPEN and before in follows:
            # Nobody read it, and its outcome is unknown; but it is needed, so it took effect.
            budget.spend()
            needed.append(before)
    return following, led


def _needed_by(cluster: int, chains: _Chains, following: Sequence[int | None]) -> list[int]:
    """List the cluster and those after it, up to one that is known to have taken effect: they show that it did, too."""
    members = [cluster]
    while chains.first[members[-1]] == OPEN:
        after = following[members[-1]]
        assert after is not None, "it is needed by another one"
        members.append(after)
    return members


def _sorted(puts: Sequence[int], invoked: Sequence[int], blocks: _Blocks, budget: Budget) -> list[int]:
    """List the clusters in the order of their blocks' smaller bounds, without those that need not have taken effect.
    What there was at first comes first, if anybody read it or follows it."""
    order = [INITIAL] if blocks.last_at[INITIAL] != INITIAL else []
    if invoked and invoked[-1] < ROWS_MAX * len(invoked):
        order += _by_table(puts, invoked, blocks, budget)
    else:
        order += _by_bound(puts, invoked, blocks, budget)
    if not blocks.following:
        return order
    members: list[int] = []
    append, following = members.append, blocks.following
    for head in _near(order, (), budget):
        append(head)
        member = following[head]
        while member is not None:
            append(member)
            member = following[member]
    return members


def _by_table(puts: Sequence[int], invoked: Sequence[int], blocks: _Blocks, budget: Budget) -> list[int]:
    """Sort the heads by the smaller bound: no two bounds share a row, and the smaller one is no later than the last
    invocation. What is no head, or need not have taken effect, has no first return."""
    first, last_at = blocks.first, blocks.last_at
    rows = invoked[-1] + 1
    budget.foresee(rows // ROWS_IN_UNIT)
    at_row: list[int | None] = [None] * rows
    for put in _near(puts, (first, invoked), budget):
        row, at = first[put], last_at[put]
        last = invoked[at if at > put else put]
        if row < last:
            at_row[row] = put
        elif row != OPEN:
            at_row[last] = put
    budget.foresee(rows // ROWS_IN_UNIT)
    order = list(filter(None, at_row))
    if puts and not puts[0] and first[0] != OPEN:
        # Which is as good as None to a filter, but a position.
        order.insert(len(list(filter(None, at_row[: at_row.index(0)]))), 0)
    return order


def _by_bound(puts: Sequence[int], invoked: Sequence[int], blocks: _Blocks, budget: Budget) -> list[int]:
    """Sort the heads by the smaller bound, where most rows are of other objects. The loop is the same, but to store
    into what may be a list or not costs a tenth of deciding ten thousand objects."""
    first, last_at = blocks.first, blocks.last_at
    bounds = [-1] * len(invoked)
    for put in budget.over(puts, len(puts)):
        row, at = first[put], last_at[put]
        last = invoked[at if at > put else put]
        if row < last:
            bounds[put] = row
        elif row != OPEN:
            bounds[put] = last
    bound = bounds.__getitem__
    order = sorted(puts, key=bound)
    return order[bisect_left(order, 0, key=bound) :]


def _placed(
    invoked: Sequence[int], order: list[int], blocks: _Blocks, chains: _Chains, budget: Budget
) -> Valid | _Clash:
    """List the operations, cluster by cluster, the put first and then its readers as they were invoked; a clash if a
    block can't stand behind those before it.

    Of a block of one cluster, `last_at` may be a reader that was invoked before the put. Then the put's call is the
    last, before any return: it is what the block was sorted by, so it comes before the returns of all later blocks.
    """
    first, last_at, end, after = blocks.first, blocks.last_at, chains.end, chains.after
    found: list[int] = []
    append, latest = found.append, -1
    for cluster in _near(order, (first, invoked), budget):
        if first[cluster] < latest:
            one = next(head for head in order if invoked[max(head, last_at[head])] == latest)
            bounds = (first[one], latest, first[cluster], invoked[max(cluster, last_at[cluster])])
            return _Clash(blocks.clusters(one), set(bounds), blocks.clusters(cluster))
        row = invoked[last_at[cluster]]
        if row > latest:
            latest = row
        append(cluster)
        last = end[cluster]
        while cluster != last:
            cluster = after[cluster]
            append(cluster)
    if order and order[0] == INITIAL:
        del found[0]  # There is no put of what was there at first.
    return Valid(found)


def _near(positions: Sequence[int], columns: Sequence[Sequence[object]], budget: Budget) -> Iterable[int]:
    """Return what goes over positions that about ascend, asking the budget, and has what these columns hold around
    there fetched from memory before."""
    if len(positions) <= WINDOW:
        budget.spend(len(positions))
        return positions
    return chain.from_iterable(_fetched(positions, columns, budget))


def _fetched(positions: Sequence[int], columns: Sequence[Sequence[object]], budget: Budget) -> Iterator[Sequence[int]]:
    for start in range(0, len(positions), WINDOW):
        window = positions[start : start + WINDOW]
        budget.spend(len(window))
        span = slice(window[0], min(window[-1], window[0] + SPAN_MAX))
        for column in columns:
            _ = column[span]  # Whatever copies it has to look at each of them.
        yield window


def _evidence(times: Times, clusters: Clusters, chains: _Chains, clash: _Clash) -> list[int]:
    """Return the puts of the given blocks, as far as they matter, and the readers whose call or return is in `rows`.

    A block matters up to its last cluster with one of the rows, and on to the next one that is known to have taken
    effect; and so does whatever has to come before.
    """
    first, rows, kept = chains.first, set(clash.rows), set[int]()
    for block in (clash.one, clash.other):
        matter = [place for place, cluster in enumerate(block) if not rows.isdisjoint(_bounds(times, chains, cluster))]
        end = matter[-1] if matter else len(block) - 1
        while end < len(block) - 1 and first[block[end]] == OPEN:
            end += 1
        rows.update(first[cluster] for cluster in block[end : end + 1])
        kept.update(block[: end + 1])
    for cluster in list(kept):
        before = clusters.follows.get(cluster)
        while before is not None and before not in kept:
            kept.add(before)
            before = clusters.follows.get(before)
    core = kept - {INITIAL}
    for cluster in kept:
        readers = islice(chains.members(cluster), 1, None)
        core.update(at for at in readers if times.invoked[at] in rows or times.returned[at] in rows)
    return sorted(core)


def _bounds(times: Times, chains: _Chains, cluster: int) -> tuple[int, int]:
    at = max(cluster, chains.end[cluster])
    return chains.first[cluster], times.invoked[at] if at >= 0 else -1
