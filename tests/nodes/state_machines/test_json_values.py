"""Which values are taken, and which two are the same."""

from __future__ import annotations

import json

import pytest

from keelhaul.nodes.messages import FRAME_BYTES_MAX
from keelhaul.nodes.state_machines import json_values
from keelhaul.nodes.state_machines.json_values import DEPTH_MAX, WEIGHT_MAX, is_same, problem_of


def nested(depth):
    """Make a value of so many levels."""
    value = 1
    for level in range(depth - 1):
        value = [value] if level % 2 else {"in": value}
    return value


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -(2**63), 2**64 - 1, 0.5, "", "ü\ud800\0", [], {}, [1, [2, {"a": None}]], nested(DEPTH_MAX)],
)
def test_json_values_are_taken(value):
    assert problem_of(value) is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), "no JSON value"),
        (float("-inf"), "no JSON value"),
        ([float("inf")], "no JSON value"),
        (2**64, "64 bits"),
        ({"a": [10**5000]}, "64 bits"),
        ((1, 2), "no JSON value"),
        (b"bytes", "no JSON value"),
        ({1: 2}, "no JSON value"),
        ("x" * (WEIGHT_MAX + 1), "too large"),
        (["x"] * WEIGHT_MAX, "too large"),
        ({"x" * WEIGHT_MAX: 1}, "too large"),
        (nested(DEPTH_MAX + 1), "too deep"),
        (nested(100_000), "too deep"),
    ],
)
def test_what_could_not_travel_is_refused_with_the_reason(value, words):
    assert words in problem_of(value)


@pytest.mark.parametrize("character", ['"', "\x01", "\ud800", "\U0001f600"])
def test_the_largest_string_fits_into_a_message(character):
    size = WEIGHT_MAX - json_values.ITEM_WEIGHT
    assert problem_of(character * size) is None
    assert problem_of(character * (size + 1)) is not None
    encoded = json.dumps(character * 1000, ensure_ascii=False).encode("utf-8", "surrogatepass")
    assert len(encoded) * (size / 1000) < FRAME_BYTES_MAX / 2


def test_the_longest_numbers_weigh_no_less_than_they_take():
    for number in (-(2**64) + 1, -2.2250738585072014e-308, 1e22):
        assert len(json.dumps(number)) < json_values.ITEM_WEIGHT


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (True, True, True),
        (None, None, True),
        (None, 0, False),
        ("1", 1, False),
        ([1, [2]], [1.0, [2]], True),
        ([1], [True], False),
        ([1], [1, 1], False),
        ([], {}, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"b": 1}, False),
        ([], None, False),
    ],
)
def test_values_are_the_same_as_the_checkers_see_it(one, other, same):
    assert is_same(one, other) is same
    assert is_same(other, one) is same
