"""The search against a search that tries everything, on many small histories; every order that is found is replayed."""

from collections import Counter
from itertools import permutations
from random import Random

import pytest

from keelhaul.checkers.history import History, Row
from keelhaul.checkers.linearizability import check_operations, decide
from keelhaul.checkers.linearizability.search import Linearized
from keelhaul.checkers.models.model import ILLEGAL
from keelhaul.checkers.models.register import Register
from keelhaul.checkers.verdict import Verdict

HISTORIES = 7000
"""Of each kind. A wrong verdict in one of a thousand is found for sure; the rules that drop configurations also have
tests of their own."""


@pytest.mark.parametrize("kind", ["draw_simulated", "draw_random", "draw_crashing"])
def test_verdicts_equal_the_oracle_s(small, kind):
    (draw,) = (draw for draw in small.draws if draw.__name__ == kind)
    seen = Counter()
    for seed in range(HISTORIES):
        history = draw(Random(f"{kind}/{seed}"))
        observe = seed % 3 == 0
        model = Register(failed_cas="observe" if observe else "drop")
        result = check_operations(model, history.operations)
        expected = small.linearizable(history, observe_failed_cas=observe)
        if result.details["judged"]:
            assert result.verdict is (Verdict.VALID if expected else Verdict.INVALID), (kind, seed, result.reason)
            seen[expected] += 1
        if expected:
            replay_every_part(model, history)
    assert min(seen[True], seen[False]) > HISTORIES // 10, seen


def test_verdicts_equal_the_oracle_s_on_longer_histories(small):
    """Long enough for bits to be used again, supplies to expire and configurations to gather."""
    seen = Counter()
    for seed in range(600):
        history = small.draws[0 if seed % 3 else 2](Random(f"longer/{seed}"), 12 if seed % 3 == 0 else 36)
        observe = seed % 2 == 0
        model = Register(failed_cas="observe" if observe else "drop")
        expected = small.linearizable_remembering(history, observe_failed_cas=observe)
        result = check_operations(model, history.operations)
        if not result.details["judged"]:
            continue
        assert result.verdict is (Verdict.VALID if expected else Verdict.INVALID), (seed, result.reason)
        seen[expected] += 1
        if expected:
            replay_every_part(model, history)
    assert min(seen.values()) > 60, seen


def replay_every_part(model, history):
    for steps in model.partition(history.operations).values():
        answer = decide(model, steps)
        assert isinstance(answer, Linearized)
        replay(model, steps, answer.order)


def replay(model, steps, order):
    """Assert that the order holds every step that returned, none twice, keeps real time, and is legal."""
    assert len(set(order)) == len(order)
    assert {number for number, step in enumerate(steps) if step.returns is not None} <= set(order)
    state, latest_invoked = model.initial, -1
    for step in (steps[number] for number in order):
        assert step.returns is None or step.returns > latest_invoked
        latest_invoked = max(latest_invoked, step.operation.invoked)
        state = model.step(state, step.action)
        assert state is not ILLEGAL


def by_permutations(history):
    """Say whether some of the operations, in some order, explain the history. Even plainer than the oracle."""
    operations = [o for o in history.operations if o.outcome == "ok" or (o.outcome == "info" and o.f != "read")]
    sure = [o for o in operations if o.outcome == "ok"]
    orders = (order for count in range(len(operations) + 1) for order in permutations(operations, count))
    return any(all(o in order for o in sure) and in_time(order) and legal(order) for order in orders)


def in_time(order):
    return not any(
        later.completed is not None and later.completed < earlier.invoked
        for at, earlier in enumerate(order)
        for later in order[at + 1 :]
    )


def legal(order):
    value = None
    for operation in order:
        argument = operation.value[1]
        if operation.f == "read" and operation.result[1] != value:
            return False
        if operation.f == "cas" and argument[0] != value:
            return False
        value = {"read": value, "write": argument, "cas": argument and operation.f == "cas" and argument[1]}[
            operation.f
        ]
    return True


def test_the_oracle_equals_plain_permutations(small):
    seen = Counter()
    for seed in range(600):
        history = small.draws[seed % 3](Random(f"permutations/{seed}"), 5)
        of_one_key = [row for row in history.rows if row.value[0] == "a"]
        one = History.of(Row(at, at, row.type, row.process, row.f, row.value) for at, row in enumerate(of_one_key))
        expected = by_permutations(one)
        assert small.linearizable(one) is expected, seed
        assert small.linearizable_remembering(one) is expected, seed
        seen[expected] += 1
    assert min(seen.values()) > 60, seen
