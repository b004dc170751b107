"""A system's options: what is given is taken, and what is wrong is named, all of it at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pytest

from keelhaul.nodes.options import Options, lease_ns, timing_problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Ship(Options):
    LEAST: ClassVar[int] = 1
    WORDS: ClassVar[Mapping[str, tuple[str, ...]]] = {"rig": ("sloop", "brig")}

    masts: int = 2
    sails: int = 6
    rig: str = "brig"

    def problems(self):
        return ["a mast carries a sail at least"] if self.sails < self.masts else []


def test_what_is_given_is_taken_and_the_rest_is_the_default():
    assert Ship.of({}) == Ship()
    assert Ship.of({"masts": 3, "rig": "sloop"}) == Ship(masts=3, rig="sloop")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"mast": 1}, "there is no option 'mast'; did you mean 'masts'?"),
        ({"zz": 1}, "there is no option 'zz'"),
        ({"masts": 0}, "masts is 0; it must be a whole number from 1 on"),
        ({"masts": True}, "masts is True; it must be a whole number from 1 on"),
        ({"masts": 1.5}, "masts is 1.5; it must be a whole number from 1 on"),
        ({"rig": "brik"}, "rig is 'brik'; allowed are sloop, brig; did you mean 'brig'?"),
        ({"rig": 7}, "rig is 7; allowed are sloop, brig"),
        ({"masts": 3, "sails": 2}, "a mast carries a sail at least"),
        ({"zz": 1, "masts": 3, "sails": 2}, "there is no option 'zz'; a mast carries a sail at least"),
        (
            {"zz": 1, "sails": "1", "rig": 7},
            "there is no option 'zz'; sails is '1'; it must be a whole number from 1 on; "
            "rig is 7; allowed are sloop, brig",
        ),
        ({"sails": 1, "masts": "2"}, "masts is '2'; it must be a whole number from 1 on"),
    ],
)
def test_what_does_not_fit_is_named(options, told):
    with pytest.raises(ValueError) as caught:
        Ship.of(options)
    assert str(caught.value) == told


@pytest.mark.parametrize(("times", "problems"), [((100, 50, 50), 0), ((99, 50, 0), 1), ((1, 0, 0), 1), ((9, 8, 51), 2)])
def test_times_that_cannot_work_are_told(times, problems):
    assert len(timing_problems(*times)) == problems


def test_a_lease_ends_before_the_promise_whatever_the_clocks_do_lr1():
    """A follower's clock at 1.1 and a leader's at 0.9: the promise of 1000 is over after 909, the lease after 900."""
    assert lease_ns(1000, 100, 0) == 990
    lease = lease_ns(1000, 100, 10)
    assert lease == 808
    assert lease / 0.9 < 1000 / 1.1
