"""What all tests share: how hypothesis draws, and builders of histories.

By default every run of the tests draws the same examples, so that a failure is never somebody else's luck;
`pytest --hypothesis-profile explore tests/properties` looks further.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# No deadline and no complaint about slow draws: a busy machine is no failure.
ALWAYS = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
settings.register_profile("keelhaul", derandomize=True, max_examples=100, **ALWAYS)
settings.register_profile("explore", max_examples=2000, **ALWAYS)
settings.load_profile("keelhaul")
