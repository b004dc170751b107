"""Work dealt to several processes comes back as if it had been done by one."""

from __future__ import annotations

import os
from random import Random

import pytest

from keelhaul.checkers import linearizability
from keelhaul.checkers.linearizability import Budget, Call, MalformedOperation
from keelhaul.checkers.linearizability.portfolio import decide_parts
from keelhaul.checkers.linearizability.result import Unknown, Valid
from keelhaul.checkers.models.registers import cas_register
from keelhaul.harness.spread import Died, dealt, in_turn, over_processes
from tests.oracle.draws import simulated, with_keys
from tests.oracle.specifications import SPECIFICATIONS


def many_keys(seed, keys=12):
    random, specification = Random(f"spread/{seed}"), SPECIFICATIONS["cas-register"]
    return with_keys(random, [simulated(random, specification, operations=6) for _ in range(keys)])


@pytest.mark.parametrize("jobs", [2, 3, 64])
def test_however_many_processes_the_answers_and_their_order_are_the_same(jobs):
    for seed in range(5):
        operations = many_keys(seed)
        one = linearizability.check("cas-register", operations)
        several = linearizability.check("cas-register", operations, spread=over_processes(jobs))
        assert several.parts == one.parts
        assert (several.verdict, several.witness, several.reason) == (one.verdict, one.witness, one.reason)


def test_the_parts_are_decided_elsewhere():
    here = os.getpid()

    def decide(numbers):
        return [(Valid([os.getpid()]), "elsewhere") for _ in numbers]

    answers = over_processes(3)(decide, [1] * 6)
    processes = {answer.order[0] for answer, _ in answers}
    assert len(processes) == 3
    assert here not in processes


def test_a_process_that_dies_leaves_its_parts_undecided():
    def decide(numbers):
        if 1 in numbers:
            os._exit(9)
        return [(Valid([number]), "a") for number in numbers]

    answers = over_processes(2)(decide, [1, 1, 1, 1])
    assert [type(answer) for answer, _ in answers] == [Valid, Unknown, Valid, Unknown]
    assert "exit code 9" in answers[1][0].reason


def test_what_one_process_would_raise_first_is_raised():
    def decide(numbers):
        raise MalformedOperation(f"part {numbers[0]}")

    with pytest.raises(MalformedOperation, match="part 0"):
        over_processes(3)(decide, [1] * 9)


def test_an_operation_that_the_model_cant_read_is_told_all_the_same():
    calls = [Call(0, "write", [key, 1], [key, 1], key, key + 0.5) for key in range(4)]
    calls.append(Call(0, "wriet", [4, 1], [4, 1], 9, 10))
    with pytest.raises(MalformedOperation, match="'write' is the nearest"):
        linearizability.check("register", calls, keyed=True, spread=over_processes(2))


def test_pieces_are_dealt_evenly():
    assert dealt([5, 1, 1, 1, 1, 1], 2) == [[0], [1, 2, 3, 4, 5]]
    assert sorted(piece for hand in dealt([3] * 7, 3) for piece in hand) == list(range(7))
    assert dealt([], 2) == [[], []]


def test_tasks_are_answered_in_order():
    tasks = [lambda number=number: (number, os.getpid()) for number in range(7)]
    answers = [*in_turn(3, tasks)]
    assert [number for number, _ in answers] == list(range(7))
    assert len({process for _, process in answers}) == 3
    assert [*in_turn(1, tasks)] == [(number, os.getpid()) for number in range(7)]


def test_a_task_whose_process_died_is_told_from_an_answer():
    answers = [*in_turn(2, [lambda: 1, lambda: os._exit(3), lambda: 2])]
    assert answers[0] == 1
    assert isinstance(answers[1], Died)
    assert answers[2] == 2


def test_a_budget_holds_in_every_process():
    model, operations = cas_register(), many_keys(1)
    spent = decide_parts(model, operations, Budget(work=1), algorithm="engine", spread=over_processes(2))
    assert all(isinstance(part.answer, Unknown) for part in spent)
