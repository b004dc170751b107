"""The order in which the gets of a text show its changes.

A text that somebody got is made of what was put or appended: a put, or nothing, as it was at first, and the appends
behind it. So gets tell the order of the changes between one put and the next, a *stretch*, and each get has its place
in it, behind the last change that it shows. A change that no get shows is a stretch of its own. Stretches stand in the
order of their first return or last invocation, whichever comes first: if they can stand one after the other at all,
then so (zones.py). Of several changes that may have left a text, the latest in time is taken.

The order is legal by the way it is made. What began with nothing comes first; what comes later begins with a put, or
nobody is shown anything of it; and each get stands where the text is the one that it got. Whether real time is kept is
seen by looking. Where it isn't, or where a text can't be taken apart at a glance, versions.py looks closer.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Final

from keelhaul.checkers.linearizability.operations import OPEN, Operations

NOTHING: Final = -1
"""Where a change would be named: there is none."""


class _Stretch:
    """What begins with one put, or with nothing."""

    __slots__ = ("groups", "latest", "longest")

    def __init__(self) -> None:
        self.longest = ""
        """The longest text that was shown."""
        self.groups: dict[int, list[int]] = {0: []}
        """By the length of the text: the change that leaves it, and the gets that show it."""
        self.latest = -1
        """The last invocation of a change."""


def order_shown(operations: Operations) -> list[int] | None:
    """Return a linearization of one key's operations, if what the gets show is seen to be one."""
    f, invoked, returned = operations.f, operations.invoked, operations.returned
    if "delete" in f:
        return None
    gets = [at for at, name in enumerate(f) if name == "get" and returned[at] != OPEN]
    changes = [at for at, name in enumerate(f) if name != "get"]
    writers = _Writers(operations, changes)
    stretches = None if "" in writers.one else _stretches(operations, gets, writers)
    if stretches is None:
        return None
    orders: list[Sequence[int]] = [[at for group in stretch.groups.values() for at in group] for stretch in stretches]
    order = list(orders[0])
    shown = {at for later in orders for at in later}
    orders[:1] = [(at,) for at in changes if at not in shown and returned[at] != OPEN]
    bounds = [min(*map(returned.__getitem__, later), max(map(invoked.__getitem__, later))) for later in orders]
    for place in sorted(range(len(orders)), key=bounds.__getitem__):
        order += orders[place]
    latest = -1
    for at in order:
        if returned[at] < latest:
            return None
        if invoked[at] > latest:
            latest = invoked[at]
    return order


class _Writers:
    """Who may have left a text."""

    def __init__(self, operations: Operations, changes: Sequence[int]) -> None:
        argument = operations.argument
        self._operations = operations
        self.one = {argument[at]: at for at in changes}
        """The last one of each text."""
        self.rivals: dict[str, list[int]] = {}
        """All of them, if some text is written more than once."""
        if len(self.one) < len(changes):
            for at in changes:
                self.rivals.setdefault(argument[at], []).append(at)
        self.lengths = sorted(set(map(len, self.one)))

    def lead(self, text: str, get: int) -> int:
        """Return the put that a text begins with, as far as it can be told; NOTHING if it begins with none."""
        for length in self.lengths:
            piece = text[:length]
            if piece in self.one:
                lead = self.latest(piece, get, -1, ()) if self.rivals else self.one[piece]
                return lead if lead != NOTHING and self._operations.f[lead] == "put" else NOTHING
        return NOTHING

    def latest(self, piece: str, get: int, row: int, taken: Container[int]) -> int:
        """Return the latest that may have left what a get shows: one that was invoked before the get returned, hadn't
        returned by the row, and isn't taken. NOTHING if there is none."""
        invoked, returned = self._operations.invoked, self._operations.returned
        for at in reversed(self.rivals[piece]):
            if invoked[at] < returned[get] and returned[at] > row and at not in taken:
                return at
        return NOTHING


def _stretches(operations: Operations, gets: Sequence[int], writers: _Writers) -> list[_Stretch] | None:
    """Return the stretches of which something is shown, first what began with nothing; None if a text can't be taken
    apart, or fits to nothing else."""
    f, result, invoked = operations.f, operations.result, operations.invoked
    one, rivals, lengths = writers.one, writers.rivals, writers.lengths
    stretch = _Stretch()
    found, taken = {NOTHING: stretch}, set[int]()
    for at in gets:
        text = result[at] or ""
        longest = stretch.longest
        if not longest or not text.startswith(longest):
            lead = writers.lead(text, at)
            if lead not in found:
                found[lead] = _Stretch()
            stretch = found[lead]
            longest = stretch.longest
        groups, start, end = stretch.groups, len(longest), len(text)
        if end > start:
            if not text.startswith(longest):
                return None
            while start < end:
                for length in lengths:
                    piece = text[start : start + length]
                    if piece in one:
                        break
                else:
                    return None
                change = writers.latest(piece, at, stretch.latest, taken) if rivals else one[piece]
                if change == NOTHING or change in taken or (start and f[change] == "put"):
                    return None
                taken.add(change)
                start += length
                groups[start] = [change]
                if invoked[change] > stretch.latest:
                    stretch.latest = invoked[change]
            stretch.longest = text
        elif end not in groups or not longest.startswith(text):
            return None
        groups[end].append(at)
    return list(found.values())
