"""Which JSON values are the same, and that they come back."""

import json
from itertools import combinations

import pytest

from keelhaul.checkers.values import freeze, show, thaw

SCALARS = [None, True, False, 0, 1, -1, 1.5, 2**60, float("nan"), "", "1", "true", "nan", "object"]
LISTS = [[], [1], [True], [[1]], [None], ["array"], ["boolean", True], ["object", ["a", 1]]]
OBJECTS = [{}, {"a": 1}, {"a": True}, {"a": [1]}, {"b": 1}, {"a": 1, "b": 1}]
DISTINCT = [*SCALARS, *LISTS, *OBJECTS]


def test_different_values_stay_different():
    for one, other in combinations(DISTINCT, 2):
        assert freeze(one) != freeze(other), (one, other)


@pytest.mark.parametrize("value", DISTINCT, ids=repr)
def test_a_value_equals_its_copy_and_comes_back(value):
    copy = json.loads(json.dumps(value))
    assert freeze(copy) == freeze(value)
    assert hash(freeze(copy)) == hash(freeze(value))
    assert json.dumps(thaw(freeze(value))) == json.dumps(value)


def test_one_is_one_however_written():
    assert freeze(1) == freeze(1.0)
    assert freeze([1, {"a": 2.0}]) == freeze((1.0, {"a": 2}))


def test_the_order_of_names_does_not_matter():
    assert freeze({"a": 1, "b": [2]}) == freeze({"b": [2], "a": 1})


@pytest.mark.parametrize(
    "value",
    [{1, 2}, b"x", {1: 2}, [object()], {"a": {2: 3}}],
    ids=["set", "bytes", "number as a name", "object", "deep"],
)
def test_what_is_no_json_is_refused(value):
    with pytest.raises(TypeError):
        freeze(value)


def test_a_sentence_shows_json_and_not_all_of_it():
    assert show(freeze({"a": [True, None, "ü"]})) == '{"a": [true, null, "ü"]}'
    assert show(freeze("x" * 1000)).endswith("…")
    assert show(10**5000) == "an enormous number"
