"""Levels weaker than linearizability: a history for each that keeps it and breaks the next, told in words."""

import pytest

from keelhaul.checkers import levels
from keelhaul.checkers.levels import LEVELS, judge
from keelhaul.checkers.levels.arrange import Scene
from keelhaul.checkers.levels.seen import Seen
from keelhaul.checkers.linearizability import Budget, Call
from keelhaul.checkers.linearizability.operations import Operations
from keelhaul.checkers.models.model import Model
from keelhaul.checkers.models.registry import model_named
from keelhaul.checkers.verdict import Verdict

SESSION = {"read-your-writes", "monotonic-reads", "monotonic-writes", "writes-follow-reads"}


def one_by_one(*rows):
    """Read rows like "0 write x 1", "1 read x nil", "2 write x 3 ?" (an open one), each after the one before."""
    calls = []
    for number, row in enumerate(rows):
        process, f, key, text, *is_open = row.split()
        value = None if text == "nil" else int(text)
        returned = None if is_open else 2 * number + 1
        argument, result = ([key, value], [key, value]) if f == "write" else ([key, None], [key, value])
        calls.append(Call(int(process), f, argument, result, 2 * number, returned))
    return calls


def holding(found):
    return {level for level in LEVELS if found.of[level].verdict is Verdict.VALID}


def judged(*rows):
    return judge("register", one_by_one(*rows), keyed=True)


HISTORIES = {
    "linearizable": ["0 write x 1", "1 read x 1"],
    "sequential": ["0 write x 1", "1 read x nil", "1 read x 1"],
    "per-key-sequential": ["0 write x 1", "0 read y nil", "1 write y 1", "1 read x nil"],
    "causal": ["0 write x 1", "1 write x 2", "0 read x 2", "1 read x 1", "0 read x 2", "1 read x 1"],
}


@pytest.mark.parametrize("level", HISTORIES)
def test_the_strongest_level_is_found(level):
    found = judged(*HISTORIES[level])
    assert level in found.strongest
    assert set(levels.implied(level)) <= holding(found)
    stronger = [higher for higher in LEVELS if level in levels.implied(higher)]
    assert not holding(found) & set(stronger)


def test_store_buffering_is_sequential_for_each_key_and_causal_but_not_sequential():
    found = judged(*HISTORIES["per-key-sequential"])
    assert found.strongest == ["per-key-sequential", "causal"]
    assert "sequential: " in found.reason
    assert sorted(found.of["sequential"].operations) == [0, 1, 2, 3]


def test_a_cause_without_its_effect_is_sequential_for_each_key_only():
    found = judged("0 write x 1", "0 write y 1", "1 read y 1", "1 read x nil")
    assert "per-key-sequential" in found.strongest
    assert found.of["causal"].verdict is Verdict.INVALID


@pytest.mark.parametrize(
    ("broken", "rows"),
    [
        ("read-your-writes", [(0, "append", 1), (0, "read", [])]),
        ("monotonic-reads", [(0, "append", 1), (1, "read", [1]), (1, "read", [])]),
        ("monotonic-writes", [(0, "append", 1), (0, "append", 2), (1, "read", [2, 1])]),
        ("writes-follow-reads", [(0, "append", 1), (1, "read", [1]), (1, "append", 2), (2, "read", [2, 1])]),
    ],
)
def test_each_session_guarantee_can_be_broken_by_itself(broken, rows):
    found = judge(
        "list",
        [
            Call(process, f, value if f == "append" else None, value, 2 * number, 2 * number + 1)
            for number, (process, f, value) in enumerate(rows)
        ],
    )
    assert SESSION - holding(found) == {broken}
    assert found.of["causal"].verdict is Verdict.INVALID
    assert found.of[broken].reason.endswith(levels.WHY[broken])
    assert f"{broken}: " in found.reason


def test_a_session_ends_with_an_outcome_that_nobody_knows():
    """Process 0 does go on in this recording, but its open write may take effect after what follows."""
    assert judged("0 write x 1 ?", "0 read x nil", "1 read x 1").strongest == ["linearizable"]
    assert "sequential" in holding(judged("0 write x 1", "1 read x 1", "0 write x 2 ?", "1 read x 2", "1 read x 2"))
    found = judged("0 write x 1", "0 write x 2 ?", "1 read x 2", "1 read x 1")
    assert "monotonic-reads" not in found.strongest or "sequential" not in holding(found)


def test_what_nobody_wrote_holds_at_no_level():
    found = judged("0 write x 1", "1 read x 7")
    assert found.strongest == []
    assert found.reason.startswith("no level is known to hold")
    assert all(found.of[level].verdict is Verdict.INVALID for level in LEVELS)


def test_a_reason_names_the_operations_by_process():
    found = judged("0 write x 1", "0 read x nil", "1 write x 5", "1 read x 5")
    reason = found.of["read-your-writes"].reason
    assert "process 0: write of 1 (row 0 → 1), read that returned null (row 2 → 3)" in reason


def test_nothing_at_all_is_linearizable():
    assert judge("register", []).strongest == ["linearizable"]


def test_beyond_the_budget_a_level_is_unknown():
    """All sums of ten numbers are different, and none of them is what was read."""
    calls = [Call(process, "add", 2**process, None, process, 100 + process) for process in range(10)]
    calls.append(Call(20, "read", None, 5000, 50, 200))
    found = judge("counter", calls, budget=Budget(work=300))
    verdicts = [found.of[level].verdict for level in LEVELS]
    assert Verdict.VALID not in verdicts
    assert found.of["linearizable"].verdict is found.of["sequential"].verdict is Verdict.UNKNOWN
    assert "budget" in found.reason
    assert judge("counter", calls).of["sequential"].verdict is Verdict.INVALID


def test_where_it_is_uncertain_who_saw_what_causality_is_not_claimed():
    """Eight increments and a total: which five were seen? Then the total shrinks."""
    calls = [Call(process, "increment", None, None, 2 * process, 2 * process + 1) for process in range(8)]
    calls += [Call(20, "read", None, 5, 30, 31), Call(20, "read", None, 4, 32, 33)]
    found = judge("counter", calls, budget=Budget(work=1_000_000))
    assert found.of["monotonic-reads"].verdict is Verdict.INVALID
    assert found.of["causal"].verdict is Verdict.INVALID
    assert found.of["writes-follow-reads"].verdict is not Verdict.INVALID


def test_a_model_of_ones_own_will_do():
    def step(state, action):
        return state + 1 if action.f == "tick" else state

    calls = [Call(0, "tick", None, None, 0, 1), Call(1, "tick", None, None, 2, 3)]
    assert judge(Model(name="clock", step=step, initial=0), calls).strongest == ["linearizable"]


def test_what_an_operation_saw_rests_on_what_that_saw():
    """Either of two transactions wrote the 1, one of which needs a third: neither was seen for certain."""
    calls = [
        Call(0, "txn", [["w", "x", 1]], [["w", "x", 1]], 0, 1),
        Call(1, "txn", [["w", "y", 2]], [["w", "y", 2]], 2, 3),
        Call(2, "txn", [["r", "y", None], ["w", "x", 1]], [["r", "y", 2], ["w", "x", 1]], 4, 5),
        Call(3, "txn", [["r", "x", None]], [["r", "x", 1]], 6, 7),
    ]
    scene = Scene(model_named('multi-register:{"x":0,"y":0}'), Operations.of(calls))
    assert Seen(scene, Budget()).by(3) == []
    assert Seen(Scene(scene.model, Operations.of(calls[1:])), Budget()).by(2) == [0, 1]
