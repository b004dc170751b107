"""Generators: immutable values that say which operation comes next.

    ask(context)            → an Emission (operation, when, and the generator after it), or PENDING, or EXHAUSTED
    update(context, event)  → the generator after an invocation or a completion

An emission may lie in the future; whoever asked then waits until that time *or* until something completes, throws the
emission away and asks again. So a generator must be pure: asked twice in the same context, it gives the same answer,
and up to an emission's time it goes on giving that one. PENDING means that nothing can be emitted before something
completes; EXHAUSTED that nothing ever will be.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, Protocol

from keelhaul.workloads.draws import Draws


class Nothing(Enum):
    """What a generator says when it emits nothing."""

    PENDING = "pending"
    EXHAUSTED = "exhausted"


PENDING, EXHAUSTED = Nothing.PENDING, Nothing.EXHAUSTED


class Wanted(NamedTuple):
    """An operation to be done not before `time_ns`, by `thread`, or by any free one if that is None."""

    f: str
    value: Any
    time_ns: int
    thread: int | None = None


class Emission(NamedTuple):
    """The next operation, and the generator once it has been invoked."""

    wanted: Wanted
    rest: Generator


class Context(NamedTuple):
    """What a generator may look at: the time since the run began, and how many threads there are."""

    time_ns: int
    concurrency: int


class Happening(NamedTuple):
    """Something that went into the history: `type` is invoke, ok, fail or info."""

    type: str
    process: int
    f: str
    value: Any


class Generator(Protocol):
    """See the head of this file."""

    def ask(self, context: Context) -> Emission | Nothing:
        """Return what comes next."""
        ...

    def update(self, context: Context, event: Happening) -> Generator:
        """Take note of an invocation or a completion."""
        ...


class Stagger(NamedTuple):
    """Space operations, over all threads together, by uniform draws from [0, 2·interval): `interval_ns` on average.

    When all threads were busy it does not catch up: a burst after a stall would hide what the stall did.
    """

    inner: Generator
    interval_ns: int
    draws: Draws
    next_ns: int = 0

    def ask(self, context: Context) -> Emission | Nothing:
        """Emit the inner operation no earlier than the next beat."""
        found = self.inner.ask(context)
        if isinstance(found, Nothing):
            return found
        wanted, inner = found
        if wanted.time_ns < self.next_ns:
            wanted = Wanted(wanted.f, wanted.value, self.next_ns, wanted.thread)
        next_ns = wanted.time_ns + self.draws.below(2 * self.interval_ns)
        return Emission(wanted, Stagger(inner, self.interval_ns, self.draws.next(), next_ns))

    def update(self, context: Context, event: Happening) -> Generator:
        """Pass it on."""
        inner = self.inner.update(context, event)
        return self if inner is self.inner else Stagger(inner, self.interval_ns, self.draws, self.next_ns)


class Until(NamedTuple):
    """Emit what the inner generator does, up to a moment of the run; operations in flight then are not cancelled."""

    inner: Generator
    end_ns: int

    def ask(self, context: Context) -> Emission | Nothing:
        """Emit, or be exhausted if it would come too late."""
        if context.time_ns >= self.end_ns:
            return EXHAUSTED
        found = self.inner.ask(context)
        if isinstance(found, Nothing):
            return found
        if found.wanted.time_ns >= self.end_ns:
            return EXHAUSTED
        return Emission(found.wanted, Until(found.rest, self.end_ns))

    def update(self, context: Context, event: Happening) -> Generator:
        """Pass it on."""
        inner = self.inner.update(context, event)
        return self if inner is self.inner else Until(inner, self.end_ns)


@dataclass(frozen=True, slots=True)
class EachUntilOk:
    """Try each of some operations until it has succeeded once, side by side; a retry waits `pause_ns`.

    For final reads: they must not miss a key because the first try hit a node that was still coming back.
    """

    waiting: tuple[Wanted, ...]
    pause_ns: int
    open: tuple[tuple[int | None, Wanted], ...] = ()

    def ask(self, context: Context) -> Emission | Nothing:
        """Emit the first that waits."""
        if not self.waiting:
            return PENDING if self.open else EXHAUSTED
        wanted, *others = self.waiting
        when = wanted._replace(time_ns=max(wanted.time_ns, context.time_ns))
        return Emission(when, EachUntilOk(tuple(others), self.pause_ns, (*self.open, (None, wanted))))

    def update(self, context: Context, event: Happening) -> Generator:
        """Note which process took an operation, and put back what didn't succeed."""
        if event.type == "invoke":
            return self._taken(event)
        mine = next((pair for pair in self.open if pair[0] == event.process), None)
        if mine is None:
            return self
        left = tuple(pair for pair in self.open if pair is not mine)
        if event.type == "ok":
            return EachUntilOk(self.waiting, self.pause_ns, left)
        again = mine[1]._replace(time_ns=context.time_ns + self.pause_ns)
        return EachUntilOk((*self.waiting, again), self.pause_ns, left)

    def _taken(self, event: Happening) -> Generator:
        unnamed = next((position for position, pair in enumerate(self.open) if pair[0] is None), None)
        if unnamed is None:
            return self
        named = (event.process, self.open[unnamed][1])
        return EachUntilOk(self.waiting, self.pause_ns, (*self.open[:unnamed], named, *self.open[unnamed + 1 :]))
