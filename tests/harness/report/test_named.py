"""Which operations the checkers name."""

import pytest

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.linearizability.checker import Linearizable
from keelhaul.checkers.models.registers import cas_register
from keelhaul.checkers.verdict import Result, Verdict
from keelhaul.harness.report.named import named_groups


@pytest.fixture
def history(history_of, nemesis_row):
    return history_of(
        (0, "invoke", 0, "write", ["k", 1]),
        (1, "invoke", 1, "read", ["k", None]),
        nemesis_row(2, "heal", "invoke"),
        (3, "ok", 0, "write", ["k", 1]),
        (4, "info", 1, "read", ["k", None], "timeout"),
        (5, "invoke", 2, "read", ["k", None]),
        (6, "ok", 2, "read", ["k", 7]),
    )


def groups_of(history, **details):
    results = {name: Result(Verdict.INVALID, "why", given) for name, given in details.items()}
    groups = named_groups(history, results)
    return {group.title: [(m.operation.invoked, m.role, m.central) for m in group.members] for group in groups}


def test_operations_are_found_by_either_row(history):
    both = [(0, "named", True), (1, "named", True)]
    found = groups_of(history, by_invocation={"operations": [1, 0]}, by_completion={"rows": [3, 4, 3]})
    assert found == {"by_invocation": both, "by_completion": both}


def test_an_operation_has_the_role_that_it_stands_under(history):
    details = {
        "pending": [{"invoked": 1, "completed": None}],
        "operation": {"invoked": 5, "completed": 6},
        "prefix": [{"invoked": 0, "completed": 3}, {"invoked": 5, "completed": 6}],
    }
    assert groups_of(history, checker=details) == {
        "checker": [
            (0, "explained before it", False),
            (1, "open meanwhile", False),
            (5, "can't be explained", True),
        ]
    }


def test_each_violation_is_a_group(history):
    operations = [{"invoked": 0}, {"invoked": 5}]
    violations = [
        {"key": "a", "operation": {"invoked": 0, "completed": 3}},
        {"key": [1], "operation": {"invoked": 5, "completed": 6}},
        7,
    ]
    found = groups_of(history, checker={"operations": operations, "violations": violations})
    assert list(found) == ['checker, key "a"', "checker, key [1]"]


def test_what_names_nothing_is_passed_over(history):
    nonsense = {
        "operations": ["x", True, None, 2, 99, -1, {"row": "0"}],
        "rows": 7,
        "violations": 3,
        "a": {"invoked": "0"},
    }
    deep = {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"invoked": 0}}}}}}}}
    assert groups_of(history, empty={}, counts={"operations": 12}, nonsense=nonsense, deep=deep) == {}


def test_the_linearizability_checker_is_understood(history):
    result = Linearizable(cas_register(), keyed=True).check(Evidence(history=history))
    assert result.verdict is Verdict.INVALID
    (group,) = named_groups(history, {"linearizability": result})
    assert group.title == 'linearizability, key "k"'
    assert [member.operation.invoked for member in group.members if member.central] == [5]
