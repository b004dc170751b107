"""The order in which the gets of a text show its changes.

A text that somebody got is made of what was put or appended: a put, or nothing, as it was at first, and the appends
behind it. So gets tell the order of the changes between one put and the next, a *stretch*, and each get has its place
in it, behind the last change that it shows. In the order of the alphabet the texts of a stretch stand together, and
each begins with the one before it. A change that no get shows is a stretch of its own. Stretches stand in the order of
their first return or last invocation, whichever comes first: if they can stand one after the other at all, then so
(clusters.py). Of several appends of the same that may have left a text, the earliest that there is time for is taken.

The order is legal by the way it is made. What began with nothing comes first; what comes later begins with a put, or
nobody is shown anything of it; and each get stands where the text is the one that it got. Whether real time is kept is
seen by looking.

Where it isn't, that may be for good. Let no change's text be empty or begin another one's: a get's text is then made
in one way. Let each change in question be the only one with its text, and also the one with which a get in question
begins; where it is an append that is shown, let a get that shows it be in question, too. Then it is certain what each
of them leaves or sees, which put stood last before it, and that texts only grow until the next one. So no order has

* two of one stretch the other way round than their texts tell, nor two gets of it whose texts don't begin each other;
* anything of another stretch between two of one stretch, nor in front of one that began with nothing: it would either
  be the last put, or be shown.

Simpler still, where a get is shown only what an earlier one's text begins with: if there is no put, with which that
begins, that may have stood between the two, the text only grew from the one to the other.

What neither is seen to be right nor meets these conditions is left to versions.py, that looks closer.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from keelhaul.checkers.linearizability.budget import PIECE, Budget
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.result import Invalid, Valid, Within

Stretch: TypeAlias = "list[int]"
"""Positions of its operations, in order."""

_Thing = TypeVar("_Thing")

_NAMES: Final = frozenset({"get", "put", "append"})
_TEXT: Final = frozenset({str})
_GOT: Final = frozenset({str, type(None)})


def glance(operations: Operations, positions: Sequence[int], budget: Budget) -> Valid | Invalid | None:
    """Decide one key's operations, those at these positions among others, if that is seen at once; None if it isn't, or
    if they may be none of the model's."""
    f, argument, result = operations.f, operations.argument, operations.result
    invoked, returned = operations.invoked, operations.returned
    puts: dict[Any, int] = {}
    appends: dict[Any, int] = {}
    rivals: dict[Any, list[int]] = {}
    shows: dict[Any, list[int]] = {}
    longest, longest_at = "", -1
    for at in _over(positions, budget):
        name = f[at]
        if name == "get":
            text = result[at]
            if text in shows:
                shows[text].append(at)
            else:
                shows[text] = [at]
            if text != longest:
                if type(text) is not str:
                    if text is not None:
                        return None
                elif not longest.startswith(text):
                    longest, longest_at = text, at
                elif returned[longest_at] < invoked[at]:
                    return _overtaken(operations, positions, longest_at, at)
        elif name == "append":
            text = argument[at]
            if text in appends:
                rivals.setdefault(text, [appends[text]]).append(at)
            appends[text] = at
        elif name != "put" or argument[at] in puts:
            return None
        else:
            puts[argument[at]] = at
    if not _TEXT.issuperset(map(type, chain(puts, appends))):
        return None
    nothing = shows.pop("", [])
    if None in shows:
        nothing = sorted([*nothing, *(at for at in shows.pop(None) if returned[at] != OPEN)])
    lengths = sorted(set(map(len, chain(puts, appends))))
    for text in rivals:
        del appends[text]
    stretches = _stretches(operations, nothing, shows, _Changes(puts, appends, rivals, lengths), budget)
    if isinstance(stretches, list):
        unseen = chain(puts.values(), appends.values(), *rivals.values())
        return _in_time(operations, positions, stretches, unseen, budget)
    return stretches and _refuted(operations, positions, stretches)


def _over(things: Sequence[_Thing], budget: Budget) -> Iterable[_Thing]:
    """Ask the budget while these are gone over, if they are many. If not, that is to cost nothing at all."""
    return things if len(things) <= PIECE else budget.over(things, len(things))


class _Changes(NamedTuple):
    """Changes by their text, as long as no text is seen to show them."""

    puts: dict[str, int]
    appends: dict[str, int]
    """Those that nothing else appends."""
    rivals: dict[str, list[int]]
    """Appends of the same."""
    lengths: list[int]
    """Of their texts."""


def _stretches(
    operations: Operations, nothing: Stretch, shows: dict[str, list[int]], changes: _Changes, budget: Budget
) -> list[Stretch] | tuple[int, int] | None:
    """Take the texts apart, and take away the changes that they show. Return the stretches of which something is shown,
    first what began with nothing; two gets of a stretch if their texts don't begin each other; or None if a text can't
    be taken apart."""
    puts, appends, rivals, lengths = changes
    stretch, stretches, before, begun = nothing, [nothing], "", False
    for text in _over(sorted(shows), budget):
        start, end, gets = len(before), len(text), shows[text]
        if not start or not text.startswith(before):
            start = 0
            for length in lengths:
                piece = text[:length]
                if piece in puts:
                    stretch, start = [puts.pop(piece)], length
                    stretches.append(stretch)
                    break
                if piece in appends or piece in rivals:
                    if begun:
                        return nothing[-1], gets[0]
                    stretch, begun = nothing, True
                    break
            else:
                return _fork(operations, stretches, text, gets[0])
        rest = text[start:]
        if rest in appends:
            stretch.append(appends.pop(rest))
            start = end = 0
        while start < end:
            for length in lengths:
                piece = text[start : start + length]
                if piece in appends:
                    stretch.append(appends.pop(piece))
                    break
                if piece in rivals:
                    change = _earliest(operations, rivals[piece], stretch, gets)
                    if change is None:
                        return None
                    stretch.append(change)
                    break
            else:
                return None
            start += length
        stretch += gets
        before = text
    return stretches


def _fork(operations: Operations, stretches: Sequence[Stretch], text: str, get: int) -> tuple[int, int] | None:
    """Return the get, whose text doesn't begin with anything that is left, and one of the stretch that begins as it
    does; None if there is none."""
    for stretch in stretches[1:]:
        if text.startswith(operations.argument[stretch[0]]):
            return stretch[-1], get
    nothing = stretches[0]
    return (nothing[-1], get) if nothing and operations.result[nothing[-1]] else None


def _earliest(operations: Operations, rivals: list[int], stretch: Stretch, gets: Sequence[int]) -> int | None:
    """Take away the earliest that there was time for, behind what the stretch ends with and before a get returned."""
    invoked, returned = operations.invoked, operations.returned
    after, until = invoked[stretch[-1]] if stretch else -1, returned[gets[0]]
    for place, at in enumerate(rivals):
        if invoked[at] > until:
            return None
        if returned[at] > after:
            return rivals.pop(place)
    return None


def _in_time(
    operations: Operations,
    positions: Sequence[int],
    stretches: list[Stretch],
    unseen: Iterable[int],
    budget: Budget,
) -> Valid | Invalid | None:
    """Put the stretches into order, and look whether it is in time."""
    invoked, returned = operations.invoked, operations.returned
    blocks: dict[int, Sequence[int]] = {}
    for stretch in _over(stretches[1:], budget):
        first, last = min(map(returned.__getitem__, stretch)), invoked[max(stretch)]
        blocks[first if first < last else last] = stretch
    for at in unseen:
        blocks[invoked[at]] = (at,)
    order = stretches[0].copy()
    for row in sorted(blocks):
        order += blocks[row]
    latest = row = -1
    for at in _over(order, budget):
        if returned[at] < row:
            return _refuted(operations, positions, _clash(operations, [stretches[0], *blocks.values()], latest, at))
        if at > latest:
            latest, row = at, invoked[at]
    return Valid(Within(order, positions))


def _clash(operations: Operations, blocks: Sequence[Sequence[int]], early: int, late: int) -> list[int]:
    """List what shows that two operations can't stand in this order, nor in the other one; with gets that show them."""
    invoked, returned = operations.invoked, operations.returned
    first = then = blocks[0]
    for block in blocks:
        if early in block:
            first = block
        if late in block:
            then = block
    shown = {early, late}
    if first is not then and first is not blocks[0]:
        shown |= {min(first, key=returned.__getitem__), max(then, key=invoked.__getitem__)}
    for at in sorted(shown):
        if operations.f[at] == "append":
            block = first if at in first else then
            for other in block[block.index(at) :]:
                if operations.f[other] == "get":
                    shown.add(other)
                    break
    return sorted(shown)


def _overtaken(operations: Operations, positions: Sequence[int], early: int, late: int) -> Invalid | None:
    """Return the refutation by two gets, the later of which got only what the earlier one's text begins with, if it is
    certain: if no put can have stood between them with which that begins, there were at most appends."""
    if not _are_plain(operations, positions):
        return None
    f, argument, invoked, returned = operations.f, operations.argument, operations.invoked, operations.returned
    after, until, text = invoked[early], returned[late], operations.result[late]
    puts = [at for at in positions if f[at] == "put" and invoked[at] < until and returned[at] > after]
    if any(map(text.startswith, map(argument.__getitem__, puts))):
        return None
    return Invalid([bisect_left(positions, early), bisect_left(positions, late)])


def _are_plain(operations: Operations, positions: Sequence[int]) -> bool:
    """Say whether all are gets, puts and appends of texts."""
    f, argument, result = operations.f, operations.argument, operations.result
    return (
        _NAMES.issuperset(map(f.__getitem__, positions))
        and _TEXT.issuperset([type(argument[at]) for at in positions if f[at] != "get"])
        and _GOT.issuperset(map(type, map(result.__getitem__, positions)))
    )


def _refuted(operations: Operations, positions: Sequence[int], core: Sequence[int]) -> Invalid | None:
    """Return the refutation, if it is certain what these operations show."""
    f, argument, result = operations.f, operations.argument, operations.result
    if not _are_plain(operations, positions):
        return None
    written = [argument[at] for at in positions if f[at] != "get"]
    ordered = sorted(set(written))
    if ordered and not ordered[0]:
        return None
    # A text that begins others stands right before one of them.
    if any(map(str.startswith, ordered[1:], ordered)):
        return None
    for at in core:
        if f[at] != "get":
            leads = written.count(argument[at])
        else:
            text = result[at] or ""
            leads = sum(map(text.startswith, written)) if text else 1
        if leads != 1:
            return None
    return Invalid(sorted(bisect_left(positions, at) for at in core))
