"""The gate before valid: everything that was missing, at once."""

import json

import pytest

from keelhaul.checkers.evidence import Exercised
from keelhaul.checkers.verdict import Verdict

S = 1_000_000_000


@pytest.fixture
def run(evidence, nemesis, operation):
    """A run of `seconds` with `ok` reads, a kill in force, and a heal."""

    def make(*more, ok=100, seconds=10, healed_at=None, **fields):
        step = 1000 * seconds / (ok + 1)
        reads = [operation(at * step, at * step + step / 2, "ok", 0) for at in range(ok)]
        heal_at = 1000 * seconds if healed_at is None else healed_at
        heal = nemesis(heal_at, "heal", None, "lifted") if heal_at >= 0 else []
        kill = nemesis(1, "start-kill", 1, "in_force")
        planned = {"faults_requested": {"kill": 1}, "main_phase_ns": seconds * S, **fields}
        return evidence(*reads, kill, heal, *more, **planned)

    return make


def reason(given):
    result = Exercised().check(given)
    json.dumps(result.details)
    return result.reason


def test_a_run_that_exercised_the_system_passes(run):
    assert Exercised().check(run()).verdict is Verdict.VALID


def test_the_floor_is_one_success_a_second_and_ten_at_least(run):
    assert Exercised().check(run(ok=30, seconds=30)).verdict is Verdict.VALID
    assert (
        reason(run(ok=29, seconds=30))
        == "not exercised: successful operations in the main phase: 29, at least 30 are needed"
    )
    assert Exercised().check(run(ok=10, seconds=3)).verdict is Verdict.VALID
    assert (
        reason(run(ok=9, seconds=3))
        == "not exercised: successful operations in the main phase: 9, at least 10 are needed"
    )


def test_successes_after_the_heal_do_not_count(run, operation):
    final = [operation(11_000 + at, 11_000.5 + at, "ok", 1) for at in range(50)]
    assert "main phase: 5," in reason(run(*final, ok=5))


def test_a_function_that_never_succeeded_is_missing(run, operation):
    assert reason(run(operation(5, 6, "fail", 9, "cas"))) == "not exercised: no cas ever succeeded"


def test_a_fault_that_never_took_effect_is_missing(run, nemesis):
    wanted = {"kill": 1, "partition": 3, "pause": 1}
    given = run(
        nemesis(5, "start-partition", 2, "skipped", reason="nobody leads"),
        nemesis(6, "start-partition", 3, "skipped", reason="nobody leads"),
        nemesis(7, "start-partition", 4, "indeterminate", reason="no answer"),
        faults_requested=wanted,
    )
    assert reason(given) == (
        "not exercised: partition was never in force "
        "(3 requested: 2 skipped, 1 indeterminate; nobody leads; no answer); pause was never in force (1 requested)"
    )


def test_once_in_force_is_enough_and_what_was_not_requested_is_not_missed(run, nemesis):
    skipped = nemesis(7, "start-kill", 2, "skipped", reason="-")
    other = nemesis(8, "start-skew", 3, "skipped", reason="-")
    assert Exercised().check(run(skipped, other, faults_requested={"kill": 2, "pause": 0})).verdict is Verdict.VALID


def test_a_main_phase_that_was_cut_short(run):
    assert Exercised().check(run(healed_at=9500)).verdict is Verdict.VALID
    assert "the main phase was cut short: 9.4 s of 10.0 s" in reason(run(healed_at=9400, ok=50))


def test_a_history_that_breaks_off(run, evidence, operation):
    assert reason(run(healed_at=-1, ok=500)) == "not exercised: the history ends before the final heal"
    short = evidence(operation(0, 1, "ok", 0), main_phase_ns=10 * S)
    assert "cut short: 0.0 s of 10.0 s" in reason(short)


def test_without_a_plan_only_successes_are_asked_for(evidence, operation):
    reads = [operation(at, at + 0.5, "ok", 0) for at in range(10)]
    assert Exercised().check(evidence(*reads)).verdict is Verdict.VALID


def test_all_that_is_missing_is_told_at_once(run, operation):
    text = reason(run(operation(5, 6, "info", 9, "write"), ok=2, healed_at=2000, faults_requested={"pause": 1}))
    assert text.count("; ") == 3
    assert all(words in text for words in ("main phase: 1,", "no write", "pause was never", "cut short"))


def test_an_empty_history_is_unknown(evidence):
    assert Exercised().check(evidence()).verdict is Verdict.UNKNOWN
