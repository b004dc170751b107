"""A configuration: who votes, who only listens, and what a quorum is. Plain data; the rules of change are elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple


class Configuration(NamedTuple):
    """Members by name. `old` is empty, or the voters before a joint change that is under way (M5)."""

    voters: tuple[str, ...]
    old: tuple[str, ...] = ()
    learners: tuple[str, ...] = ()
    entry_index: int = 0
    """Where its entry is in the log; 0 for the one that a cluster begins with."""

    def has_quorum(self, names: Collection[str]) -> bool:
        """Say whether these are more than half of the voters (E4): while it is joint, of the old ones as well."""
        return all(2 * sum(1 for name in group if name in names) > len(group) for group in self._groups())

    def agreed(self, reached: Mapping[str, int]) -> int:
        """Return the highest number that a quorum has reached: the commit rule's arithmetic (C1)."""
        return min(_middle(group, reached) for group in self._groups()) if self.old else _middle(self.voters, reached)

    def votes(self, name: str) -> bool:
        """Say whether `name` is among the voters, the old ones included."""
        return name in self.voters or name in self.old

    @property
    def members(self) -> tuple[str, ...]:
        """Everybody who gets the log, each once."""
        return tuple(dict.fromkeys((*self.voters, *self.old, *self.learners)))

    def _groups(self) -> tuple[tuple[str, ...], ...]:
        return (self.voters, self.old) if self.old else (self.voters,)

    def payload(self) -> list[list[str]]:
        """Return what its log entry holds."""
        return [list(self.voters), list(self.old), list(self.learners)]

    @classmethod
    def of(cls, payload: list[Any], entry_index: int) -> Configuration:
        """Read a log entry's payload."""
        voters, old, learners = (tuple(names) for names in payload)
        return cls(voters, old, learners, entry_index)


def _middle(group: tuple[str, ...], reached: Mapping[str, int]) -> int:
    return sorted([reached[name] for name in group])[(len(group) - 1) // 2]
