"""A system's options, as a scenario writes them: whole numbers, units last, and now and then one of a few words.

A system names its options in a frozen dataclass on top of `Options`: a field each, with its default. What is true of
one value alone (a whole number, one of the words) is judged here; what must hold between values, by `problems`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, ClassVar, Self

MS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What every system's options can do."""

    LEAST: ClassVar[int] = 0
    """The smallest number allowed."""
    WORDS: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """The options whose values are words, and which words."""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Make options from what was given; ValueError names all that don't exist or don't fit."""
        known = [field.name for field in fields(cls)]
        given = {name: value for name, value in options.items() if name in known}
        misspelt = [f"there is no option {name!r}{_nearest(name, known)}" for name in options if name not in given]
        unfit = [problem for name, value in given.items() if (problem := cls._problem_of(name, value))]
        problems = misspelt + (unfit or cls(**given).problems())
        if problems:
            raise ValueError("; ".join(problems))
        return cls(**given)

    @classmethod
    def _problem_of(cls, name: str, value: object) -> str | None:
        if words := cls.WORDS.get(name):
            allowed = f"allowed are {', '.join(words)}{_nearest(value, words)}"
            return None if value in words else f"{name} is {value!r}; {allowed}"
        if type(value) is int and value >= cls.LEAST:
            return None
        return f"{name} is {value!r}; it must be a whole number from {cls.LEAST} on"

    def problems(self) -> list[str]:
        """Say which values don't go together; each of them is fit by itself."""
        return []


def timing_problems(election_timeout_ms: int, heartbeat_ms: int, clock_drift_percent: int) -> list[str]:
    """Say what is wrong with the times of a system that elects a leader and gives leases."""
    problems = []
    if heartbeat_ms < 1 or election_timeout_ms < 2 * heartbeat_ms:
        problems.append("election_timeout_ms must be at least twice heartbeat_ms, and heartbeat_ms at least 1")
    if clock_drift_percent > 50:
        problems.append("clock_drift_percent must be at most 50")
    return problems


def lease_ns(election_timeout_ns: int, heartbeat_ns: int, clock_drift_percent: int) -> int:
    """Return how long, on a leader's clock, those that answered a heartbeat refuse others, at least (LR1, §2.6).

    They do so for an election timeout on their own clocks, which may run fast while the leader's runs slow, each within
    the drift.
    """
    slow, fast = 100 - clock_drift_percent, 100 + clock_drift_percent
    return election_timeout_ns * slow // fast - heartbeat_ns // 10


def _nearest(value: object, allowed: Collection[str]) -> str:
    near = get_close_matches(str(value), allowed, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
