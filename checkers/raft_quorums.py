"""Raft's invariants about majorities, configurations and reads (docs/rules.md §1.14).

RI-9 and RI-13 compare what different nodes told *at one moment*, so they are asserted only where records come in true
order: in a simulation, while it runs.
"""

from __future__ import annotations

from collections.abc import Hashable

from keelhaul.checkers.invariants import Invariant, Say
from keelhaul.checkers.raft_trace import Config, Digest, NodeModel


class DurableOnMajority(Invariant):
    """RI-9: what is committed is on the disks of a majority of the voters in force.

    The first commit of an index is the leader's; followers only repeat it. A snapshot that was installed stands for all
    entries that it covers: they were committed before. A node that took a snapshot has the entries as well.
    """

    id, name = "RI-9", "durable on a majority"
    needs_order = True

    def __init__(self, say: Say) -> None:
        super().__init__(say)
        self._models: dict[str, NodeModel] = {}
        self._committed_index = 0

    def booted(self, node: NodeModel, boot: object) -> None:
        """Get to know a node."""
        self._models[node.name] = node

    def committed(self, node: NodeModel, before: int, index: int, entry_term: int, digest: Digest) -> None:
        """Count who has it on disk, at the first commit of it."""
        if index <= self._committed_index or not node.configs:
            return
        self._committed_index = index
        holders = [name for name, model in self._models.items() if self._holds(model, index, digest)]
        # The newest configuration may have been appended because of this very commit.
        if not any([_has_quorum(config, holders) for config in node.configs[-2:]]):
            self.say(
                f"{node.where} committed index {index}, which only {', '.join(holders) or 'nobody'} had on disk, of "
                f"{', '.join((*node.configs[-1].voters, *node.configs[-1].old))}"
            )

    def _holds(self, model: NodeModel, index: int, digest: Digest) -> bool:
        if model.durable_index < index:
            return False
        entry = model.log[index - 1] if index <= len(model.log) else None
        return entry is None or entry[1] == digest


class Configurations(Invariant):
    """RI-12: a leader has at most one uncommitted configuration, and consecutive ones differ by one voter or are
    joint."""

    id, name = "RI-12", "configurations"

    def configured(self, node: NodeModel, before: Config | None, config: Config) -> None:
        """Compare a configuration with the one that it follows."""
        if before is None:
            return
        if node.role == "leader" and before.entry_index > node.commit_index:
            self.say(
                f"{node.where}, leader of term {node.term}, appends a configuration at index {config.entry_index} "
                f"while that at index {before.entry_index} isn't committed"
            )
        if not _may_follow(before, config):
            self.say(
                f"{node.where}: the configuration {_shown(config)} at index {config.entry_index} can't follow "
                f"{_shown(before)}"
            )


def _may_follow(before: Config, config: Config) -> bool:
    if before.old:  # joint: only its own end may follow
        return not config.old and set(config.voters) == set(before.voters)
    if config.old:
        return set(config.old) == set(before.voters)
    return len(set(before.voters) ^ set(config.voters)) <= 1


def _has_quorum(config: Config, names: list[str]) -> bool:
    return _has_majority(config.voters, names) and _has_majority(config.old, names)


def _has_majority(group: tuple[str, ...], names: list[str]) -> bool:
    return not group or 2 * len([name for name in group if name in names]) > len(group)


def _shown(config: Config) -> str:
    joint = f" with {','.join(config.old)} (joint)" if config.old else ""
    return f"{','.join(config.voters)}{joint}"


class ReadsAreFresh(Invariant):
    """RI-13: a read that promises linearizability reflects all that anybody had committed when it was asked."""

    id, name = "RI-13", "reads are fresh"
    needs_order = True

    def __init__(self, say: Say) -> None:
        super().__init__(say)
        self._committed_index = 0
        self._floors: dict[tuple[str, Hashable], int] = {}

    def committed(self, node: NodeModel, before: int, index: int, entry_term: int, digest: Digest) -> None:
        """Note the highest commit."""
        self._committed_index = max(self._committed_index, index)

    def read_asked(self, node: NodeModel, number: Hashable) -> None:
        """Note what the read must reflect."""
        self._floors.setdefault((node.name, number), self._committed_index)  # the question may come twice

    def read(self, node: NodeModel, number: Hashable, mode: str, read_index: int) -> None:
        """Compare the read's index with that."""
        floor = self._floors.pop((node.name, number), None)
        if mode != "stale" and floor is not None and read_index < floor:
            self.say(
                f"{node.where} answered a {mode} read at index {read_index}, though index {floor} was committed before "
                "it was asked"
            )
        if read_index > node.applied_index and mode != "stale":
            self.say(f"{node.where} answered a read at index {read_index} with {node.applied_index} entries applied")
