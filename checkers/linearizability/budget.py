"""What a check may cost: time, memory, work; looked at from the innermost loops.

Every loop that may be long says what it does: `budget.spend(n)` for n units of work, a unit being about one attempted
step of the model. Only every so many units is anything looked at that costs something to look at (the clock, the
memory): each look measures what the last units took and sets the next one so that they lie about LOOK_EVERY_S apart. So
a limit of seconds is overrun by a few milliseconds, whatever a unit happens to cost.

Three limits, each of them optional:

* **work** is a number of units. It alone gives the same verdict on every machine, so it is what a run's verdict uses.
* **seconds** need a `clock`, any function whose answer grows by 1 a second. There is none in here: checkers read no
  clock but what they are handed. The last bit of it is left for what comes after the work.
* **megabytes** are compared with what `memory` answers, if it is given (the process's resident size, as a rule), and
  with what the algorithms say that they `hold`.

An innermost loop may spend without a call: `budget.left -= n`, and `budget.look()` once `left` is negative. One that
goes over a whole history does so by `over`. What can't be interrupted, as a table that grows, takes some 100 ns for
an operation: with millions of them, much of a second. It is begun only if there is time to go on then (`foresee`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from math import inf
from typing import Final, Self, TypeAlias, TypeVar

LOOK_EVERY_S: Final = 0.002
"""Time between looks. A limit of 1 s is overrun by about this; a look costs some microseconds."""
PIECE: Final = 1 << 13
"""Things that are dealt with between two questions whether there is time: that takes some milliseconds."""
UNIT_S: Final = 0.5e-6
"""Time that a unit takes, at least."""
RESERVED: Final = 0.03
"""Part of a limit of seconds in which no work is begun: what was made has to be let go of, and told of."""
UNITS_FIRST: Final = 200
"""Units up to the first look, before anything is known of their cost."""
UNITS_MAX: Final = 10_000
"""Units between looks at most: they get dearer as a search goes on."""
SHARE_WORK_MIN: Final = 100
SHARE_SECONDS_MIN: Final = 0.005
"""A share is not made smaller than this: with less, nothing would ever be decided."""
GROWTH_MAX: Final = 4
"""By how much the units between looks may grow at once: a few cheap ones promise nothing."""
MEGABYTE: Final = 1_000_000
_Thing = TypeVar("_Thing")
Spend: TypeAlias = Callable[[int], None]
"""Is told of units of work before they are done; it may raise."""


class BudgetSpent(Exception):
    """The work must stop here, undecided. `limit` names what was spent: "1 s", "100 MB", "5000 units of work"."""

    def __init__(self, limit: str) -> None:
        super().__init__(f"the budget of {limit} is spent")
        self.limit = limit


class Budget:
    """Counts what is spent, and raises `BudgetSpent` when a limit is reached. Limits that are None don't apply."""

    __slots__ = (
        "_bytes_max",
        "_clock",
        "_counted",
        "_looked",
        "_memory",
        "_named",
        "_paused",
        "_started",
        "_units",
        "held",
        "left",
        "megabytes",
        "seconds",
        "work",
    )

    def __init__(
        self,
        *,
        work: int | None = None,
        seconds: float | None = None,
        megabytes: float | None = None,
        clock: Callable[[], float] | None = None,
        memory: Callable[[], float] | None = None,
    ) -> None:
        """Start counting. `clock` answers in seconds, `memory` in MB; ValueError if `seconds` comes without a clock."""
        if seconds is not None and clock is None:
            raise ValueError("a limit of seconds needs a clock")
        self.work, self.megabytes = work, megabytes
        self.seconds = None if seconds is None else seconds * (1 - RESERVED)
        self._bytes_max = inf if megabytes is None else megabytes * MEGABYTE
        self._named = work, seconds
        self._clock, self._memory = clock, memory
        self._started = self._looked = clock() if clock is not None else 0.0
        self._paused: float | None = None
        self.held = 0
        self._counted = 0
        self._units = self.left = UNITS_FIRST if work is None or work > UNITS_FIRST else work

    @property
    def spent(self) -> int:
        """Units of work so far."""
        return self._counted + self._units - self.left

    def spend(self, units: int = 1) -> None:
        """Count units of work; BudgetSpent if a limit is reached."""
        self.left -= units
        if self.left < 0:
            self.look()

    def over(self, things: Iterable[_Thing], count: int, each: int = 1) -> Iterable[_Thing]:
        """Return what goes over `count` things, at most, counting a unit of work for every `each` of them; where they
        are many, piece by piece, for nothing is looked at otherwise until the end."""
        if count <= PIECE:
            self.spend(count // each)
            return things
        rest = iter(things)
        return chain.from_iterable(islice(rest, size) for size in self._pieces(count, each))

    def _pieces(self, count: int, each: int) -> Iterator[int]:
        for start in range(0, count, PIECE):
            size = min(PIECE, count - start)
            self.spend(size // each)
            yield size

    def foresee(self, units: int) -> None:
        """BudgetSpent if it is plain that time won't suffice for so many units, which aren't counted. What makes
        something large had better not begin then: to let go of it takes time, too. What takes less than there is
        between two looks needs no look of its own."""
        if self.seconds is None or self._clock is None or units * UNIT_S < LOOK_EVERY_S:
            return
        if self._started + self.seconds - self._clock() < units * UNIT_S:
            raise BudgetSpent(f"{self._named[1]:g} s")

    @contextmanager
    def reserving(self, seconds: float) -> Iterator[None]:
        """Don't have the last so many seconds worked in: what is made meanwhile takes them to be let go of."""
        before = self.seconds
        if before is not None:
            self.seconds = before - seconds
        try:
            yield
        finally:
            self.seconds = before

    def hold(self, size: int) -> None:
        """Count bytes that are kept from here on; a negative size lets go. BudgetSpent, and nothing counted, if that is
        more than the limit: between two looks, large things could add up to a lot."""
        held = self.held + size
        if size > 0 and held >= self._bytes_max:
            raise BudgetSpent(f"{self.megabytes:g} MB")
        self.held = held

    def look(self) -> None:
        """Compare everything with its limit; BudgetSpent if one is reached."""
        units = self._units - self.left
        self._counted += units
        self._units = self.left = 0
        if self.work is not None and self._counted >= self.work:
            raise BudgetSpent(f"{self._named[0]} units of work")
        self._look_at_memory()
        self._units = self.left = self._until_look(self._look_at_clock(units))

    def part(self, work: int) -> Budget:
        """Return a budget of at most `work` units, and no more of anything than is left here."""
        if self.work is not None:
            work = min(work, max(0, self.work - self.spent))
        return self.aside(work)

    @contextmanager
    def attempt(self, work: int) -> Iterator[Budget]:
        """Give a `part` to what is in the `with`, and count what that has spent, however it ends; BudgetSpent if the
        whole has thereby reached a limit."""
        part = self.part(work)
        try:
            yield part
        finally:
            self.left -= part.spent
            self.look()

    def aside(self, work: int) -> Budget:
        """Return a budget of `work` units that don't count here, with the time and memory that are left."""
        seconds = self.seconds
        if seconds is not None and self._clock is not None:
            seconds -= self._clock() - self._started
        part = self._piece(work, seconds)
        part._named = work, self._named[1]
        return part

    def running(self) -> Self:
        """Let time pass within a `with`, and no more of it afterwards until the next one: what nobody works counts for
        nothing."""
        return self

    def __enter__(self) -> None:
        if self._paused is not None and self._clock is not None:
            self._started += self._clock() - self._paused
        self._paused = None

    def __exit__(self, *_: object) -> None:
        self._paused = None if self._clock is None else self._clock()

    def share(self, count: int) -> Budget:
        """Return a budget for one of `count` that share evenly what is left here; the last of them gets all of it.
        When it is used up or not needed any more, `account` for it."""
        if count == 1:
            return self
        work, seconds = self.work, self.seconds
        if work is not None:
            left = max(0, work - self.spent)
            work = min(left, max(left // count, SHARE_WORK_MIN))
        if seconds is not None and self._clock is not None:
            remaining = seconds - (self._clock() - self._started)
            seconds = min(remaining, max(remaining / count, SHARE_SECONDS_MIN))
        share = self._piece(work, seconds)
        share._named = self._named
        return share

    def account(self, share: Budget) -> None:
        """Count what a share has spent, without looking at the limits."""
        if share is not self:
            self._counted += share.spent

    def _piece(self, work: int | None, seconds: float | None) -> Budget:
        """Return a budget that begins now; of its seconds nothing is reserved again."""
        piece = Budget(work=work, megabytes=self.megabytes, clock=self._clock, memory=self._memory)
        piece.seconds, piece.held = seconds, self.held
        return piece

    def _until_look(self, units: int) -> int:
        return units if self.work is None else min(units, self.work - self._counted)

    def _look_at_memory(self) -> None:
        if self.megabytes is None:
            return
        used = self.held / MEGABYTE
        if used < self.megabytes and self._memory is not None:
            used = self._memory()
        if used >= self.megabytes:
            raise BudgetSpent(f"{self.megabytes:g} MB")

    def _look_at_clock(self, units: int) -> int:
        """Return how many units to let pass until the next look."""
        if self._clock is None:
            return UNITS_MAX
        now = self._clock()
        if self.seconds is not None and now - self._started >= self.seconds:
            raise BudgetSpent(f"{self._named[1]:g} s")
        took, self._looked = now - self._looked, now
        paced = round(units * LOOK_EVERY_S / took) if took > 0 else UNITS_MAX
        return max(1, min(paced, GROWTH_MAX * units + 1, UNITS_MAX))
