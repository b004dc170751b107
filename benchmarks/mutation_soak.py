"""Soak until something isn't valid: `python -m benchmarks.mutation_soak raft 50` ends with code 1 and says why."""

from __future__ import annotations

import sys
from tempfile import TemporaryDirectory

from benchmarks.soak import run_one


def main() -> int:
    """Run seeds 1 … of a system, in order."""
    system, seeds = sys.argv[1], int(sys.argv[2])
    with TemporaryDirectory() as folder:
        for seed in range(1, seeds + 1):
            _, verdict, why, _ = run_one(system, seed, folder)
            if verdict != "valid":
                print(f"seed {seed}: {verdict}: {why}")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
