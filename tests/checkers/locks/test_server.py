"""The lock service's invariants on its members' traces: for each a story that breaks it, and one that nearly does."""

from __future__ import annotations

import pytest

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.history import History
from keelhaul.checkers.locks.server import NAMES, LockInvariants, violations
from keelhaul.checkers.verdict import Verdict


def broken(*stories):
    """The ids of what these stories break."""
    return sorted({found.id for found in violations(tuple(story.trace() for story in stories))})


def test_lc_1_two_exclusive_holders(story):
    a, b = story.open(), story.open()
    story.grant(a).grant(b)
    assert broken(story) == ["LC-1"]


def test_lc_1_shared_and_exclusive(story):
    a, b = story.open(), story.open()
    story.grant(a, "shared").grant(b)
    assert broken(story) == ["LC-1"]


def test_lc_1_near_miss_one_after_the_other(story):
    a, b = story.open(), story.open()
    story.grant(a)
    story.lock("release", a, token=story.index)
    story.grant(b)
    assert broken(story) == []


def test_lc_1_near_miss_shared_together(story):
    a, b = story.open(), story.open()
    story.grant(a, "shared").grant(b, "shared")
    assert broken(story) == []


def test_lc_1_giving_back_what_is_not_held(story):
    a = story.open()
    story.grant(a).lock("release", a, token=99)
    assert broken(story) == ["LC-1"]


def test_lc_4_a_token_that_goes_back(story):
    a, b = story.open(), story.open()
    story.grant(a)
    story.lock("release", a, token=story.index)
    story.grant(b, token=2)
    assert broken(story) == ["LC-4"]


def test_lc_4_the_same_token_for_the_next_holder(story):
    a, b = story.open(), story.open()
    story.grant(a)
    token = story.index
    story.lock("release", a, token=token).grant(b, token=token)
    assert broken(story) == ["LC-4"]


def test_lc_4_near_miss_shared_holders_let_in_by_one_entry(story):
    a, b, c = story.open(), story.open(), story.open()
    story.grant(a, "shared").grant(b, "shared", token=9).grant(c, "shared", token=9)
    assert broken(story) == []


def test_lc_5_an_expiry_before_the_lease_is_over(story):
    a = story.open()
    story.tell("lease", epoch=1, session=a, end_ns=3000 * 10**6)
    story.ms = 2999
    story.tell("expiring", epoch=1, session=a, end_ns=3000 * 10**6)
    assert broken(story) == ["LC-5"]


def test_lc_5_near_miss_when_it_is_over(story):
    a = story.open()
    story.tell("lease", epoch=1, session=a, end_ns=3000 * 10**6)
    story.ms = 3000
    story.tell("expiring", epoch=1, session=a, end_ns=3000 * 10**6)
    assert broken(story) == []


def test_lc_5_the_longest_promise_counts(story):
    a = story.open()
    for end_ms in (3000, 5000, 4000):
        story.tell("lease", epoch=1, session=a, end_ns=end_ms * 10**6)
    story.ms = 4500
    story.tell("expiring", epoch=1, session=a, end_ns=4000 * 10**6)
    assert broken(story) == ["LC-5"]


def test_lc_6_a_grant_while_the_lock_rests(story):
    a, b = story.open(), story.open()
    story.grant(a)
    token = story.index
    story.end(a).lock("lose", a, token=token).lock("delay", delay=5).grant(b)
    assert broken(story) == ["LC-6"]


def test_lc_6_near_miss_when_it_has_rested(story):
    a, b = story.open(), story.open()
    story.grant(a)
    token = story.index
    story.end(a).lock("lose", a, token=token).lock("delay", delay=5).lock("end_delay", delay=5).grant(b)
    assert broken(story) == []


@pytest.mark.parametrize(("rested_ms", "found"), [(999, ["LC-6"]), (1000, [])])
def test_lc_6_a_rest_takes_its_time_on_the_masters_clock(story, rested_ms, found):
    story.tell("delay_begun", epoch=1, lock="l", delay=5, delay_ns=1000 * 10**6)
    story.ms += rested_ms
    story.tell("delay_over", epoch=1, lock="l", delay=5)
    assert broken(story) == found


def test_lc_6_a_new_master_counts_anew(story):
    story.tell("delay_begun", epoch=1, lock="l", delay=5, delay_ns=1000 * 10**6)
    story.tell("master", stage="elected", epoch=0)
    story.ms += 1000
    story.tell("delay_over", epoch=2, lock="l", delay=5)
    assert broken(story) == ["LC-6"]


def test_lc_7_a_grant_past_the_head_of_the_queue(story):
    a, b, c = story.open(), story.open(), story.open()
    story.grant(a)
    token = story.index
    story.lock("wait", b, seq=1, mode="exclusive").lock("wait", c, seq=1, mode="exclusive")
    story.lock("release", a, token=token).grant(c)
    assert broken(story) == ["LC-7"]


def test_lc_7_a_try_that_passes_those_who_wait(story):
    a, b, c = story.open(), story.open(), story.open()
    story.grant(a, "shared").lock("wait", b, seq=1, mode="exclusive").grant(c, "shared")
    assert broken(story) == ["LC-7"]


def test_lc_7_near_miss_the_head_had_left(story):
    a, b, c = story.open(), story.open(), story.open()
    story.grant(a)
    token = story.index
    story.lock("wait", b, seq=1, mode="exclusive").lock("wait", c, seq=1, mode="exclusive")
    story.lock("leave", b, seq=1).lock("release", a, token=token).grant(c)
    assert broken(story) == []


def test_lc_13_a_session_that_ended_gets_a_lock(story):
    a = story.open()
    story.end(a).grant(a)
    assert broken(story) == ["LC-13"]


def test_lc_13_a_session_that_ended_is_prolonged(story):
    a = story.open()
    story.end(a).tell("lease", epoch=1, session=a, end_ns=10**12)
    assert broken(story) == ["LC-13"]


def test_lc_13_a_session_opens_twice(story):
    a = story.open()
    story.end(a).entry("session", event="open", session=a)
    assert broken(story) == ["LC-13"]


def test_lc_13_near_miss_ended_and_told_by_what_it_had(story):
    a = story.open()
    story.grant(a)
    token = story.index
    story.end(a).lock("lose", a, token=token)
    assert broken(story) == []


def test_lc_14_an_epoch_that_goes_back(story):
    story.epoch().entry("epoch", epoch=1, master="n2")
    assert broken(story) == ["LC-14"]


def test_lc_14_two_masters_of_one_epoch(story, new_story):
    other = new_story("n2")
    for one in (story, other):
        one.epoch("n1").tell("master", stage="serving", epoch=1)
    assert broken(story, other) == ["LC-14"]


def test_lc_14_a_clients_command_before_the_master_serves(story):
    a = story.open()
    story.epoch().tell("master", stage="keep-alives", epoch=story.index)
    story.lock("wait", a, seq=1, mode="exclusive")
    assert broken(story) == ["LC-14"]


def test_lc_14_serving_before_every_session_knows(story):
    story.open()
    story.epoch().tell("master", stage="keep-alives", epoch=story.index)
    story.tell("master", stage="serving", epoch=story.index)
    assert broken(story) == ["LC-14"]


def test_lc_14_near_miss_one_knows_and_the_other_has_ended(story):
    a, b = story.open(), story.open()
    story.epoch()
    epoch = story.index
    story.tell("master", stage="keep-alives", epoch=epoch).tell("aware", epoch=epoch, session=a)
    story.end(b).tell("master", stage="serving", epoch=epoch).lock("wait", a, seq=1, mode="exclusive")
    assert broken(story) == []


def test_lc_14_near_miss_a_former_master_applies_its_old_entries_again(story):
    story.epoch()
    story.tell("master", stage="keep-alives", epoch=1)
    story.tell("boot")
    story.index = 0
    story.epoch()
    a = story.open()
    story.lock("wait", a, seq=1, mode="exclusive")
    assert broken(story) == []


def test_ri_6_an_entry_does_the_same_on_every_member(story, new_story):
    other = new_story("n2")
    for one, mode in ((story, "shared"), (other, "exclusive")):
        one.open()
        one.grant(1, mode)
    assert broken(story, other) == ["RI-6"]


def test_ri_6_near_miss_a_member_that_applies_its_log_again(story, new_story):
    other = new_story("n2")
    other.open()
    other.grant(1)
    story.open()
    story.tell("boot")
    story.index = 0
    story.open()
    story.grant(1)
    assert broken(story, other) == []


def test_a_member_goes_on_from_a_snapshots_table(story):
    held = {"holders": [[1, "exclusive", 2]], "queue": [[3, 1, "exclusive"]], "delay": None, "generation": 1}
    story.tell("lock_table", epoch=1, sessions=[1, 3], locks=[["l", held]])
    story.index = 9
    story.lock("release", 1, token=2).grant(3)
    assert broken(story) == []
    story.grant(1)
    assert broken(story) == ["LC-1"]


def evidence(*stories, traces=True):
    return Evidence(history=History.of([]), traces=tuple(story.trace() for story in stories) if traces else None)


def test_the_reason_names_the_first_violation_and_which_others_there_are(story):
    a, b = story.open(), story.open()
    story.grant(a).grant(b).end(a).grant(a)
    result = LockInvariants().check(evidence(story))
    assert result.verdict is Verdict.INVALID
    assert result.reason.startswith(
        "LC-1 mutual exclusion: n1, index 4, lock l: granted to session 2, exclusive, while session 1"
    )
    assert "also violated: LC-13 ended sessions" in result.reason
    assert result.details["violations"]["LC-1"]["count"] == 3, "with each of the holders"


def test_without_traces_or_without_grants_nobody_knows(story):
    assert LockInvariants().check(evidence(traces=False)).verdict is Verdict.UNKNOWN
    story.open()
    assert LockInvariants().check(evidence(story)).verdict is Verdict.UNKNOWN


def test_every_id_has_a_name(story):
    assert set(NAMES) == {f"LC-{number}" for number in (1, 4, 5, 6, 7, 10, 12, 13, 14)} | {"RI-6"}


def watched(in_order, *told):
    watcher = LockInvariants().watcher(("n1", "n2"), in_order=in_order)
    for node, record in told:
        watcher.observe(node, record)
    return watcher.result()


SESSION = [
    ("n1", {"type": "boot"}),
    ("n2", {"type": "boot"}),
    ("n1", {"type": "session", "index": 3, "event": "open", "session": 3}),
]
END = ("n1", {"type": "session", "index": 4, "event": "expire", "session": 3})
ASKED = ("n2", {"type": "confirming", "epoch": 1, "sessions": [3]})
PROLONGED = ("n2", {"type": "prolonged", "epoch": 1, "session": 3})


@pytest.mark.parametrize(("in_order", "verdict"), [(True, Verdict.INVALID), (False, Verdict.UNKNOWN)])
def test_lc_13_a_keep_alive_answered_that_was_confirmed_after_another_member_applied_the_end(in_order, verdict):
    """By a master that was replaced and doesn't know. Without the true order nobody can tell which came first."""
    assert watched(in_order, *SESSION, END, ASKED, PROLONGED).verdict is verdict


def test_lc_13_near_miss_the_confirmation_began_before_the_end():
    """The answer took effect at a moment when nobody else led; a master that was stopped in between says it late."""
    assert watched(True, *SESSION, ASKED, END, PROLONGED).verdict is Verdict.UNKNOWN, "nothing granted, nothing broken"


def test_lc_13_near_miss_a_replaced_master_counts_leases_for_itself():
    """It finds that it was stopped and counts all leases anew; no client hears of that."""
    counted = ("n2", {"type": "lease", "time": 1, "epoch": 1, "session": 3, "end_ns": 9})
    assert watched(True, *SESSION, END, counted).verdict is Verdict.UNKNOWN
