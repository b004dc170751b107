"""Histories of concurrent objects, one for each model, in which one thing goes wrong.

A client is idle, underway, or underway and done; a turn takes a client at random one step further. So about two thirds
of them are underway at each moment. A lock's clients ask for what they don't hold, and give back what they do after a
while, unless said otherwise ("by anybody"). What can't be done fails at once, and is no part of the history.

What goes wrong happens once, at a random moment:

    answer  an operation is told what another one of its function was told; where nothing is told, one that has to fail
            succeeds
    lost    an operation succeeds and has no effect
    stale   an operation is answered by the state of a while ago; if it changes something, that is what it leaves
    twice   an operation takes effect twice, and the first answer is told
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, NamedTuple, TypeAlias

from keelhaul.checkers.linearizability.operations import OPEN, Operations

WAYS: Final = ("answer", "lost", "stale", "twice")
"""What can go wrong."""
STALE_MAX: Final = 40
"""How many effects ago the state is taken from, at most."""
WHILE: Final = 4
"""Turns of its own, on average, that a client holds a lock."""
TURNS_MAX: Final = 200
"""Turns for each operation that is wanted: a lock may be lost for ever."""
INFO: Final = 0.005
"""How often it isn't known what became of an operation."""

Act: TypeAlias = "Callable[[Any, str, Any, Hashable], tuple[Any, Any] | None]"
"""(state, function, argument, client) → (answer, state afterwards); None: it can't be done."""
Invoke: TypeAlias = "Callable[[Random, int, list[Any]], tuple[str, Any]]"
"""(random, number, what the client holds) → function and argument."""


class Faulty(NamedTuple):
    """An object: its model by name, what it holds at first, what is asked of it, and what it does."""

    model: str
    initial: Any
    invoke: Invoke
    act: Act
    info: float = INFO
    by_anybody: bool = False


@dataclass
class _Client:
    """A client: what it has underway, and what it holds, for locks."""

    process: int
    at: int = -1
    answer: Any = None
    done: bool = False
    holds: list[Any] = field(default_factory=list)


class _Recorder:
    """The history so far, and what the object held after each effect."""

    def __init__(self, random: Random, one: Faulty) -> None:
        self.rows: list[list[Any]] = []
        """Function, argument, answer, invoked, returned, process."""
        self.failed: set[int] = set()
        self._random, self._one = random, one
        self._states = [one.initial]
        self._told: dict[str, list[Any]] = {}
        self._event = 0

    def invoke(self, client: _Client) -> None:
        f, argument = self._one.invoke(self._random, len(self.rows), client.holds)
        client.at, client.done = len(self.rows), False
        self.rows.append([f, argument, None, self._event, OPEN, client.process])
        self._event += 1

    def act(self, client: _Client, way: str | None) -> bool:
        """Have the operation take effect, which goes wrong in some way; say whether anything did."""
        f, argument = self.rows[client.at][:2]
        right = self._one.act(self._states[-1], f, argument, client.process)
        wrong = right if way is None else self._wrongly(way, f, argument, client.process)
        found = right if wrong is None else wrong
        if found is None:
            self.failed.add(client.at)
            client.at = -1
            return False
        client.answer, client.done = found[0], True
        self._states.append(found[1])
        self._told.setdefault(f, []).append(found[0])
        if f.startswith(("acquire", "campaign")):
            client.holds.append((f, argument))
        elif client.holds and f.startswith(("release", "resign")):
            client.holds.pop()
        return wrong is not None and wrong != right

    def _wrongly(self, way: str, f: str, argument: Any, who: int) -> tuple[Any, Any] | None:
        """Return what goes wrong in this way; None if it can't."""
        act, state = self._one.act, self._states[-1]
        right = act(state, f, argument, who)
        if way == "stale":
            back = self._random.randint(1, STALE_MAX)
            old = act(self._states[max(0, len(self._states) - 1 - back)], f, argument, who)
            return old if old is None or right is None else (old[0], right[1])
        told = self._told.get(f)
        if right is None:
            if way != "answer" or f not in ("acquire", "release", *SHARED):
                return None
            return told[-1] if told and argument is None else argument, state
        if way == "answer":
            return (self._random.choice(told), right[1]) if told else None
        again = act(right[1], f, argument, who) if way == "twice" else None
        return (right[0], state) if way == "lost" else None if again is None else (right[0], again[1])

    def complete(self, client: _Client) -> None:
        # A client that holds a lock doesn't crash: nobody would get it any more.
        if not client.holds and self._random.random() < self._one.info:
            client.process += 1_000
        else:
            self.rows[client.at][2], self.rows[client.at][4] = client.answer, self._event
            self._event += 1
        client.at = -1

    def operations(self) -> Operations:
        kept = [row for at, row in enumerate(self.rows) if at not in self.failed]
        f, argument, result, invoked, returned, process = (list(column) for column in zip(*kept, strict=True))
        return Operations(f, argument, result, invoked, returned, process, range(len(kept)))


def recorded(random: Random, one: Faulty, count: int, clients: int, way: str | None) -> Operations:
    """Record `count` operations of the object, of which one goes wrong in some way; None: none does."""
    recorder, crowd = _Recorder(random, one), [_Client(process) for process in range(clients)]
    moment, over, turns = random.randrange(count // 10, count), False, 0
    while crowd:
        turns += 1
        client = random.choice(crowd)
        started = len(recorder.rows) - len(recorder.failed)
        over = over or started == count or turns > TURNS_MAX * count
        if client.at < 0 and client.holds and not one.by_anybody and random.randrange(WHILE):
            continue
        if client.at >= 0 and client.done:
            recorder.complete(client)
        elif client.at >= 0:
            if recorder.act(client, way if started >= moment else None):
                way = None
        elif not over:
            recorder.invoke(client)
        else:
            crowd.remove(client)
    return recorder.operations()


def _register(domain: int | None, *, cas: bool) -> Faulty:
    def invoke(random: Random, number: int, holds: list[Any]) -> tuple[str, Any]:
        value = number + 1 if domain is None else random.randrange(domain)
        f = random.choice(("read", "write", "cas") if cas else ("read", "write"))
        return f, {"read": None, "write": value, "cas": ("array", random.randrange(domain or 5), value)}[f]

    def act(state: Any, f: str, argument: Any, who: Hashable) -> tuple[Any, Any] | None:
        if f == "cas":
            return (argument, argument[2]) if state == argument[1] else None
        return (state, state) if f == "read" else (argument, argument)

    return Faulty("cas-register" if cas else "register", None, invoke, act)


def _multi_register(names: str) -> Faulty:
    def invoke(random: Random, number: int, holds: list[Any]) -> tuple[str, Any]:
        micros = [(random.choice("rw"), random.choice(names)) for _ in range(random.randint(1, 3))]
        return "txn", ("array", *(("array", f, name, number if f == "w" else None) for f, name in micros))

    def act(state: Any, f: str, argument: Any, who: Hashable) -> tuple[Any, Any]:
        held, told = dict(state), []
        for _, kind, name, value in argument[1:]:
            if kind == "w":
                held[name] = value
            told.append(("array", kind, name, held[name]))
        return ("array", *told), tuple(held.items())

    initial = ",".join(f'"{name}":0' for name in names)
    return Faulty(f"multi-register:{{{initial}}}", tuple((name, 0) for name in names), invoke, act)


def _key_value() -> Faulty:
    def invoke(random: Random, number: int, holds: list[Any]) -> tuple[str, Any]:
        f = random.choice(("get", "get", "get", "append", "append", "append", "put", "delete"))
        return f, f"{number}." if f in ("append", "put") else None

    def act(state: str, f: str, argument: Any, who: Hashable) -> tuple[Any, str]:
        return (state, state) if f == "get" else (argument, {"append": state + (argument or "")}.get(f, argument or ""))

    return Faulty("key-value", "", invoke, act)


def _counter() -> Faulty:
    def invoke(random: Random, number: int, holds: list[Any]) -> tuple[str, Any]:
        f = random.choice(("read", "read", "add", "increment", "decrement", "add-and-get"))
        return f, random.randint(1, 5) if f.startswith("add") else None

    def act(state: int, f: str, argument: Any, who: Hashable) -> tuple[Any, int]:
        after = state + {"read": 0, "increment": 1, "decrement": -1}.get(f, argument)
        return after if f in ("read", "add-and-get") else argument, after

    return Faulty("counter", 0, invoke, act)


def _set(domain: int | None) -> Faulty:
    def invoke(random: Random, number: int, holds: list[Any]) -> tuple[str, Any]:
        f = random.choice(("add", "read") if domain is None else ("add", "add", "remove", "contains", "read", "read"))
        value = number if domain is None else random.randrange(domain)
        return f, None if f == "read" else value

    def act(state: Any, f: str, argument: Any, who: Hashable) -> tuple[Any, Any]:
        if f in ("add", "remove"):
            return argument, state | {argument} if f == "add" else state - {argument}
        return ("array", *sorted(state)) if f == "read" else ("boolean", argument in state), state

    return Faulty("grow-only-set" if domain is None else "set", frozenset(), invoke, act)


def _in_order(model: str, puts: str, takes: str, end: int | None, domain: int | None = None) -> Faulty:
    def invoke(random: Random, number: int, holds: list[Any]) -> tuple[str, Any]:
        f = random.choice((puts, takes))
        value = number if domain is None else random.randrange(domain)
        return f, value if f == puts else None

    def act(state: Any, f: str, argument: Any, who: Hashable) -> tuple[Any, Any]:
        if f == puts:
            return argument, (*state, argument)
        if end is None:
            return ("array", *state), state
        rest = list(state)
        return (rest.pop(end), tuple(rest)) if rest else (None, state)

    return Faulty(model, (), invoke, act)


SHARED: Final = ("acquire-read", "release-read", "acquire-write", "release-write")


def _by_turns(random: Random, number: int, holds: list[Any]) -> tuple[str, Any]:
    return ("release" if holds else "acquire"), None


def _by_anybody(random: Random, number: int, holds: list[Any]) -> tuple[str, Any]:
    return random.choice(("acquire", "release")), None


def _mutex(invoke: Invoke, info: float = 0.0) -> Faulty:
    def act(state: bool, f: str, argument: Any, who: Hashable) -> tuple[Any, bool] | None:
        return None if state is (f == "acquire") else (None, not state)

    return Faulty("mutex", False, invoke, act, info, invoke is _by_anybody)


def _semaphore(permits: int, most: int, *, by_anybody: bool) -> Faulty:
    def invoke(random: Random, number: int, holds: list[Any]) -> tuple[str, Any]:
        if not by_anybody and holds:
            return "release", holds[-1][1]
        return random.choice(("acquire", "release")) if by_anybody else "acquire", random.randint(1, most)

    def act(state: int, f: str, argument: Any, who: Hashable) -> tuple[Any, int] | None:
        after = state - argument if f == "acquire" else state + argument
        return (argument, after) if 0 <= after <= permits else None

    return Faulty(f"semaphore:{permits}", permits, invoke, act, 0.0, by_anybody)


def _owned(model: str, *, tokens: bool = False, depth: int = 1) -> Faulty:
    """The state is who holds it, how often, and the last token."""

    def invoke(random: Random, number: int, holds: list[Any]) -> tuple[str, Any]:
        again = depth > 1 and len(holds) < depth and random.random() < 0.5
        return ("release" if holds and not again else "acquire"), None

    def act(state: Any, f: str, argument: Any, who: Hashable) -> tuple[Any, Any] | None:
        holder, times, token = state
        if f == "release":
            return (None, (holder if times > 1 else None, times - 1, token)) if holder == who else None
        if holder not in (None, who) or times >= depth:
            return None
        return token + 1 if tokens else None, (who, times + 1, token + 1)

    return Faulty(model, (None, 0, -1), invoke, act)


def _tokens() -> Faulty:
    def act(state: int, f: str, argument: Any, who: Hashable) -> tuple[int, int]:
        return state + 1, state + 1

    return Faulty("fencing-token", -1, lambda *_: ("acquire", None), act)


def _read_write_lock() -> Faulty:
    def invoke(random: Random, number: int, holds: list[Any]) -> tuple[str, Any]:
        if holds:
            return holds[-1][0].replace("acquire", "release"), None
        return random.choice(("acquire-read", "acquire-read", "acquire-write")), None

    def act(state: Any, f: str, argument: Any, who: Hashable) -> tuple[Any, Any] | None:
        writer, readers = state
        after = {
            "acquire-read": None if writer is not None or who in readers else (None, readers | {who}),
            "release-read": (None, readers - {who}) if who in readers else None,
            "acquire-write": None if writer is not None or readers else (who, readers),
            "release-write": (None, readers) if writer == who else None,
        }[f]
        return None if after is None else (None, after)

    return Faulty("read-write-lock", (None, frozenset()), invoke, act)


def _election() -> Faulty:
    def invoke(random: Random, number: int, holds: list[Any]) -> tuple[str, Any]:
        f = random.choice(("campaign", "campaign", "resign", "leader", "leader"))
        return f, None if f == "leader" else f"n{random.randrange(5)}"

    def act(state: Any, f: str, argument: Any, who: Hashable) -> tuple[Any, Any] | None:
        term, leader = state
        if f == "leader":
            return None if leader is None else ("array", term, leader), state
        if f == "resign":
            return (argument, (term, None)) if leader == argument else None
        return term + 1, (term + 1, argument)

    return Faulty("leader-election", (-1, None), invoke, act)


def _write_once() -> Faulty:
    def invoke(random: Random, number: int, holds: list[Any]) -> tuple[str, Any]:
        return ("propose", number) if number and random.random() < 0.3 else ("read", None)

    def act(state: Any, f: str, argument: Any, who: Hashable) -> tuple[Any, Any]:
        # It takes a while, or a history would be over as soon as it began.
        after = argument if state is None and f == "propose" else state
        return after, after

    return Faulty("write-once", None, invoke, act)


OBJECTS: Final = {
    "register": _register(5, cas=False),
    "register, values of their own": _register(None, cas=False),
    "cas-register": _register(5, cas=True),
    "multi-register": _multi_register("xy"),
    "multi-register, of five": _multi_register("vwxyz"),
    "key-value": _key_value(),
    "counter": _counter(),
    "set": _set(5),
    "grow-only-set": _set(None),
    "list": _in_order("list", "append", "read", None),
    "fifo-queue": _in_order("fifo-queue", "enqueue", "dequeue", 0),
    "fifo-queue, five values": _in_order("fifo-queue", "enqueue", "dequeue", 0, 5),
    "stack": _in_order("stack", "push", "pop", -1),
    "stack, five values": _in_order("stack", "push", "pop", -1, 5),
    "mutex": _mutex(_by_turns),
    "mutex, by anybody": _mutex(_by_anybody),
    "mutex, some outcomes unknown": _mutex(_by_turns, INFO),
    "owner-mutex": _owned("owner-mutex"),
    "reentrant-mutex": _owned("reentrant-mutex", depth=3),
    "read-write-lock": _read_write_lock(),
    "semaphore": _semaphore(3, 1, by_anybody=False),
    "semaphore, by anybody": _semaphore(3, 1, by_anybody=True),
    "semaphore, several at once": _semaphore(3, 2, by_anybody=False),
    "fenced-lock": _owned("fenced-lock", tokens=True),
    "fencing-token": _tokens(),
    "leader-election": _election(),
    "write-once": _write_once(),
}
"""By what they are called in the table."""
