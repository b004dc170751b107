"""Random schedules keep every promise; and where a rule is weakened, the same schedules notice.

The second half is the alarm's own test: a witness that never complains proves nothing.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from keelhaul.nodes.raft import election, node, replication, requests
from keelhaul.nodes.raft.configuration import Configuration
from keelhaul.nodes.raft.state import LEADER, State

STEPS = 2000
SEEDS_PER_TEST = 20
SEEDS_TO_NOTICE = 60


def _explorer():
    spec = importlib.util.spec_from_file_location("raft_explorer", Path(__file__).with_name("explorer.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


explorer = _explorer()


def schedule_of(cluster_of, seed):
    """Make the schedule of a seed."""
    size = explorer.SIZES[seed % len(explorer.SIZES)]
    return explorer.Schedule(cluster_of, size, seed, **explorer.OPTIONS[seed % len(explorer.OPTIONS)])


@pytest.mark.parametrize("first", range(1, 6 * SEEDS_PER_TEST, SEEDS_PER_TEST))
def test_random_schedules_keep_every_promise_and_the_cluster_recovers(cluster_of, first):
    commits = elections = 0
    for seed in range(first, first + SEEDS_PER_TEST):
        schedule = schedule_of(cluster_of, seed)
        try:
            schedule.run(STEPS)
        except Exception as broken:
            raise AssertionError(f"schedule {seed}: {type(broken).__name__}: {broken}") from broken
        commits += len(schedule.witness.committed)
        elections += len(schedule.witness.leaders)
    assert commits > 20 * SEEDS_PER_TEST, "the schedules are too harsh: nothing is ever committed"
    assert elections > 2 * SEEDS_PER_TEST, "the schedules are too calm: nobody is ever replaced"


# --- weakened rules


def send_at_once(state, dest, body):
    """F1–F4 weakened: nothing waits for the disk."""
    state.send(dest, body)


def commit_what_the_leader_has_not_synced(state, now_ns):
    """F5 weakened: the leader counts itself for what is still on its way to the disk."""
    if state.role == LEADER:
        held = {peer: progress.match_index for peer, progress in state.progress.items()}
        held[state.name] = state.log.last_index
        index = state.configuration.agreed(held)
        if index > state.commit_index and state.log.term_at(index) == state.term:
            replication.set_commit_index(state, now_ns, index)


def cut_the_tail_at_every_message(state, previous, entries):
    """§1.5 step 4 weakened: what a message doesn't mention is cut off."""
    if state.log.last_index > previous:
        replication._truncate(state, previous + 1)
    if entries:
        replication._append(state, entries)
    return previous + len(entries)


def vote_for_everybody(state, candidate, body):
    """E3 weakened: an earlier vote in this term is no obstacle."""
    state.voted_for = None if body["term"] == state.term else state.voted_for
    return body["term"] == state.term and election._is_up_to_date(state, body)


def commit_to_the_logs_end(state, now_ns, leader, body):
    """§1.5 step 6 weakened: commit what the leader committed, whatever stands there here."""
    replication.on_append_entries(state, now_ns, leader, body)
    index = min(body["leader_commit"], state.log.last_index)
    if body["term"] == state.term and index > state.commit_index:
        replication.set_commit_index(state, now_ns, index)


def answer_by_index_alone(state, index, waiter, entry, result):
    """AP2 weakened: who waits for an index gets whatever landed there."""
    state.reply(waiter.asker.client, waiter.asker.number, result or {"type": "write_ok"})


def a_half_is_enough(configuration, names):
    """E4 weakened: two of four are a quorum."""
    return sum(1 for name in configuration.voters if name in names) >= max(len(configuration.voters) // 2, 1)


def speak_only_to_those_who_answer(state, now_ns):
    """L6 weakened: a probe that was lost is never sent again."""
    for peer, progress in state.progress.items():
        if not progress.probing:
            replication.send_now(state, now_ns, peer, progress)


def weaken(monkeypatch, rule):
    """Break one rule."""
    target, attribute, weaker = {
        "votes for old logs": (election, "_is_up_to_date", lambda state, body: True),
        "nothing waits for the disk": (State, "send_durably", send_at_once),
        "leader counts itself early": (replication, "advance_commit", commit_what_the_leader_has_not_synced),
        "cuts without a conflict": (replication, "_take", cut_the_tail_at_every_message),
        "votes are not on disk": (State, "save_vote", lambda state: None),
        "votes twice": (election, "grants_vote", vote_for_everybody),
        "commits past what was checked": (node._MESSAGES, "append_entries", commit_to_the_logs_end),
        "answers by index": (requests, "_answer", answer_by_index_alone),
        "half is enough": (Configuration, "has_quorum", a_half_is_enough),
        "refusals are ignored": (replication, "_on_reject", lambda *_: None),
        "probes are sent once": (replication, "send_heartbeats", speak_only_to_those_who_answer),
    }[rule]
    if isinstance(target, dict):
        monkeypatch.setitem(target, attribute, weaker)
    else:
        monkeypatch.setattr(target, attribute, weaker)


@pytest.mark.parametrize(
    ("rule", "promise"),
    [
        ("votes for old logs", "Leader Completeness"),
        ("nothing waits for the disk", "durable on a majority"),
        ("leader counts itself early", "durable on a majority"),
        ("cuts without a conflict", "committed entry would be overwritten|durable on a majority"),
        ("votes are not on disk", "one vote a term"),
        ("votes twice", "one vote a term"),
        ("commits past what was checked", "State Machine Safety"),
        ("answers by index", "no answer without a commit"),
        ("half is enough", "durable on a majority|Election Safety"),
        ("refusals are ignored", "liveness"),
        ("probes are sent once", "liveness"),
    ],
)
def test_a_weakened_rule_is_noticed(cluster_of, monkeypatch, rule, promise):
    weaken(monkeypatch, rule)
    for seed in range(1, SEEDS_TO_NOTICE + 1):
        try:
            schedule_of(cluster_of, seed).run(STEPS)
        except Exception as broken:
            if any(words in str(broken) for words in promise.split("|")):
                return
    raise AssertionError(f"{SEEDS_TO_NOTICE} schedules did not notice: {rule}")
