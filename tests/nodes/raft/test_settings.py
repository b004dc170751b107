"""Raft's options: defaults, and one message about everything that is wrong."""

from __future__ import annotations

import pytest

from keelhaul.nodes.raft.settings import Settings


def test_nothing_given_is_the_default_in_ns():
    settings = Settings.of({})
    assert (settings.election_timeout_ns, settings.heartbeat_ns) == (300_000_000, 50_000_000)
    assert settings.pre_vote
    assert settings.check_quorum


def test_what_is_given_is_taken():
    settings = Settings.of({"election_timeout_ms": 1000, "heartbeat_ms": 100, "pre_vote": 0})
    assert (settings.election_timeout_ns, settings.heartbeat_ns, settings.pre_vote) == (10**9, 10**8, 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"heartbeat": 1}, ["'heartbeat'"]),
        ({"heartbeat_ms": -1}, ["heartbeat_ms", "-1"]),
        ({"heartbeat_ms": "50"}, ["heartbeat_ms", "'50'"]),
        ({"oops": 1, "pre_vote": 0.5}, ["'oops'", "pre_vote", "0.5"]),
        ({"heartbeat_ms": 0}, ["heartbeat_ms"]),
        ({"election_timeout_ms": 99}, ["twice"]),
        ({"batch_entries_max": 0}, ["batch_entries_max"]),
        ({"inflight_entries_max": 0}, ["inflight_entries_max"]),
    ],
)
def test_what_does_not_fit_is_named(options, words):
    with pytest.raises(ValueError) as caught:
        Settings.of(options)
    for word in words:
        assert word in str(caught.value)
