"""What models promise about their actions holds, looked at one short run after the other."""

from itertools import product

import pytest

from keelhaul.checkers.models.model import Action, Kind
from keelhaul.checkers.models.registry import model_named
from keelhaul.checkers.values import freeze

RUN_MAX = 3
VALUES = ("a", "b", "ab", "")

TEXTS = (
    [Action(f, value) for f in ("put", "append") for value in VALUES] + [Action("delete")],
    [Action("get", None, text) for text in ("", None, "a", "b", "ab", "aab", "ba")],
)
LISTS = (
    [Action("append", value) for value in (1, 2)],
    [Action("read", None, freeze(items)) for items in product((1, 2), repeat=2)] + [Action("read", None, freeze([]))],
)
SETS = (
    [Action("add", value) for value in (1, 2, 3)],
    [Action("read", None, freeze(items)) for items in ([], [1], [2, 1], [1, 2, 3], [3, 3])],
)


@pytest.mark.parametrize(("name", "said"), [("key-value", TEXTS), ("list", LISTS), ("grow-only-set", SETS)])
def test_what_a_state_does_not_reach_does_not_happen_before_something_blind(name, said):
    model, (changes, observers) = model_named(name), said
    growing = [change for change in changes if model.kind(change) is not Kind.BLIND]
    starts = {state for change in changes for state in model.successors(model.initial, change)} | {model.initial}
    unreached = 0
    for start, needed in product(sorted(starts, key=repr), observers):
        for count in range(RUN_MAX + 1):
            for run in product(growing, repeat=count):
                states = [start]
                for change in run:
                    states = [after for state in states for after in model.successors(state, change)]
                if any(model.successors(state, needed) for state in states):
                    assert model.reaches(start, needed), (start, needed, run)
        unreached += not model.reaches(start, needed)
        assert model.reaches(start, needed._replace(result=None, outcome="open"))
    assert unreached > 0
