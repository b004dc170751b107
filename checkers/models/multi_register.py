"""Several registers that are read and written together.

    txn  [[f, register, value], …]    f is read (r) or write (w); reads have null and are answered in the same shape
    read, write  [register, value]    one of them alone

The micro-operations of a transaction happen at one moment, in their order. Registers for which no first value was
given hold one that nobody knows: whichever the first read finds there, it was there from the start.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from keelhaul.checkers.models.model import ILLEGAL, Action, Kind, Model, Words
from keelhaul.checkers.models.shapes import is_list, items
from keelhaul.checkers.values import show

READS, WRITES = ("read", "r"), ("write", "w")
KNOWN_MAX = 2_000
"""Actions whose micro-operations are kept in mind: a search asks for those of each again and again."""


class Micro(NamedTuple):
    """One part of a transaction."""

    writes: bool
    register: Hashable
    value: Hashable


@lru_cache(KNOWN_MAX)
def micros(action: Action) -> Sequence[Micro] | None:
    """Return what the action did, in order; of an open one, the values read are null. None if it answers something else
    than was asked, which nothing does."""
    asked = _listed(action, action.argument)
    if action.outcome != "ok" or action.result is None:
        return asked
    told = _listed(action, action.result)
    return told if list(map(_asked, told)) == list(map(_asked, asked)) else None


def _listed(action: Action, value: Hashable) -> list[Micro]:
    if action.f != "txn":
        name, held = items(value)
        return [Micro(action.f in WRITES, name, held)]
    return [Micro(f in WRITES, name, held) for f, name, held in map(items, items(value))]


def _asked(micro: Micro) -> Micro:
    return micro if micro.writes else micro._replace(value=None)


def step(state: tuple[tuple[Hashable, Hashable], ...], action: Action) -> Any:
    """Return the registers after the action, as sorted pairs of name and value."""
    done = micros(action)
    if done is None:
        return ILLEGAL
    held: dict[Hashable, Hashable] = dict(state)
    for writes, name, value in done:
        if writes:
            held[name] = value
        elif action.outcome != "open" and held.setdefault(name, value) != value:
            return ILLEGAL
    return _sorted(held)


def _sorted(held: Mapping[Hashable, Hashable]) -> tuple[tuple[Hashable, Hashable], ...]:
    return tuple(sorted(held.items(), key=repr))


def kind(known: bool) -> Any:
    """Return what kinds transactions are: one that only reads observes, if all first values are `known`; otherwise it
    settles what was there. One that writes a single register is no blind write: the others stay."""

    def of(action: Action) -> Kind:
        writes = [micro.writes for micro in micros(action) or ()]
        if any(writes):
            return Kind.TOTAL if all(writes) else Kind.UPDATE
        return Kind.OBSERVER if known else Kind.UPDATE

    return of


def part_of(action: Action) -> Hashable:
    """Return the register that the action is about; None if it is about several."""
    names = dict.fromkeys(micro.register for micro in _listed(action, action.argument))
    return next(iter(names)) if len(names) == 1 else None


def _notices(needed: Action, change: Action) -> bool:
    """A transaction sees of each register that it reads what was written last: nothing else than it read."""
    if needed.outcome != "ok":
        return False
    written = _written(change)
    return any(name in written and written[name] == value for name, value in _found(needed))


def _found(action: Action) -> list[tuple[Hashable, Hashable]]:
    """List the registers that were read before the transaction itself wrote them, and what they held."""
    found, own = [], set()
    for writes, name, value in micros(action) or ():
        if writes:
            own.add(name)
        elif name not in own:
            found.append((name, value))
    return found


def _written(action: Action) -> dict[Hashable, Hashable]:
    return {name: value for writes, name, value in micros(action) or () if writes}


def _tells(action: Action, after: Sequence[Action]) -> tuple[tuple[tuple[Hashable, Hashable], ...], ...] | None:
    """What it touched holds what it wrote or read last. Of the rest nothing is known, which allows for most."""
    held = {name: value for _, name, value in micros(action) or ()}
    return (_sorted(held),) if held else None


def _problem(action: Action) -> str | None:
    answers = action.outcome == "ok" and action.result is not None
    for verb, value in (("takes", action.argument), *([("answers", action.result)] if answers else [])):
        if action.f != "txn":
            if not is_list(value) or len(items(value)) != 2:
                return f"{action.f} {verb} [register, value], not {show(value)}"
        elif not is_list(value) or not all(map(_is_micro, items(value))):
            return f"a txn {verb} a list of [f, register, value] with f read or write, not {show(value)}"
    return None


def _is_micro(value: Hashable) -> bool:
    return is_list(value) and len(items(value)) == 3 and items(value)[0] in READS + WRITES


def _name(action: Action) -> str:
    asked = _listed(action, action.argument)
    parts = [f"{'write of' if writes else 'read of'} {show(name)}" for writes, name, _ in asked]
    return " and ".join(parts) or "empty transaction"


def _claim(action: Action) -> str:
    read = [f"{show(name)} = {show(value)}" for writes, name, value in micros(action) or () if not writes]
    return f"returned {', '.join(read)}" if read else "succeeded"


def _state(state: tuple[tuple[Hashable, Hashable], ...]) -> str:
    return f"hold {', '.join(f'{show(name)} = {show(value)}' for name, value in state) or 'what they held at first'}"


def multi_register(initial: Mapping[Hashable, Hashable] | None = None) -> Model:
    """Return several registers; `initial` names all of them and what they hold at first. None: nobody knows."""
    return Model(
        name="multi-register",
        step=step,
        initial=_sorted(initial or {}),
        kinds=kind(initial is not None),
        partition=part_of,
        functions=("txn", *READS, *WRITES),
        problem=_problem,
        words=Words(noun="the registers", name=_name, claim=_claim, state=_state),
        frozen=True,
        notices=_notices,
        tells=_tells,
    )
