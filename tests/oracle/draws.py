"""Small histories, drawn in two ways: simulated (a correct object, then perhaps one answer changed), and arbitrary
(nothing but the format holds). Both are needed: the first kind is near the border between valid and invalid, the second
has what no correct object would do.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from keelhaul.checkers.linearizability.operations import OPEN, Operations
from tests.oracle.specifications import ACKNOWLEDGED, DRAWN_MAX, FAILED, Specification


@dataclass
class _Underway:
    """An operation that was invoked; `effect` is what it will answer once it took effect."""

    process: int
    f: str
    argument: Any
    invoked: int
    effect: Any = None
    took_effect: bool = False
    returned: int = OPEN
    result: Any = None
    failed: bool = False


@dataclass
class _Recorder:
    """Counts events and keeps the operations in order of invocation."""

    events: int = 0
    operations: list[_Underway] = field(default_factory=list)

    def invoke(self, process: int, f: str, argument: Hashable) -> _Underway:
        operation = _Underway(process, f, argument, self.events)
        self.events += 1
        self.operations.append(operation)
        return operation

    def complete(self, operation: _Underway, result: Any, *, failed: bool = False) -> None:
        operation.returned, operation.result, operation.failed = self.events, result, failed
        self.events += 1

    def columns(self, *, observe: bool) -> Operations:
        """Leave out what failed, unless failed cas are observations."""
        indexed = list(enumerate(self.operations))
        kept = [(at, o) for at, o in indexed if not o.failed or (observe and o.f == "cas")]
        failed = [o.failed for _, o in kept]
        return Operations(
            f=[o.f for _, o in kept],
            argument=[o.argument for _, o in kept],
            result=[o.result for _, o in kept],
            invoked=[o.invoked for _, o in kept],
            returned=[o.returned for _, o in kept],
            process=[o.process for _, o in kept],
            index=[at for at, _ in kept],
            failed=failed if any(failed) else None,
        )


def values_of(random: Random, *, unique: bool, domain: int = 3) -> Callable[[], int]:
    """Return a source of values: ever new ones, or of a small domain."""
    if not unique:
        return lambda: random.randrange(domain)
    counter = iter(range(1, 1 << 60))
    return lambda: next(counter)


def simulated(
    random: Random,
    specification: Specification,
    *,
    operations: int = 8,
    processes: int = 3,
    info: float = 0.15,
    unique: bool = False,
    domain: int = 3,
    mutations: int | None = None,
    observe: bool = False,
) -> Operations:
    """Draw what a correct object answers, then change `mutations` answers (by default none or one, evenly).

    What crashed may take effect at any later moment, or never.
    """
    recorder, state, ghosts = _Recorder(), specification.initial, list[_Underway]()
    value = values_of(random, unique=unique, domain=domain)
    underway: dict[int, _Underway] = {}
    next_process = list(range(processes))
    left = operations
    while left or underway:
        if ghosts and random.random() < 0.3:
            state = _take_effect(random, specification, state, ghosts.pop(random.randrange(len(ghosts))))
        thread = random.randrange(processes)
        operation = underway.get(thread)
        if operation is None:
            if left:
                left -= 1
                underway[thread] = recorder.invoke(next_process[thread], *specification.draw(random, value()))
        elif random.random() < info / 2:
            del underway[thread]
            next_process[thread] += processes
            if not operation.took_effect:
                ghosts.append(operation)
        elif not operation.took_effect:
            state = _take_effect(random, specification, state, operation)
        else:
            del underway[thread]
            failed = operation.effect is FAILED
            answer = operation.argument if operation.effect is ACKNOWLEDGED else operation.effect
            recorder.complete(operation, None if failed else answer, failed=failed)
    mutate(random, specification, recorder.operations, random.randrange(2) if mutations is None else mutations)
    return recorder.columns(observe=observe)


def _take_effect(random: Random, specification: Specification, state: Hashable, operation: _Underway) -> Hashable:
    possible = specification.outcomes(state, operation.f, operation.argument)
    if not possible:
        return state  # it waits
    operation.effect, state = random.choice(possible[:DRAWN_MAX])
    operation.took_effect = True
    return state


def mutate(random: Random, specification: Specification, operations: Sequence[_Underway], count: int) -> None:
    """Change the answers of `count` operations: to that of another one like it, or from "failed" to "done"."""
    done = [o for o in operations if o.returned != OPEN]
    told = [o for o in done if not o.failed and o.effect is not ACKNOWLEDGED]
    changeable = told + [o for o in done if o.failed]
    for operation in random.sample(changeable, min(count, len(changeable))):
        alike = [o.result for o in told if o.f == operation.f]
        if operation.failed:
            operation.failed = False
            operation.result = random.choice(alike or [_first_answer(specification, operation)])
        else:
            operation.result = random.choice(alike)


def _first_answer(specification: Specification, operation: _Underway) -> Any:
    """Return what it would be told at the start, or what an acknowledgement repeats."""
    possible = specification.outcomes(specification.initial, operation.f, operation.argument)
    told = [result for result, _ in possible if result is not ACKNOWLEDGED and result is not FAILED]
    return told[0] if told else operation.argument


def arbitrary(
    random: Random,
    specification: Specification,
    *,
    operations: int = 7,
    processes: int = 3,
    unique: bool = False,
    domain: int = 3,
    observe: bool = False,
) -> Operations:
    """Draw anything: the answers are such as the object could give in some state or other."""
    recorder, answers = _Recorder(), _answers(random, specification, domain)
    value = values_of(random, unique=unique, domain=domain)
    ok, failed = random.choice(((0.8, 0.9), (0.5, 0.6), (0.6, 0.9)))
    underway: dict[int, _Underway] = {}
    next_process = list(range(processes))
    left = operations
    while left or underway:
        thread = random.randrange(processes)
        operation = underway.pop(thread, None)
        if operation is None:
            if left:
                left -= 1
                underway[thread] = recorder.invoke(next_process[thread], *specification.draw(random, value()))
            continue
        chance = random.random()
        if chance < ok:
            known = answers.get(operation.f) or [_first_answer(specification, operation)]
            recorder.complete(operation, random.choice(known))
        elif chance < failed:
            recorder.complete(operation, None, failed=True)
        else:
            next_process[thread] += processes
    return recorder.columns(observe=observe)


def _answers(random: Random, specification: Specification, domain: int) -> dict[str, list[Any]]:
    """Collect answers, by function, from a short sequential run."""
    state, found = specification.initial, dict[str, list[Any]]()
    for _ in range(12):
        f, argument = specification.draw(random, random.randrange(domain))
        possible = specification.outcomes(state, f, argument)
        if possible:
            result, state = random.choice(possible[:DRAWN_MAX])
            if result is not FAILED and result is not ACKNOWLEDGED:
                found.setdefault(f, []).append(result)
    return found


def with_keys(random: Random, parts: Sequence[Operations]) -> Operations:
    """Put histories of several objects into one, mixing their events; the key of part number 0 is "k0"."""
    events = [(part, at) for part, columns in enumerate(parts) for at in range(len(columns))]
    turns = [part for part, columns in enumerate(parts) for _ in _events_of(columns)]
    random.shuffle(turns)
    new: list[dict[int, int]] = [{} for _ in parts]
    sources = [iter(_events_of(columns)) for columns in parts]
    for position, part in enumerate(turns):
        new[part][next(sources[part])] = position
    events.sort(key=lambda event: new[event[0]][parts[event[0]].invoked[event[1]]])
    failed = [bool(parts[part].failed and parts[part].failed[at]) for part, at in events]
    return Operations(
        f=[parts[part].f[at] for part, at in events],
        argument=[parts[part].argument[at] for part, at in events],
        result=[parts[part].result[at] for part, at in events],
        invoked=[new[part][parts[part].invoked[at]] for part, at in events],
        returned=[new[part].get(parts[part].returned[at], OPEN) for part, at in events],
        process=[parts[part].process[at] * len(parts) + part for part, at in events],
        index=list(range(len(events))),
        key=[f"k{part}" for part, _ in events],
        failed=failed if any(failed) else None,
    )


def _events_of(columns: Operations) -> list[int]:
    return sorted([*columns.invoked, *(row for row in columns.returned if row != OPEN)])
