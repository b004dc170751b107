"""Rows of many operations are packed: no answer is another one for that."""

from array import array
from dataclasses import replace
from random import Random

import pytest

from keelhaul.checkers import linearizability
from keelhaul.checkers.formats import read
from keelhaul.checkers.history import History, Row
from keelhaul.checkers.levels import judge
from keelhaul.checkers.linearizability import operations as operations_module
from keelhaul.checkers.linearizability import zones
from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import (
    OPEN,
    PACKED_MIN,
    Operations,
    packed,
)
from keelhaul.checkers.linearizability.portfolio import ALGORITHMS
from tests.oracle.differential import drawn, models_of, problem
from tests.oracle.draws import simulated, with_keys
from tests.oracle.specifications import SPECIFICATIONS

DRAWS = 60
OF_ZONES = 5_000


def with_packed(operations):
    """Return the same operations with their rows packed."""
    return replace(operations, invoked=array("q", operations.invoked), returned=array("q", operations.returned))


def told(outcome):
    """List all that is told of a verdict."""
    proof = outcome.witness if outcome.refutation is None else outcome.refutation
    return outcome.verdict, outcome.algorithm, proof, outcome.reason, outcome.problem(), outcome.budget.spent


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        *((name, None) for name in SPECIFICATIONS),
        *((name, algorithm) for algorithm in ALGORITHMS for name in models_of(algorithm)),
    ],
)
def test_every_algorithm_answers_the_same(name, algorithm):
    for seed in range(DRAWS):
        case = drawn(name, seed)
        answers = [
            told(linearizability.check(case.model, operations, algorithm=algorithm, budget=Budget(work=1_000_000)))
            for operations in (case.operations, with_packed(case.operations))
        ]
        assert answers[0] == answers[1]


@pytest.mark.parametrize("name", models_of("zones"))
def test_what_goes_over_packed_rows_agrees_with_the_oracle(name):
    for seed in range(OF_ZONES):
        case = drawn(name, seed)
        assert problem(zones.decide, case._replace(operations=with_packed(case.operations)))[1] is None


@pytest.mark.parametrize("name", ["register", "cas-register", "counter"])
def test_stores_are_judged_the_same(name):
    for seed in range(DRAWS):
        random = Random(f"packed/{seed}")
        parts = [
            simulated(random, SPECIFICATIONS[name], operations=6, processes=3, unique=True, mutations=seed % 2)
            for _ in range(3)
        ]
        store = with_keys(random, parts)
        plain, other = (told(linearizability.check(name, given)) for given in (store, with_packed(store)))
        assert plain == other


def test_a_witness_is_a_list_of_its_own():
    operations = simulated(Random(4), SPECIFICATIONS["register"], operations=9, processes=3)
    outcome = linearizability.check("register", replace(operations, index=range(len(operations))))
    order = [*outcome.parts[0].answer.order]
    outcome.witness.append(-1)
    assert [*outcome.parts[0].answer.order] == order


@pytest.mark.parametrize("name", ["register", "cas-register", "fifo-queue", "counter"])
def test_the_strongest_level_is_the_same(name):
    for seed in range(DRAWS):
        case = drawn(name, seed)
        plain, other = (judge(case.model, given) for given in (case.operations, with_packed(case.operations)))
        assert plain.of == other.of


def rows(number):
    """List the rows of writes, the last of which stays open; the third one failed."""
    kinds = {at: "fail" if at == 2 else "ok" for at in range(number - 1)}
    return [(kind, 0, "write", at) for at in range(number) for kind in ("invoke", kinds.get(at)) if kind]


@pytest.mark.parametrize(("least", "form"), [(5, array), (6, list)])
def test_many_rows_are_packed(least, form, monkeypatch):
    """Six writes, one of which failed."""
    monkeypatch.setattr(operations_module, "PACKED_MIN", least)
    text = "".join(f"{{:process {p} :type :{kind} :f :{f} :value {at}}}\n" for kind, p, f, at in rows(6)).encode()
    history = History.of(Row(at, at, *row) for at, row in enumerate(rows(6)))
    for operations in (read(text).operations(), Operations.from_history(history)):
        assert type(operations.invoked) is type(operations.returned) is form
        assert list(operations.invoked) == [0, 2, 6, 8, 10]
        assert list(operations.returned) == [1, 3, 7, 9, OPEN]


def test_what_is_packed_stays_so():
    many, few = array("q", range(PACKED_MIN)), array("q", range(PACKED_MIN - 1))
    assert packed(many) is many
    assert packed(list(many)) == many
    assert packed(few) == list(few)
