"""What an algorithm answers. Numbers are positions in the `Operations` that it was given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias


class Within(Sequence[int]):
    """An order of a part's operations that is known by their positions in the whole, and seldom asked for others."""

    __slots__ = ("_positions", "whole")

    def __init__(self, whole: Sequence[int], positions: Sequence[int]) -> None:
        """Take the order, and where the part's operations stand in the whole."""
        self.whole, self._positions = whole, positions

    def __len__(self) -> int:
        return len(self.whole)

    def __iter__(self) -> Iterator[int]:
        place = {at: place for place, at in enumerate(self._positions)}
        return map(place.__getitem__, self.whole)

    def __getitem__(self, at: Any) -> Any:
        return [*self][at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and [*self] == [*other]

    def __repr__(self) -> str:
        return repr([*self])


@dataclass(frozen=True, slots=True)
class Valid:
    """There is a linearization. `order` is one; open operations that are not in it need not have taken effect."""

    order: Sequence[int]


@dataclass(frozen=True, slots=True)
class Invalid:
    """There is none. `core` is a sub-history, ascending, that shows it: whoever can't place these can't place all."""

    core: Sequence[int]
    stuck: int | None = None
    """The first operation, by its return, that can't be placed though all that returned earlier can; None where the
    algorithm doesn't walk that way."""
    prefixes: Sequence[Sequence[int]] = ()
    """The longest partial linearizations that were met, in no promised order."""
    plainest: Sequence[int] = ()
    """Those of the core, ascending, that may well show it by themselves, whatever the others did; none: not known."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Undecided within the budget."""

    reason: str
    settled: int = 0
    """Of `total` operations, so many had been explained."""
    total: int = 0
    window: tuple[int, int] | None = None
    """Events between which the trouble lies: the invocation of the earliest operation that is not explained, and where
    the search stood."""


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """The history is not of the kind that the algorithm decides; the portfolio goes on."""

    reason: str


Answer: TypeAlias = Valid | Invalid | Unknown | NotApplicable
