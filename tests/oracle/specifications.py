"""What each data type answers, as a list of all that may happen: (result, state afterwards) for an invocation."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import permutations
from random import Random
from typing import Any, Final, Protocol

FAILED: Final = object()
"""As a result: it did not take effect."""
ACKNOWLEDGED: Final = object()
"""As a result: there is nothing to be told."""
TOKENS_MAX: Final = 36
"""Draws take one of the first `DRAWN_MAX` outcomes, so a dozen operations stay well below."""
DRAWN_MAX: Final = 3

Outcomes = Sequence[tuple[Any, Hashable]]


class Specification(Protocol):
    """A data type."""

    name: str
    initial: Hashable

    def draw(self, random: Random, value: Hashable) -> tuple[str, Hashable]:
        """Draw an invocation: a function and its argument. `value` is what it may write."""
        ...

    def outcomes(self, state: Hashable, f: str, argument: Any) -> Outcomes:
        """List what may happen."""
        ...


class Register:
    """Reads and writes of one value."""

    name = "register"
    initial: Hashable = None
    functions: tuple[str, ...] = ("read", "read", "write")

    def draw(self, random: Random, value: Hashable) -> tuple[str, Hashable]:
        """Half reads; a cas expects something near what it writes, so that some succeed."""
        f = random.choice(self.functions)
        if f == "cas":
            expected = random.choice([None, value, *range(5)]) if isinstance(value, int) else None
            return f, ("array", expected, value)
        return f, value if f == "write" else None

    def outcomes(self, state: Hashable, f: str, argument: Any) -> Outcomes:
        """One thing each."""
        if f == "read":
            return [(state, state)]
        if f == "write":
            return [(ACKNOWLEDGED, argument)]
        _, expected, new = argument
        return [(ACKNOWLEDGED, new)] if state == expected else [(FAILED, state)]


class CasRegister(Register):
    """The same with compare-and-set."""

    name = "cas-register"
    functions = ("read", "read", "write", "cas", "cas")


class MultiRegister:
    """Two registers, read and written together."""

    name = "multi-register"
    initial: Hashable = (("x", 0), ("y", 0))

    def draw(self, random: Random, value: Hashable) -> tuple[str, Hashable]:
        """One to three micro-operations."""
        micros = []
        for _ in range(random.randint(1, 3)):
            register = random.choice("xy")
            micros.append(random.choice((("array", "r", register, None), ("array", "w", register, value))))
        return "txn", ("array", *micros)

    def outcomes(self, state: Hashable, f: str, argument: Any) -> Outcomes:
        """Reads are filled in."""
        held, told = dict(state), []  # type: ignore[call-overload]
        for _, kind, register, value in argument[1:]:
            if kind == "w":
                held[register] = value
            told.append(("array", kind, register, held[register]))
        return [(("array", *told), tuple(sorted(held.items())))]


class KeyValue:
    """One key of a store of texts."""

    name = "key-value"
    initial: Hashable = ""

    def draw(self, random: Random, value: Hashable) -> tuple[str, Hashable]:
        """Mostly appends and gets."""
        f = random.choice(("get", "get", "get", "append", "append", "append", "put", "delete"))
        return f, f"{value}." if f in ("append", "put") else None

    def outcomes(self, state: Hashable, f: str, argument: Any) -> Outcomes:
        """One thing each; null also says that there is nothing."""
        if f == "get":
            return [(state, state)] if state else [("", ""), (None, "")]
        return [(ACKNOWLEDGED, {"put": argument, "append": f"{state}{argument}", "delete": ""}[f])]


class Counter:
    """A number."""

    name = "counter"
    initial: Hashable = 0

    def draw(self, random: Random, value: Hashable) -> tuple[str, Hashable]:
        """All five functions."""
        f = random.choice(("read", "read", "add", "increment", "decrement", "add-and-get"))
        return f, value if f.startswith("add") else None

    def outcomes(self, state: Any, f: str, argument: Any) -> Outcomes:
        """One thing each."""
        if f == "read":
            return [(state, state)]
        after = state + {"increment": 1, "decrement": -1}.get(f, argument)
        return [(after if f == "add-and-get" else ACKNOWLEDGED, after)]


class Set:
    """A set that grows and shrinks; reads list it in any order."""

    name = "set"
    initial: Hashable = ()
    functions: tuple[str, ...] = ("add", "add", "remove", "contains", "read", "read")

    def draw(self, random: Random, value: Hashable) -> tuple[str, Hashable]:
        """Any function."""
        f = random.choice(self.functions)
        return f, None if f == "read" else value

    def outcomes(self, state: Any, f: str, argument: Any) -> Outcomes:
        """A read has as many answers as there are orders."""
        if f == "read":
            return [(("array", *order), state) for order in permutations(state)]
        if f == "contains":
            return [(("boolean", argument in state), state)]
        rest = [item for item in state if item != argument]
        return [(ACKNOWLEDGED, tuple(sorted([*rest, argument] if f == "add" else rest)))]


class GrowOnlySet(Set):
    """A set that only grows."""

    name = "grow-only-set"
    functions = ("add", "read")


class InOrder:
    """Values in an order; `end` says where they are taken from, None: they are only read."""

    initial: Hashable = ()

    def __init__(self, name: str, puts: str, takes: str, end: int | None) -> None:
        self.name, self.puts, self.takes, self.end = name, puts, takes, end

    def draw(self, random: Random, value: Hashable) -> tuple[str, Hashable]:
        """Put in or take out."""
        f = random.choice((self.puts, self.takes))
        return f, value if f == self.puts else None

    def outcomes(self, state: Any, f: str, argument: Any) -> Outcomes:
        """One thing each."""
        if f == self.puts:
            return [(ACKNOWLEDGED, (*state, argument))]
        if self.end is None:
            return [(("array", *state), state)]
        if not state:
            return [(None, state)]
        rest = list(state)
        return [(rest.pop(self.end), tuple(rest))]


class Mutex:
    """A lock that anybody may release."""

    name = "mutex"
    initial: Hashable = False

    def draw(self, random: Random, value: Hashable) -> tuple[str, Hashable]:
        """Either."""
        return random.choice(("acquire", "release")), None

    def outcomes(self, state: Any, f: str, argument: Any) -> Outcomes:
        """It fails at once where it can't be done."""
        taken = f == "acquire"
        return [(FAILED, state)] if state is taken else [(ACKNOWLEDGED, taken)]


class OwnerMutex:
    """A lock that its holder releases; with `reentrant`, its holder may take it again."""

    initial: Hashable = ()

    def __init__(self, name: str, *, reentrant: bool = False) -> None:
        self.name, self.reentrant = name, reentrant

    def draw(self, random: Random, value: Hashable) -> tuple[str, Hashable]:
        """Three clients."""
        return random.choice(("acquire", "release")), random.choice("abc")

    def outcomes(self, state: Any, f: str, argument: Any) -> Outcomes:
        """The state lists the holder as often as it holds it."""
        holds = argument in state
        if f == "release":
            return [(ACKNOWLEDGED, state[1:])] if holds else [(FAILED, state)]
        free = not state or (holds and self.reentrant)
        return [(ACKNOWLEDGED, (argument, *state))] if free else [(FAILED, state)]


class ReadWriteLock:
    """Many readers or one writer."""

    name = "read-write-lock"
    initial: Hashable = ()

    def draw(self, random: Random, value: Hashable) -> tuple[str, Hashable]:
        """Three clients."""
        f = random.choice(("acquire-read", "release-read", "acquire-write", "release-write"))
        return f, random.choice("abc")

    def outcomes(self, state: Any, f: str, argument: Any) -> Outcomes:
        """The state lists who holds it, and how."""
        verb, how = f.split("-")
        held = (how, argument)
        if verb == "release":
            rest = tuple(item for item in state if item != held)
            return [(ACKNOWLEDGED, rest)] if held in state else [(FAILED, state)]
        free = held not in state and all(how == "read" == other for other, _ in state)
        return [(ACKNOWLEDGED, tuple(sorted((*state, held))))] if free else [(FAILED, state)]


class Semaphore:
    """Two permits."""

    name = "semaphore"
    initial: Hashable = 2

    def draw(self, random: Random, value: Hashable) -> tuple[str, Hashable]:
        """One or two at a time."""
        return random.choice(("acquire", "release")), random.choice((None, 1, 2))

    def outcomes(self, state: Any, f: str, argument: Any) -> Outcomes:
        """Never less than none, never more than there are."""
        after = state + (argument or 1) * (-1 if f == "acquire" else 1)
        return [(ACKNOWLEDGED, after)] if 0 <= after <= 2 else [(FAILED, state)]


class FencedLock:
    """A lock that its holder releases, whose tokens grow from 0; `leases` end without a release."""

    initial: Hashable = (None, -1)

    def __init__(self, name: str, *, leases: bool = False) -> None:
        self.name, self.leases = name, leases

    def draw(self, random: Random, value: Hashable) -> tuple[str, Hashable]:
        """Three clients."""
        f = "acquire" if self.leases else random.choice(("acquire", "release"))
        return f, random.choice("abc")

    def outcomes(self, state: Any, f: str, argument: Any) -> Outcomes:
        """The tokens have to end somewhere: far above what is drawn."""
        holder, last = state
        if f == "release":
            return [(ACKNOWLEDGED, (None, last))] if holder == argument else [(FAILED, state)]
        if holder is not None and not self.leases:
            return [(FAILED, state)]
        return [(token, (argument, token)) for token in range(last + 1, TOKENS_MAX)]


class LeaderElection:
    """Terms grow from 0."""

    name = "leader-election"
    initial: Hashable = (-1, None)

    def draw(self, random: Random, value: Hashable) -> tuple[str, Hashable]:
        """Three nodes."""
        f = random.choice(("campaign", "campaign", "resign", "leader", "leader"))
        return f, None if f == "leader" else random.choice("abc")

    def outcomes(self, state: Any, f: str, argument: Any) -> Outcomes:
        """The terms have to end somewhere: far above what is drawn."""
        term, leader = state
        if f == "leader":
            return [(None if leader is None else ("array", term, leader), state)]
        if f == "resign":
            return [(ACKNOWLEDGED, (term, None))] if leader == argument else [(FAILED, state)]
        return [(higher, (higher, argument)) for higher in range(term + 1, TOKENS_MAX)]


class WriteOnce:
    """A value that is chosen once."""

    name = "write-once"
    initial: Hashable = None

    def draw(self, random: Random, value: Hashable) -> tuple[str, Hashable]:
        """Either."""
        f = random.choice(("propose", "read"))
        return f, value if f == "propose" else None

    def outcomes(self, state: Hashable, f: str, argument: Any) -> Outcomes:
        """One thing each."""
        after = argument if state is None and f == "propose" else state
        return [(after, after)]


_ALL: tuple[Specification, ...] = (
    Register(),
    CasRegister(),
    MultiRegister(),
    KeyValue(),
    Counter(),
    Set(),
    GrowOnlySet(),
    InOrder("list", "append", "read", None),
    InOrder("fifo-queue", "enqueue", "dequeue", 0),
    InOrder("stack", "push", "pop", -1),
    Mutex(),
    OwnerMutex("owner-mutex"),
    OwnerMutex("reentrant-mutex", reentrant=True),
    ReadWriteLock(),
    Semaphore(),
    FencedLock("fenced-lock"),
    FencedLock("fencing-token", leases=True),
    LeaderElection(),
    WriteOnce(),
)
SPECIFICATIONS: dict[str, Specification] = {specification.name: specification for specification in _ALL}
