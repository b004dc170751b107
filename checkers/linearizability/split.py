"""Splitting a history into its independent objects."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Hashable, MutableSequence, Sequence
from typing import Final, NamedTuple

from keelhaul.checkers.linearizability.actions import actions_of
from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import Operations
from keelhaul.checkers.linearizability.result import Answer
from keelhaul.checkers.models.model import Model

STRIDE: Final = 1024
"""Operations after which the budget is asked."""


SMALL: Final = 10_000
"""Operations of a history that is small, so that time matters more than memory."""


SPLIT_IN_UNIT: Final = 5
"""Operations that are split in the time of a unit of work."""


class Part(NamedTuple):
    """What became of one object."""

    key: Hashable
    """None where there is only one object."""
    positions: Sequence[int]
    """Where its operations stand in the whole, ascending."""
    answer: Answer
    """Its positions are those within the part."""
    algorithm: str


def split(model: Model, operations: Operations, budget: Budget | None = None) -> list[tuple[Hashable, Sequence[int]]]:
    """Return (key, positions) of each object, by first invocation.

    Operations may name their object (`Operations.key`), and the model may tell parts of an object apart
    (`Model.partition`); parts of which the model says that an action touches them all stay together.
    """
    labels = operations.key
    if model.partition is not None:
        labels = _told_apart(model, operations, budget or Budget())
    if labels is None:
        return [(None, range(len(operations)))]
    if budget is not None:
        budget.foresee(len(labels) // SPLIT_IN_UNIT)
    groups: dict[Hashable, MutableSequence[int]] = defaultdict(list if len(labels) < SMALL else _thrifty)
    for position, label in enumerate(labels):
        groups[label].append(position)
    return list(groups.items())


def _thrifty() -> MutableSequence[int]:
    """Return a list in a sixth of the memory, for a little time."""
    return array("I")


def taken(operations: Operations, positions: Sequence[int]) -> Operations:
    """Return the operations of one object; they are not to be changed."""
    return operations if len(positions) == len(operations) else operations.select(positions)


def _told_apart(model: Model, operations: Operations, budget: Budget) -> list[Hashable] | None:
    """Label the operations with their key and the model's part; None if there is nothing to tell apart."""
    assert model.partition is not None, "the caller looked"
    actions = actions_of(model, operations, budget)
    parts: list[Hashable] = []
    for start in range(0, len(actions), STRIDE):
        parts += map(model.partition, actions[start : start + STRIDE])
        budget.spend(STRIDE)
    keys = operations.key
    if keys is None:
        return None if None in parts else parts
    whole = {key for key, part in zip(keys, parts, strict=True) if part is None}
    return [key if key in whole else (key, part) for key, part in zip(keys, parts, strict=True)]
