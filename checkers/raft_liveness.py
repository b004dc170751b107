"""RI-14: once everything is healed, somebody leads within ten election timeouts, and within twenty everybody has
applied what was committed by then.

The clock of a simulation is the only one that is the same for the history and all traces (`at`, in each record). In
other environments nobody can tell how long after the heal a node did something; there, and everywhere else, the
history itself shows that operations succeed again (`availability.py`), final reads on every key among them.

What didn't have the time to happen is not missed: a run that ends before the tenth timeout claims nothing. Neither does
one whose heal is in doubt, or in which a node ended by itself, which is the worse news and told elsewhere.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.faults import heal_of
from keelhaul.checkers.verdict import Result, Verdict

LEADER_WITHIN, APPLIED_WITHIN = 10, 20
"""Election timeouts after the heal."""
SECOND_NS = 1_000_000_000


class _Moment(NamedTuple):
    """What a node had told of itself by then. `configs` are where each is in the log, and all of its voters."""

    at_ns: int = 0
    term: int = 0
    leads: bool = False
    commit_index: int = 0
    applied_index: int = 0
    configs: tuple[tuple[int, tuple[str, ...]], ...] = ()


class _Story:
    """One node's moments, those at which something changed; of several at the same time the last."""

    def __init__(self) -> None:
        self.timeout_ns: int | None = None
        self.is_booted = False
        self._moments = [_Moment()]

    def take(self, record: Mapping[str, Any]) -> None:
        """Take the next record."""
        if not self.is_booted and record["type"] == "boot":
            self.is_booted = True
            timeout_ns = record.get("election_timeout_ns")
            if type(timeout_ns) is int and "at" in record:
                self.timeout_ns = timeout_ns
        change = _CHANGES.get(record["type"])
        if change is None or self.timeout_ns is None:
            return
        before = self._moments[-1]
        after = change(before, record["at"], record)
        if before.at_ns == after.at_ns and before.leads == after.leads:
            self._moments[-1] = after
        else:
            self._moments.append(after)

    def at(self, moment_ns: int) -> _Moment:
        """Return what it had told by then."""
        return self._moments[bisect_right(self._moments, moment_ns, key=_at_ns) - 1]

    def led(self, from_ns: int, to_ns: int) -> bool:
        """Say whether it led at any moment from the one to the other."""
        until_then = max(bisect_left(self._moments, from_ns, key=_at_ns) - 1, 0)
        return any(moment.leads for moment in self._moments[until_then:] if moment.at_ns <= to_ns)


def _at_ns(moment: _Moment) -> int:
    return moment.at_ns


def _apply(was: _Moment, at_ns: int, record: Mapping[str, Any]) -> _Moment:
    last = record["first"] + len(record["entries"]) - 1
    return _Moment(at_ns, was.term, was.leads, was.commit_index, last, was.configs)


def _commit(was: _Moment, at_ns: int, record: Mapping[str, Any]) -> _Moment:
    return _Moment(at_ns, was.term, was.leads, record["index"], was.applied_index, was.configs)


def _role(was: _Moment, at_ns: int, record: Mapping[str, Any]) -> _Moment:
    return was._replace(at_ns=at_ns, term=record["term"], leads=record["role"] == "leader")


def _config(was: _Moment, at_ns: int, record: Mapping[str, Any]) -> _Moment:
    newest = (record["index"], (*record["voters"], *record["old"]))
    return was._replace(at_ns=at_ns, configs=(*was.configs, newest))


def _truncate(was: _Moment, at_ns: int, record: Mapping[str, Any]) -> _Moment:
    return was._replace(at_ns=at_ns, configs=tuple(each for each in was.configs if each[0] < record["from"]))


def _boot(was: _Moment, at_ns: int, record: Mapping[str, Any]) -> _Moment:
    index, voters, old, *_ = record["config"]
    applied = record["snapshot_index"]
    return _Moment(at_ns, record["term"], False, applied, applied, ((index, (*voters, *old)),))


def _installed(was: _Moment, at_ns: int, record: Mapping[str, Any]) -> _Moment:
    index, voters, old, *_ = record["config"]
    above = tuple(each for each in was.configs if each[0] > index)
    configs = ((index, (*voters, *old)), *above)
    return was._replace(at_ns=at_ns, commit_index=record["index"], applied_index=record["index"], configs=configs)


_CHANGES = {
    "apply": _apply,
    "commit": _commit,
    "role": _role,
    "config": _config,
    "truncate": _truncate,
    "boot": _boot,
    "snapshot_installed": _installed,
}


class LivenessWatcher:
    """One run's watch: what each node told, until the history shows when the heal was."""

    def __init__(self, nodes: Iterable[str]) -> None:
        self._stories = {node: _Story() for node in nodes}
        self._problem: str | None = None

    def observe(self, node: str, record: Mapping[str, Any]) -> None:
        """Take the node's next record; after one that makes no sense, nothing can be judged."""
        try:
            self._stories[node].take(record)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self._problem = f"a trace record of {node} makes no sense: {type(error).__name__}: {error}"

    def result(self, evidence: Evidence | None = None) -> Result:
        """Look at the simulated time after the heal; without evidence nothing is known of one."""
        if self._problem is not None:
            return Result(Verdict.UNKNOWN, self._problem)
        timeout_ns = next((story.timeout_ns for story in self._stories.values() if story.timeout_ns is not None), None)
        heal = None if evidence is None else heal_of(evidence.history)
        if evidence is None or heal is None or heal.over_ns is None or timeout_ns is None:
            return Result(Verdict.VALID, "", {"judged": []})
        if not heal.confirmed or evidence.crashes:
            return Result(Verdict.VALID, "", {"judged": []})
        return self._judge(heal.over_ns, timeout_ns, evidence.history.rows[-1].time)

    def _judge(self, healed_ns: int, timeout_ns: int, end_ns: int) -> Result:
        led_by_ns = healed_ns + LEADER_WITHIN * timeout_ns
        applied_by_ns = healed_ns + APPLIED_WITHIN * timeout_ns
        judged = []
        if end_ns >= led_by_ns:
            judged.append("leader")
            if not any(story.led(healed_ns, led_by_ns) for story in self._stories.values()):
                return Result(Verdict.INVALID, f"nobody led within {_s(led_by_ns - healed_ns)} after the heal")
        if end_ns >= applied_by_ns:
            judged.append("applied")
            late = self._late(led_by_ns, applied_by_ns)
            if late:
                sentence = f"{_s(applied_by_ns - healed_ns)} after the heal {'; '.join(late)}"
                return Result(Verdict.INVALID, sentence)
        return Result(Verdict.VALID, "", {"judged": judged})

    def _late(self, known_ns: int, applied_by_ns: int) -> list[str]:
        """Name the voters that haven't applied, at the second moment, what anybody knew as committed at the first."""
        goal = max(story.at(known_ns).commit_index for story in self._stories.values())
        members = {node: story.at(applied_by_ns) for node, story in self._stories.items()}
        newest = max(members.values(), key=lambda member: (member.leads, member.term, member.commit_index))
        voters = newest.configs[-1][1] if newest.configs else tuple(members)
        return [
            f"{name} has applied {members[name].applied_index} of {goal} committed entries"
            for name in members
            if name in voters and members[name].applied_index < goal
        ]


def _s(duration_ns: int) -> str:
    return f"{duration_ns / SECOND_NS:.1f} s"


class RaftLiveness:
    """Invalid if nobody led in time after the heal, or if a voter didn't apply in time what was committed."""

    def check(self, evidence: Evidence) -> Result:
        """Judge traces that were collected."""
        watcher = self.watcher(tuple(trace.node for trace in evidence.traces or ()), in_order=False)
        for trace in evidence.traces or ():
            for record in trace.records:
                watcher.observe(trace.node, record)
        return watcher.result(evidence)

    def watcher(self, nodes: tuple[str, ...], *, in_order: bool) -> LivenessWatcher:
        """Begin a watch. Each record names its time, so order doesn't matter."""
        return LivenessWatcher(nodes)
