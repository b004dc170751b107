"""RI-14: once everything is healed, somebody leads within ten election timeouts, and within twenty everybody has
applied what was committed by then.

The clock of a simulation is the only one that is the same for the history and all traces (`at`, in each record). In
other environments nobody can tell how long after the heal a node did something; there, and everywhere else, the
history itself shows that operations succeed again (`availability.py`), final reads on every key among them.

What didn't have the time to happen is not missed: a run that ends before the tenth timeout claims nothing. Neither does
one whose heal is in doubt, or in which a node ended by itself, which is the worse news and told elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from keelhaul.checkers.checker import Evidence, NodeTrace
from keelhaul.checkers.faults import heal_of
from keelhaul.checkers.verdict import Result, Verdict

LEADER_WITHIN, APPLIED_WITHIN = 10, 20
"""Election timeouts after the heal."""
SECOND_NS = 1_000_000_000


@dataclass(slots=True)
class _Member:
    """What a node told of itself up to some moment."""

    term: int = 0
    leads: bool = False
    commit_index: int = 0
    applied_index: int = 0
    configs: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)

    def take(self, record: Mapping[str, Any]) -> None:
        """Take the next record."""
        kind = record["type"]
        if kind == "apply":
            self.applied_index = record["first"] + len(record["entries"]) - 1
        elif kind == "commit":
            self.commit_index = record["index"]
        elif kind == "role":
            self.term, self.leads = record["term"], record["role"] == "leader"
        elif kind == "config":
            self.configs.append((record["index"], (*record["voters"], *record["old"])))
        elif kind == "truncate":
            self.configs = [each for each in self.configs if each[0] < record["from"]]
        elif kind in ("boot", "snapshot_installed"):
            self._begin(record)

    def _begin(self, record: Mapping[str, Any]) -> None:
        index, voters, old, *_ = record["config"]
        if record["type"] == "boot":
            self.term, self.leads, self.configs = record["term"], False, []
            self.applied_index = self.commit_index = record["snapshot_index"]
        else:
            self.applied_index = self.commit_index = record["index"]
        above = [each for each in self.configs if each[0] > index]
        self.configs = [(index, (*voters, *old)), *above]


class RaftLiveness:
    """Invalid if nobody led in time after the heal, or if a voter didn't apply in time what was committed."""

    def check(self, evidence: Evidence) -> Result:
        """Look at the simulated time after the heal."""
        heal, timeout_ns = heal_of(evidence.history), _timeout_ns(evidence.traces or ())
        if heal is None or heal.over_ns is None or not heal.confirmed or evidence.crashes or timeout_ns is None:
            return Result(Verdict.VALID, "", {"judged": []})
        assert evidence.traces is not None
        end_ns = evidence.history.rows[-1].time
        led_by_ns = heal.over_ns + LEADER_WITHIN * timeout_ns
        applied_by_ns = heal.over_ns + APPLIED_WITHIN * timeout_ns
        judged = []
        if end_ns >= led_by_ns:
            judged.append("leader")
            if not _anybody_leads(evidence.traces, heal.over_ns, led_by_ns):
                return Result(Verdict.INVALID, f"nobody led within {_s(led_by_ns - heal.over_ns)} after the heal")
        if end_ns >= applied_by_ns:
            judged.append("applied")
            late = _late(evidence.traces, led_by_ns, applied_by_ns)
            if late:
                sentence = f"{_s(applied_by_ns - heal.over_ns)} after the heal {'; '.join(late)}"
                return Result(Verdict.INVALID, sentence)
        return Result(Verdict.VALID, "", {"judged": judged})


def _s(duration_ns: int) -> str:
    return f"{duration_ns / SECOND_NS:.1f} s"


def _timeout_ns(traces: Iterable[NodeTrace]) -> int | None:
    """Return the election timeout that the nodes were given; None if there is no common clock."""
    for trace in traces:
        boot = next((record for record in trace.records if record.get("type") == "boot"), {})
        timeout_ns = boot.get("election_timeout_ns")
        if type(timeout_ns) is int and "at" in boot:
            return timeout_ns
    return None


def _anybody_leads(traces: Iterable[NodeTrace], from_ns: int, to_ns: int) -> bool:
    for trace in traces:
        led = False
        for record in trace.records:
            if record["at"] > to_ns:
                break
            if record["at"] >= from_ns and led:
                return True
            if record["type"] in ("role", "boot"):
                led = record.get("role") == "leader"
        if led:
            return True
    return False


def _late(traces: tuple[NodeTrace, ...], known_ns: int, applied_by_ns: int) -> list[str]:
    """Name the voters that haven't applied, at the second moment, what anybody knew as committed at the first."""
    goal = max(_at(trace, known_ns).commit_index for trace in traces)
    members = {trace.node: _at(trace, applied_by_ns) for trace in traces}
    newest = max(members.values(), key=lambda member: (member.leads, member.term, member.commit_index))
    voters = newest.configs[-1][1] if newest.configs else tuple(members)
    return [
        f"{name} has applied {members[name].applied_index} of {goal} committed entries"
        for name in members
        if name in voters and members[name].applied_index < goal
    ]


def _at(trace: NodeTrace, moment_ns: int) -> _Member:
    member = _Member()
    for record in trace.records:
        if record["at"] > moment_ns:
            break
        member.take(record)
    return member
