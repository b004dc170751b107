"""A process' client: its session beneath its operations, retries, jeopardy, and what it tells of its beliefs."""

from __future__ import annotations

UNAVAILABLE, REFUSED, UNSUPPORTED, ABORT, UNKNOWN = 11, 22, 10, 14, 1000


def renew(bench):
    bench.answer("keep_alive", epoch=3, lease_ms=2000, events=[])


def test_the_first_operation_opens_a_session_and_keeps_it_alive(bench):
    bench.acquire()
    assert bench.kinds() == ["open_session"]
    bench.answer("open_session", session=7, epoch=3, lease_ms=2000, grace_ms=5000)
    assert bench.kinds() == ["acquire", "keep_alive"]
    body = bench.open("acquire").body
    assert (body["session"], body["epoch"], body["seq"], body["acked"], body["wait"]) == (7, 3, 1, 0, True)


def test_ls2_each_answer_to_a_keep_alive_is_followed_by_the_next(bench):
    bench.holding()
    first = bench.open("keep_alive")
    bench.until(500)
    renew(bench)
    assert bench.open("keep_alive").request != first.request


def test_a_grant_is_told_with_token_and_lease(bench):
    bench.with_session()
    bench.answer("acquire", token=20)
    (done,) = bench.done
    assert (done.type, done.value[0], done.value[1]["token"]) == ("ok", "l", 20)
    assert 1900 < done.value[1]["until_ns"] / 10**6 < 2000


def test_a_try_does_not_wait(bench):
    bench.acquire("try-acquire")
    bench.answer("open_session", session=7, epoch=3, lease_ms=2000, grace_ms=5000)
    assert bench.open("acquire").body["wait"] is False
    bench.refuse("acquire", REFUSED, reason="held")
    assert bench.done[0].type == "fail"


def test_a_release_ends_the_belief_when_it_begins(bench):
    bench.holding()
    bench.until(300)
    bench.invoke("release", token=20)
    bench.until(310)
    bench.answer("release")
    assert bench.done[0].value[1]["ended"] == [["l", "exclusive", 20, [[0, 300_000_000]]]]


def test_ls5_in_jeopardy_beliefs_are_suspended_and_nothing_new_is_begun(bench):
    bench.holding()
    bench.until(2500)
    bench.invoke("release", token=20)
    assert "release" not in bench.kinds()
    renew(bench)  # a KeepAlive sent not long ago
    assert bench.kinds() == ["keep_alive", "release"]
    bench.answer("release")
    (ended,) = bench.done[0].value[1]["ended"]
    assert [to_ns < 2_000_000_000 for _, to_ns in ended[3]] == [True]


def test_a_belief_goes_on_when_the_session_turns_out_to_be_alive(bench):
    bench.holding()
    bench.until(2500)
    renew(bench)
    bench.until(2600)
    bench.invoke("release", token=20)
    bench.answer("release")
    (ended,) = bench.done[0].value[1]["ended"]
    assert ended[3][1:] == [[2_500_000_000, 2_600_000_000]]


def test_ls5_after_the_grace_period_all_that_was_held_is_gone(bench):
    bench.holding()
    bench.until(8000)
    bench.invoke("release", token=20)
    (done,) = bench.done
    assert (done.type, done.error) == ("fail", "nothing is held")
    (ended,) = done.value[1]["ended"]
    assert ended[3][-1][1] < 2_000_000_000


def test_ls5_expired_is_expired_and_the_next_operation_opens_another_session(bench):
    bench.holding()
    bench.refuse("keep_alive", REFUSED, reason="session_expired")
    bench.acquire()
    assert bench.kinds() == ["open_session"]
    assert bench.open("open_session").body["nonce"] == "p0.2"


def test_s6_silence_moves_the_client_on_and_it_asks_the_same_again(bench):
    bench.with_session()
    first = bench.open("acquire")
    bench.until(600)
    again = bench.open("acquire")
    assert again.node != first.node
    assert again.body == first.body


def test_a_hint_leads_to_the_master_at_once(bench):
    bench.acquire()
    bench.refuse("open_session", UNAVAILABLE, leader="n3")
    assert bench.open("open_session").node == "n3"


def test_a_master_that_is_not_ready_is_asked_again_after_a_while(bench):
    bench.acquire()
    bench.refuse("open_session", UNAVAILABLE, leader="n1")
    assert bench.kinds() == []
    bench.until(60)
    assert bench.open("open_session").node == "n1"


def test_a_hint_to_somebody_who_is_no_member_is_not_followed(bench):
    bench.acquire()
    bench.refuse("open_session", UNAVAILABLE, leader="evil")
    bench.until(60)
    assert bench.open("open_session").node == "n2"


def test_step_5_a_new_epoch_is_taken_up(bench):
    bench.with_session()
    bench.refuse("acquire", ABORT, reason="epoch", epoch=9)
    bench.until(60)
    assert bench.open("acquire").body["epoch"] == 9
    renew(bench)  # the old master's last answer
    assert bench.open("keep_alive").body["epoch"] == 9


def test_3_7_notices_are_acknowledged_and_a_new_master_counts_anew(bench):
    bench.with_session()
    events = [[1, {"event": "x", "path": "p"}], [2, {"event": "y", "path": "p"}]]
    bench.answer("keep_alive", epoch=3, lease_ms=2000, events=events)
    assert bench.open("keep_alive").body["heard"] == 2
    bench.answer("keep_alive", epoch=8, lease_ms=2000, events=[])
    assert (bench.open("keep_alive").body["heard"], bench.open("keep_alive").body["epoch"]) == (0, 8)


def test_lk_h_who_gives_up_waiting_cancels_and_learns_the_outcome(bench):
    bench.with_session()
    for ms in range(500, 1501, 500):
        bench.until(ms)
        renew(bench)
    bench.until(1501)
    body = bench.open("cancel_wait").body
    assert (body["of"], body["seq"]) == (1, 2)
    bench.answer("cancel_wait", token=None)
    assert (bench.done[0].type, bench.done[0].error) == ("fail", "gave up waiting")


def test_lk_h_a_lock_that_came_after_all_is_held(bench):
    bench.with_session()
    bench.until(1501)
    bench.answer("cancel_wait", token=33)
    assert (bench.done[0].type, bench.done[0].value[1]["token"]) == ("ok", 33)


def test_lk_h_if_nobody_answers_the_outcome_is_open(bench):
    bench.with_session()
    bench.until(4000)
    assert [done.type for done in bench.done] == ["info"]


def test_an_acquire_that_met_an_expired_session_once_did_nothing(bench):
    bench.with_session()
    bench.refuse("acquire", REFUSED, reason="session_expired")
    assert [done.type for done in bench.done] == ["fail"]


def test_an_acquire_that_was_asked_twice_may_have_been_granted_in_between(bench):
    bench.with_session()
    bench.until(600)
    bench.refuse("acquire", REFUSED, reason="session_expired")
    assert [done.type for done in bench.done] == ["info"]


def test_edge_case_a_lost_keep_alive_answer_leaves_the_client_in_jeopardy_and_then_safe(bench):
    bench.holding()
    for _ in range(3):
        bench.until(bench.ms + 900)
    assert bench.ms > 2000
    renew(bench)
    bench.invoke("release", token=20)
    assert "release" in bench.kinds()


def test_closing_gives_everything_back(bench):
    bench.holding()
    bench.invoke("close", lock=None)
    bench.answer("close_session")
    assert bench.done[0].type == "ok"
    assert bench.done[0].value[1]["ended"][0][:3] == ["l", "exclusive", 20]
    assert bench.kinds() == [], "no KeepAlive of a session that is over"


def test_lc_2_a_belief_ends_when_closing_begins(bench):
    """The service may give the lock to the next one long before the answer comes back."""
    bench.holding()
    began_ms = bench.ms
    bench.invoke("close", lock=None)
    bench.until(began_ms + 400)
    bench.answer("close_session")
    stretches = bench.done[0].value[1]["ended"][0][3]
    assert all(to_ns <= began_ms * 1_000_000 for _, to_ns in stretches)


def test_ls5_an_answer_that_is_seen_when_the_grace_period_is_over_revives_nothing(bench):
    """A client that was stopped for longer than lease and grace looks at the clock first."""
    bench.holding()
    bench.invoke("release", token=20, pause_ms=9000)
    renew(bench)
    bench.until(12_000)
    assert bench.done[0].type == "info"
    bench.acquire()
    assert bench.kinds() == ["open_session"]


def test_closing_without_a_session_is_done_at_once(bench):
    bench.invoke("close", lock=None)
    assert bench.done[0].type == "ok"


# --- a server without sessions


def test_a_server_without_sessions_is_used_without(bench):
    bench.acquire()
    bench.refuse("open_session", UNSUPPORTED)
    assert bench.open("acquire").body["owner"] == "p0"
    bench.answer("acquire", token=None)
    assert bench.done[0].value[1]["until_ns"] is None
    bench.invoke("release", token=None)
    bench.answer("release")
    assert [done.type for done in bench.done] == ["ok", "ok"]


def test_without_sessions_nothing_is_asked_twice(bench):
    bench.acquire()
    bench.refuse("open_session", UNSUPPORTED)
    bench.lose("acquire", sent=True)
    assert [done.type for done in bench.done] == ["info"]


def test_without_sessions_a_refused_connection_is_tried_elsewhere(bench):
    bench.acquire()
    bench.refuse("open_session", UNSUPPORTED)
    bench.lose("acquire", sent=False)
    bench.until(60)
    assert bench.open("acquire").node == "n2"


# --- the resource


def test_an_update_reads_and_writes_with_the_token(guarded):
    guarded.invoke("update", token=20, pause_ms=0)
    ask = guarded.open("guarded_read")
    assert (ask.node, ask.body["token"]) == ("n9", 20)
    guarded.answer("guarded_read", value=[4, "p1.2"])
    assert guarded.open("guarded_write").body["value"] == [5, "p0.1"]
    guarded.answer("guarded_write")
    details = guarded.done[0].value[1]
    assert (details["read"], details["wrote"]) == ([4, "p1.2"], [5, "p0.1"])


def test_a_pause_comes_between_the_read_and_the_write_and_outlasts_the_lease(guarded):
    guarded.invoke("update", token=20, pause_ms=4500)
    guarded.answer("guarded_read", value=[4, None])
    assert "guarded_write" not in guarded.kinds()
    guarded.until(4600)
    guarded.answer("guarded_write")
    details = guarded.done[0].value[1]
    assert details["acted_ns"] > details["until_ns"]


def test_a_refused_write_has_failed(guarded):
    guarded.invoke("update", token=20, pause_ms=0)
    guarded.answer("guarded_read", value=[4, None])
    guarded.refuse("guarded_write", REFUSED, reason="stale_token")
    assert guarded.done[0].type == "fail"


def test_a_write_that_nobody_answers_stays_open_and_is_not_repeated(guarded):
    guarded.invoke("update", token=20, pause_ms=0)
    guarded.answer("guarded_read", value=[4, None])
    guarded.lose("guarded_write", sent=True)
    assert guarded.done[0].type == "info"


def test_a_lease_that_ran_out_during_the_read_stops_the_write(guarded):
    guarded.invoke("update", token=20, pause_ms=1000)
    guarded.until(2100)
    guarded.answer("guarded_read", value=[4, None])
    assert (guarded.done[0].type, guarded.kinds()) == ("fail", ["keep_alive"])
