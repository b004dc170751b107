"""From what absorption.py chose to a whole order: what was used stands where it was used, all else where it first finds
room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias, overload

from keelhaul.checkers.linearizability.budget import Spend
from keelhaul.checkers.linearizability.timeline import NO_VALUE, WRITE, Timeline

STRIDE: Final = 1024
"""Turns after which `spend` is told."""

Path: TypeAlias = "tuple[int, int, Path] | None"
"""What was used, last first: at which turn, and which operation."""


def placed(timeline: Timeline, path: Path, turns: int, spend: Spend = lambda units: None) -> list[int]:
    """Return the order of all that returns within the first `turns`, and of what was used by then. `spend` is told of
    the work."""
    uses: dict[int, list[int]] = {}
    while path is not None:
        turn, number, path = path
        uses.setdefault(turn, []).append(number)
    is_used = {number for numbers in uses.values() for number in numbers}
    order: list[int] = []
    writes: dict[int, int] = {}
    others: dict[int, int] = {}
    value = 0
    for turn in range(turns):
        if turn % STRIDE == 0:
            spend(STRIDE)
        for _, kind, room, _, _, _, _, number in timeline.arrived[turn]:
            if number not in is_used:
                if room == value or (room < NO_VALUE and room != -2 - value):
                    order.append(number)
                elif kind == WRITE:
                    writes[number] = room
                else:
                    others[number] = room
        if turn in uses:
            value = _use(timeline, uses.pop(turn), order, writes, others)
        _, kind, _, _, _, _, put, number = timeline.returns[turn]
        if kind == WRITE and put == value and number not in is_used:
            # Writing what is there already gives room to other writes.
            order += writes
            writes.clear()
            order.append(number)
        assert number not in writes, "the search gave room to all that returned"
        assert number not in others, "the search gave room to all that returned"
    if uses:
        _use(timeline, uses[turns], order, writes, others)
    # What was placed twice stands in the later place: it makes no difference in the earlier one.
    return list(dict.fromkeys(reversed(order)))[::-1]


def _use(
    timeline: Timeline, numbers: Sequence[int], order: list[int], writes: dict[int, int], others: dict[int, int]
) -> int:
    """Place what changes the value at a turn, listed last first, and all of the waiting that thereby has room; return
    the value that is left."""
    f, argument, value = timeline.operations.f, timeline.operations.argument, 0
    for number in reversed(numbers):
        if f[number] == "write":
            value = timeline.values[argument[number]]
            # Nobody sees what those wrote that stand right before it.
            order += writes
            writes.clear()
        else:
            value = timeline.values[argument[number][2]]
        order.append(number)
        for waiting in (writes, others):
            if waiting:
                for other, room in list(waiting.items()):
                    if room == value or (room < NO_VALUE and room != -2 - value):
                        order.append(other)
                        del waiting[other]
    return value


class Prefixes(Sequence[Sequence[int]]):
    """Partial linearizations, laid out when somebody looks at them."""

    def __init__(self, timeline: Timeline, paths: Sequence[Path], turns: int) -> None:
        self._timeline, self._paths, self._turns = timeline, paths, turns

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, at: int) -> Sequence[int]: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Sequence[int]]: ...
    def __getitem__(self, at: int | slice) -> Sequence[int] | Sequence[Sequence[int]]:
        if isinstance(at, slice):
            return Prefixes(self._timeline, self._paths[at], self._turns)
        return placed(self._timeline, self._paths[at], self._turns)

    def __eq__(self, other: object) -> bool:
        """Compare with another sequence: laid out in another process, it comes back as a list."""
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return list, (list(self),)
