"""The invariants of Multi-Paxos beyond those of each slot (docs/rules.md §2.8; MPX-1 … MPX-7).

None relies on an order between records of different nodes. What counts across restarts is what fsyncs covered.
"""

from __future__ import annotations

from keelhaul.checkers.invariants import Invariant, Say
from keelhaul.checkers.paxos_invariants import shown
from keelhaul.checkers.paxos_quorums import Quorums
from keelhaul.checkers.paxos_trace import Acceptance, Ballot, Boot, Digest, NodeModel, Promise, Slot


class EqualPrefixes(Invariant):
    """MPX-1: in each slot all execute the same entry, and are in the same state after it, however they got there."""

    id, name = "MPX-1", "equal executed prefixes"

    def __init__(self, say: Say) -> None:
        super().__init__(say)
        self._entries: dict[int, tuple[Digest, str, int]] = {}
        self._states: dict[int, tuple[Digest, str, int]] = {}

    def applied(self, node: NodeModel, before: int, index: int, digest: Digest, state: Digest) -> None:
        """Compare entry and state."""
        known = self._entries.setdefault(index, (digest, node.name, node.position))
        if known[0] != digest:
            self.say(f"slot {index}: {node.where} executes another entry than {known[1]} (record {known[2]})")
        self._compare_state(node, index, state)

    def snapshot(self, node: NodeModel, before: int, index: int, state: Digest, installed: bool) -> None:
        """Compare the state in a snapshot."""
        self._compare_state(node, index, state)

    def _compare_state(self, node: NodeModel, index: int, state: Digest) -> None:
        known = self._states.setdefault(index, (state, node.name, node.position))
        if known[0] != state:
            self.say(f"after slot {index}, {node.where} is in another state than {known[1]} was (record {known[2]})")


class NoGaps(Invariant):
    """MPX-2: nothing is executed past a slot that isn't."""

    id, name = "MPX-2", "no execution past a gap"

    def applied(self, node: NodeModel, before: int, index: int, digest: Digest, state: Digest) -> None:
        """Compare with the slot before."""
        if index > before + 1:
            self.say(f"{node.where} executes slot {index} after slot {before}")


class OneLeaderPerBallot(Invariant):
    """MPX-3: only a ballot's owner leads and proposes in it, and in one incarnation only."""

    id, name = "MPX-3", "one leader per ballot"

    def __init__(self, say: Say) -> None:
        super().__init__(say)
        self._led: dict[Ballot, tuple[str, object, str]] = {}

    def led(self, node: NodeModel, ballot: Ballot) -> None:
        """Look at the owner, and at who led it before."""
        if ballot[1] != node.name:
            self.say(f"{node.where} leads in ballot {shown(ballot)}, which belongs to {ballot[1]}")
        name, incarnation, where = self._led.setdefault(ballot, (node.name, node.incarnation, node.where))
        if (name, incarnation) != (node.name, node.incarnation):
            self.say(f"ballot {shown(ballot)} is led by {where} and again by {node.where}")

    def proposed(self, node: NodeModel, slot: Slot, ballot: Ballot, digest: Digest, source: str | None) -> None:
        """Look at the owner."""
        if ballot[1] != node.name:
            self.say(f"{node.where} proposes in ballot {shown(ballot)}, which belongs to {ballot[1]}")


class WithinWindow(Invariant):
    """MPX-4: a leader proposes at most a window beyond what it has executed, so it knows who votes (MP12)."""

    id, name = "MPX-4", "window respected"

    def proposed(self, node: NodeModel, slot: Slot, ballot: Ballot, digest: Digest, source: str | None) -> None:
        """Compare with what this node has executed."""
        if node.window is not None and isinstance(slot, int) and slot > node.executed + node.window:
            self.say(
                f"{node.where} proposes in slot {slot}, having executed {node.executed}, with a window of {node.window}"
            )


class NothingForgotten(Invariant):
    """MPX-5: an acceptance disappears only behind a snapshot."""

    id, name = "MPX-5", "an acceptor never forgets"

    def booted(self, node: NodeModel, boot: Boot) -> None:
        """Look for what was on disk."""
        if boot.snapshot is None:
            return
        for slot in node.stored:
            if slot not in boot.accepted and isinstance(slot, int) and slot > boot.snapshot:
                self.say(
                    f"slot {slot}: {node.name} boots without its acceptance (record {node.position}), and with a "
                    f"snapshot of slot {boot.snapshot} only"
                )

    def compacted(self, node: NodeModel, below: int) -> None:
        """Compare with the snapshot."""
        if below > node.snapshot + 1:
            self.say(f"{node.where} gives up acceptances below slot {below}, with a snapshot of slot {node.snapshot}")


class NeverBack(Invariant):
    """MPX-6: how far a replica knows the log to be chosen never goes back, nor does its snapshot over restarts."""

    id, name = "MPX-6", "commits never go back"

    def booted(self, node: NodeModel, boot: Boot) -> None:
        """Compare the snapshot with the one that was on disk."""
        if boot.snapshot is not None and boot.snapshot < node.stored_snapshot:
            self.say(
                f"{node.name} boots with a snapshot of slot {boot.snapshot} (record {node.position}), though it had "
                f"one of slot {node.stored_snapshot} on disk"
            )

    def applied(self, node: NodeModel, before: int, index: int, digest: Digest, state: Digest) -> None:
        """Compare with the slot before."""
        if index <= before:
            self.say(f"{node.where} executes slot {index} after slot {before}")

    def snapshot(self, node: NodeModel, before: int, index: int, state: Digest, installed: bool) -> None:
        """One that is installed brings something new."""
        if installed and index <= before:
            self.say(f"{node.where} installs a snapshot of slot {index}, having executed {before}")


class PromisesYieldTheChosen(Invariant):
    """MPX-7: every quorum of promises in a ballot above the one in which a value was chosen tells of that value.

    Whoever has executed the slot tells that it is decided. So there must be no quorum of phase 1, all of whose members
    promised that higher ballot without either. (That what they tell is the *same* value is PX-7.)
    """

    id, name = "MPX-7", "promises yield the chosen"

    def __init__(self, say: Say) -> None:
        super().__init__(say)
        self._promises: dict[Ballot, dict[str, Promise]] = {}
        self._decided: dict[int, tuple[Acceptance, Quorums]] = {}
        self._highest_slot = 0
        self._highest_ballot: Ballot = (0, "")

    def promise_stored(self, node: NodeModel, promise: Promise) -> None:
        """Look at all that was chosen beyond what this acceptor had executed."""
        if promise.place is not None:
            return
        self._promises.setdefault(promise.ballot, {})[node.name] = promise
        self._highest_ballot = max(self._highest_ballot, promise.ballot)
        for slot in range(promise.executed + 1, self._highest_slot + 1):
            if slot in self._decided:
                self._look(slot, promise.ballot)

    def decided(self, slot: Slot, acceptance: Acceptance, quorums: Quorums) -> None:
        """Look at all higher ballots."""
        if not isinstance(slot, int):
            return
        self._decided[slot] = (acceptance, quorums)
        self._highest_slot = max(self._highest_slot, slot)
        if acceptance.ballot < self._highest_ballot:
            for ballot in self._promises:
                self._look(slot, ballot)

    def _look(self, slot: int, ballot: Ballot) -> None:
        chosen, quorums = self._decided[slot]
        if ballot <= chosen.ballot:
            return
        silent = [
            name
            for name, promise in self._promises[ballot].items()
            if promise.executed < slot
            and (slot not in promise.reported or promise.reported[slot].ballot < chosen.ballot)
        ]
        if quorums.is_q1(silent):
            self.say(
                f"slot {slot}: a value is chosen in ballot {shown(chosen.ballot)}, but {', '.join(silent)} promised "
                f"ballot {shown(ballot)} without telling of it"
            )
