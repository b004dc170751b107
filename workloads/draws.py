"""Random draws as a value: the same position always gives the same number, so that a generator can be asked twice.

A generator is asked again when its operation lies in the future and something else happens first. With a stateful
source the second answer would differ, and real time would leak into what a workload does. SplitMix64 needs no state
but a counter, passes the usual statistical tests, and is far more than a workload's choices need.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple, TypeVar

_MASK = (1 << 64) - 1
_GAMMA = 0x9E3779B97F4A7C15

Item = TypeVar("Item")


class Draws(NamedTuple):
    """A named stream at a position."""

    key: int
    position: int = 0

    @classmethod
    def named(cls, name: str) -> Draws:
        """Start the stream of that name, for instance "7/workload"."""
        return cls(int.from_bytes(sha256(name.encode()).digest()[:8], "big"))

    def bits(self) -> int:
        """Return the 64 bits at this position."""
        mixed = (self.key + (self.position + 1) * _GAMMA) & _MASK
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return mixed ^ (mixed >> 31)

    def below(self, limit: int) -> int:
        """Return a number from 0 to `limit` - 1 (limits are tiny beside 2^64: the bias is too)."""
        return self.bits() % limit

    def choice(self, items: Sequence[Item]) -> Item:
        """Return one of `items`."""
        return items[self.bits() % len(items)]

    def next(self) -> Draws:
        """Return the stream, one position on."""
        return Draws(self.key, self.position + 1)
