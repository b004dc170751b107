"""The invariants of Paxos, slot by slot, asserted on what the nodes told (docs/rules.md §2.1; PX-1 … PX-7).

None relies on an order between records of different nodes, unless it says so: ballots are what two nodes have in
common.
What a node told and its disk then forgot needs care, since a violation must be one for every correct Paxos:

* PX-1, PX-7: a value is chosen by acceptances that fsyncs cover; those can't be forgotten.
* PX-4, PX-5: a later incarnation may hold less than was traced before, but not less than fsyncs covered.
* PX-6: a ballot's round is on disk before its first message, so no two incarnations share one, and within one nothing
  is forgotten.
"""

from __future__ import annotations

from keelhaul.checkers.invariants import Invariant, Say
from keelhaul.checkers.paxos_quorums import Quorums
from keelhaul.checkers.paxos_trace import NO_BALLOT, Acceptance, Ballot, Boot, Digest, NodeModel, Place, Slot

REPORTED = "reported"


class Agreement(Invariant):
    """PX-1: one value is chosen per slot, whoever says so, and by whatever acceptors hold."""

    id, name = "PX-1", "agreement"

    def __init__(self, say: Say) -> None:
        super().__init__(say)
        self._chosen: dict[Slot, tuple[Digest, str | Ballot, int]] = {}

    def chosen(self, node: NodeModel, slot: Slot, ballot: Ballot | None, digest: Digest) -> None:
        """Compare what a node says."""
        known = self._chosen.setdefault(slot, (digest, node.name, node.position))
        if known[0] != digest:
            self.say(f"slot {slot!r}: {node.where} tells of another chosen value than {_source(known)}")

    def decided(self, slot: Slot, acceptance: Acceptance, quorums: Quorums) -> None:
        """Compare what is true."""
        known = self._chosen.setdefault(slot, (acceptance.digest, acceptance.ballot, 0))
        if known[0] != acceptance.digest:
            by = f"ballot {shown(acceptance.ballot)}"
            self.say(f"slot {slot!r}: {by} has chosen another value than {_source(known)}")


class Validity(Invariant):
    """PX-2: a chosen value was proposed, and a proposed one came from a client or from somebody's earlier ballot.

    Only the first proposal of a value in a slot, by ballot, needs a reason of its own: it isn't reported by promises,
    and in single-decree Paxos a client had asked just that node for it. Without an order this is judged at the end.
    """

    id, name = "PX-2", "validity"

    def __init__(self, say: Say) -> None:
        super().__init__(say)
        self._requested: dict[tuple[str, Slot, Digest], bool] = {}
        self._proposed: dict[tuple[Slot, Digest], tuple[Ballot, bool, str, int]] = {}
        self._chosen: dict[tuple[Slot, Digest], tuple[str, int]] = {}

    def requested(self, node: NodeModel, slot: Slot, digest: Digest) -> None:
        """Note what a client wants."""
        self._requested[node.name, slot, digest] = True

    def proposed(self, node: NodeModel, slot: Slot, ballot: Ballot, digest: Digest, source: str | None) -> None:
        """Keep the first one, by ballot."""
        is_asked = source != REPORTED if source is not None else (node.name, slot, digest) in self._requested
        known = self._proposed.get((slot, digest))
        if known is None or ballot < known[0]:
            self._proposed[slot, digest] = (ballot, is_asked, node.name, node.position)
            if self.in_order and not is_asked:
                self._say_unasked(slot, node.name, node.position)

    def chosen(self, node: NodeModel, slot: Slot, ballot: Ballot | None, digest: Digest) -> None:
        """Compare with what was proposed."""
        if not self.in_order:
            self._chosen.setdefault((slot, digest), (node.name, node.position))
        elif (slot, digest) not in self._proposed:
            self._say_unproposed(slot, node.name, node.position)

    def finished(self, is_complete: bool) -> None:
        """Judge what had to wait for all traces; if one is missing, what it would have told is missing, too."""
        if self.in_order or not is_complete:
            return
        for (slot, _), (_, is_asked, name, position) in self._proposed.items():
            if not is_asked:
                self._say_unasked(slot, name, position)
        for (slot, digest), (name, position) in self._chosen.items():
            if (slot, digest) not in self._proposed:
                self._say_unproposed(slot, name, position)

    def _say_unasked(self, slot: Slot, name: str, position: int) -> None:
        self.say(
            f"slot {slot!r}: {name} (record {position}) proposes a value that no client asked for and no earlier "
            "ballot had"
        )

    def _say_unproposed(self, slot: Slot, name: str, position: int) -> None:
        self.say(f"slot {slot!r}: {name} (record {position}) says that a value is chosen, which nobody proposed")


class Stability(Invariant):
    """PX-3: what is chosen stays chosen: on enough disks when it is told, told alike for ever, and never denied.

    That the disks hold it *by then* is asserted only in order. A read that was told "undecided" by the promises of a
    ballot is right if nothing is chosen in any lower one, whenever.
    """

    id, name = "PX-3", "stability"

    def __init__(self, say: Say) -> None:
        super().__init__(say)
        self._told: dict[tuple[str, Slot], Digest] = {}
        self._decided: dict[Slot, Ballot] = {}
        self._denied: dict[Slot, tuple[Ballot, str]] = {}

    def chosen(self, node: NodeModel, slot: Slot, ballot: Ballot | None, digest: Digest) -> None:
        """Compare with what this node said before, and with the disks."""
        if self._told.setdefault((node.name, slot), digest) != digest:
            self.say(f"slot {slot!r}: {node.where} says that another value is chosen than it said before")
        if self.in_order and slot not in self._decided:
            self.say(f"slot {slot!r}: {node.where} says that a value is chosen, which no quorum has on disk")

    def decided(self, slot: Slot, acceptance: Acceptance, quorums: Quorums) -> None:
        """Compare with reads that were told otherwise."""
        self._decided[slot] = acceptance.ballot
        ballot, where = self._denied.get(slot, (NO_BALLOT, ""))
        if acceptance.ballot < ballot:
            self._say_denied(slot, acceptance.ballot, ballot, where)

    def undecided(self, node: NodeModel, slot: Slot, ballot: Ballot) -> None:
        """Compare with what is chosen."""
        if slot in self._decided and self._decided[slot] < ballot:
            self._say_denied(slot, self._decided[slot], ballot, node.where)
        self._denied[slot] = max(self._denied.get(slot, (NO_BALLOT, "")), (ballot, node.where))

    def _say_denied(self, slot: Slot, chosen: Ballot, ballot: Ballot, where: str) -> None:
        self.say(
            f"slot {slot!r}: {where} found nothing chosen by ballot {shown(ballot)}, though a value is in "
            f"ballot {shown(chosen)}"
        )


class PromisesGrow(Invariant):
    """PX-4: what an acceptor has promised never goes back, over restarts too, and it accepts nothing lower."""

    id, name = "PX-4", "promises grow"

    def booted(self, node: NodeModel, boot: Boot) -> None:
        """Compare with what was on disk."""
        for place, ballot in node.stored_promises.items():
            kept = boot.promised.get(place, NO_BALLOT)
            if kept < ballot:
                self.say(
                    f"{_named(place)}{node.name} boots with a promise of ballot {shown(kept)} (record "
                    f"{node.position}), though it had {shown(ballot)} on disk"
                )

    def promised(self, node: NodeModel, before: Ballot, ballot: Ballot) -> None:
        """Compare a promise with the one before."""
        if ballot < before:
            self.say(f"{node.where} promises ballot {shown(ballot)} after {shown(before)}")

    def accepted(
        self, node: NodeModel, slot: Slot, promised: Ballot, before: Acceptance | None, acceptance: Acceptance
    ) -> None:
        """Compare an acceptance with the promise."""
        if acceptance.ballot < promised:
            self.say(
                f"slot {slot!r}: {node.where} accepts in ballot {shown(acceptance.ballot)} with a promise of "
                f"{shown(promised)}"
            )


class AcceptancesGrow(Invariant):
    """PX-5: the ballot of what an acceptor has accepted in a slot never goes back, over restarts too."""

    id, name = "PX-5", "acceptances grow"

    def booted(self, node: NodeModel, boot: Boot) -> None:
        """Compare with what was on disk. In Multi-Paxos a slot may be gone behind a snapshot (MPX-5)."""
        for slot, row in node.stored.items():
            kept = boot.accepted.get(slot)
            if kept is None and boot.snapshot is None:
                self.say(f"slot {slot!r}: {node.name} boots without its acceptance (record {node.position})")
            elif kept is not None and kept.ballot < row.ballot:
                self.say(
                    f"slot {slot!r}: {node.name} boots with an acceptance of ballot {shown(kept.ballot)} (record "
                    f"{node.position}), though it had one of {shown(row.ballot)} on disk"
                )

    def accepted(
        self, node: NodeModel, slot: Slot, promised: Ballot, before: Acceptance | None, acceptance: Acceptance
    ) -> None:
        """Compare with the acceptance before."""
        if before is not None and acceptance.ballot < before.ballot:
            self.say(
                f"slot {slot!r}: {node.where} accepts in ballot {shown(acceptance.ballot)} after {shown(before.ballot)}"
            )


class OneValuePerBallot(Invariant):
    """PX-6: in a slot, a ballot proposes at most one value."""

    id, name = "PX-6", "one value per ballot"

    def __init__(self, say: Say) -> None:
        super().__init__(say)
        self._values: dict[Slot, dict[Ballot, tuple[Digest, str, int]]] = {}

    def booted(self, node: NodeModel, boot: Boot) -> None:
        """What recovery found was proposed, too."""
        for slot, row in boot.accepted.items():
            self._compare(node, slot, row.ballot, row.digest)

    def proposed(self, node: NodeModel, slot: Slot, ballot: Ballot, digest: Digest, source: str | None) -> None:
        """Compare a proposal."""
        self._compare(node, slot, ballot, digest)

    def accepted(
        self, node: NodeModel, slot: Slot, promised: Ballot, before: Acceptance | None, acceptance: Acceptance
    ) -> None:
        """Compare what somebody must have proposed."""
        self._compare(node, slot, acceptance.ballot, acceptance.digest)

    def _compare(self, node: NodeModel, slot: Slot, ballot: Ballot, digest: Digest) -> None:
        of_slot = self._values.get(slot)
        if of_slot is None:
            of_slot = self._values[slot] = {}
        known = of_slot.get(ballot)
        if known is None:
            of_slot[ballot] = (digest, node.name, node.position)
        elif known[0] != digest:
            self.say(
                f"slot {slot!r}: ballot {shown(ballot)} has one value by {known[1]} (record {known[2]}) and another by "
                f"{node.where}"
            )


class ChosenStaysInHigherBallots(Invariant):
    """PX-7: if a value is chosen in a ballot, every higher one proposes and accepts that value."""

    id, name = "PX-7", "higher ballots keep what is chosen"

    def __init__(self, say: Say) -> None:
        super().__init__(say)
        self._values: dict[Slot, dict[Ballot, tuple[Digest, str, int]]] = {}
        self._decided: dict[Slot, Acceptance] = {}

    def decided(self, slot: Slot, acceptance: Acceptance, quorums: Quorums) -> None:
        """Compare with what higher ballots did already."""
        self._decided[slot] = acceptance
        for ballot, (digest, name, position) in self._values.pop(slot, {}).items():
            self._compare(slot, acceptance, ballot, digest, name, position)

    def proposed(self, node: NodeModel, slot: Slot, ballot: Ballot, digest: Digest, source: str | None) -> None:
        """Compare a proposal."""
        self._note(node, slot, ballot, digest)

    def accepted(
        self, node: NodeModel, slot: Slot, promised: Ballot, before: Acceptance | None, acceptance: Acceptance
    ) -> None:
        """Compare an acceptance."""
        self._note(node, slot, acceptance.ballot, acceptance.digest)

    def _note(self, node: NodeModel, slot: Slot, ballot: Ballot, digest: Digest) -> None:
        decided = self._decided.get(slot)
        if decided is not None:
            self._compare(slot, decided, ballot, digest, node.name, node.position)
        else:
            self._values.setdefault(slot, {})[ballot] = (digest, node.name, node.position)

    def _compare(
        self, slot: Slot, decided: Acceptance, ballot: Ballot, digest: Digest, name: str, position: int
    ) -> None:
        if ballot > decided.ballot and digest != decided.digest:
            self.say(
                f"slot {slot!r}: a value is chosen in ballot {shown(decided.ballot)}, but {name} (record {position}) "
                f"has another one in ballot {shown(ballot)}"
            )


def shown(ballot: Ballot) -> str:
    """Write a ballot as 7.n2."""
    return f"{ballot[0]}.{ballot[1]}" if ballot != NO_BALLOT else "none"


def _source(known: tuple[Digest, str | Ballot, int]) -> str:
    """Say who told of a chosen value: a node, in a record; or the acceptors, in a ballot."""
    _, by, position = known
    return f"{by} did (record {position})" if isinstance(by, str) else f"ballot {shown(by)} has chosen"


def _named(place: Place) -> str:
    return "" if place is None else f"slot {place!r}: "
