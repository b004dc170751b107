"""The options of the Paxos systems: what is refused, and how it is said."""

from __future__ import annotations

import re
from dataclasses import asdict

import pytest

from keelhaul.nodes.node import NodeConfig
from keelhaul.nodes.paxos import Synod
from keelhaul.nodes.paxos.multi.settings import Settings
from keelhaul.nodes.paxos.quorums import Grid, QuorumsDisjoint
from keelhaul.nodes.paxos.settings import NaiveSettings, SynodSettings

FIVE = tuple(f"n{number}" for number in range(1, 6))


@pytest.mark.parametrize(
    ("settings", "options", "text"),
    [
        (NaiveSettings, {"retransmit": 1}, "there is no option 'retransmit'; did you mean 'retransmit_ms'?"),
        (NaiveSettings, {"retransmit_ms": -1}, "retransmit_ms is -1; it must be a whole number from 0 on"),
        (NaiveSettings, {"retransmit_ms": "x"}, "retransmit_ms is 'x'; it must be a whole number from 0 on"),
        (NaiveSettings, {"retransmit_ms": 0}, "retransmit_ms must be at least 1"),
        (SynodSettings, {"backoff_ms": 500}, "backoff_ms must be from 1 to backoff_max_ms"),
        (SynodSettings, {"grid_rows": 2, "weights": 111}, "one of the three"),
        (Settings, {"read_mode": "leese"}, "allowed are log, confirm, lease, quorum; did you mean 'lease'?"),
        (Settings, {"heartbeat_ms": 200}, "election_timeout_ms must be at least twice heartbeat_ms"),
        (Settings, {"window": 0}, "window, snapshot_chunk_chars and sessions_max must be at least 1"),
        (Settings, {"clock_drift_percent": 51}, "clock_drift_percent must be at most 50"),
    ],
)
def test_options_that_do_not_fit_are_refused_with_what_is_allowed(settings, options, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        settings.of(options)


def test_all_problems_are_told_at_once():
    with pytest.raises(ValueError, match=r"there is no option 'a'.*; there is no option 'b'"):
        SynodSettings.of({"a": 1, "b": 2})


def test_quorums_are_majorities_unless_something_else_is_asked_for():
    assert SynodSettings().quorums_of(FIVE).described()["q2"] == 3
    assert SynodSettings(phase2_quorum=4).quorums_of(FIVE).described() | {"weights": None} == {
        "weights": None,
        "q1": 3,
        "q2": 4,
    }
    assert SynodSettings(weights=31111).quorums_of(FIVE).is_q1(["n1", "n2"])
    assert isinstance(SynodSettings(grid_rows=2).quorums_of(FIVE[:4]), Grid)


def test_a_node_refuses_to_run_with_quorums_that_need_not_meet():
    with pytest.raises(QuorumsDisjoint, match="n1, n2 can win a ballot while n3, n4 have chosen a value"):
        Synod(NodeConfig(name="n1", members=FIVE[:4], options={"phase1_quorum": 2, "phase2_quorum": 2}), None)


def test_not_more_first_voters_than_members():
    with pytest.raises(ValueError, match="initial_voters is 4, but there are 3 members"):
        Settings(initial_voters=4).first_voters(FIVE[:3])
    assert Settings(initial_voters=2).first_voters(FIVE) == ("n1", "n2")


def test_what_nobody_sets_is_as_the_docs_say():
    assert asdict(Settings()) == {
        "retransmit_ms": 40,
        "phase1_quorum": 0,
        "phase2_quorum": 0,
        "grid_rows": 0,
        "weights": 0,
        "backoff_ms": 10,
        "backoff_max_ms": 300,
        "election_timeout_ms": 300,
        "heartbeat_ms": 50,
        "window": 64,
        "read_mode": "log",
        "clock_drift_percent": 2,
        "snapshot_threshold": 10_000,
        "snapshot_trailing": 1_000,
        "snapshot_chunk_chars": 65_536,
        "initial_voters": 0,
        "sessions_max": 10_000,
    }


def test_a_lease_ends_for_its_leader_first_whichever_way_the_clocks_drift():
    settings = Settings(clock_drift_percent=2)
    slow_leader, fast_acceptor = 0.98, 1.02
    assert settings.lease_ns / slow_leader < settings.election_timeout_ns / fast_acceptor
