"""What the nemesis' rows are read as."""

from keelhaul.checkers.faults import FaultInterval, Heal, faults_of, heal_of, summarise

S = 1_000_000


def test_a_fault_lasts_from_in_force_to_lifted(evidence, nemesis):
    history = evidence(
        nemesis(10, "start-kill", 1, "in_force", nodes=["n2"]), nemesis(30, "stop-kill", 1, "lifted", nodes=["n2"])
    ).history
    assert faults_of(history) == (
        FaultInterval(
            id=1,
            kind="kill",
            requested={},
            started_ns=10 * S,
            ended_ns=30 * S,
            outcome="in_force",
            detail={"nodes": ["n2"]},
        ),
    )


def test_it_is_in_force_when_that_was_done_not_when_it_was_asked_for(evidence, nemesis):
    asked, _ = nemesis(10, "start-pause", 1, "in_force")
    _, done = nemesis(14, "start-pause", 1, "in_force")
    (fault,) = faults_of(evidence([asked, done]).history)
    assert fault.started_ns == 14 * S


def test_the_heal_ends_what_is_still_there_and_only_that(evidence, nemesis):
    history = evidence(
        nemesis(1, "start-kill", 1, "in_force"),
        nemesis(2, "start-partition", 2, "in_force", grudge={"n1": ["n2"]}),
        nemesis(3, "stop-kill", 1, "lifted"),
        nemesis(9, "heal", None, "lifted"),
    ).history
    assert [(fault.id, fault.ended_ns) for fault in faults_of(history)] == [(1, 3 * S), (2, 9 * S)]


def test_a_skipped_fault_has_no_length(evidence, nemesis):
    (fault,) = faults_of(evidence(nemesis(5, "start-kill", 1, "skipped", reason="nobody is alive")).history)
    assert (fault.outcome, fault.started_ns, fault.ended_ns) == ("skipped", 5 * S, 5 * S)
    assert fault.detail == {"reason": "nobody is alive"}


def test_what_is_not_known_to_be_lifted_goes_on(evidence, nemesis):
    history = evidence(
        nemesis(1, "start-kill", 1, "indeterminate", reason="no answer"),
        nemesis(2, "start-pause", 2),
        nemesis(3, "start-partition", 3, "in_force"),
        nemesis(4, "stop-partition", 3, "indeterminate", reason="no answer"),
        nemesis(9, "heal", None, "indeterminate", reason="n2 is gone"),
    ).history
    assert [(fault.outcome, fault.ended_ns) for fault in faults_of(history)] == [
        ("indeterminate", None),
        ("indeterminate", None),
        ("in_force", None),
    ]


def test_an_id_that_is_used_again_is_another_fault(evidence, nemesis):
    history = evidence(
        nemesis(1, "start-kill", 1, "in_force"),
        nemesis(2, "stop-kill", 1, "lifted"),
        nemesis(3, "start-kill", 1, "in_force"),
    ).history
    assert [fault.ended_ns for fault in faults_of(history)] == [2 * S, None]


def test_the_heal_is_confirmed_only_when_everything_was_lifted(evidence, nemesis):
    assert heal_of(evidence([]).history) is None
    assert heal_of(evidence(nemesis(7, "heal")).history) == Heal(begun_ns=7 * S)
    assert heal_of(evidence(nemesis(7, "heal", None, "lifted")).history) == Heal(
        begun_ns=7 * S, over_ns=7 * S, confirmed=True, reason=""
    )
    failed = heal_of(evidence(nemesis(7, "heal", None, "indeterminate", reason="n2 is gone")).history)
    assert failed == Heal(begun_ns=7 * S, over_ns=7 * S, confirmed=False, reason="n2 is gone")


def test_the_summary_counts_by_kind_in_the_plan_s_order(evidence, nemesis):
    history = evidence(
        nemesis(1, "start-kill", 1, "in_force"),
        nemesis(2, "start-kill", 2, "skipped", reason="-"),
        nemesis(3, "start-skew", 3, "in_force"),
        nemesis(4, "start-kill", 4, "indeterminate", reason="-"),
    ).history
    assert summarise(history, {"partition": 2, "kill": 3}) == [
        {"kind": "partition", "requested": 2, "in_force": 0, "skipped": 0},
        {"kind": "kill", "requested": 3, "in_force": 1, "skipped": 1},
        {"kind": "skew", "requested": 1, "in_force": 1, "skipped": 0},
    ]


def test_rows_from_elsewhere_are_passed_over(build):
    history = build(
        ("info", "nemesis", "start", None),
        ("info", "nemesis", "start-", "value"),
        ("info", "nemesis", "stop-kill", {"fault": 1, "phase": "done", "outcome": "lifted"}),
        ("info", "nemesis", "start-kill", {"fault": [1], "phase": "done", "outcome": "in_force"}),
        ("info", "nemesis", "heal", 7),
        ("info", "nemesis", "heal", {"phase": "done", "outcome": "lifted"}),
    )
    assert [fault.kind for fault in faults_of(history)] == [""]
    assert heal_of(history) is None
