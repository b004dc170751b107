"""Virtual time: actions in order of (time, sequence): at the same time, in the order in which they were asked for."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any


class Scheduler:
    """The simulated clock and all that is going to happen."""

    __slots__ = ("_heap", "_sequence", "now_ns")

    def __init__(self) -> None:
        self.now_ns = 0
        self._sequence = 0
        self._heap: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []

    def at(self, time_ns: int, action: Callable[..., None], *arguments: Any) -> None:
        """Call `action(*arguments)` at `time_ns`, which may not be in the past."""
        assert time_ns >= self.now_ns, "the past can't be changed"
        self._sequence += 1
        heappush(self._heap, (time_ns, self._sequence, action, arguments))

    def after(self, delay_ns: int, action: Callable[..., None], *arguments: Any) -> None:
        """Call `action(*arguments)` `delay_ns` from now."""
        self._sequence += 1
        heappush(self._heap, (self.now_ns + delay_ns, self._sequence, action, arguments))

    def forget(self) -> None:
        """Drop all that was going to happen."""
        self._heap.clear()

    def run_next(self) -> bool:
        """Let the next thing happen; return False if nothing is left to happen."""
        if not self._heap:
            return False
        self.now_ns, _, action, arguments = heappop(self._heap)
        action(*arguments)
        return True
