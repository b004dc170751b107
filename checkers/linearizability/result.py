"""What an algorithm answers. Numbers are positions in the `Operations` that it was given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias


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
