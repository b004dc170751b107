"""Histories of locks whose clients act one step after the other, as real ones do; draws.py names owners at random."""

from __future__ import annotations

from random import Random
from typing import Any

from keelhaul.checkers.linearizability.operations import OPEN, Operations


def locks_by_process(
    random: Random,
    *,
    operations: int = 8,
    clients: int = 3,
    info: float = 0.1,
    mistakes: float = 0.05,
    tokens: bool = False,
) -> Operations:
    """Draw what a lock and its clients do; `mistakes` is the chance that an answer is not the lock's. `tokens`: an
    acquire answers a growing number. A client that crashed is followed by a new one; owners are processes and named so.
    """
    rows: list[list[Any]] = []
    holder: Any = None
    token = events = 0
    process = list(range(clients))
    wants = ["acquire"] * clients
    underway: dict[int, int] = {}
    effects: dict[int, bool] = {}
    while len(rows) < operations or underway:
        client = random.randrange(clients)
        if client not in underway:
            if len(rows) < operations:
                underway[client] = len(rows)
                rows.append([wants[client], f"p{process[client]}", None, events, OPEN, process[client]])
                events += 1
            continue
        at = underway[client]
        f, owner = rows[at][0], rows[at][1]
        if at not in effects:
            possible = holder is None if f == "acquire" else holder == owner
            if possible or random.random() < mistakes:
                effects[at] = True
                holder = owner if f == "acquire" else None
                if f == "acquire":
                    token += random.choice((1, 1, 2, 3)) if random.random() > mistakes else 0
                    rows[at][2] = token if tokens else None
                continue
        if random.random() < (info if at in effects else max(info, 0.05)):
            del underway[client]
            process[client] += clients
            wants[client] = "acquire"
            rows[at][2] = None
        elif at in effects:
            del underway[client]
            rows[at][4] = events
            events += 1
            wants[client] = "release" if (f == "acquire") is (random.random() > mistakes) else "acquire"
    f, argument, result, invoked, returned, processes = map(list, zip(*rows, strict=True))
    return Operations(f, argument, result, invoked, returned, processes, list(range(len(rows))))
