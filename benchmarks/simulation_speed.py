"""How much faster than real time is a simulated run? Five Raft nodes, 10 clients, 100 operations a second, all faults.

The ratio is virtual time over the processor's time for everything: simulating, writing the history, checking it and all
invariants. The baseline is a fixed amount of plain interpreter work, timed before and after: where it differs much
from the reference below, the machine is slower, faster or busier than the one that the claim was made on.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from keelhaul.harness import scenario
from keelhaul.harness.console import Quiet
from keelhaul.harness.run import execute

SEEDS = range(1, 8)
SCENARIO = Path(__file__).parent.parent / "scenarios" / "raft-register.toml"


def main() -> None:
    """Print one line a seed and the median."""
    print("simulation: 5 Raft nodes under faults, 10 clients, 100 operations a second, checks and invariants included")
    main_file = scenario.load(SCENARIO)
    ratios = []
    with TemporaryDirectory() as folder:
        execute(scenario.override(main_file, time_limit_s=2.0), Path(folder), Quiet(), brief=True)  # imports, caches
        for seed in SEEDS:
            chosen = scenario.override(main_file, seed=seed)
            before_s = baseline_s()
            start_s = time.process_time()
            finished = execute(chosen, Path(folder), Quiet(), brief=True)
            spent_s = time.process_time() - start_s
            virtual_s = chosen.time_limit_s + chosen.quiet_s
            ratios.append(virtual_s / spent_s)
            print(
                f"  seed {seed}: {finished.record['verdict']}, {finished.record['operations']['invoke']} operations, "
                f"{spent_s:.2f} s of processor time, {ratios[-1]:.0f} times real time, "
                f"{spent_s / before_s:.1f} times the baseline"
            )
    print(f"  median: {median(ratios):.0f} times real time (wanted: at least 50)")


def baseline_s() -> float:
    """Time a fixed amount of interpreter work: dictionaries, calls and integers, as a simulation does them."""
    start_s = time.process_time()
    table: dict[int, int] = {}
    for number in range(200_000):
        table[number & 1023] = _mix(table.get(number & 1023, 0), number)
    return time.process_time() - start_s


def _mix(left: int, right: int) -> int:
    return (left * 31 + right) & 0xFFFFFFFF
