"""The lock service's options."""

from __future__ import annotations

import pytest

from keelhaul.nodes.lock.settings import LockSettings, NaiveSettings


@pytest.mark.parametrize("lease_ms", [1, 20, 1000, 2000, 60_000])
def test_ls1_a_keep_alive_takes_far_less_than_a_lease(lease_ms):
    """It waits for a quarter at most; then, at the latest one tick later, it is answered, and half a lease is left."""
    settings = LockSettings(lease_ms=lease_ms)
    assert settings.hold_ns + settings.tick_ns <= settings.lease_ns / 2 or lease_ms == 1
    assert settings.tick_ns > 0


def test_ls1_unless_told_otherwise_grace_is_longer_than_lease_and_rest():
    settings = LockSettings()
    assert settings.grace_ns > settings.lease_ns > settings.lock_delay_ns > 0


def test_everything_that_is_wrong_with_options_is_told_at_once():
    with pytest.raises(ValueError, match=r"there is no option 'lease'.*grace_ms is 0.*lock_delay_ms is True"):
        LockSettings.of({"lease": 5, "grace_ms": 0, "lock_delay_ms": True})


def test_times_are_told_in_ms():
    assert LockSettings.of({"lease_ms": 3}).lease_ns == 3_000_000
    assert NaiveSettings.of({"heartbeat_ms": 7}).heartbeat_ns == 7_000_000
