"""A node's own clock: a monotonic one, which a nemesis may let run too fast or too slow, or jump.

Nodes are handed the reading of a clock that starts anywhere and never goes back (rule G1). What can go wrong with such
a clock is its rate, a leap ahead (a virtual machine that was moved, a bad time source), and a standstill. So a jump
back by some time is a standstill for that long: that is what a monotonic clock makes of it.

Where a fault ends, the clock goes on from what it shows, at the right rate: no fault's end is a jump of its own.
Arithmetic only; whoever runs the node asks with the true time, the simulated or the machine's own.
"""

from __future__ import annotations

MILLION = 1_000_000
RATE_PPM_MAX = 900_000
"""Far beyond any quartz; at a million a slow clock would stand still for good."""
JUMP_MS_MAX = 600_000


class Clock:
    """A clock that shows `shows_ns` at the true time `true_ns`, and is `rate_ppm` millionths too fast."""

    __slots__ = ("_anchor_ns", "_from_ns", "_latest_ns", "rate_ppm")

    def __init__(self, true_ns: int, shows_ns: int, rate_ppm: int = 0) -> None:
        self._anchor_ns = true_ns
        self._from_ns = self._latest_ns = shows_ns
        self.rate_ppm = rate_ppm

    def read(self, true_ns: int) -> int:
        """Return what it shows, in ns: never less than before."""
        shows_ns = self._from_ns + true_ns - self._anchor_ns
        if self.rate_ppm:
            shows_ns += (true_ns - self._anchor_ns) * self.rate_ppm // MILLION
        if shows_ns > self._latest_ns:
            self._latest_ns = shows_ns
        return self._latest_ns

    def when(self, shows_ns: int) -> int:
        """Return the true time from which on it shows at least `shows_ns`, if nothing happens to it until then."""
        passed_ns = shows_ns - self._from_ns
        if self.rate_ppm:
            passed_ns = passed_ns * MILLION // (MILLION + self.rate_ppm) + 1
        return self._anchor_ns + passed_ns

    def skew(self, true_ns: int, rate_ppm: int, jump_ns: int = 0) -> None:
        """From now on run at this rate, after a jump; both replace what an earlier skew left."""
        assert abs(rate_ppm) <= RATE_PPM_MAX
        self._from_ns = self.read(true_ns) + jump_ns
        self._anchor_ns = true_ns
        self.rate_ppm = rate_ppm
