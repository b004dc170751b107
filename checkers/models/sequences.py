"""Values in an order: a list that grows at its end, a FIFO queue, a stack.

    list         append   v        read    → all values, first to last
    fifo-queue   enqueue  v        dequeue → the oldest value, null if there is none
    stack        push     v        pop     → the youngest value, null if there is none

The state is the tuple of values, first to last. Values aren't null.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from keelhaul.checkers.models.model import ILLEGAL, Action, Keys, Kind, Model, Step, Words
from keelhaul.checkers.models.shapes import answers_list, items, needs_something
from keelhaul.checkers.values import show

State = tuple[Hashable, ...]
PUTS = ("append", "enqueue", "push")


def step_list(state: State, action: Action) -> Any:
    """Return the list after the action."""
    if action.f == "append":
        return (*state, action.argument)
    return state if action.outcome == "open" or items(action.result) == state else ILLEGAL


def step_queue(state: State, action: Action) -> Any:
    """Return the queue after the action."""
    if action.f == "enqueue":
        return (*state, action.argument)
    return _taken(state, action, 0, state[1:])


def step_stack(state: State, action: Action) -> Any:
    """Return the stack after the action."""
    if action.f == "push":
        return (*state, action.argument)
    return _taken(state, action, -1, state[:-1])


def _taken(state: State, action: Action, end: int, rest: State) -> Any:
    """Return the state after something was taken from the `end` at which `rest` is left."""
    if action.outcome == "open":
        return rest
    found = state[end] if state else None
    return rest if found == action.result else ILLEGAL


def kind(action: Action) -> Kind:
    """Putting in is always possible; reads observe, and so does taking from what was empty."""
    if action.f in PUTS:
        return Kind.TOTAL
    if action.f == "read" or (action.outcome == "ok" and action.result is None):
        return Kind.OBSERVER
    return Kind.TOTAL if action.outcome == "open" else Kind.UPDATE


def _notices(needed: Action, change: Action) -> bool:
    """A read of a list sees what is in its answer."""
    return needed.f == "read" and (needed.outcome != "ok" or change.argument in items(needed.result))


def _reaches(state: State, needed: Action) -> bool:
    """A list only grows."""
    return needed.f != "read" or needed.outcome != "ok" or items(needed.result)[: len(state)] == state


def _tells(action: Action, after: Sequence[Action]) -> tuple[State, ...] | None:
    """A read tells all of it, and so does finding nothing."""
    if action.f in PUTS:
        return None
    if action.f == "read":
        return (items(action.result),)
    return ((),) if action.result is None else None


def _rests_on(action: Action) -> list[tuple[str, Hashable]] | None:
    """A read of a list rests on the append of each value in it."""
    return [("append", value) for value in items(action.result)] if action.outcome == "ok" else None


def _about(action: Action) -> Hashable:
    """What was put in or taken out. Of a queue or stack, all of one value may go together: the rest keeps its order."""
    value: Hashable = action.argument if action.f in PUTS else action.result
    return value


def _problem(action: Action) -> str | None:
    if action.f in PUTS:
        return needs_something(action)
    return answers_list(action) if action.f == "read" else None


def _name(action: Action) -> str:
    return f"{action.f} of {show(action.argument)}" if action.f in PUTS else action.f


def _claim(action: Action) -> str:
    if action.f in PUTS:
        return "succeeded"
    return "found nothing" if action.f in ("dequeue", "pop") and action.result is None else f"returned {_seen(action)}"


def _seen(action: Action) -> str:
    return show(action.result)


def _state(state: State) -> str:
    return f"hold {show(('array', *state))}" if state else "be empty"


def _needs_list(action: Action) -> str:
    return f"the list to hold {_seen(action)}" if action.f == "read" else "nothing"


def _needs_queue(action: Action) -> str:
    return _needs_at(action, "the queue", "the oldest in it")


def _needs_stack(action: Action) -> str:
    return _needs_at(action, "the stack", "on top of it")


def _needs_at(action: Action, noun: str, place: str) -> str:
    if action.f in PUTS:
        return "nothing"
    return f"{noun} to be empty" if action.result is None else f"{_seen(action)} to be {place}"


def append_list() -> Model:
    """Return a list to which values are appended."""
    words = Words(noun="the list", name=_name, claim=_claim, state=_state, needs=_needs_list)
    return _sequence("list", step_list, ("append", "read"), words)


def fifo_queue() -> Model:
    """Return a queue: first in, first out."""
    words = Words(noun="the queue", name=_name, claim=_claim, state=_state, needs=_needs_queue)
    return _sequence("fifo-queue", step_queue, ("enqueue", "dequeue"), words)


def stack() -> Model:
    """Return a stack: last in, first out."""
    words = Words(noun="the stack", name=_name, claim=_claim, state=_state, needs=_needs_stack)
    return _sequence("stack", step_stack, ("push", "pop"), words)


def _sequence(name: str, step: Step, functions: tuple[str, ...], words: Words) -> Model:
    return Model(
        name=name,
        step=step,
        initial=(),
        kinds=kind,
        functions=functions,
        problem=_problem,
        words=words,
        frozen=True,
        keys=Keys.MAYBE,
        family="" if name == "stack" else name,
        notices=_notices if name == "list" else None,
        tells=_tells,
        reaches=_reaches if name == "list" else None,
        rests_on=_rests_on if name == "list" else None,
        about=None if name == "list" else _about,
    )
