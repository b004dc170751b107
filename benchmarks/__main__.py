"""`make bench`: what the project claims about speed, measured here, each beside a baseline of the same run."""

from __future__ import annotations

from benchmarks import (
    adversarial,
    importing,
    linearizability,
    protocol_cost,
    reading_speed,
    simulation_speed,
    small_files,
    throughput,
)


def main() -> None:
    """Run all benchmarks and print their tables."""
    adversarial.run()  # Before this process grows: what it judges begins with this size.
    protocol_cost.main()
    simulation_speed.main()
    throughput.main()
    reading_speed.main()
    small_files.main()
    importing.main()
    linearizability.run(quick=False)


if __name__ == "__main__":
    main()
