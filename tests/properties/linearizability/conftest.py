"""An oracle for small histories, written as plainly as possible, and three ways of drawing such histories.

Nothing here uses the checker, its model or its notion of equality: the oracle shares only the history's format.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from keelhaul.checkers.history import History, Operation, Row

KEYS = ("a", "b")


def linearizable(history: History, *, observe_failed_cas: bool = False) -> bool:
    """Say whether each key's operations have a legal order, by trying all."""
    keys = dict.fromkeys(operation.value[0] for operation in history.operations)
    return all(
        _completable(None, [o for o in history.operations if o.value[0] == key and _matters(o, observe_failed_cas)])
        for key in keys
    )


def _matters(operation: Operation, observe_failed_cas: bool) -> bool:
    if operation.outcome == "fail":
        return observe_failed_cas and operation.f == "cas"
    return operation.outcome == "ok" or operation.f != "read"


def _completable(value: Any, left: list[Operation]) -> bool:
    """Say whether what is left can go on from `value` until nothing certain is left; open operations are optional."""
    if all(operation.outcome == "info" for operation in left):
        return True
    for operation in left:
        first = all(other.completed is None or other.completed > operation.invoked for other in left)
        if first:
            possible, after = _effect(value, operation)
            if possible and _completable(after, [other for other in left if other is not operation]):
                return True
    return False


def linearizable_remembering(history: History, *, observe_failed_cas: bool = False) -> bool:
    """Say the same of longer histories: never try what is left twice from the same value."""
    for key in dict.fromkeys(operation.value[0] for operation in history.operations):
        operations = [o for o in history.operations if o.value[0] == key and _matters(o, observe_failed_cas)]
        tried: set[tuple[str, frozenset[int]]] = set()
        todo: list[tuple[Any, frozenset[int]]] = [(None, frozenset(range(len(operations))))]
        while todo:
            value, left = todo.pop()
            if all(operations[at].outcome == "info" for at in left):
                break
            if (json.dumps(value, sort_keys=True), left) in tried:
                continue
            tried.add((json.dumps(value, sort_keys=True), left))
            deadline = min(operations[at].completed or len(history) for at in left)
            for at in sorted(left):
                possible, after = _effect(value, operations[at])
                if possible and operations[at].invoked < deadline:
                    todo.append((after, left - {at}))
        else:
            return False
    return True


def _effect(value: Any, operation: Operation) -> tuple[bool, Any]:
    argument = operation.value[1]
    if operation.f == "read":
        return _same(value, operation.result[1]), value
    if operation.f == "write":
        return True, argument
    if operation.outcome == "fail":
        return not _same(value, argument[0]), value
    return _same(value, argument[0]), argument[1]


def _same(one: Any, other: Any) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@dataclass
class _Underway:
    """An operation between its two rows; `answer` is what it found, once it took effect."""

    f: str
    value: list[Any]
    answer: Any = None
    effected: bool = False


@dataclass
class _Scribe:
    """Writes rows, and gives a process a new number after an info."""

    rows: list[Row] = field(default_factory=list)
    numbers: dict[int, int] = field(default_factory=dict)

    def write(self, kind: str, thread: int, f: str, value: Any) -> None:
        process = self.numbers.setdefault(thread, thread)
        self.rows.append(Row(len(self.rows), len(self.rows), kind, process, f, value))
        if kind == "info":
            self.numbers[thread] = process + 10


def draw_simulated(random: Random, operations_max: int = 8) -> History:
    """Run a correct store with overlapping operations; then, half of the time, change one answer."""
    scribe = _Scribe()
    threads = random.randint(1, 4)
    keys = KEYS[: random.randint(1, 2)]
    values = list(range(random.randint(1, 4)))
    store: dict[str, Any] = {}
    underway: dict[int, _Underway] = {}
    late: list[_Underway] = []
    to_invoke = random.randint(1, operations_max)
    while to_invoke or underway:
        thread = random.randrange(threads)
        current = underway.get(thread)
        if late and random.random() < 0.2:
            _take_effect(store, late.pop(random.randrange(len(late))))
        elif current is None:
            if to_invoke:
                to_invoke -= 1
                underway[thread] = _invoke(random, keys, values)
                scribe.write("invoke", thread, underway[thread].f, underway[thread].value)
        elif not current.effected and random.random() < 0.7:
            _take_effect(store, current)
        else:
            del underway[thread]
            _complete(random, scribe, thread, current, late)
    rows = scribe.rows if random.random() < 0.5 else _mutated(random, scribe.rows, values)
    if random.random() < 0.1:
        rows = rows[: random.randint(1, len(rows))]
    return History.of(rows)


def _invoke(
    random: Random,
    keys: tuple[str, ...],
    values: list[int],
    functions: tuple[str, ...] = ("read", "write", "write", "cas"),
) -> _Underway:
    f = random.choice(functions)
    argument = {"read": None, "write": random.choice(values), "cas": [random.choice(values), random.choice(values)]}[f]
    return _Underway(f, [random.choice(keys), argument])


def _take_effect(store: dict[str, Any], operation: _Underway) -> None:
    key, argument = operation.value
    operation.effected = True
    if operation.f == "read":
        operation.answer = store.get(key)
    elif operation.f == "write":
        store[key] = argument
    else:
        operation.answer = store.get(key) == argument[0]
        if operation.answer:
            store[key] = argument[1]


def _complete(random: Random, scribe: _Scribe, thread: int, operation: _Underway, late: list[_Underway]) -> None:
    if not operation.effected or random.random() < 0.15:
        if not operation.effected and random.random() < 0.3:
            scribe.write("fail", thread, operation.f, operation.value)
            return
        scribe.write("info", thread, operation.f, operation.value)
        if not operation.effected:
            late.append(operation)
    elif operation.f == "read":
        scribe.write("ok", thread, "read", [operation.value[0], operation.answer])
    else:
        kind = "fail" if operation.f == "cas" and not operation.answer else "ok"
        scribe.write(kind, thread, operation.f, operation.value)


def _mutated(random: Random, rows: list[Row], values: list[int]) -> list[Row]:
    """Change what one read returned, or turn one unknown or failed update into a success."""
    changed = list(rows)
    candidates = [row for row in rows if row.type == "ok" and row.f == "read"]
    candidates += [row for row in rows if row.type == "fail" and row.f != "read"]
    candidates += [
        row for row in rows if row.type == "info" and not any(r.process == row.process for r in rows[row.index + 1 :])
    ]
    if candidates:
        row = random.choice(candidates)
        value = [row.value[0], random.choice([None, *values])] if row.f == "read" else row.value
        changed[row.index] = Row(row.index, row.time, "ok", row.process, row.f, value)
    return changed


def draw_random(random: Random, operations_max: int = 8) -> History:
    """Draw rows that obey the format and nothing else; few values, so that some histories are linearizable."""
    scribe = _Scribe()
    threads = random.randint(1, 4)
    values = list(range(random.randint(1, 3)))
    keys = KEYS[: random.randint(1, 2)]
    underway: dict[int, _Underway] = {}
    to_invoke = random.randint(1, operations_max)
    odds = random.choice(((80, 10, 10), (50, 10, 40), (60, 30, 10)))
    while to_invoke or underway:
        thread = random.randrange(threads)
        if thread not in underway:
            if to_invoke:
                to_invoke -= 1
                underway[thread] = _invoke(random, keys, values)
                scribe.write("invoke", thread, underway[thread].f, underway[thread].value)
            continue
        if not to_invoke and random.random() < 0.1:
            break
        operation = underway.pop(thread)
        (kind,) = random.choices(("ok", "fail", "info"), odds)
        reads = operation.f == "read" and kind == "ok"
        value = [operation.value[0], random.choice([None, *values, *values])] if reads else operation.value
        scribe.write(kind, thread, operation.f, value)
    return History.of(scribe.rows)


def draw_crashing(random: Random, operations_max: int = 10) -> History:
    """Leave several updates open, which then take effect between the operations that follow, or don't; then, in part of
    the cases, change one answer."""
    scribe = _Scribe()
    values = list(range(random.randint(2, 4)))
    opened = []
    for thread in range(random.randint(2, max(2, operations_max // 2))):
        operation = _invoke(random, KEYS[:1], values, ("write", "cas"))
        scribe.write("invoke", 100 + thread, operation.f, operation.value)
        opened.append(operation)
    store: dict[str, Any] = {}
    threads = random.randint(1, 2)
    underway: dict[int, _Underway] = {}
    to_invoke = random.randint(1, operations_max - len(opened))
    while to_invoke or underway:
        thread = random.randrange(threads)
        if opened and random.random() < 0.4:
            _take_effect(store, opened.pop(random.randrange(len(opened))))
        if thread not in underway and to_invoke:
            to_invoke -= 1
            operation = _invoke(random, KEYS[:1], values, ("read", "read", "write", "cas"))
            if operation.f == "cas" and random.random() < 0.7:
                operation.value[1][0] = store.get(KEYS[0])
            scribe.write("invoke", thread, operation.f, operation.value)
            underway[thread] = operation
        elif thread in underway:
            operation = underway.pop(thread)
            _take_effect(store, operation)
            _complete(random, scribe, thread, operation, [])
    return History.of(scribe.rows if random.random() < 0.6 else _mutated(random, scribe.rows, values))


@pytest.fixture(scope="session")
def small() -> SimpleNamespace:
    """The oracle and the generators."""
    draws = (draw_simulated, draw_random, draw_crashing)
    return SimpleNamespace(linearizable=linearizable, linearizable_remembering=linearizable_remembering, draws=draws)
