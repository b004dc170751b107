"""The textbook's search for a linearization, as a baseline: Wing and Gong (1993) with Lowe's memory of what was tried.

The events of a history stand in a linked list. The walk goes along it: at a call it tries to linearize that operation,
which takes its call and its return out of the list, unless the same operations left the same state before; at a return
it has to go back to what it linearized last. One part at a time, in plain Python; operations whose outcome is unknown
return at the very end. Nothing is known of what operations mean but the model's step.
"""

from __future__ import annotations

import time
from typing import Any

from keelhaul.checkers.linearizability.actions import actions_of
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.split import split, taken
from keelhaul.checkers.models.model import ILLEGAL, Model

LOOK_EVERY = 256
"""Steps between two looks at the clock."""


class _Event:
    __slots__ = ("at", "matched", "next", "previous")

    def __init__(self, at: int, matched: _Event | None) -> None:
        self.at, self.matched = at, matched
        """`matched` is a call's return; a return has none."""
        self.previous: _Event | None = None
        self.next: _Event | None = None


def textbook(model: Model, operations: Operations, limit_s: float) -> tuple[bool | None, float]:
    """Return whether it is linearizable, None if the limit of processor time came first, and the time."""
    started = time.process_time()
    for _, positions in split(model, operations):
        found = _search(model, taken(operations, positions), started + limit_s)
        if found is not True:
            return found, time.process_time() - started
    return True, time.process_time() - started


def _search(model: Model, operations: Operations, deadline: float) -> bool | None:
    head, actions = _listed(operations), actions_of(model, operations)
    state: Any = model.initial
    placed, tried = 0, set[tuple[int, Any]]()
    calls: list[tuple[_Event, Any]] = []
    entry, steps = head.next, 0
    while head.next is not None:
        steps += 1
        if steps % LOOK_EVERY == 0 and time.process_time() > deadline:
            return None
        assert entry is not None, "returns are met before the end"
        if entry.matched is not None:
            reached = model.step(state, actions[entry.at])
            if reached is not ILLEGAL and (placed | 1 << entry.at, reached) not in tried:
                placed |= 1 << entry.at
                tried.add((placed, reached))
                calls.append((entry, state))
                state = reached
                _lift(entry)
                entry = head.next
            else:
                entry = entry.next
        elif operations.returned[entry.at] == OPEN and _only_open(entry, operations):
            return True
        elif not calls:
            return False
        else:
            entry, state = calls.pop()
            placed &= ~(1 << entry.at)
            _unlift(entry)
            entry = entry.next
    return True


def _only_open(entry: _Event | None, operations: Operations) -> bool:
    """Say whether everything that is left need not have taken effect: what returned is all in front."""
    while entry is not None and entry.previous is not None and entry.previous.at >= 0:
        entry = entry.previous
        if operations.returned[entry.at] != OPEN:
            return False
    return True


def _listed(operations: Operations) -> _Event:
    head = _Event(-1, None)
    returns = {at: _Event(at, None) for at in range(len(operations))}
    rows = [(row, _Event(at, returns[at])) for at, row in enumerate(operations.invoked)]
    rows += [(row, returns[at]) for at, row in enumerate(operations.returned)]
    last = head
    for _, event in sorted(rows, key=lambda item: item[0]):
        last.next, event.previous = event, last
        last = event
    return head


def _lift(call: _Event) -> None:
    assert call.matched is not None, "it is a call"
    for event in (call, call.matched):
        if event.previous is not None:
            event.previous.next = event.next
        if event.next is not None:
            event.next.previous = event.previous


def _unlift(call: _Event) -> None:
    assert call.matched is not None, "it is a call"
    for event in (call.matched, call):
        if event.previous is not None:
            event.previous.next = event
        if event.next is not None:
            event.next.previous = event
