"""The replicated state: what each command makes of sessions and locks, on every member alike."""

from __future__ import annotations

import json
from random import Random

import pytest

from keelhaul.nodes.lock.commands import FIELDS, command_of
from keelhaul.nodes.lock.machine import DELAYED, ENDED, GRANTED, LockMachine
from keelhaul.nodes.replicated_log import MalformedCommand


def reason(answer):
    return answer.get("reason")


# --- sessions


def test_a_session_is_named_after_its_entry(table):
    assert table.session() == table.index


def test_asking_twice_to_open_a_session_opens_one(table):
    assert table.session("c") == table.session("c")
    assert table.session("d") != table.session("c")


def test_edge_case_a_client_that_restarts_with_the_same_name_gets_a_new_session(table):
    first = table.session("c")
    table.own("expire_session", first)
    assert table.session("c") > first


def test_ls4_after_its_end_nothing_of_a_session_succeeds(table):
    session = table.session()
    table.own("expire_session", session)
    assert reason(table.acquire(session)) == "session_expired"
    assert reason(table.release(session, 1)) == "session_expired"


def test_ls4_a_command_of_an_older_epoch_changes_nothing(table):
    session = table.session()
    old = table.machine.epoch
    table.apply(["master", "n2"])
    answer = table.apply(["expire_session", old, session])
    assert (reason(answer), answer["epoch"]) == ("epoch", table.machine.epoch)
    assert session in table.machine.sessions
    assert reason(table.apply(["acquire", old, session, 1, 0, "l", "exclusive", False])) == "epoch"
    assert table.holders() == {}


def test_expiring_a_session_twice_is_harmless(table):
    session = table.session()
    table.own("expire_session", session)
    assert table.own("expire_session", session) == {"type": "expire_session_ok"}


def test_s2_a_command_that_comes_again_is_answered_again_and_done_once(table):
    session = table.session()
    first = table.acquire(session, seq=1)
    table.release(session, first["token"])
    assert table.acquire(session, seq=1) == first
    assert table.holders() == {}


def test_s2_a_command_whose_answer_was_acknowledged_does_nothing(table):
    session = table.session()
    table.acquire(session, "a", seq=1)
    table.acquire(session, "b", seq=2, acked=1)
    assert reason(table.acquire(session, "c", seq=1)) == "stale"
    assert table.holders("c") == {}


# --- locks


def test_lk_d_the_token_is_the_index_of_the_entry_that_granted(table):
    a, b = table.session("a"), table.session("b")
    token = table.acquire(a)["token"]
    assert token == table.index
    table.acquire(b, seq=1)
    table.release(a, token)
    assert table.answer(b, 1) == {"type": "acquire_ok", "token": table.index}


def test_lk_b_a_try_never_waits(table):
    a, b = table.session("a"), table.session("b")
    table.acquire(a)
    assert reason(table.acquire(b, wait=False)) == "held"
    assert table.machine.locks["l"].waiters == []


def test_lk_b_a_try_does_not_pass_those_who_wait(table):
    a, b, c = (table.session(name) for name in "abc")
    token = table.acquire(a, mode="shared")["token"]
    table.acquire(b, mode="exclusive")
    assert reason(table.acquire(c, mode="shared", wait=False)) == "held"
    table.release(a, token)
    assert table.holders() == {b: "exclusive"}


def test_lk_b_the_holder_that_asks_again_gets_the_same_token(table):
    session = table.session()
    assert table.acquire(session) == table.acquire(session)
    assert reason(table.acquire(session, mode="shared")) == "held"


def test_lk_b_one_place_in_the_queue_is_enough(table):
    a, b = table.session("a"), table.session("b")
    table.acquire(a)
    table.acquire(b)
    assert reason(table.acquire(b)) == "held"


def test_lk_c_the_one_who_is_served_is_told(table):
    a, b = table.session("a"), table.session("b")
    token = table.acquire(a)["token"]
    table.acquire(b, seq=1)
    table.machine.news.clear()
    table.release(a, token)
    assert table.machine.news == [(GRANTED, b, 1, table.answer(b, 1))]


def test_lk_f_a_late_release_of_an_older_hold_frees_nothing(table):
    a = table.session("a")
    first = table.acquire(a)["token"]
    table.release(a, first)
    second = table.acquire(a)["token"]
    assert reason(table.release(a, first)) == "not_holder"
    assert table.holders() == {a: "exclusive"}
    assert table.release(a, second) == {"type": "release_ok"}


def test_lk_f_only_the_holder_releases(table):
    a, b = table.session("a"), table.session("b")
    token = table.acquire(a)["token"]
    assert reason(table.release(b, token)) == "not_holder"
    assert reason(table.release(b, token, lock="other")) == "not_holder"


def test_lk_e_a_sequencer_is_good_while_its_session_holds_the_lock_with_that_token_and_mode(table):
    a, b = table.session("a"), table.session("b")
    token = table.acquire(a)["token"]

    def check(owner, mode, token):
        return table.machine.read(["check_sequencer", table.machine.epoch, b, "l", owner, mode, token])["valid"]

    assert check(a, "exclusive", token)
    assert not check(a, "shared", token)
    assert not check(a, "exclusive", token - 1)
    assert not check(b, "exclusive", token)
    table.release(a, token)
    assert not check(a, "exclusive", token)


def test_reading_needs_a_session(table):
    assert reason(table.machine.read(["check_sequencer", 1, 99, "l", 1, "shared", 1])) == "session_expired"


# --- giving up


def test_lk_h_who_gives_up_is_not_granted_later(table):
    a, b = table.session("a"), table.session("b")
    token = table.acquire(a)["token"]
    table.acquire(b, seq=1)
    assert table.ask("cancel_wait", b, "l", 1, seq=2)["token"] is None
    table.release(a, token)
    assert table.holders() == {}


def test_lk_h_who_gives_up_too_late_learns_the_token(table):
    a, b = table.session("a"), table.session("b")
    token = table.acquire(a)["token"]
    table.acquire(b, seq=1)
    table.release(a, token)
    granted = table.answer(b, 1)["token"]
    assert table.ask("cancel_wait", b, "l", 1, seq=2)["token"] == granted
    assert table.holders() == {b: "exclusive"}


def test_lk_h_an_acquire_that_arrives_after_its_cancellation_does_nothing(table):
    b = table.session("b")
    table.ask("cancel_wait", b, "l", 1, seq=2)
    assert reason(table.acquire(b, seq=1)) == "cancelled"
    assert table.holders() == {}


def test_who_gives_up_lets_those_behind_come_forward(table):
    a, b, c = (table.session(name) for name in "abc")
    table.acquire(a, mode="shared")
    table.acquire(b, mode="exclusive", seq=1)
    table.acquire(c, mode="shared")
    table.ask("cancel_wait", b, "l", 1, seq=2)
    assert table.holders() == {a: "shared", c: "shared"}


# --- lost holders


def test_lk_g_a_lock_whose_holder_expired_rests_until_that_very_delay_is_over(table):
    a, b = table.session("a"), table.session("b")
    table.acquire(a)
    table.acquire(b)
    table.own("expire_session", a)
    delay = table.index
    assert table.machine.delays() == [("l", delay)]
    assert table.holders() == {}
    table.own("end_delay", "l", delay - 1)
    assert table.holders() == {}, "another delay's end"
    table.own("end_delay", "l", delay)
    assert table.holders() == {b: "exclusive"}


def test_lk_g_given_back_there_is_no_delay(table):
    a, b = table.session("a"), table.session("b")
    table.acquire(a)
    table.acquire(b)
    table.ask("close_session", a)
    assert table.holders() == {b: "exclusive"}
    assert table.machine.delays() == []


def test_lk_g_each_lost_holder_starts_the_delay_anew(table):
    a, b = table.session("a"), table.session("b")
    table.acquire(a, mode="shared")
    table.acquire(b, mode="shared")
    table.own("expire_session", a)
    first = table.index
    table.own("expire_session", b)
    table.own("end_delay", "l", first)
    assert table.machine.delays() == [("l", table.index - 1)]


def test_the_end_of_a_delay_that_is_long_over_is_harmless(table):
    assert table.own("end_delay", "never", 3) == {"type": "end_delay_ok"}


def test_edge_case_a_session_expires_in_the_same_batch_as_its_release(table):
    a, b = table.session("a"), table.session("b")
    token = table.acquire(a)["token"]
    table.acquire(b)
    table.release(a, token)
    table.own("expire_session", a)
    assert table.holders() == {b: "exclusive"}, "given back first, so no delay"
    c = table.session("c")
    table.own("expire_session", b)
    assert reason(table.release(b, token)) == "session_expired"
    assert table.machine.delays() != []
    assert reason(table.acquire(c, wait=False)) == "held"


def test_edge_case_the_waiter_at_the_head_expires_while_others_wait(table):
    a, b, c = (table.session(name) for name in "abc")
    token = table.acquire(a)["token"]
    table.acquire(b)
    table.acquire(c)
    table.own("expire_session", b)
    table.release(a, token)
    assert table.holders() == {c: "exclusive"}


def test_edge_case_a_release_that_was_lost_and_is_tried_again_after_expiry_and_another_grant(table):
    a, b = table.session("a"), table.session("b")
    token = table.acquire(a)["token"]
    table.acquire(b)
    table.own("expire_session", a)
    table.own("end_delay", "l", table.index)
    assert reason(table.release(a, token)) == "session_expired"
    assert table.holders() == {b: "exclusive"}


def test_what_a_session_had_goes_in_one_entry(table):
    a, b = table.session("a"), table.session("b")
    table.acquire(a, "x")
    table.acquire(b, "y")
    table.acquire(a, "y")
    table.machine.news.clear()
    table.own("expire_session", a)
    assert table.machine.locks["y"].waiters == []
    assert table.machine.news == [(DELAYED, "x", table.index), (ENDED, a)]


# --- the whole


def test_edge_case_a_snapshot_taken_while_a_lock_rests(table):
    a, b = table.session("a"), table.session("b")
    table.acquire(a)
    table.acquire(b, seq=1)
    table.own("expire_session", a)
    delay = table.index
    other = LockMachine()
    other.restore(json.loads(json.dumps(table.machine.snapshot())))
    assert other.delays() == [("l", delay)]
    other.apply(table.index + 1, ["end_delay", other.epoch, "l", delay])
    assert other.sessions[b].answers[1] == {"type": "acquire_ok", "token": table.index + 1}


def test_lk_i_a_restored_machine_goes_on_as_the_one_that_was_copied(table):
    random, sessions = Random(7), []
    other = None
    for step in range(400):
        if step == 150:
            other = LockMachine()
            other.restore(json.loads(json.dumps(table.machine.snapshot())))
            other.traces.clear()
            table.machine.traces.clear()
            told = len(table.machine.news)
        command = _random_command(table, random, sessions)
        answer = table.apply(command)
        if command[0] == "open_session":
            sessions.append(answer["session"])
        if other is not None:
            assert other.apply(table.index, json.loads(json.dumps(command))) == answer
            assert other.digest == table.machine.digest
    assert other.snapshot() == table.machine.snapshot()
    assert other.traces == table.machine.traces
    assert other.news == table.machine.news[told:]


def _random_command(table, random, sessions):
    epoch = table.machine.epoch
    if len(sessions) < 3 or random.random() < 0.05:
        return ["open_session", epoch, f"c{random.randrange(10**6)}"]
    session, lock = random.choice(sessions), random.choice("xyz")
    held = table.machine.locks.get(lock)
    tokens = [0, *(holder.token for holder in held.holders.values())] if held else [0]
    seq = random.randrange(1, 200)
    return random.choice(
        [
            ["acquire", epoch, session, seq, 0, lock, random.choice(["exclusive", "shared"]), random.random() < 0.7],
            ["release", epoch, session, seq, 0, lock, random.choice(tokens)],
            ["cancel_wait", epoch, session, seq, 0, lock, seq - 1],
            ["expire_session", epoch, session],
            ["close_session", epoch, session, seq, 0],
            *(["end_delay", epoch, path, delay] for path, delay in table.machine.delays()[:1]),
        ]
    )


def test_tables_that_went_another_way_have_another_digest(table):
    other = LockMachine()
    other.apply(1, ["master", "n1"])
    assert other.digest == table.machine.digest
    table.session("a")
    other.apply(2, ["master", "n2"])
    assert other.digest != table.machine.digest


# --- requests


def test_a_request_becomes_a_command():
    body = {
        "type": "acquire",
        "epoch": 3,
        "session": 7,
        "seq": 2,
        "acked": 1,
        "lock": "l",
        "mode": "shared",
        "wait": True,
    }
    assert command_of({**body, "msg_id": 5}) == ["acquire", 3, 7, 2, 1, "l", "shared", True]


def test_everything_that_is_wrong_with_a_request_is_told_at_once():
    with pytest.raises(MalformedCommand, match=r"lock is a string.*mode is exclusive or shared.*wait is true or false"):
        command_of({"type": "acquire", "epoch": 3, "session": 7, "seq": 2, "acked": 1})


def test_an_unknown_request_is_told_what_there_is():
    with pytest.raises(MalformedCommand, match="no such request: 'steal'; there are open_session"):
        command_of({"type": "steal"})


@pytest.mark.parametrize("value", [True, -1, 2**64, 1.0, "1", None, [1], float("nan")])
def test_g10_a_number_that_is_none_never_reaches_the_machine(value):
    with pytest.raises(MalformedCommand):
        command_of({"type": "release", "epoch": 1, "session": 1, "seq": 1, "acked": 0, "lock": "l", "token": value})


@pytest.mark.parametrize("kind", FIELDS)
def test_g10_no_request_of_hostile_values_makes_the_machine_fail(kind, table):
    random = Random(kind)
    values = [None, True, -1, 0, 1, 7, 2**70, 1.5, "", "l", "x" * 300, [], {}, "exclusive", "shared"]
    for _ in range(200):
        body = {"type": kind, **{name: random.choice(values) for name in FIELDS[kind]}}
        try:
            command = command_of(body)
        except MalformedCommand:
            continue
        if kind == "keep_alive":
            continue
        if kind == "open_session":
            command = ["open_session", table.machine.epoch, *command[1:]]
        if table.machine.reads_only(command):
            table.machine.read(command)
        else:
            table.apply(command)
