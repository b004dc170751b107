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
observation. Costs O(n), for this is what decides histories of a million operations: a handful of passes over columns,
by functions in C where possible. Readers are linked to a chain behind their put, from which the witness is read off in
the end; and there is nothing to sort, as a bound is the row of an event and belongs to one block. Only where most rows
are of other objects, the bounds are sorted.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, count, filterfalse, islice
from operator import itemgetter
from typing import Any, Final, NamedTuple

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
_WRITES: Final = bytes.maketrans(b"\0\1\2\3", b"\0\1\0\0")
_CASES: Final = bytes.maketrans(b"\0\1\2\3", b"\0\0\1\0")

INITIAL: Final = -1
"""The cluster of what there was at first, whose put came before everything else. As a position it is the last one of a
column; those of clusters have a place more than there are operations."""


@dataclass(slots=True)
class Clusters:
    """What belongs together. A cluster is named by its put: by the position of that."""

    puts: Sequence[int]
    """Ascending."""
    readers: Iterable[tuple[int, int]]
    """(reader, its cluster), in the order in which the readers were invoked; to be read once. KeyError, meanwhile, for
    one that read what nobody put in."""
    follows: Mapping[int, int | None]
    """For puts that need another cluster right before them: which; None if nobody puts in what they need."""


class _Times(NamedTuple):
    """When the operations were underway."""

    invoked: Sequence[int]
    returned: Sequence[int]
    any_open: bool
    """Whether one may be open."""


class _Chains(NamedTuple):
    """The clusters with their readers: a column each, by the position of the put."""

    first: list[int]
    """Row of the first return; `OPEN` if nobody knows whether the put took effect."""
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

    first: list[int]
    """Row of the first return, by head; `OPEN` for clusters that are no head: no bound that could be broken."""
    last_at: list[int]
    """The operation that was invoked last, or one before the head."""
    following: Mapping[int, int]
    """Which cluster stands right behind another one of the same block."""

    def clusters(self, head: int) -> list[int]:
        """List the clusters of a block; or of a circle, from any of them on."""
        clusters = [head]
        while (after := self.following.get(clusters[-1], head)) != head:
            clusters.append(after)
        return clusters


class _Clash(NamedTuple):
    """What can't be put in order: one block or two, and the rows that show it."""

    one: Sequence[int]
    rows: set[int]
    other: Sequence[int] = ()


class _Register(NamedTuple):
    """One register's operations, in columns; `kinds` says what each is."""

    kinds: bytes
    argument: Sequence[Any]
    result: Sequence[Any]
    times: _Times

    def formed(self, initial: Hashable, places: Sequence[int]) -> Clusters | None:
        """Form the clusters; None if the values are not unique. `places` are the positions."""
        kinds, argument = self.kinds, self.argument
        puts, writes, reads = (kinds.translate(table) for table in (_PUTS, _WRITES, _READS))
        put_at = list(compress(places, puts))
        source_of = dict(zip(compress(argument, writes), compress(places, writes), strict=True))
        cas_at, pairs = list[int](), list[Any]()
        if CAS in kinds:
            cases = kinds.translate(_CASES)
            cas_at, pairs = list(compress(places, cases)), list(compress(argument, cases))
            source_of.update(zip(map(itemgetter(2), pairs), cas_at, strict=True))
        if len(source_of) < len(put_at) or initial in source_of:
            return None
        source_of[initial] = INITIAL
        follows = dict(zip(cas_at, map(source_of.get, map(itemgetter(1), pairs)), strict=True))
        sources = map(source_of.__getitem__, compress(self.result, reads))
        return Clusters(put_at, zip(compress(places, reads), sources, strict=True), follows)

    def decided(self, clusters: Clusters, places: Sequence[int], budget: Budget) -> Valid | Invalid:
        """Decide it."""
        chains = _chains(self.times, places)
        try:
            clash = _narrow(self.times, clusters, chains)
        except KeyError as unknown:
            (value,) = unknown.args
            reads = compress(count(), self.kinds.translate(_READS))
            return Invalid([next(at for at in reads if self.result[at] == value)])
        return _decided(self.times, clusters, chains, clash, budget)


class Registers:
    """The registers of a store, each of which is decided without making a history of it."""

    def __init__(self, model: Model, operations: Operations) -> None:
        """Look at all operations once."""
        self._initial, self._operations = model.initial, operations
        self._kinds, self._any_open = _kinds_of(operations, [name for name in model.functions if name in _KINDS])

    def decide(self, positions: Sequence[int], budget: Budget) -> Valid | Invalid | None:
        """Decide the one that has these operations. None, and nothing is spent: others have to look at it, for a value
        is put in twice, or it isn't plain that all operations are a register's."""
        operations, take = self._operations, taker(positions)
        kinds, argument = bytes(take(self._kinds)), take(operations.argument)
        if OTHER in kinds or (CAS in kinds and not are_pairs(kinds, argument, CAS)):
            return None
        times = _Times(take(operations.invoked), take(operations.returned), self._any_open)
        register, places = _Register(kinds, argument, take(operations.result), times), list(range(len(positions)))
        clusters = register.formed(self._initial, places)
        if clusters is None:
            return None
        held = budget.held
        budget.hold(OPERATION_BYTES * len(positions))
        try:
            budget.spend(len(positions))
            answer = register.decided(clusters, places, budget)
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
        kinds, any_open = _kinds_of(operations, _KINDS)
        assert OTHER not in kinds, "the portfolio looked at the shape of all"
        times, places = _Times(operations.invoked, operations.returned, any_open), list(range(len(operations)))
        register = _Register(bytes(kinds), operations.argument, operations.result, times)
        clusters = register.formed(model.initial, places)
        if clusters is None:
            return NotApplicable("a value is put in twice")
        return register.decided(clusters, places, budget)
    finally:
        budget.held = held


def decide_clusters(operations: Operations, clusters: Clusters, budget: Budget) -> Valid | Invalid:
    """Look for an order of the clusters, given that reads, and puts that follow others, have no choice."""
    times = _Times(operations.invoked, operations.returned, OPEN in operations.returned)
    chains = _chains(times, range(len(operations)))
    return _decided(times, clusters, chains, _narrow(times, clusters, chains), budget)


def are_pairs(names: Iterable[object], arguments: Iterable[Any], cas: object) -> bool:
    """Say whether the arguments of what is named `cas` are [expected, new]."""
    return not [
        pair
        for name, pair in zip(names, arguments, strict=True)
        if name == cas and (type(pair) is not tuple or len(pair) != 3 or pair[0] != "array")
    ]


def _kinds_of(operations: Operations, names: Iterable[str]) -> tuple[bytearray, bool]:
    """Say what each operation is, and whether any is open."""
    known = {name: _KINDS[name] for name in names}
    try:
        kinds = bytearray(map(known.__getitem__, operations.f))
    except KeyError:
        kinds = bytearray(known.get(f, OTHER) for f in operations.f)
    returned, at = operations.returned, -1
    opens = returned.count(OPEN)
    for _ in range(opens):
        at = returned.index(OPEN, at + 1)
        if kinds[at] == READ:
            kinds[at] = UNSEEN
    for at in compress(count(), operations.failed or ()):
        kinds[at] = OTHER
    return kinds, opens > 0


def _chains(times: _Times, places: Sequence[int]) -> _Chains:
    """Begin with the puts alone. `places` are the positions, from 0 on: there are many, and what names an operation
    refers to these objects."""
    return _Chains([*times.returned, -1], [*places, INITIAL], [0] * (len(places) + 1))


def _narrow(times: _Times, clusters: Clusters, chains: _Chains) -> _Clash | None:
    """Take the readers into the clusters."""
    invoked, returned = times.invoked, times.returned
    first, end, after = chains
    for reader, cluster in clusters.readers:
        after[end[cluster]] = reader
        end[cluster] = reader
        row = returned[reader]
        if row < first[cluster]:
            first[cluster] = row
            if row < invoked[cluster]:
                return _Clash([cluster], {row})
    clusters.readers = ()  # What finds them is done with, and large.
    return None


def _decided(
    times: _Times, clusters: Clusters, chains: _Chains, clash: _Clash | None, budget: Budget
) -> Valid | Invalid:
    """Decide it, given what came out when the readers were taken in."""
    found = clash or _ordered(times, clusters, chains, budget)
    return found if isinstance(found, Valid) else Invalid(_evidence(times, clusters, chains, found))


def _ordered(times: _Times, clusters: Clusters, chains: _Chains, budget: Budget) -> Valid | _Clash:
    """Look for an order."""
    budget.spend(len(times.invoked))
    blocks = _blocks(times.invoked, clusters, chains)
    if isinstance(blocks, _Clash):
        return blocks
    order = _sorted(_heads(times, clusters, blocks), times.invoked, blocks)
    budget.spend(len(order))
    return _placed(times.invoked, order, blocks, chains)


def _blocks(invoked: Sequence[int], clusters: Clusters, chains: _Chains) -> _Blocks | _Clash:
    """Join clusters that must follow each other."""
    if not clusters.follows:
        return _Blocks(chains.first, chains.end, {})
    following = _following(clusters, chains)
    if isinstance(following, _Clash):
        return following
    blocks = _Blocks(chains.first.copy(), chains.end.copy(), following)
    first, last_at, behind = blocks.first, blocks.last_at, following.get
    led = set(following.values())
    joined = 0
    for head in filterfalse(led.__contains__, following):
        earliest, latest_at = first[head], max(head, last_at[head])
        latest = invoked[latest_at] if latest_at >= 0 else -1
        member = behind(head)
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
            member = behind(member)
        first[head], last_at[head] = earliest, latest_at
    if joined < len(following):
        return _circle(blocks, led, chains)
    return blocks


def _circle(blocks: _Blocks, led: set[int], chains: _Chains) -> _Clash:
    """Find clusters each of which follows another one of them: no head leads to them."""
    following = blocks.following
    reached = {cluster for head in filterfalse(led.__contains__, following) for cluster in blocks.clusters(head)}
    circle = blocks.clusters(next(filterfalse(reached.__contains__, following)))
    return _Clash(circle, {chains.first[cluster] for cluster in circle})


def _following(clusters: Clusters, chains: _Chains) -> dict[int, int] | _Clash:
    """Map clusters to those that must follow them; only what surely took effect counts."""
    first, follows, following = chains.first, clusters.follows, dict[int, int]()
    todo = [cluster for cluster in follows if first[cluster] != OPEN]
    for cluster in todo:
        before = follows[cluster]
        if before is None:
            return _Clash(_needed_by(cluster, chains, following), set())
        rival = following.setdefault(before, cluster)
        if rival != cluster:
            one = [before, *_needed_by(rival, chains, following)]
            other = _needed_by(cluster, chains, following)
            return _Clash(one, set(), other)
        if first[before] == OPEN and before in follows:
            # Nobody read it, and its outcome is unknown; but it is needed, so it took effect.
            todo.append(before)
    return following


def _needed_by(cluster: int, chains: _Chains, following: Mapping[int, int]) -> list[int]:
    """List the cluster and those after it, up to one that is known to have taken effect: they show that it did, too."""
    members = [cluster]
    while chains.first[members[-1]] == OPEN:
        members.append(following[members[-1]])
    return members


def _heads(times: _Times, clusters: Clusters, blocks: _Blocks) -> Sequence[int]:
    """List the heads of blocks, but the initial one; without those that need not have taken effect."""
    if not times.any_open and not blocks.following:
        return clusters.puts
    return [put for put in clusters.puts if blocks.first[put] != OPEN]


def _sorted(heads: Sequence[int], invoked: Sequence[int], blocks: _Blocks) -> list[int]:
    """List the clusters in the order of their blocks' smaller bounds. What there was at first comes first, if anybody
    read it or follows it."""
    order = [INITIAL] if blocks.last_at[INITIAL] != INITIAL else []
    if invoked and invoked[-1] < ROWS_MAX * len(invoked):
        order += _by_table(heads, invoked, blocks)
    else:
        order += _by_bound(heads, invoked, blocks)
    if not blocks.following:
        return order
    members, behind = list[int](), blocks.following.get
    for head in order:
        member: int | None = head
        while member is not None:
            members.append(member)
            member = behind(member)
    return members


def _by_table(heads: Sequence[int], invoked: Sequence[int], blocks: _Blocks) -> list[int]:
    """Sort by the smaller bound: no two bounds share a row, and the smaller one is no later than the last
    invocation."""
    first, last_at = blocks.first, blocks.last_at
    at_row: list[int | None] = [None] * (invoked[-1] + 1)
    for head in heads:
        row, at = first[head], last_at[head]
        last = invoked[at if at > head else head]
        at_row[row if row < last else last] = head
    order = list(filter(None, at_row))
    if heads and not heads[0]:
        # Which is as good as None to a filter, but a position.
        order.insert(len(list(filter(None, at_row[: at_row.index(0)]))), 0)
    return order


def _by_bound(heads: Sequence[int], invoked: Sequence[int], blocks: _Blocks) -> list[int]:
    """Sort by the smaller bound, where most rows are of other objects."""
    first, last_at = blocks.first, blocks.last_at
    bounds = [0] * len(invoked)
    for head in heads:
        row, at = first[head], last_at[head]
        last = invoked[at if at > head else head]
        bounds[head] = row if row < last else last
    return sorted(heads, key=bounds.__getitem__)


def _placed(invoked: Sequence[int], order: list[int], blocks: _Blocks, chains: _Chains) -> Valid | _Clash:
    """List the operations, cluster by cluster, the put first and then its readers as they were invoked; a clash if a
    block can't stand behind those before it.

    Of a block of one cluster, `last_at` may be a reader that was invoked before the put. Then the put's call is the
    last, before any return: it is what the block was sorted by, so it comes before the returns of all later blocks.
    """
    first, last_at, end, after = blocks.first, blocks.last_at, chains.end, chains.after
    found: list[int] = []
    append, latest = found.append, -1
    for cluster in order:
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


def _evidence(times: _Times, clusters: Clusters, chains: _Chains, clash: _Clash) -> list[int]:
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


def _bounds(times: _Times, chains: _Chains, cluster: int) -> tuple[int, int]:
    at = max(cluster, chains.end[cluster])
    return chains.first[cluster], times.invoked[at] if at >= 0 else -1
