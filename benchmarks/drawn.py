"""Large histories of correct objects with many clients, drawn from a seed; some with a few answers changed.

Each client is one of three things at any time: idle, underway, or underway and done. A turn takes a client at random
one step further, so about two thirds of the clients are underway at each moment. What crashes is open, and its client
goes on as another process.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from random import Random
from typing import Any

from keelhaul.checkers.linearizability.operations import OPEN, Operations, packed

LAST_TURNS = 30
"""Turns for each client when everything was invoked; what isn't over by then stays open."""
Object = Callable[[str, Any], tuple[bool, Any]]
"""(function, argument) → whether it can be done now, and what it answers; it does it."""
Draw = Callable[[int, int], tuple[str, Any]]
"""(number, process) → what to invoke."""


def recorded(random: Random, count: int, clients: int, draw: Draw, act: Object, info: float = 0.0) -> Operations:
    """Record `count` operations."""
    rows = Operations([], [], [], [], [], [], [])
    columns: list[Any] = [rows.f, rows.argument, rows.result, rows.invoked, rows.returned, rows.process]
    names, result, returned = columns[0], columns[2], columns[4]
    process, underway, done = list(range(clients)), [-1] * clients, [False] * clients
    event = started = 0
    left = LAST_TURNS * clients
    while left:
        left -= started == count
        client = int(random.random() * clients)
        at = underway[client]
        if at < 0:
            if started < count:
                underway[client], done[client] = started, False
                for column, value in zip(columns, (*draw(started, process[client]), None, event, OPEN), strict=False):
                    column.append(value)
                rows.process.append(process[client])
                started, event = started + 1, event + 1
        elif not done[client]:
            done[client], result[at] = act(names[at], rows.argument[at])
        else:
            underway[client] = -1
            if info and random.random() < info:
                result[at] = None
                process[client] += clients
            else:
                returned[at], event = event, event + 1
    rows.index = range(count)
    rows.invoked, rows.returned = packed(rows.invoked), packed(rows.returned)
    return rows


def register(
    random: Random,
    count: int,
    clients: int,
    *,
    domain: int | None = None,
    cas: float = 0.0,
    info: float = 0.0,
    mutated: int = 0,
) -> Operations:
    """Record a register: half reads, `cas` of the rest compare. Values are ever new, or of a domain."""
    held: list[Hashable] = [None]

    def draw(number: int, process: int) -> tuple[str, Any]:
        chance = random.random()
        value = number + 1 if domain is None else int(random.random() * domain)
        if chance < 0.5:
            return "read", None
        if chance < 0.5 + cas:
            return "cas", ("array", held[0] if domain is None else int(random.random() * domain), value)
        return "write", value

    def act(f: str, argument: Any) -> tuple[bool, Any]:
        if f == "write":
            held[0] = argument
        elif f == "cas":
            if held[0] != argument[1]:
                return True, "failed"
            held[0] = argument[2]
        return True, held[0] if f == "read" else argument

    return mutate(random, without_failed(recorded(random, count, clients, draw, act, info)), mutated)


def without_failed(operations: Operations) -> Operations:
    """Leave out what failed."""
    if "failed" not in operations.result:
        return operations
    kept = operations.select([at for at, result in enumerate(operations.result) if result != "failed"])
    kept.invoked, kept.returned = packed(kept.invoked), packed(kept.returned)
    return kept


def mutate(random: Random, operations: Operations, count: int) -> Operations:
    """Give some short reads another's answer."""
    reads = [at for at, f in enumerate(operations.f) if f == "read" and operations.returned[at] != OPEN]
    reads.sort(key=lambda at: operations.returned[at] - operations.invoked[at])
    result: list[Any] = list(operations.result)
    for at in random.sample(reads[: max(1, len(reads) // 4)], min(count, len(reads) // 4)):
        result[at] = result[random.choice(reads)]
    operations.result = result
    return operations


def keyed(random: Random, keys: int, count: int, clients: int) -> Operations:
    """Record `keys` registers with `count` operations each, one after the other by number, mixed by key in time."""
    parts = [register(Random(random.random()), count, clients) for _ in range(min(keys, 20))]
    f, argument, result, invoked, returned, process, key = ([] for _ in range(7))
    for number in range(keys):
        part, base = parts[number % len(parts)], number
        for at in range(len(part)):
            f.append(part.f[at])
            argument.append(part.argument[at])
            result.append(part.result[at])
            invoked.append(part.invoked[at] * keys + base)
            returned.append(OPEN if part.returned[at] == OPEN else part.returned[at] * keys + base)
            process.append(part.process[at] + number * clients)
            key.append(number)
    order = sorted(range(len(f)), key=invoked.__getitem__)
    drawn = (f, argument, result, invoked, returned, process, key)
    columns: tuple[list[Any], ...] = tuple([] for _ in drawn)
    for at in order:
        for column, values in zip(columns, drawn, strict=True):
            value = values[at]
            # A number of its own, made in this order, as by a reader: where they lie decides how long memory takes.
            column.append(value + 0 if type(value) is int else value)
    *others, process, key = columns
    others[3:] = map(packed, others[3:])
    return Operations(*others, process, range(len(f)), key=key)


def queue(random: Random, count: int, clients: int) -> Operations:
    """Record a queue of ever new values; it is never found empty."""
    held: deque[Hashable] = deque()

    def act(f: str, argument: Any) -> tuple[bool, Any]:
        if f == "enqueue":
            held.append(argument)
            return True, argument
        return (True, held.popleft()) if held else (False, None)

    def draw(number: int, process: int) -> tuple[str, Any]:
        enqueues = number % 2 == 0 or number < clients
        return ("enqueue", number) if enqueues else ("dequeue", None)

    return recorded(random, count, clients, draw, act)


def lock(random: Random, count: int, clients: int, *, tokens: bool = False) -> Operations:
    """Record a lock for which all clients wait all the time; each gives it back as soon as it has it."""
    rows = Operations([], [], [], [], [], [], [])
    columns: list[Any] = [rows.f, rows.argument, rows.result, rows.invoked, rows.returned, rows.process]
    event = token = 0

    def invoke(f: str, client: int) -> int:
        nonlocal event
        for column, value in zip(columns, (f, f"p{client}", None, event, OPEN, client), strict=True):
            column.append(value)
        event += 1
        return len(columns[0]) - 1

    waiting = [(client, invoke("acquire", client)) for client in range(clients)]
    released = None
    while waiting:
        chosen = int(random.random() * len(waiting))
        waiting[chosen], waiting[-1] = waiting[-1], waiting[chosen]
        client, acquired = waiting.pop()
        token += 1
        columns[2][acquired] = token if tokens else None
        for at in (acquired, released) if random.random() < 0.5 else (released, acquired):
            if at is not None:  # the next one may have it before the release is told that it is done
                columns[4][at], event = event, event + 1
        released = invoke("release", client)
        if len(columns[0]) + len(waiting) < count:
            columns[4][released], event, released = event, event + 1, None
            waiting.append((client, invoke("acquire", client)))
    rows.index = range(len(rows))
    return rows


def growing(random: Random, count: int, clients: int, *, is_set: bool, reads: float) -> Operations:
    """Record a list or a set that only grows; a read lists all, so there are few of them."""
    held: list[Hashable] = []

    def act(f: str, argument: Any) -> tuple[bool, Any]:
        if f != "read":
            held.append(argument)
            return True, argument
        return True, ("array", *held)

    def draw(number: int, process: int) -> tuple[str, Any]:
        if random.random() < reads:
            return "read", None
        return ("add" if is_set else "append"), number

    return recorded(random, count, clients, draw, act)
