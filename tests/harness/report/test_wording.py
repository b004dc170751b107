"""How results are written for people."""

import pytest

from keelhaul.harness.report.wording import (
    VALUE_CHARACTERS_MAX,
    cut,
    duration,
    moment,
    printable,
    shown,
    verdict_words,
)


@pytest.mark.parametrize(
    ("time_ns", "words"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1_000, "1 µs"),
        (12_340_000, "12.3 ms"),
        (250_900_000, "250 ms"),
        (5_250_000_000, "5.25 s"),
        (10**4000, f"{10**3991} s"),
    ],
)
def test_durations_have_about_three_digits(time_ns, words):
    assert duration(time_ns) == words


@pytest.mark.parametrize(
    ("time_ns", "words"), [(0, "0.000 s"), (1_999_600_000, "2.000 s"), (61_004_000_000, "61.004 s")]
)
def test_moments_are_seconds_to_the_millisecond(time_ns, words):
    assert moment(time_ns) == words


@pytest.mark.parametrize(("verdict", "words"), [("valid", "✓ valid"), ("invalid", "✗ invalid"), (None, "? None")])
def test_a_verdict_has_a_glyph(verdict, words):
    assert verdict_words(verdict) == words


def test_values_are_compact_json_with_all_their_digits():
    assert shown([3, None, {"a": 2**70}]) == '[3,null,{"a":1180591620717411303424}]'
    assert shown(None) == ""
    assert shown(0) == "0"


def test_values_that_json_cannot_hold_are_told():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert "too deep" in shown(deep)
    assert "too large" in shown(10**5000)
    assert shown(float("nan")) == "NaN"


def test_long_values_are_cut_and_say_so():
    text = shown("x" * 1000)
    assert text.startswith('"xxx')
    assert text.endswith("… (1002 characters)")
    assert len(text) < VALUE_CHARACTERS_MAX + 30
    assert cut("abc", 3) == "abc"


def test_what_does_not_print_is_written_out():
    assert printable("a\x1b[2J\u202eb\ud800\u2028\nc") == "a\\x1b[2J\\u202eb\\ud800\\u2028\nc"
    assert printable("größer ≥ 日本") == "größer ≥ 日本"
