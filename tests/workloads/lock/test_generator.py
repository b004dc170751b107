"""What each thread does next."""

from __future__ import annotations

from keelhaul.workloads.draws import Draws
from keelhaul.workloads.generator import PENDING, Context, Happening
from keelhaul.workloads.lock.generator import Chances, LockOperations

CONTEXT = Context(0, 3)


def generator(**chances):
    chosen = {"update": 0, "pause": 0, "shared": 0, "attempt": 0, **chances}
    return LockOperations(("a", "b"), Draws.named("7/workload"), Chances(**chosen), pause_ms=4500)


def step(found, outcome, details=None):
    """Emit, invoke, and complete with `outcome`; return what was wanted and the generator after it."""
    wanted, rest = found.ask(CONTEXT)
    rest = rest.update(CONTEXT, Happening("invoke", wanted.thread, wanted.f, wanted.value))
    value = [wanted.value[0], {**wanted.value[1], **(details or {})}]
    return wanted, rest.update(CONTEXT, Happening(outcome, wanted.thread, wanted.f, value))


def test_each_operation_is_for_a_certain_free_thread():
    found = generator()
    for expected_free in (3, 2, 1):
        wanted, found = found.ask(CONTEXT)
        assert len(found.busy) == 3 - expected_free
        assert wanted.thread not in found.busy
        found = found.update(CONTEXT, Happening("invoke", wanted.thread, wanted.f, wanted.value))
    assert found.ask(CONTEXT) is PENDING


def test_who_holds_a_lock_releases_that_one():
    wanted, found = step(generator(), "ok", {"token": 5})
    assert wanted.f == "acquire"
    for _ in range(50):
        following, rest = found.ask(CONTEXT)
        if following.thread == wanted.thread:
            assert (following.f, following.value[0], following.value[1]["token"]) == ("release", wanted.value[0], 5)
            return
        found = rest
    raise AssertionError("that thread never came up")


def test_a_hold_is_over_when_it_is_told_as_ended_and_not_before():
    found = generator()
    wanted, found = step(found, "ok", {"token": 5})
    lock, thread = wanted.value[0], wanted.thread
    assert [holding.lock for holding in found.holdings] == [lock]
    kept = found.update(CONTEXT, Happening("fail", thread, "release", [lock, {}]))
    assert kept.holdings == found.holdings
    ended = {"ended": [[lock, "exclusive", 5, []]]}
    assert found.update(CONTEXT, Happening("fail", thread, "release", [lock, ended])).holdings == ()
    assert found.update(CONTEXT, Happening("info", thread, "release", [lock, {}])).holdings == ()


def test_the_same_question_has_the_same_answer():
    found = generator(shared=50, attempt=50)
    assert found.ask(CONTEXT) == found.ask(CONTEXT)


def test_the_chances_are_those_that_were_asked_for():
    found, names, modes = generator(shared=100, attempt=100), set(), set()
    for _ in range(20):
        wanted, found = step(found, "fail")
        names.add(wanted.f)
        modes.add(wanted.value[1]["mode"])
    assert (names, modes) == ({"try-acquire"}, {"shared"})


def test_holders_update_and_pause_as_often_as_asked_for():
    found = generator(update=100, pause=100)
    _, found = step(found, "ok", {"token": 5})
    seen = set()
    for _ in range(40):
        wanted, found = step(found, "fail")
        seen.add((wanted.f, wanted.value[1].get("pause_ms")))
    assert ("update", 4500) in seen
