"""The models by name, as `keelhaul check --model NAME` takes them.

A name may say what the object holds at first, as JSON after a colon: `cas-register:0`, `semaphore:3`,
`multi-register:{"x":0,"y":0}`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keelhaul.checkers.models import agreement, counter, key_value, locks, multi_register, registers, sequences, sets
from keelhaul.checkers.models.model import Model
from keelhaul.checkers.nearest import nearest
from keelhaul.checkers.values import freeze, show

MODELS: dict[str, Callable[[], Model]] = {
    "register": registers.register,
    "cas-register": registers.cas_register,
    "multi-register": multi_register.multi_register,
    "key-value": key_value.key_value,
    "counter": counter.counter,
    "set": sets.any_set,
    "grow-only-set": sets.grow_only_set,
    "list": sequences.append_list,
    "fifo-queue": sequences.fifo_queue,
    "stack": sequences.stack,
    "mutex": locks.mutex,
    "owner-mutex": locks.owner_mutex,
    "reentrant-mutex": locks.reentrant_mutex,
    "read-write-lock": locks.read_write_lock,
    "semaphore": locks.semaphore,
    "fenced-lock": locks.fenced_lock,
    "fencing-token": locks.fencing_token,
    "leader-election": agreement.leader_election,
    "write-once": agreement.write_once,
}


def _whole(make: Callable[[int], Model]) -> Callable[[Any], Model]:
    def of(value: Any) -> Model:
        if type(value) is not int:
            raise ValueError(f"it takes a whole number, not {show(freeze(value))}")
        return make(value)

    return of


def _registers(value: Any) -> Model:
    if type(value) is not dict:
        raise ValueError(f"it takes an object of registers and their values, not {show(freeze(value))}")
    return multi_register.multi_register({name: freeze(held) for name, held in value.items()})


WITH_INITIAL: dict[str, Callable[[Any], Model]] = {
    "register": lambda value: registers.register(freeze(value)),
    "cas-register": lambda value: registers.cas_register(freeze(value)),
    "multi-register": _registers,
    "counter": _whole(counter.counter),
    "semaphore": _whole(locks.semaphore),
    "write-once": lambda value: agreement.write_once(freeze(value)),
}
"""What can be told how to begin. A semaphore is told its permits."""


def model_named(text: str) -> Model:
    """Return the model that `NAME` or `NAME:JSON` stands for. ValueError says what is wrong with it, and what would be
    allowed."""
    name, colon, initial = text.partition(":")
    if name not in MODELS:
        raise ValueError(_unknown(name))
    if not colon:
        return MODELS[name]()
    if name not in WITH_INITIAL:
        raise ValueError(f"model {name} has nothing to begin with; {', '.join(WITH_INITIAL)} have")
    import json

    try:
        value = json.loads(initial)
    except ValueError as error:
        raise ValueError(f"model {name}: what stands after the colon is no JSON: {error}") from error
    try:
        return WITH_INITIAL[name](value)
    except ValueError as error:
        raise ValueError(f"model {name}: {error}") from error


def _unknown(name: str) -> str:
    near = nearest(name, MODELS)
    hint = f"; did you mean {near}?" if near else ""
    return f"no model is called {name!r}{hint} There are {', '.join(MODELS)}."
