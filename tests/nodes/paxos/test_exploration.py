"""Random walks: messages lost, doubled and out of order, disks that lag, crashes of anybody, clocks that run apart.

At each step every invariant is asserted on what the members told; in the end all is healed, and clients must be served.
Most planted bugs are found by some walk; all by scenarios (tests/simulation/test_paxos_runs.py).
"""

from __future__ import annotations

from random import Random

import pytest

from keelhaul.checkers.paxos import PAXOS_INVARIANTS, SYNOD_INVARIANTS, PaxosInvariants
from keelhaul.checkers.verdict import Verdict

STEPS = 600


class Walk:
    """One walk through what may happen to a cluster."""

    def __init__(self, cluster, invariants, seed, ask):
        self.cluster = cluster
        self.random = Random(seed)
        self.ask = ask
        self.watcher = PaxosInvariants(invariants).watcher(cluster.names, in_order=True)
        self.told = 0
        self.asked = []

    def look(self):
        """Show the watcher what was told since."""
        for name, record in self.cluster.traces[self.told :]:
            self.watcher.observe(name, record)
        self.told = len(self.cluster.traces)

    def up(self):
        return [name for name in self.cluster.names if self.cluster.members[name].node is not None]

    def step(self):
        """Let something happen."""
        cluster, random = self.cluster, self.random
        what = random.random()
        if cluster.packets and what < 0.70:
            cluster.deliver(random.choice(cluster.packets[:12]), keep=random.random() < 0.1)
        elif cluster.packets and what < 0.75:
            cluster.packets.remove(random.choice(cluster.packets))
        elif what < 0.80:
            self._toggle_disk(random.choice(self.up()) if self.up() else None)
        elif what < 0.84:
            self._crash_or_restart(random.choice(cluster.names))
        elif what < 0.92 and self.up():
            self.asked.append(self.ask(cluster, random.choice(self.up()), random))
        elif self.up():
            self._fire(random.choice(self.up()))
        self.look()

    def _toggle_disk(self, name):
        if name is not None:
            member = self.cluster.members[name]
            if member.pending:
                self.cluster.sync(name)
            else:
                self.cluster.hold_disk(name, held=not member.disk_is_held)

    def _crash_or_restart(self, name):
        if self.cluster.members[name].node is None:
            self.cluster.restart(name)
        else:
            self.cluster.crash(name)

    def _fire(self, name):
        timers = sorted(self.cluster.members[name].timers)
        if timers:
            self.cluster.wait(self.random.choice((1, 20, 60, 400)), name)
            self.cluster.fire(name, self.random.choice(timers))

    def heal(self):
        """Start everybody and let everything arrive, until a request of each member's is answered well."""
        cluster = self.cluster
        for name in cluster.names:
            cluster.hold_disk(name, held=False)
            if cluster.members[name].node is None:
                cluster.restart(name)
        for _ in range(200):
            for packet in list(cluster.packets):
                cluster.deliver(packet)
            cluster.wait(20)
            for name, member in cluster.members.items():
                for timer, (_, due_ns) in sorted(member.timers.items()):
                    if due_ns <= member.clock_ns and timer in member.timers:
                        cluster.fire(name, timer)
            self.look()

    def result(self):
        return self.watcher.result()


def ask_synod(cluster, name, random):
    key = random.choice("ab")
    if random.random() < 0.3:
        return cluster.request(name, "read", key=key)
    return cluster.request(name, "propose", key=key, value=random.randrange(1000))


def ask_paxos(cluster, name, random):
    if random.random() < 0.05:
        voters = [other for other in cluster.names if random.random() < 0.8] or list(cluster.names)
        return cluster.request(name, "reconfigure", voters=voters)
    if random.random() < 0.3:
        return cluster.request(name, "read", key="k")
    return cluster.request(name, "write", key="k", value=random.randrange(1000))


def walked(cluster, invariants, seed, ask):
    walk = Walk(cluster, invariants, seed, ask)
    for _ in range(STEPS):
        walk.step()
    return walk


SYNOD_OPTIONS = [{}, {"phase1_quorum": 3, "phase2_quorum": 1}, {"phase1_quorum": 1, "phase2_quorum": 3}]
PAXOS_OPTIONS = [
    {"read_mode": mode, "window": window, "snapshot_threshold": threshold, "snapshot_trailing": 1}
    for mode, window, threshold in (("log", 3, 4), ("confirm", 1, 0), ("lease", 8, 5), ("quorum", 2, 3))
]


@pytest.mark.parametrize("seed", range(30))
def test_px_1_to_px_7_hold_on_every_walk_and_everybody_is_answered_after_it(synod_of, seed):
    options = SYNOD_OPTIONS[seed % 3]
    cluster = synod_of(3 if options else 3 + seed % 3, seed=seed, **options)
    walk = walked(cluster, SYNOD_INVARIANTS, seed, ask_synod)
    walk.heal()
    last = [cluster.request(name, "propose", key=key, value=0) for name in cluster.names for key in "ab"]
    walk.heal()
    values = [cluster.answer(number)["value"] for number in last]
    assert (len(set(values[::2])), len(set(values[1::2]))) == (1, 1)
    assert walk.result().verdict is Verdict.VALID, walk.result().reason


@pytest.mark.parametrize("seed", range(40))
def test_mpx_1_to_mpx_7_hold_on_every_walk_and_there_is_a_leader_that_serves_after_it(paxos_of, seed):
    cluster = paxos_of(3 + seed % 3, seed=seed, **PAXOS_OPTIONS[seed % 4])
    walk = walked(cluster, PAXOS_INVARIANTS, seed, ask_paxos)
    walk.heal()
    (leader,) = cluster.leaders()
    wrote, asked = cluster.request(leader, "write", key="k", value="last"), None
    walk.heal()
    assert cluster.answer(wrote)["type"] == "write_ok"
    asked = cluster.request(leader, "read", key="k")
    walk.heal()
    assert cluster.answer(asked)["value"] == "last"
    assert len({cluster.state(name).machine.digest for name in cluster.names}) == 1
    assert walk.result().verdict is Verdict.VALID, walk.result().reason


@pytest.mark.parametrize("mutant", ["disjoint-quorums", "forgetful-acceptor", "own-value-first", "mixed-ballots"])
def test_a_planted_bug_of_the_synod_is_found_by_a_walk(synod_of, mutant):
    assert any(
        walked(synod_of(5, seed=seed, mutant=mutant), SYNOD_INVARIANTS, seed, ask_synod).result().verdict
        is Verdict.INVALID
        for seed in range(30)
    )


@pytest.mark.parametrize("mutant", ["no-phase-1", "compacted-is-empty"])
def test_a_planted_bug_of_multi_paxos_is_found_by_a_walk(paxos_of, mutant):
    assert any(
        walked(paxos_of(3, seed=seed, mutant=mutant, **PAXOS_OPTIONS[0]), PAXOS_INVARIANTS, seed, ask_paxos)
        .result()
        .verdict
        is Verdict.INVALID
        for seed in range(40)
    )
