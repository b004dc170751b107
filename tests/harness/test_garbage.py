"""The search for reference cycles is off inside, and afterwards what it was before."""

from __future__ import annotations

import gc

import pytest

from keelhaul.harness.garbage import no_cycle_collection


@pytest.mark.parametrize("before", [True, False])
def test_it_is_off_inside_and_then_as_before_also_after_an_exception(before):
    was_enabled = gc.isenabled()
    (gc.enable if before else gc.disable)()
    try:
        with no_cycle_collection():
            assert not gc.isenabled()
        assert gc.isenabled() is before
        with pytest.raises(KeyError), no_cycle_collection():
            raise KeyError
        assert gc.isenabled() is before
    finally:
        (gc.enable if was_enabled else gc.disable)()
