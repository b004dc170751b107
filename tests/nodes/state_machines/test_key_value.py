"""The key-value store: its commands, and requests that aren't any."""

from __future__ import annotations

import pytest

from keelhaul.nodes.errors import ErrorCode
from keelhaul.nodes.state_machines.key_value import TEXT_CHARS_MAX, KeyValue, MalformedCommand, command_of


def code_of(body):
    """Return the error's code that a request gets."""
    with pytest.raises(MalformedCommand) as caught:
        command_of(body)
    assert len(str(caught.value)) < 300
    return caught.value.code


def test_a_key_that_was_never_written_reads_as_null():
    assert KeyValue().apply(1, ["read", "k"]) == {"type": "read_ok", "value": None}


def test_the_last_write_is_read():
    store = KeyValue()
    for value in (1, [2, {"a": None}]):
        assert store.apply(1, ["write", "k", value]) == {"type": "write_ok"}
        assert store.apply(1, ["read", "k"]) == {"type": "read_ok", "value": value}
    assert store.apply(1, ["read", "other"])["value"] is None


def test_compare_and_set_changes_only_from_the_expected_value():
    store = KeyValue()
    assert store.apply(1, ["cas", "k", None, 1]) == {"type": "cas_ok"}
    refused = store.apply(1, ["cas", "k", 2, 3])
    assert (refused["type"], refused["code"]) == ("error", ErrorCode.PRECONDITION_FAILED)
    assert store.apply(1, ["read", "k"])["value"] == 1
    assert store.apply(1, ["cas", "k", 1, 3]) == {"type": "cas_ok"}
    assert store.apply(1, ["read", "k"])["value"] == 3


@pytest.mark.parametrize(("held", "expected"), [(1, True), ([1], [True]), ({"a": 0}, {"a": False})])
def test_true_is_not_one_at_any_depth(held, expected):
    store = KeyValue()
    store.apply(1, ["write", "k", held])
    assert store.apply(1, ["cas", "k", expected, 2])["type"] == "error"
    assert store.apply(1, ["read", "k"])["value"] == held


def test_numbers_and_strings_are_different_keys():
    store = KeyValue()
    store.apply(1, ["write", 1, "number"])
    store.apply(1, ["write", "1", "string"])
    assert [store.apply(1, ["read", key])["value"] for key in (1, "1")] == ["number", "string"]


def test_appends_add_to_a_text_or_to_nothing():
    store = KeyValue()
    for text in ("a;", "b;"):
        assert store.apply(1, ["append", "k", text]) == {"type": "append_ok"}
    assert store.apply(1, ["read", "k"])["value"] == "a;b;"


def test_only_to_a_text_can_be_appended_and_only_so_much():
    store = KeyValue()
    store.apply(1, ["write", "number", 1])
    store.apply(1, ["write", "long", "x" * (TEXT_CHARS_MAX - 1)])
    for key in ("number", "long"):
        before = store.apply(1, ["read", key])
        refused = store.apply(1, ["append", key, "ab"])
        assert (refused["type"], refused["code"]) == ("error", ErrorCode.PRECONDITION_FAILED)
        assert store.apply(1, ["read", key]) == before
    assert store.apply(1, ["append", "long", "a"]) == {"type": "append_ok"}


def test_what_is_deleted_reads_as_null_as_if_it_had_never_been():
    store = KeyValue()
    store.apply(1, ["write", "other", 1])
    image, digest = store.snapshot(), store.digest
    store.apply(1, ["write", "k", "v"])
    for _ in range(2):
        assert store.apply(1, ["delete", "k"]) == {"type": "delete_ok"}
        assert store.apply(1, ["read", "k"])["value"] is None
        assert (store.snapshot(), store.digest) == (image, digest)


def test_requests_become_commands():
    assert command_of({"type": "read", "key": "k", "msg_id": 1}) == ["read", "k"]
    assert command_of({"type": "write", "key": 1, "value": None}) == ["write", 1, None]
    assert command_of({"type": "cas", "key": "k", "from": 1, "to": [2]}) == ["cas", "k", 1, [2]]
    assert command_of({"type": "append", "key": "k", "value": "a"}) == ["append", "k", "a"]
    assert command_of({"type": "delete", "key": "k"}) == ["delete", "k"]


@pytest.mark.parametrize(
    "key", [None, True, 1.0, [], {}, ["k"], "k" * 257, 2**64, 10**5000], ids=lambda key: str(type(key).__name__)
)
def test_a_key_that_is_none_is_refused(key):
    assert code_of({"type": "read", "key": key}) == ErrorCode.MALFORMED_REQUEST


@pytest.mark.parametrize("key", ["", "k" * 256, "\ud800", 0, -1, 2**64 - 1])
def test_odd_keys_are_keys(key):
    assert command_of({"type": "read", "key": key}) == ["read", key]


@pytest.mark.parametrize(
    "body",
    [
        {"type": "read"},
        {"type": "write", "key": "k"},
        {"type": "write", "value": 1},
        {"type": "cas", "key": "k", "from": 1},
        {"type": "cas", "key": "k", "to": 1},
        {"type": "append", "key": "k", "value": 1},
        {"type": "append", "key": "k"},
        {"type": "delete"},
        {"type": "write", "key": "k", "value": float("nan")},
        {"type": "cas", "key": "k", "from": float("inf"), "to": 1},
        {"type": "cas", "key": "k", "from": 1, "to": 10**5000},
        {"type": "write", "key": "k", "value": "x" * 2_000_000},
    ],
)
def test_a_request_that_lacks_a_field_or_holds_what_cannot_be_stored_is_refused(body):
    assert code_of(body) == ErrorCode.MALFORMED_REQUEST


@pytest.mark.parametrize("kind", ["", "append_entries", "Read", "\\" * 9_000_000])
def test_a_request_that_is_not_known_is_refused_in_few_words(kind):
    assert code_of({"type": kind, "key": "k"}) == ErrorCode.NOT_SUPPORTED
