"""Readers: they never raise, they name the place, and they go on."""

from __future__ import annotations

import pytest

from keelhaul.harness.validation import (
    UsageError,
    folder_name,
    many_of,
    number,
    one_of,
    optional,
    shown,
    table,
    tables,
    text,
    unknown_name,
    whole,
)


def read(reader, value):
    """What the reader makes of it, and the problems."""
    problems = []
    return reader(value, "here", problems), problems


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        (text(), "x"),
        (folder_name(), "a-B_9.c"),
        (one_of(("a", "b"), "letter"), "b"),
        (whole(1, 3), 3),
        (number(0, 1), 0.5),
        (number(0, 1), 1),
        (optional(whole(1, 3)), None),
        (optional(whole(1, 3)), 2),
    ],
)
def test_good_values_are_returned(reader, value):
    assert read(reader, value) == (value, [])


def test_lists_become_tuples():
    assert read(many_of(("a", "b"), "letter"), ["b", "a", "b"]) == (("b", "a", "b"), [])
    assert read(many_of(("a",), "letter", least=0), []) == ((), [])
    assert read(tables({"x": whole(0, 9)}, ()), [{"x": 1}, {}]) == (({"x": 1}, {}), [])


@pytest.mark.parametrize(
    ("reader", "value", "problem"),
    [
        (text(), "", "here: '' isn't a text"),
        (text(), 3, "here: 3 isn't a text"),
        (one_of(("a",), "letter"), 3, "here: 3 isn't a text (allowed: a)"),
        (one_of(("alpha",), "letter"), "alfa", "here: no such letter: 'alfa'; did you mean 'alpha'? (allowed: alpha)"),
        (one_of(("a",), "letter"), "zzz", "here: no such letter: 'zzz' (allowed: a)"),
        (whole(1, 3), True, "here: True isn't a whole number from 1 to 3"),
        (whole(1, 3), 2.0, "here: 2.0 isn't a whole number from 1 to 3"),
        (number(0, 1), False, "here: False isn't a number from 0 to 1"),
        (number(0, 1), float("nan"), "here: nan isn't a number from 0 to 1"),
        (many_of(("a",), "letter"), "a", "here: 'a' isn't a list of names (allowed: a)"),
        (many_of(("a",), "letter"), ["a", 1], "here[1]: 1 isn't a text (allowed: a)"),
        (optional(whole(1, 3)), 4, "here: 4 isn't a whole number from 1 to 3"),
        (table({"x": text()}), [], "here: [] isn't a table with x"),
        (table({"x": text()}, ("x",)), {}, "here.x: is missing"),
        (tables({"x": text()}, ()), {}, "here: {} isn't a list of tables ([[here]])"),
        (tables({"x": text()}, ("x",)), [{"x": "a"}, {"x": 1}], "here[1].x: 1 isn't a text"),
        (table({"x": table({"y": text()})}), {"x": {"z": 1}}, "here.x.z: no such setting: 'z' (allowed: y)"),
    ],
)
def test_bad_values_are_told_with_their_place(reader, value, problem):
    assert read(reader, value)[1] == [problem]


def test_unknown_names_among_nothing():
    assert unknown_name("here", "x", ()) == "here: no such value: 'x' (allowed: none)"


def test_values_are_shown_in_a_line():
    assert shown("x" * 100) == "'" + "x" * 58 + "…"
    assert shown("a\nb\x1b") == r"'a\nb\x1b'"
    assert shown(10**5000) == "an enormous value"


def test_a_usage_error_is_made_again_from_its_arguments():
    """So it comes whole out of a worker process."""
    error = UsageError(*UsageError(["one", "two"]).args)
    assert error.problems == ["one", "two"]
    assert str(error) == "one; two"
