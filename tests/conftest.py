"""What all tests share: how hypothesis draws, and a scenario of a few seconds.

By default every run of the tests draws the same examples, so that a failure is never somebody else's luck;
`pytest --hypothesis-profile explore tests/properties` looks further.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No deadline and no complaint about slow draws: a busy machine is no failure.
ALWAYS = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
settings.register_profile("keelhaul", derandomize=True, max_examples=100, **ALWAYS)
settings.register_profile("explore", max_examples=2000, **ALWAYS)
settings.load_profile("keelhaul")


@pytest.fixture
def main_file():
    """The main scenario's file."""
    return Path(__file__).parents[1] / "scenarios" / "raft-register.toml"


@pytest.fixture
def small(main_file):
    """The main scenario, cut to six seconds under all faults."""
    from keelhaul.harness import scenario

    return replace(scenario.load(main_file), time_limit_s=6.0, quiet_s=1.0)
