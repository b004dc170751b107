"""Registers: one value that is read and replaced.

    read                      → the value
    write  v
    cas    [expected, new]    (cas-register)

A register holds null at first unless told otherwise. A cas that returned ok found `expected`. One that ended `fail` is
seen here only as an observation that `expected` was not there.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from keelhaul.checkers.models.model import ILLEGAL, Action, Keys, Kind, Model, Words
from keelhaul.checkers.models.shapes import items, needs_pair
from keelhaul.checkers.values import show


def step(state: Hashable, action: Action) -> Any:
    """Return the value that the register holds after the action."""
    f, argument, result, outcome, _ = action
    if f == "write":
        return argument
    if f == "read":
        return state if outcome == "open" or result == state else ILLEGAL
    _, expected, new = argument
    if outcome == "fail":
        return state if state != expected else ILLEGAL
    if state == expected:
        return new
    # Open: if it found another value, it did nothing, which is one of the ways not to take effect.
    return ILLEGAL


def kind(action: Action) -> Kind:
    """Reads and failed comparisons observe, writes are blind."""
    if action.f == "read" or action.outcome == "fail":
        return Kind.OBSERVER
    return Kind.BLIND if action.f == "write" else Kind.UPDATE


def _leaves(action: Action) -> Hashable:
    return action.argument if action.f == "write" else items(action.argument)[1]


def _problem(action: Action) -> str | None:
    # Some recorders write what a read found into its invocation as well, so its argument isn't looked at.
    return needs_pair(action, "[expected, new]") if action.f == "cas" else None


def _name(action: Action) -> str:
    if action.f == "read":
        return "read"
    if action.f == "write":
        return f"write of {show(action.argument)}"
    expected, new = items(action.argument)
    return f"cas of {show(expected)} to {show(new)}"


def _claim(action: Action) -> str:
    if action.f == "read":
        return f"returned {show(action.result)}"
    if action.f == "write":
        return "succeeded"
    expected, new = items(action.argument)
    if action.outcome == "fail":
        return f"failed, so it did not find {show(expected)}"
    return f"found {show(expected)} and put in {show(new)}"


def _needs(action: Action) -> str:
    if action.f == "write":
        return "nothing"
    if action.f == "read":
        return f"the register to hold {show(action.result)}"
    expected = show(items(action.argument)[0])
    return f"the register {'not ' if action.outcome == 'fail' else ''}to hold {expected}"


def _state(state: Hashable) -> str:
    return f"hold {show(state)}"


WORDS = Words(noun="the register", name=_name, claim=_claim, state=_state, needs=_needs)


def register(initial: Hashable = None) -> Model:
    """Return a register with read and write."""
    return _register("register", ("read", "write"), initial)


def cas_register(initial: Hashable = None) -> Model:
    """Return a register with read, write and cas."""
    return _register("cas-register", ("read", "write", "cas"), initial)


def _register(name: str, functions: tuple[str, ...], initial: Hashable) -> Model:
    return Model(
        name=name,
        step=step,
        initial=initial,
        kinds=kind,
        functions=functions,
        problem=_problem,
        words=WORDS,
        frozen=True,
        keys=Keys.MAYBE,
        family="register",
        leaves=_leaves,
    )
