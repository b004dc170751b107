"""The master's side: leases by its clock, taking over in steps, nothing done on memory alone (§3.4, §3.5)."""

from __future__ import annotations

import pytest

from keelhaul.nodes.errors import ErrorCode

LEASE, GRACE, DELAY = 2000, 5000, 1000


def reason(body):
    return body.get("reason")


def lease_over(new_office):
    """Return an office and a session of it, whose end is proposed and not yet in the log."""
    office = new_office()
    office.elect()
    session = office.open()
    office.at_once = False
    office.after(LEASE + 100)
    return office, session


# --- leases


def test_ls2_a_keep_alive_waits_before_it_is_answered(office):
    session = office.open()
    number = office.keep_alive(session)
    office.after(LEASE // 4 - 150)
    assert number not in office.replies
    office.after(200)
    told = {"epoch": office.master.epoch, "lease_ms": LEASE, "events": []}
    assert office.replies[number] == {"type": "keep_alive_ok", **told}


def test_ls3_the_servers_lease_is_counted_from_the_answer(office):
    session = office.open()
    number = office.keep_alive(session)
    office.after(LEASE // 4 + 100)
    assert number in office.replies
    assert office.master.leases[session].end_ns >= office.now_ns + (LEASE - 200) * 10**6


def test_ls4_a_session_that_says_nothing_expires_when_its_lease_is_over_and_not_before(office):
    session = office.open()
    office.after(LEASE - 1)
    assert session in office.machine.sessions
    office.after(200)
    assert session not in office.machine.sessions
    assert reason(office.replies[office.keep_alive(session)]) == "session_expired"


def test_ls4_a_session_that_goes_on_asking_lives_on(office):
    session = office.open()
    for _ in range(12):
        office.keep_alive(session)
        office.after(LEASE // 4 + 100)
    assert session in office.machine.sessions


def test_ls4_a_keep_alive_that_comes_while_the_end_is_being_committed_prolongs_nothing(new_office):
    office, session = lease_over(new_office)
    assert [command[0] for command, _ in office.proposed] == ["expire_session"]
    number = office.keep_alive(session)
    office.after(LEASE // 2)
    office.confirm_all()
    assert number not in office.replies
    office.apply()
    assert reason(office.replies[number]) == "session_expired"


def test_ls4_one_that_was_being_confirmed_when_the_lease_ended_prolongs_nothing_either(new_office):
    office = new_office()
    office.elect()
    session = office.open()
    office.at_once = False
    office.after(LEASE // 2)
    number = office.keep_alive(session)
    office.after(LEASE // 2 + 200)
    assert office.confirming
    office.confirm_all()
    assert number not in office.replies
    office.apply()
    assert reason(office.replies[number]) == "session_expired"


def test_a_keep_alive_is_answered_only_when_it_is_sure_that_nobody_else_leads(new_office):
    office = new_office()
    office.elect()
    session = office.open()
    office.at_once = False
    number = office.keep_alive(session)
    office.after(LEASE // 4 + 100)
    assert number not in office.replies
    before = office.master.leases[session].end_ns
    office.refuse_all(leader="n3")
    assert office.replies[number]["leader"] == "n3"
    assert office.master.leases[session].end_ns == before


def test_edge_case_a_master_that_was_paused_longer_than_a_lease_expires_nobody_on_waking(office):
    session = office.open()
    office.now_ns += 3 * LEASE * 10**6
    office.master.tick()
    office.settle()
    assert session in office.machine.sessions
    assert office.master.leases[session].end_ns == office.now_ns + LEASE * 10**6


def test_edge_case_a_master_that_was_paused_and_replaced_expires_nobody(new_office):
    office = new_office()
    office.elect()
    session = office.open()
    office.table.apply(["master", "n2"])  # unknown to this master yet
    office.after(LEASE + 200)
    assert session in office.machine.sessions


# --- a log that refuses all while it hands its leadership on, and then keeps it


def test_ls4_the_end_of_a_session_is_proposed_again_when_the_log_refused_it(new_office):
    office, session = lease_over(new_office)
    office.refuse_all(leader=None)
    assert session in office.machine.sessions
    office.at_once = True
    office.after(100)
    assert session not in office.machine.sessions


def test_ls4_while_it_is_refused_no_keep_alive_prolongs_it(new_office):
    office, session = lease_over(new_office)
    office.refuse_all(leader=None)
    number = office.keep_alive(session)
    office.after(LEASE // 2)
    office.confirm_all()
    assert number not in office.replies
    office.apply()
    assert reason(office.replies[number]) == "session_expired"


def test_step_6_ends_though_the_log_refused_the_end_of_a_session_that_says_nothing(new_office):
    office = new_office()
    office.table.session("gone")
    office.elect("n2")
    office.at_once = False
    office.after(LEASE + 100)
    office.refuse_all(leader=None)
    office.at_once = True
    office.after(100)
    assert office.stages() == ["elected", "keep-alives", "serving"]


def test_step_1_an_epoch_that_the_log_refused_is_proposed_again(new_office):
    office = new_office(at_once=False)
    office.elect()
    office.refuse_all(leader=None)
    office.at_once = True
    office.after(100)
    assert office.stages() == ["elected", "keep-alives", "serving"]


def test_lk_g_a_rest_ends_though_the_log_refused_its_end(new_office):
    office = new_office()
    office.elect()
    session, other = office.open("a"), office.open("b")
    office.acquire(session)
    number = office.acquire(other)
    while session in office.machine.sessions:
        office.keep_alive(other)
        office.after(100)
    assert number not in office.replies, "the lock rests"
    office.at_once = False
    office.after(DELAY + 100)
    office.refuse_all(leader=None)
    office.at_once = True
    office.after(100)
    assert office.replies[number]["type"] == "acquire_ok"


def test_step_9_ephemeral_files_are_reaped_though_the_log_refused_it_once(new_office):
    office = new_office(at_once=False)
    office.elect()
    office.apply()
    office.after(LEASE + GRACE + 100)
    assert [command[0] for command, _ in office.proposed] == ["reap"]
    office.refuse_all(leader=None)
    office.after(100)
    assert [command[0] for command, _ in office.proposed] == ["reap"]


def test_a_master_that_was_replaced_insists_on_nothing(new_office):
    office, _ = lease_over(new_office)
    office.refuse_all(leader="n3")
    office.master.end("n3")
    assert not office.master.refused
    office.after(LEASE)
    assert office.proposed == []


# --- locks


def test_lk_c_a_waiting_acquire_is_answered_when_it_is_granted(office):
    a, b = office.open("a"), office.open("b")
    token = office.replies[office.acquire(a)]["token"]
    waiting = office.acquire(b)
    assert waiting not in office.replies
    office.release(a, 2, token)
    assert office.replies[waiting]["type"] == "acquire_ok"


def test_an_acquire_granted_in_the_same_step_in_which_it_began_to_wait_is_answered(new_office):
    office = new_office()
    office.elect()
    a, b = office.open("a"), office.open("b")
    token = office.replies[office.acquire(a)]["token"]
    office.at_once = False
    waiting = office.acquire(b)
    office.release(a, 2, token)
    office.apply()
    assert office.replies[waiting]["type"] == "acquire_ok"


def test_who_waits_is_told_when_the_session_ends(office):
    a, b = office.open("a"), office.open("b")
    office.acquire(a)
    waiting = office.acquire(b)
    for _ in range(10):
        office.keep_alive(a)
        office.after(300)
    assert reason(office.replies[waiting]) == "session_expired"


def test_lk_g_a_lock_rests_for_the_full_delay_on_the_masters_clock(office):
    a, b = office.open("a"), office.open("b")
    office.acquire(a)
    waiting = office.acquire(b)
    while office.table.machine.delays() == []:
        office.keep_alive(b)
        office.after(100)
    expired_ns = office.now_ns
    while waiting not in office.replies:
        office.keep_alive(b)
        office.after(100)
    assert office.replies[waiting]["type"] == "acquire_ok"
    assert DELAY - 100 <= (office.now_ns - expired_ns) // 10**6 <= DELAY + 200


def test_edge_case_a_lock_delay_that_runs_across_a_fail_over_starts_anew(office):
    a = office.open("a")
    office.acquire(a)
    while not office.machine.delays():
        office.after(100)
    office.after(DELAY - 200)
    office.master.end("n2")
    office.elect("n2")
    began_ns = office.now_ns
    office.after(DELAY - 100)
    assert office.machine.delays()
    office.after(300)
    assert not office.machine.delays()
    assert office.now_ns - began_ns >= DELAY * 10**6


# --- taking over


def test_step_1_and_2_until_the_epoch_is_committed_nothing_is_answered(new_office):
    office = new_office(at_once=False)
    office.elect()
    assert office.stages() == ["elected"]
    number = office.ask("keep_alive", 1, 1, 0, session=1, epoch=1, heard=0)
    assert office.replies[number]["leader"] == "n1"
    office.apply()
    assert office.stages() == ["elected", "keep-alives", "serving"]


def test_step_1_requests_of_an_older_epoch_are_rejected(office):
    session = office.open()
    old = office.master.epoch
    office.master.end("n2")
    office.elect("n2")
    office.keep_alive(session)
    number = office.ask("acquire", old, session, 1, 0, "l", "exclusive", True)
    assert (reason(office.replies[number]), office.replies[number]["epoch"]) == ("epoch", office.master.epoch)


def test_step_3_ls6_every_session_gets_a_full_lease_from_the_new_masters_beginning(office):
    session = office.open()
    office.after(LEASE - 100)
    office.master.end("n2")
    office.elect("n2")
    office.after(LEASE - 100)
    assert session in office.machine.sessions
    office.after(300)
    assert session not in office.machine.sessions


def test_step_4_only_keep_alives_are_answered_until_all_know(office):
    a, b = office.open("a"), office.open("b")
    old = office.master.epoch
    office.master.end("n2")
    office.elect("n2")
    assert office.stages()[-1] == "keep-alives"
    refused = office.ask("open_session", "c")
    assert office.replies[refused]["leader"] == "n2"
    told = office.keep_alive(a, epoch=old)
    assert office.replies[told]["epoch"] == office.master.epoch, "step 5: at once, with the new epoch"
    office.keep_alive(a)
    assert office.stages()[-1] == "keep-alives", "step 6: b doesn't know yet"
    office.keep_alive(b)
    assert office.stages()[-1] == "serving"


def test_step_6_a_session_that_never_shows_itself_is_waited_for_until_it_expires(office):
    a, b = office.open("a"), office.open("b")
    office.master.end("n2")
    office.elect("n2")
    while office.stages()[-1] != "serving":
        office.keep_alive(a)
        office.after(300)
    assert b not in office.machine.sessions
    assert a in office.machine.sessions


def test_edge_case_two_fail_overs_within_one_grace_period(office):
    session = office.open()
    token = office.replies[office.acquire(session)]["token"]
    for name in ("n2", "n3"):
        office.master.end(name)
        office.elect(name)
        office.after(500)
    office.keep_alive(session)
    assert office.stages()[-1] == "serving"
    assert office.replies[office.release(session, 2, token)] == {"type": "release_ok"}


@pytest.mark.parametrize("certainly", [True, False])
def test_who_asked_a_master_that_was_replaced_is_told_what_is_known(new_office, certainly):
    office = new_office()
    office.elect()
    session = office.open()
    office.at_once = False
    number = office.acquire(session)
    office.refuse_all(certainly=certainly)
    assert office.replies[number]["code"] == (11 if certainly else 1000)


def test_who_waits_in_memory_is_sent_on_when_the_master_ends(office):
    a, b = office.open("a"), office.open("b")
    office.acquire(a)
    waiting, keep_alive = office.acquire(b), office.keep_alive(b)
    office.master.end("n2")
    assert office.replies[waiting]["code"] == 1000, "its place in the queue stays"
    assert office.replies[keep_alive]["code"] == 11


def test_a_repeated_acquire_at_the_new_master_is_answered_when_granted(office):
    a, b = office.open("a"), office.open("b")
    token = office.replies[office.acquire(a)]["token"]
    office.acquire(b, seq=1)
    office.master.end("n2")
    office.elect("n2")
    office.keep_alive(a)
    office.keep_alive(b)
    again = office.acquire(b, seq=1)
    assert again not in office.replies
    office.release(a, 2, token)
    assert office.replies[again]["type"] == "acquire_ok"


def test_ls6_a_master_that_was_replaced_gives_no_lease_to_a_session_that_was_opened_meanwhile(new_office):
    """Its entry is committed and applied after all, perhaps long after its successor let that session end."""
    office = new_office()
    office.elect()
    office.at_once = False
    number = office.ask("open_session", "late")
    office.master.end("n2")
    office.apply()
    assert office.replies[number]["code"] == ErrorCode.UNKNOWN_OUTCOME
    assert not office.master.leases


def test_an_acquire_that_begins_to_wait_when_its_master_was_replaced_is_answered_at_once(new_office):
    office = new_office()
    office.elect()
    holder, waiter = office.open("a"), office.open("b")
    office.acquire(holder)
    office.at_once = False
    number = office.acquire(waiter)
    office.master.end("n2")
    office.apply()
    assert office.replies[number]["code"] == ErrorCode.UNKNOWN_OUTCOME


def test_an_epoch_that_a_successor_commits_makes_nobody_a_master_who_leads_no_more(new_office):
    """An entry that its leader left behind may be committed by the next one; who proposed it hears of that, too."""
    office = new_office()
    office.elect()
    session = office.open()
    office.at_once = False
    master = office.elect()
    master.end("n2")
    told = len(office.traces)
    office.apply()
    assert master.stage == "replaced"
    assert session not in master.leases
    assert not [one for one in office.traces[told:] if one["type"] in ("master", "lease")]
