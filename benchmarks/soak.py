"""Soak a system in simulation: thousands of seeds, each with a cluster, options and a world of its own.

    python -m benchmarks.soak raft 1-2000

Each seed draws the size of the cluster, the protocol's options (small snapshots, ways to read, switches), a network
that loses, doubles and reorders, clocks that drift, disks that are slow, and an administrator who changes the
membership; the faults are every kind that there is. What isn't valid is printed with its scenario, which the run's
folder holds as a file. Exit code 0 if every run is valid, but for at most one in a hundred that is not exercised: a
fault that was drawn once in 30 s may find nobody who leads, and that says nothing about the system.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any

from keelhaul.harness import scenario
from keelhaul.harness.console import Quiet
from keelhaul.harness.run import execute
from keelhaul.harness.scenario import Scenario, Simulation
from keelhaul.harness.systems import SYSTEMS
from keelhaul.nemesis.planner import FaultSetting

SCENARIOS = Path(__file__).parent.parent / "scenarios"
SIZES = (1, 3, 4, 5, 7)
TIME_LIMIT_S = 30.0
JOBS = 2
DRIFT_PERCENT = 2.0
"""The bound that leases allow for. Every clock is within it: half is what machines' clocks may be wrong by all the
time, half is for the nemesis, whose jumps fit into what leases leave besides."""
JUMP_MS_MAX = 2
QUIET_S = 7.0
"""More than twenty election timeouts after the heal: by then liveness is due (RI-14)."""
NOT_EXERCISED = "not exercised"
NOT_EXERCISED_SHARE_MAX = 0.01
TARGETS = ("one", "minority", "majority", "all", "leader")


def raft(random: Random) -> tuple[str, dict[str, Any]]:
    """Draw Raft's options."""
    check_quorum = random.choice((1, 1, 1, 0))
    modes = ("log", "read-index", "follower", "lease") if check_quorum else ("log", "read-index", "follower")
    return "raft-register", {
        "election_timeout_ms": 300,
        "heartbeat_ms": 50,
        "pre_vote": random.choice((1, 1, 0)),
        "check_quorum": check_quorum,
        "read_mode": random.choice(modes),
        "clock_drift_percent": int(DRIFT_PERCENT),
        "batch_entries_max": random.choice((1, 8, 64)),
        "inflight_messages_max": random.choice((1, 4, 16)),
        "snapshot_threshold": random.choice((0, 20, 100)),
        "snapshot_trailing": random.choice((0, 5, 50)),
        "snapshot_chunk_bytes": random.choice((64, 1024)),
        "joint_consensus": random.choice((1, 1, 0)),
    }


def lock(random: Random) -> tuple[str, dict[str, Any]]:
    """Draw what its clients do, the lock service's log, and its options."""
    base = random.choice(("lock", "lock-on-paxos", "fenced-lock", "lock-files"))
    lease_ms = random.choice((1000, 2000))
    rest_ms, grace_ms = random.choice((200, 1000)), random.choice((2000, 5000))
    service = {"lease_ms": lease_ms, "lock_delay_ms": rest_ms, "grace_ms": grace_ms}
    if base != "lock-on-paxos":
        # A removed member that stands for election again and again leaves no master the time that it needs (M9).
        return base, {**service, **raft(random)[1], "check_quorum": 1}
    return base, {
        **service,
        "election_timeout_ms": 300,
        "heartbeat_ms": 50,
        "read_mode": random.choice(("log", "confirm", "lease")),
        "clock_drift_percent": int(DRIFT_PERCENT),
        "window": random.choice((1, 4, 64)),
        "snapshot_threshold": random.choice((0, 20, 100)),
        "snapshot_trailing": random.choice((0, 5, 50)),
        "snapshot_chunk_chars": random.choice((64, 1024)),
    }


def synod(random: Random) -> tuple[str, dict[str, Any]]:
    """Draw single-decree Paxos' options."""
    return "synod", {
        "backoff_ms": random.choice((1, 10, 50)),
        "backoff_max_ms": random.choice((50, 300)),
        "retransmit_ms": random.choice((20, 40)),
    }


def paxos(random: Random) -> tuple[str, dict[str, Any]]:
    """Draw Multi-Paxos' options."""
    return "paxos-register", {
        "election_timeout_ms": 300,
        "heartbeat_ms": 50,
        "read_mode": random.choice(("log", "confirm", "lease", "quorum")),
        "clock_drift_percent": int(DRIFT_PERCENT),
        "window": random.choice((1, 4, 64)),
        "snapshot_threshold": random.choice((0, 20, 100)),
        "snapshot_trailing": random.choice((0, 5, 50)),
        "snapshot_chunk_chars": random.choice((64, 1024)),
    }


def quorums(random: Random, nodes: int) -> dict[str, Any]:
    """Draw Paxos' quorums among so many nodes: half of the time majorities, else any other kind that there is."""
    first, most = random.randint(1, nodes), random.randint(nodes // 2 + 1, nodes)
    kinds: list[dict[str, Any]] = [
        {"phase1_quorum": first, "phase2_quorum": nodes + 1 - first},
        {"phase1_quorum": most, "phase2_quorum": most},
        {"weights": int("".join(random.choice("123") for _ in range(nodes)))},
        {"grid_rows": 2 if nodes == 4 else random.choice((1, nodes))},
    ]
    return random.choice((*kinds, *[{}] * len(kinds)))


SOAKED: dict[str, Callable[[Random], tuple[str, dict[str, Any]]]] = {
    "raft": raft,
    "lock": lock,
    "synod": synod,
    "paxos": paxos,
}
WITH_QUORUMS = ("synod", "paxos-register")
WITHOUT_LEADER = ("synod",)
"""Where "leader" would hit nobody."""
LIVE_AGAIN_S = {"synod": 3.0, "paxos-register": 3.0}
"""After the heal something must succeed within ten election timeouts, from at once on."""
BESIDE = {"fenced-lock": 1}
"""Nodes that are no members of the cluster whose size is drawn."""


def soaked(system: str, seed: int) -> Scenario:
    """Draw the scenario of a seed."""
    random = Random(f"{seed}/soak/{system}")
    base, options = SOAKED[system](random)
    nodes = random.choice(SIZES) + BESIDE.get(base, 0)
    if base in WITH_QUORUMS:
        options |= quorums(random, nodes)
    kinds = {"kill": ("one", "all", "leader"), "pause": ("one", "leader")} if nodes == 1 else {}
    hit = {kind: kinds.get(kind, TARGETS) for kind in ("kill", "pause")}
    hit["partition"] = FaultSetting(kind="partition").targets
    if base in WITHOUT_LEADER:
        hit = {kind: tuple(target for target in targets if target != "leader") for kind, targets in hit.items()}
    faults = [FaultSetting(kind=kind, targets=targets) for kind, targets in hit.items() if kind != "partition"]
    faults.append(FaultSetting(kind="clock-rate", targets=hit["pause"], percent_max=DRIFT_PERCENT / 2))
    faults.append(FaultSetting(kind="clock-offset", targets=hit["pause"], ms_max=JUMP_MS_MAX))
    if nodes > 1:
        faults.append(FaultSetting(kind="partition", targets=hit["partition"]))
    world = Simulation(
        latency_ms=random.choice((0.5, 1.0, 5.0)),
        jitter_ms=random.choice((0.5, 2.0, 10.0)),
        loss_percent=random.choice((0.0, 0.1, 2.0)),
        duplicate_percent=random.choice((0.0, 0.1, 5.0)),
        fsync_ms=random.choice((0.5, 1.0, 5.0)),
        clock_drift_percent=random.choice((0.0, DRIFT_PERCENT / 2)),
    )
    chosen = scenario.override(scenario.load(SCENARIOS / f"{base}.toml"), seed=seed, nodes=nodes)
    administered = nodes > 1 and bool(SYSTEMS[chosen.system].administration) and random.random() < 0.6
    return replace(
        chosen,
        name=f"soak-{system}",
        time_limit_s=TIME_LIMIT_S,
        system_options={**chosen.system_options, **options},
        faults=tuple(faults),
        simulation=world,
        administrator_every_s=0.5 if administered else 0.0,
        **({"quiet_s": 0.0, "recovery_s": LIVE_AGAIN_S[base]} if base in LIVE_AGAIN_S else {"quiet_s": QUIET_S}),
    )


def run_one(system: str, seed: int, folder: str) -> tuple[int, str, str, int]:
    """Run a seed; return it with its verdict, why, and how many operations succeeded."""
    try:
        finished = execute(soaked(system, seed), Path(folder), Quiet(), brief=True)
    except Exception as error:
        return seed, "harness failed", f"{type(error).__name__}: {error}", 0
    record = finished.record
    reasons = record["reasons"]
    idle = record["verdict"] == "unknown" and all(f": {NOT_EXERCISED}: " in reason for reason in reasons)
    return seed, NOT_EXERCISED if idle else record["verdict"], "; ".join(reasons), record["operations"]["ok"]


def clean(verdicts: Counter[str]) -> bool:
    """Tell whether nothing is wrong: every run valid, but for the few that were not exercised."""
    return set(verdicts) <= {"valid", NOT_EXERCISED} and (
        verdicts[NOT_EXERCISED] <= NOT_EXERCISED_SHARE_MAX * verdicts.total()
    )


def results(system: str, seeds: range, folder: str) -> Iterator[tuple[int, str, str, int]]:
    """Run all seeds, some at a time, in order."""
    with ProcessPoolExecutor(JOBS) as pool:
        yield from pool.map(run_one, [system] * len(seeds), seeds, [folder] * len(seeds), chunksize=4)


def main() -> int:
    """Soak the system named on the command line."""
    system = sys.argv[1]
    first, _, last = sys.argv[2].partition("-")
    seeds = range(int(first), int(last or first) + 1)
    folder = mkdtemp(prefix="soak-")
    verdicts: Counter[str] = Counter()
    operations, began_s = 0, time.monotonic()
    for seed, verdict, why, ok in results(system, seeds, folder):
        verdicts[verdict] += 1
        operations += ok
        if verdict != "valid":
            print(f"seed {seed}: {verdict}: {why}", flush=True)
    spent_s = time.monotonic() - began_s
    told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    print(f"{system}, seeds {sys.argv[2]}: {told}; {operations} operations succeeded; {spent_s:.0f} s; {folder}")
    return 0 if clean(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
