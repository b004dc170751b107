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
observation. Costs O(n log n): the sort is of blocks that are nearly in order; all else is a handful of passes over
columns, by functions in C where possible, for this is what decides histories of a million operations.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, compress, islice
from operator import lt
from typing import Any

from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.result import Answer, Invalid, NotApplicable, Valid
from keelhaul.checkers.models.model import Model


@dataclass(slots=True)
class Clusters:
    """What belongs together. Clusters are numbered: 0 is what there was at first, the others are in the order in which
    their puts were invoked."""

    puts: Sequence[int]
    """Position of each cluster's put; -1 for cluster 0."""
    readers: Sequence[int]
    """Positions of the reads that returned, ascending."""
    cluster_of: Sequence[Any]
    """For each reader the cluster that it read; None if there is none."""
    called: Sequence[int]
    """Row at which the put was invoked."""
    first: list[int]
    """Row of the first return; `OPEN` if nobody knows whether the put took effect."""
    last: list[int]
    """Row of the last invocation."""
    follows: Mapping[int, int | None] = field(default_factory=dict)
    """For puts that need another cluster right before them: which; None if nobody puts in what they need."""


@dataclass(slots=True)
class _Blocks:
    """Bounds by number of the block, which is that of its first cluster; `first` is `OPEN` where no block begins."""

    first: list[int]
    last: list[int]
    members: dict[int, list[int]] = field(default_factory=dict)
    """The clusters of blocks that have more than one."""


def decide(model: Model, operations: Operations, budget: Budget) -> Answer:
    """Decide a register or cas-register history with unique values."""
    if operations.failed is not None:
        return NotApplicable("a failed cas is kept as an observation")
    clusters = _register_clusters(model.initial, operations)
    if clusters is None:
        return NotApplicable("a value is put in twice")
    return decide_clusters(operations, clusters, budget)


def decide_clusters(operations: Operations, clusters: Clusters, budget: Budget) -> Valid | Invalid:
    """Look for an order of the clusters, given that reads, and puts that follow others, have no choice."""
    budget.spend(len(clusters.called))
    if None in clusters.cluster_of:
        return Invalid([clusters.readers[list(clusters.cluster_of).index(None)]])
    sizes = _narrow(operations, clusters)
    budget.spend(len(clusters.readers))
    if any(map(lt, clusters.first, clusters.called)):
        early = next(c for c, row in enumerate(clusters.first) if row < clusters.called[c])
        return Invalid(_evidence(operations, clusters, [early], {clusters.first[early]}))
    blocks = _blocks(operations, clusters) if clusters.follows else _Blocks(clusters.first, clusters.last)
    if isinstance(blocks, Invalid):
        return blocks
    budget.spend(len(clusters.called))
    first, last, members = blocks.first, blocks.last, blocks.members
    order = [block for block, row in enumerate(first) if row != OPEN]
    order.sort(key=[row if row < other else other for row, other in zip(first, last, strict=True)].__getitem__)
    latest = order[0]
    for block in islice(order, 1, None):
        if first[block] < last[latest]:
            rows = {first[latest], last[latest], first[block], last[block]}
            return Invalid(
                _evidence(operations, clusters, members.get(latest, [latest]), rows, members.get(block, [block]))
            )
        if last[block] > last[latest]:
            latest = block
    budget.spend(len(order))
    if members:
        order = [cluster for block in order for cluster in members.get(block, (block,))]
    return Valid(_unfolded(clusters, order, sizes))


def _register_clusters(initial: Hashable, operations: Operations) -> Clusters | None:
    """Form a register's clusters; None if its values are not unique."""
    f, returned, count = operations.f, operations.returned, len(operations)
    is_put = [name != "read" for name in f]
    if OPEN in returned:
        is_reader = [name == "read" and row != OPEN for name, row in zip(f, returned, strict=True)]
    else:
        is_reader = [name == "read" for name in f]
    has_cas = "cas" in f
    values: Iterator[Any] = compress(operations.argument, is_put)
    if has_cas:
        names = compress(f, is_put)
        values = iter([value[2] if name == "cas" else value for name, value in zip(names, values, strict=True)])
    called = [-1, *compress(operations.invoked, is_put)]
    numbers = range(len(called))
    number = dict(zip(chain((initial,), values), numbers, strict=True))
    if len(number) < len(called):
        return None
    clusters = Clusters(
        puts=array("q", chain((-1,), compress(range(count), is_put))),
        readers=array("q", compress(range(count), is_reader)),
        cluster_of=list(map(number.get, compress(operations.result, is_reader))),
        called=called,
        first=[-1, *compress(returned, is_put)],
        last=called.copy(),
    )
    if has_cas:
        clusters.follows = {
            cluster: number.get(operations.argument[put][1])
            for cluster, put in enumerate(clusters.puts)
            if cluster and f[put] == "cas"
        }
    return clusters


def _narrow(operations: Operations, clusters: Clusters) -> list[int]:
    """Take the readers into the clusters' bounds; return the clusters' sizes."""
    first, last = clusters.first, clusters.last
    sizes = [1] * len(first)
    sizes[0] = 0
    spans = zip(
        clusters.cluster_of,
        map(operations.invoked.__getitem__, clusters.readers),
        map(operations.returned.__getitem__, clusters.readers),
        strict=True,
    )
    for cluster, invoked, returned in spans:
        sizes[cluster] += 1
        if returned < first[cluster]:
            first[cluster] = returned
        if invoked > last[cluster]:
            last[cluster] = invoked
    return sizes


def _blocks(operations: Operations, clusters: Clusters) -> _Blocks | Invalid:
    """Join clusters that must follow each other."""
    following = _following(operations, clusters)
    if isinstance(following, Invalid):
        return following
    blocks = _Blocks(clusters.first.copy(), clusters.last.copy())
    led = set(following.values())
    joined = 0
    for head in following:
        if head in led:
            continue
        members = [head]
        while members[-1] in following:
            members.append(following[members[-1]])
        joined += len(members) - 1
        latest = head
        for place, member in enumerate(members[1:], 1):
            if clusters.first[member] < clusters.last[latest]:
                rows = {clusters.first[member], clusters.last[latest]}
                return Invalid(_evidence(operations, clusters, members[: place + 1], rows))
            if clusters.last[member] > clusters.last[latest]:
                latest = member
            blocks.first[member] = OPEN
        blocks.first[head] = min(clusters.first[member] for member in members)
        blocks.last[head] = clusters.last[latest]
        blocks.members[head] = members
    if joined < len(following):
        return Invalid(_evidence(operations, clusters, _circle(following, blocks), set(clusters.first)))
    return blocks


def _following(operations: Operations, clusters: Clusters) -> dict[int, int] | Invalid:
    """Map clusters to those that must follow them; only what surely took effect counts."""
    follows, following = clusters.follows, dict[int, int]()
    todo = [cluster for cluster in follows if clusters.first[cluster] != OPEN]
    for cluster in todo:
        if cluster not in follows:
            continue
        before = follows[cluster]
        if before is None:
            return Invalid(_evidence(operations, clusters, _needed_by(cluster, clusters, following), set()))
        rival = following.setdefault(before, cluster)
        if rival != cluster:
            one = [before, *_needed_by(rival, clusters, following)]
            other = _needed_by(cluster, clusters, following)
            return Invalid(_evidence(operations, clusters, one, set(), other))
        if clusters.first[before] == OPEN:
            # Nobody read it, and its outcome is unknown; but it is needed, so it took effect.
            todo.append(before)
    return following


def _needed_by(cluster: int, clusters: Clusters, following: Mapping[int, int]) -> list[int]:
    """List the cluster and those after it, up to one that is known to have taken effect: they show that it did, too."""
    members = [cluster]
    while clusters.first[members[-1]] == OPEN:
        members.append(following[members[-1]])
    return members


def _circle(following: Mapping[int, int], blocks: _Blocks) -> list[int]:
    """Find clusters that follow each other in a circle."""
    joined = {member for members in blocks.members.values() for member in members}
    cluster = next(cluster for cluster in following if cluster not in joined)
    circle = [cluster]
    while following[circle[-1]] != cluster:
        circle.append(following[circle[-1]])
    return circle


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
    for reader, cluster in zip(clusters.readers, clusters.cluster_of, strict=True):
        if cluster in kept and (operations.invoked[reader] in rows or operations.returned[reader] in rows):
            core.append(reader)
    return sorted(core)


def _bounds(clusters: Clusters, cluster: int) -> tuple[int, int]:
    return clusters.first[cluster], clusters.last[cluster]


def _unfolded(clusters: Clusters, order: Sequence[int], sizes: Sequence[int]) -> Sequence[int]:
    """List the operations, cluster by cluster, the put first and then its readers as they were invoked."""
    place = [0] * len(sizes)
    filled = 0
    for cluster in order:
        place[cluster] = filled
        filled += sizes[cluster]
    found = array("q", bytes(8 * filled))
    puts = clusters.puts
    for cluster in order:
        if cluster:
            found[place[cluster]] = puts[cluster]
            place[cluster] += 1
    for reader, cluster in zip(clusters.readers, clusters.cluster_of, strict=True):
        found[place[cluster]] = reader
        place[cluster] += 1
    return found
