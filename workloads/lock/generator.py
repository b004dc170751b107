"""What each thread does next: get a lock, perhaps use it, give it back.

Every operation is for a certain thread, since a lock is given back by whoever holds it. Values are [lock, details]:

    acquire      [lock, {"mode": …}] → [lock, {"mode", "token", "until_ns"}]   waits in the queue
    try-acquire  the same, but never waits
    update       [lock, {"token", "pause_ms"}]                                reads the resource and writes it back
    release      [lock, {"token", "pause_ms"}]
    close        [null, {}]                                                   gives everything back, session included

A completion's details may hold `ended`: the client's holds that have ended since its last completion (belief.py).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from keelhaul.workloads.draws import Draws
from keelhaul.workloads.generator import PENDING, Context, Emission, Generator, Happening, Nothing, Wanted

EXCLUSIVE, SHARED = "exclusive", "shared"


class Holding(NamedTuple):
    """Thread `thread` was told that it holds `lock`."""

    thread: int
    lock: str
    token: Any


class Chances(NamedTuple):
    """Percentages: of updates and of pauses among what a holder does, of shared locks and of tries among acquires."""

    update: int
    pause: int
    shared: int
    attempt: int


class LockOperations(NamedTuple):
    """Endless operations. `busy` threads have one open; `pause_ms` is how long a client stops when it does."""

    locks: tuple[str, ...]
    draws: Draws
    chances: Chances
    pause_ms: int
    busy: tuple[int, ...] = ()
    holdings: tuple[Holding, ...] = ()

    def ask(self, context: Context) -> Emission | Nothing:
        """Emit the next operation of a random free thread."""
        free = [thread for thread in range(context.concurrency) if thread not in self.busy]
        if not free:
            return PENDING
        thread = self.draws.choice(free)
        draws = self.draws.next()
        held = next((holding for holding in self.holdings if holding.thread == thread), None)
        f, value = self._acquire(draws) if held is None else self._use(draws, held)
        return Emission(Wanted(f, value, context.time_ns, thread), self._replace(draws=draws.next()))

    def _acquire(self, draws: Draws) -> tuple[str, Any]:
        bits, lock = divmod(draws.bits(), len(self.locks))
        bits, shared = divmod(bits, 100)
        mode = SHARED if shared < self.chances.shared else EXCLUSIVE
        f = "try-acquire" if bits % 100 < self.chances.attempt else "acquire"
        return f, [self.locks[lock], {"mode": mode}]

    def _use(self, draws: Draws, held: Holding) -> tuple[str, Any]:
        bits, update = divmod(draws.bits(), 100)
        pause_ms = self.pause_ms if bits % 100 < self.chances.pause else 0
        f = "update" if update < self.chances.update else "release"
        return f, [held.lock, {"token": held.token, "pause_ms": pause_ms}]

    def update(self, context: Context, event: Happening) -> Generator:
        """Note who is busy and who holds what."""
        thread = event.process % context.concurrency
        if event.type == "invoke":
            return self._replace(busy=(*self.busy, thread))
        busy = tuple(other for other in self.busy if other != thread)
        others = tuple(one for one in self.holdings if one.thread != thread or not _is_over(one, event))
        if event.f in ("acquire", "try-acquire") and event.type == "ok":
            lock, details = event.value
            others = (*others, Holding(thread, lock, details["token"]))
        return self._replace(busy=busy, holdings=others)


def _is_over(holding: Holding, event: Happening) -> bool:
    """Say whether a completion of the holder's ends a hold: it is told as ended, or the process is gone."""
    if event.type == "info":
        return True
    ended = event.value[1].get("ended", [])
    return any((lock, token) == (holding.lock, holding.token) for lock, _, token, _ in ended)
