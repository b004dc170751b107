"""From what absorption.py chose to a whole order: what was used stands where it was used, all else where it first finds
room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, overload

from keelhaul.checkers.linearizability.timeline import WRITE, Step, Timeline

Path: TypeAlias = "tuple[int, int, Path] | None"
"""What was used, last first: at which turn, and which operation."""


def placed(timeline: Timeline, path: Path, turns: int) -> list[int]:
    """Return the order of all that returns within the first `turns`, and of what was used by then."""
    used: list[tuple[int, int]] = []
    while path is not None:
        used.append((path[0], path[1]))
        path = path[2]
    layout = _Layout(timeline, {number for _, number in used})
    used.reverse()
    coming = 0
    for turn in range(turns):
        layout.arrive(timeline.arrived[turn])
        while coming < len(used) and used[coming][0] == turn:
            layout.use(used[coming][1])
            coming += 1
        layout.leave(timeline.returns[turn])
    for _, number in used[coming:]:
        layout.use(number)
    # What was placed twice stands in the later place: it makes no difference in the earlier one.
    return list(dict.fromkeys(reversed(layout.order)))[::-1]


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


class _Layout:
    """The order so far."""

    def __init__(self, timeline: Timeline, used: set[int]) -> None:
        self.order: list[int] = []
        self._timeline = timeline
        self._used = used
        self._waiting: dict[int, Step] = {}
        self._value = 0

    def arrive(self, steps: list[Step]) -> None:
        """Take what was invoked."""
        for step in steps:
            if step.number not in self._used:
                if step.finds_room_in(self._value):
                    self.order.append(step.number)
                else:
                    self._waiting[step.number] = step

    def use(self, number: int) -> None:
        """Place what changes the value, and all that thereby has room."""
        operations = self._timeline.operations
        argument = operations.argument[number]
        if operations.f[number] == "write":
            self._absorb()
            self._value = self._timeline.values[argument]
        else:
            self._value = self._timeline.values[argument[2]]
        self.order.append(number)
        self._place([step for step in self._waiting.values() if step.finds_room_in(self._value)])

    def leave(self, step: Step) -> None:
        """Let an operation return; a write of what is there gives room to others."""
        if step.kind == WRITE and step.put == self._value and step.number not in self._used:
            self._absorb()
            self.order.append(step.number)
        assert step.number not in self._waiting, "the search gave room to all that returned"

    def _absorb(self) -> None:
        self._place([step for step in self._waiting.values() if step.kind == WRITE])

    def _place(self, steps: list[Step]) -> None:
        for step in steps:
            self.order.append(step.number)
            del self._waiting[step.number]
