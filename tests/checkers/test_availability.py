"""The judgement on what comes after the heal, and the measurements."""

import json

import pytest

from keelhaul.checkers.availability import Availability, longest_gap, measure
from keelhaul.checkers.verdict import Verdict

MS = 1_000_000


@pytest.fixture
def healed(evidence, nemesis, operation):
    """A main phase of a second, a heal at 1000 ms, then what is given."""

    def make(*final, heal="lifted", **more):
        main = [operation(at, at + 5, "ok", 0) for at in range(0, 1000, 10)]
        return evidence(*main, nemesis(1000, "heal", None, heal, reason="n2 is gone"), *final, **more)

    return make


def test_a_system_that_comes_back_is_valid(healed, operation):
    final = [*operation(2000, 3000, "info", 0), *operation(8000, 8010, "ok", 1)]
    assert Availability().check(healed(final)).verdict is Verdict.VALID


@pytest.mark.parametrize("outcome", ["fail", "info"])
def test_a_system_that_does_not_come_back_is_invalid(healed, operation, outcome):
    tries = [operation(at, at + 900, outcome, at) for at in range(2000, 9000, 1000)]
    result = Availability().check(healed(*tries))
    assert result.verdict is Verdict.INVALID
    assert result.reason == "no operation succeeded in the 7.9 s after the heal (tried: 7)"


def test_tries_that_never_ended_count_until_the_last_row(healed, operation):
    given = healed([(2000, "invoke", 7, "read", None)], operation(2000, 9000, "fail", 0))
    assert Availability().check(given).verdict is Verdict.INVALID


def test_what_was_under_way_at_the_heal_was_not_tried_after_it(healed, operation):
    late = operation(999, 8000, "ok", 5)
    assert Availability().check(healed(late)).verdict is Verdict.VALID
    assert Availability().check(healed(late, operation(2000, 9000, "fail", 0))).verdict is Verdict.INVALID


def test_too_short_a_time_is_unknown(healed, operation):
    given = healed(operation(2000, 5999, "fail", 0))
    assert Availability().check(given).verdict is Verdict.UNKNOWN
    assert "5.0 s must be given" in Availability().check(given).reason
    assert Availability(patience_ns=4999 * MS).check(given).verdict is Verdict.INVALID
    assert Availability(patience_ns=5000 * MS).check(given).verdict is Verdict.UNKNOWN


def test_a_heal_in_doubt_is_not_held_against_the_system(healed, operation):
    result = Availability().check(healed(operation(2000, 9000, "fail", 0), heal="indeterminate"))
    assert result.verdict is Verdict.UNKNOWN
    assert "it isn't certain that everything was healed: n2 is gone" in result.reason


def test_only_final_functions_count_if_they_are_named(healed, operation):
    final = [*operation(2000, 2010, "ok", 0, "write"), *operation(2000, 9000, "fail", 1, "read")]
    assert Availability().check(healed(final)).verdict is Verdict.VALID
    assert Availability().check(healed(final, final_functions=("read",))).verdict is Verdict.INVALID


def test_a_final_phase_that_never_was(healed, evidence, nemesis, operation):
    for given in (healed(), evidence(operation(0, 1, "ok", 0)), evidence(nemesis(5, "heal"))):
        assert Availability().check(given).verdict is Verdict.VALID
    for given in (healed(final_functions=("read",)), evidence(nemesis(5, "heal"), final_functions=("read",))):
        assert Availability().check(given).verdict is Verdict.UNKNOWN


def test_measurements(evidence, nemesis, operation):
    given = evidence(
        operation(0, 100, "ok", 0),
        nemesis(100, "start-partition", 1, "in_force"),
        operation(150, 700, "ok", 1),
        nemesis(900, "stop-partition", 1, "lifted"),
        nemesis(900, "start-kill", 2, "skipped", reason="-"),
        operation(1200, 1300, "ok", 0),
        nemesis(2000, "heal", None, "lifted"),
        operation(3000, 3500, "ok", 0),
    )
    measured = measure(given.history)
    assert measured == {
        "ok": 4,
        "main_phase_ns": 2000 * MS,
        "ok_per_second": 1.5,
        "ok_by_second": [2, 1, 0, 1],
        "longest_gap": {"ns": 700 * MS, "from_ns": 1300 * MS},
        "faults": [{"fault": 1, "kind": "partition", "from_ns": 100 * MS, "gap_ns": 600 * MS}],
        "heal_to_first_ok_ns": 1500 * MS,
    }
    assert Availability().check(given).details == measured
    json.dumps(measured)


def test_an_empty_history_measures_to_nothing(evidence):
    assert measure(evidence().history)["longest_gap"] == {"ns": 0, "from_ns": 0}


def test_absurd_times_do_not_fill_the_memory(evidence, operation):
    measured = measure(evidence(operation(0, 10**14, "ok", 0)).history)
    assert len(measured["ok_by_second"]) == 100_000


GAPS = [
    ([], 0, 10, (10, 0)),
    ([3], 0, 10, (7, 3)),
    ([8], 0, 10, (8, 0)),
    ([1, 2, 9], 2, 9, (7, 2)),
    ([5], 7, 9, (2, 7)),
    ([], 5, 5, (0, 5)),
    ([], 9, 3, (0, 9)),
]


@pytest.mark.parametrize(("moments", "start", "end", "gap"), GAPS)
def test_the_longest_gap(moments, start, end, gap):
    assert longest_gap(moments, start, end) == gap
