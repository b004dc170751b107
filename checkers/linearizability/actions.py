"""From operations to the actions that a model steps over.

What reads, verifies or explains a history for a model makes its actions here, so that all of them see the same.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import OPEN, MalformedOperation, Operations
from keelhaul.checkers.models.model import Action, Model, Outcome
from keelhaul.checkers.nearest import nearest


def actions_of(model: Model, operations: Operations, budget: Budget | None = None) -> list[Action]:
    """Return what the model steps over, one action per operation. MalformedOperation names the first operation that is
    none of the model's, or of another shape; BudgetSpent if there is a budget that it is too much for."""
    distinct, numbers = numbered_actions(model, operations, budget)
    return [distinct[number] for number in numbers]


def numbered_actions(
    model: Model, operations: Operations, budget: Budget | None = None
) -> tuple[list[Action], list[int]]:
    """Return the different actions, and for each operation which of them it is; see `actions_of`."""
    allowance = budget or Budget()
    allowance.foresee(2 * len(operations))
    known: dict[Action, int] = {}
    distinct: list[Action] = []
    numbers: list[int] = []
    for position in range(len(operations)):
        raw = _raw(model, operations, position)
        number = known.get(raw)
        if number is None:
            number = known[raw] = len(distinct)
            distinct.append(checked(model, raw, operations.index[position]))
        numbers.append(number)
        allowance.left -= 1
        if allowance.left < 0:
            allowance.look()
    return distinct, numbers


def checked(model: Model, raw: Action, index: int) -> Action:
    """Return an action with frozen values as the model takes it. MalformedOperation, naming operation `index`, if it is
    none of the model's, or of another shape."""
    _check(model, raw, index)
    if model.frozen:
        return raw
    return raw._replace(argument=plain(raw.argument), result=plain(raw.result))


def _raw(model: Model, operations: Operations, position: int) -> Action:
    outcome: Outcome = "ok"
    result = operations.result[position]
    if operations.returned[position] == OPEN:
        outcome, result = "open", None
    elif operations.failed is not None and operations.failed[position]:
        outcome, result = "fail", None
    process = operations.process[position] if model.by_process else None
    return Action(operations.f[position], operations.argument[position], result, outcome, process)


def _check(model: Model, action: Action, index: int) -> None:
    if model.functions and action.f not in model.functions:
        near = nearest(action.f, model.functions)
        hint = f", and {near!r} is the nearest" if near else ""
        known = ", ".join(model.functions)
        raise MalformedOperation(f"operation {index}: {model.name} knows {known}{hint}, not {action.f!r}")
    wrong = None if model.problem is None else model.problem(action)
    if wrong is not None:
        raise MalformedOperation(f"operation {index}: {wrong}")


def plain(value: Hashable) -> Any:
    """Turn a frozen value into a Python one: tuples for lists, dicts for objects."""
    if not isinstance(value, tuple):
        return value
    kind, parts = value[0], value[1:]
    if kind == "array":
        return tuple(plain(part) for part in parts)
    if kind == "object":
        return {name: plain(part) for name, part in parts}
    return parts[0] if kind == "boolean" else float("nan")
