"""EDN values: every kind of them, and where what is wrong with one."""

from __future__ import annotations

import re

import pytest

from keelhaul.checkers.formats.edn import DEPTH_MAX, EdnReader
from keelhaul.checkers.formats.errors import FormatError
from keelhaul.checkers.values import freeze


def value(text):
    return EdnReader(text).value()[0]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("nil", None),
        ("true", True),
        ("false", False),
        ("0", 0),
        ("-12", -12),
        ("+7", 7),
        ("42N", 42),
        ("1.5", 1.5),
        ("-2.5e3M", -2500.0),
        ("22/7", "22/7"),
        ("##Inf", float("inf")),
        ("##NaN", float("nan")),
        (":append", "append"),
        (":a.b/c-d*", "a.b/c-d*"),
        ("symbol", "symbol"),
        ('"a \\"b\\" \\\\ \\n \\u00e9"', 'a "b" \\ \n é'),
        ('"\\ud83d\\ude00"', "😀"),
        ("\\a", "a"),
        ("\\newline", "\n"),
        ("\\u0041", "A"),
        ("[]", []),
        ("[1 [2 nil] :x]", [1, [2, None], "x"]),
        ("(1, 2,,3)", [1, 2, 3]),
        ("#{3 1 2}", [1, 2, 3]),
        ('{:a 1, "b" [2]}', {"a": 1, "b": [2]}),
        ('#inst "2020-01-01"', "2020-01-01"),
        ("#jepsen.independent/Tuple [1 2]", [1, 2]),
        ("; first\n [1 ; one\n 2]", [1, 2]),
        ("[1 #_ 2 3 #_4]", [1, 3]),
        ("#_ #_ 1 2 3", 3),
    ],
)
def test_a_value_is_what_the_same_json_would_be(text, meant):
    assert value(text) == freeze(meant)


def test_true_is_not_one():
    assert value("true") != value("1")


def test_sets_and_maps_are_the_same_in_any_order():
    assert value("#{1 2 :x}") == value("#{:x 2 1}")
    assert value("{:a 1 :b 2}") == value("{:b 2 :a 1}")
    assert value("{1 2, [3] 4}") == value("{[3] 4, 1 2}")


def test_it_says_where_a_value_ends():
    assert EdnReader(" [1 2] 3").value() == (freeze([1, 2]), 6)


def test_it_remembers_keywords_and_strings():
    reader = EdnReader('[:a "b" {:c "d"}]')
    reader.value()
    assert (reader.names, reader.texts) == ({"a", "c"}, {"b", "d"})


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("", (1, 1), "ends where a value is expected"),
        ("\n [1\n 2", (2, 2), "never closed"),
        ("[1\n 2)", (2, 3), "')' where ']'"),
        ("]", (1, 1), "no EDN value"),
        ('[1 "abc', (1, 4), "a string that never ends"),
        ('"\\q"', (1, 1), "no escape"),
        ('"\\ud83d"', (1, 1), "half a surrogate pair"),
        ("\\udc00", (1, 1), "half a surrogate pair"),
        ("\\abc", (1, 1), "no character"),
        ("{:a}", (1, 1), "a key without a value"),
        ("12ab", (1, 1), "no number"),
        ("007", (1, 1), "no number"),
        (":", (1, 1), "no EDN value"),
        ("##Foo", (1, 1), "no EDN value"),
        ("[1 @x]", (1, 4), "no EDN value"),
        ("#_", (1, 3), "ends where a value is expected"),
        ("9" * 5000, (1, 1), "more than 4000 digits"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text, place, says):
    with pytest.raises(FormatError, match=re.escape(says)) as caught:
        value(text)
    assert (caught.value.line, caught.value.column) == place


@pytest.mark.parametrize("text", ["[" * 100_000, "{:a " * 100_000, "#_" * 100_000, "#x " * 100_000, "#{" * 100_000])
def test_depth_is_bounded(text):
    with pytest.raises(FormatError, match=f"nested more than {DEPTH_MAX} deep"):
        value(text)


def test_what_is_just_not_too_deep_is_read():
    text = "[" * DEPTH_MAX + "]" * DEPTH_MAX
    assert EdnReader(text).value()[1] == len(text)
