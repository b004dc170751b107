"""Looking ahead saves work, and never changes a verdict."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from keelhaul.checkers.linearizability import engine
from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import Operations
from keelhaul.checkers.linearizability.result import Invalid, Valid
from keelhaul.checkers.models.registry import model_named
from tests.oracle.draws import simulated
from tests.oracle.specifications import SPECIFICATIONS


@pytest.mark.parametrize("mutations", [0, 2])
def test_lists_are_decided_with_a_fraction_of_the_work(mutations):
    work = {True: 0, False: 0}
    for seed in range(4):
        sizes = {"operations": 200, "processes": 8, "info": 0.01, "mutations": mutations}
        operations = simulated(Random(f"outlook/list/{seed}"), SPECIFICATIONS["list"], **sizes)
        answers = []
        for looks in work:
            model = model_named("list") if looks else replace(model_named("list"), reaches=None)
            budget = Budget(work=1_000_000)
            answers.append(type(engine.decide(model, operations, budget)))
            work[looks] += budget.spent
        assert answers[0] is answers[1] in (Valid, Invalid), seed
    assert 4 * work[True] < work[False]


def test_texts_that_all_repeat_are_decided():
    """Ten clients append the same few texts again and again; only what is read tells in which order."""
    model, operations = model_named("key-value"), repeated(Random("outlook/texts"), clients=10, operations=400)
    assert isinstance(engine.decide(model, operations, Budget(work=200_000)), Valid)
    blindly = engine.decide(replace(model, reaches=None), operations, Budget(work=2_000_000))
    assert not isinstance(blindly, Valid | Invalid)


def repeated(random: Random, clients: int, operations: int) -> Operations:
    """Have clients append three texts to one key and read it: each takes effect somewhere between call and return."""
    text, acted, rows = "", set(), []
    pending: dict[int, list[Any]] = {}
    row = 0
    while len(rows) < operations or pending:
        row += 1
        client = random.randrange(clients)
        if client not in pending:
            if len(rows) < operations:
                f = random.choice(["append", "append", "get"])
                rows.append([f, random.choice("abc") if f == "append" else None, None, row, None])
                pending[client] = rows[-1]
        elif client not in acted:
            acted.add(client)
            text += pending[client][1] or ""
            pending[client][2] = text if pending[client][0] == "get" else None
        elif random.random() < 0.5:
            acted.remove(client)
            pending.pop(client)[4] = row
    f, argument, result, invoked, returned = (list(column) for column in zip(*rows, strict=True))
    return Operations(f, argument, result, invoked, returned, [0] * len(rows), range(len(rows)))
