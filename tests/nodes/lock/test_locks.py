"""One lock: modes, the queue, the grant rule (LK-A, LK-B, LK-D)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelhaul.nodes.lock.locks import EXCLUSIVE, SHARED, Lock, Waiter


def lock_of(*holders):
    lock = Lock()
    for session, mode in holders:
        lock.grant(session, mode, token=session)
    return lock


@pytest.mark.parametrize(
    ("held", "wanted", "admitted"),
    [
        ((), EXCLUSIVE, True),
        ((), SHARED, True),
        (((1, SHARED),), SHARED, True),
        (((1, SHARED),), EXCLUSIVE, False),
        (((1, EXCLUSIVE),), SHARED, False),
        (((1, EXCLUSIVE),), EXCLUSIVE, False),
    ],
)
def test_lk_a_only_shared_goes_with_shared(held, wanted, admitted):
    assert lock_of(*held).admits(wanted) is admitted


def test_lk_b_nobody_passes_those_who_wait():
    lock = lock_of((1, SHARED))
    lock.wait(Waiter(2, 1, EXCLUSIVE))
    assert not lock.admits(SHARED)


def test_lk_b_the_queue_is_served_in_order_for_as_long_as_the_next_one_fits():
    lock = Lock()
    for session, mode in ((1, SHARED), (2, SHARED), (3, EXCLUSIVE), (4, SHARED)):
        lock.wait(Waiter(session, 1, mode))
    assert [waiter.session for waiter in lock.serve(10)] == [1, 2]
    assert [waiter.session for waiter in lock.waiters] == [3, 4]


def test_lk_d_all_who_are_served_by_one_entry_get_its_index_as_their_token():
    lock = Lock()
    for session in (1, 2):
        lock.wait(Waiter(session, 1, SHARED))
    lock.serve(10)
    assert {holder.token for holder in lock.holders.values()} == {10}


def test_lk_g_a_lock_that_rests_admits_and_serves_nobody():
    lock = Lock()
    lock.delay = 7
    assert not lock.admits(SHARED)
    lock.wait(Waiter(1, 1, SHARED))
    assert lock.serve(8) == []
    lock.delay = None
    assert len(lock.serve(9)) == 1


def test_a_grant_that_does_not_fit_is_a_bug_of_the_caller():
    with pytest.raises(AssertionError):
        lock_of((1, EXCLUSIVE)).grant(2, SHARED, 5)


def test_edge_case_shared_holders_dropping_one_by_one_with_an_exclusive_waiter():
    lock = lock_of((1, SHARED), (2, SHARED), (3, SHARED))
    lock.wait(Waiter(4, 1, EXCLUSIVE))
    for session in (1, 2):
        del lock.holders[session]
        assert lock.serve(10 + session) == []
    del lock.holders[3]
    assert [waiter.session for waiter in lock.serve(20)] == [4]


def test_edge_case_10_000_waiters():
    lock = lock_of((0, EXCLUSIVE))
    for session in range(1, 10_001):
        lock.wait(Waiter(session, 1, EXCLUSIVE))
    for session in range(10_000):
        del lock.holders[session]
        assert [waiter.session for waiter in lock.serve(session + 1)] == [session + 1]
    assert lock.waiters == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "give", "leave", "rest", "wake"]),
        st.integers(1, 6),
        st.sampled_from([EXCLUSIVE, SHARED]),
    ),
    max_size=60,
)


@given(STEPS)
def test_whatever_happens_holders_go_together_and_nobody_is_passed(steps):
    lock = Lock()
    for token, (what, session, mode) in enumerate(steps, 1):
        waiting = [waiter.session for waiter in lock.waiters]
        if what == "ask" and session not in lock.holders and session not in waiting:
            if lock.admits(mode):
                assert not waiting
                lock.grant(session, mode, token)
            else:
                lock.wait(Waiter(session, token, mode))
        elif what == "give":
            lock.holders.pop(session, None)
        elif what == "leave":
            lock.leave_all(session)
        elif what in ("rest", "wake"):
            lock.delay = token if what == "rest" else None
        waiting = [waiter.session for waiter in lock.waiters]
        served = [waiter.session for waiter in lock.serve(token)]
        assert served == waiting[: len(served)]
        modes = [holder.mode for holder in lock.holders.values()]
        assert EXCLUSIVE not in modes or len(modes) == 1
        assert Lock.of(lock.image()).image() == lock.image()
