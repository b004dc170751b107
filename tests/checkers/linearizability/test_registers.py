"""Registers of a store are decided where they stand, as they would be by themselves."""

from dataclasses import replace
from random import Random

import pytest

from keelhaul.checkers import linearizability
from keelhaul.checkers.linearizability import zones
from keelhaul.checkers.linearizability.budget import Budget, BudgetSpent
from keelhaul.checkers.linearizability.operations import MalformedOperation, Operations
from keelhaul.checkers.linearizability.result import Invalid, NotApplicable, Unknown, Valid
from keelhaul.checkers.linearizability.split import split
from keelhaul.checkers.models.registry import model_named
from tests.oracle.brute import linearizable
from tests.oracle.draws import arbitrary, simulated, with_keys
from tests.oracle.specifications import SPECIFICATIONS


def store(name, seed, *, uniques=0.8):
    """Draw a store of a few registers, some of which zones can't decide."""
    random, specification = Random(f"registers/{name}/{seed}"), SPECIFICATIONS[name]
    parts = []
    for _ in range(random.randint(2, 5)):
        draw = simulated if random.random() < 0.7 else arbitrary
        sizes = {"operations": random.randint(1, 8), "processes": random.randint(1, 4), "domain": 3}
        observe, unique = name == "cas-register" and random.random() < 0.2, random.random() < uniques
        parts.append(draw(random, specification, unique=unique, observe=observe, **sizes))
    return with_keys(random, parts)


@pytest.mark.parametrize("name", ["register", "cas-register"])
def test_each_register_of_a_store_is_decided_as_if_it_were_alone(name):
    model, answers = model_named(name), set()
    for seed in range(1_500):
        operations = store(name, seed)
        registers = zones.Registers(model, operations, Budget())
        for _, positions in split(model, operations):
            alone, budget, own = operations.select(positions), Budget(), Budget()
            found, expected = registers.decide(positions, budget), zones.decide(model, alone, own)
            answers.add(type(found))
            if found is None:
                assert isinstance(expected, NotApplicable)
                assert budget.spent == 0
                continue
            assert type(found) is type(expected)
            assert (budget.spent, budget.held) == (own.spent, 0)
            if isinstance(found, Valid):
                assert list(found.order) == list(expected.order)
            else:
                assert found.core == expected.core
    assert answers == {Valid, Invalid, type(None)}


@pytest.mark.parametrize("name", ["register", "cas-register"])
def test_a_store_is_decided_as_the_oracle_decides_its_registers(name):
    model, specification = model_named(name), SPECIFICATIONS[name]
    for seed in range(1_500, 2_000):
        operations = store(name, seed)
        outcome = linearizability.check(model, operations)
        expected = {
            key: linearizable(specification, operations.select(positions))
            for key, positions in split(model, operations)
        }
        assert {part.key: isinstance(part.answer, Valid) for part in outcome.parts} == expected
        assert outcome.problem() is None


def keyed(*calls):
    """Take (key, f, argument, result), each over before the next one begins."""
    rows = [2 * at for at in range(len(calls))]
    return Operations(
        f=[call[1] for call in calls],
        argument=[call[2] for call in calls],
        result=[call[3] for call in calls],
        invoked=rows,
        returned=[row + 1 for row in rows],
        process=[0 for _ in calls],
        index=range(len(calls)),
        key=[call[0] for call in calls],
    )


def test_what_the_model_cant_read_is_told_where_it_is_reached():
    good = [("a", "write", 1, 1), ("a", "read", None, 1)]
    for call in (("b", "wriet", 1, 1), ("b", "cas", ("array", 1), 1), ("b", "cas", 7, 7)):
        with pytest.raises(MalformedOperation):
            linearizability.check("cas-register", keyed(*good, call))
    violated = [("a", "read", None, 2)]
    outcome = linearizability.check("cas-register", keyed(*violated, ("b", "wriet", 1, 1)), every=False)
    assert [type(part.answer) for part in outcome.parts] == [Invalid, Unknown]
    with pytest.raises(MalformedOperation):
        linearizability.check("register", keyed(*good, ("b", "cas", ("array", 1, 2), 1)))


def test_a_register_that_a_share_doesnt_suffice_for_is_undecided():
    calls = [(key, "write", number, number) for number in range(300) for key in "abc"]
    spent = linearizability.check("register", keyed(*calls), budget=Budget(work=500))
    assert [type(part.answer) for part in spent.parts] == [Unknown] * 3
    enough = linearizability.check("register", keyed(*calls), budget=Budget(work=5_000))
    assert [type(part.answer) for part in enough.parts] == [Valid] * 3


def test_one_long_register_doesnt_take_the_time_of_all():
    ticks = iter(range(1_000_000))
    calls = [("long", "write", number, number) for number in range(20_000)]
    calls += [("short", "read", None, 1)]
    budget = Budget(seconds=20, clock=lambda: float(next(ticks)))
    outcome = linearizability.check("register", keyed(*calls), budget=budget)
    assert isinstance(outcome.parts[1].answer, Invalid)


def test_a_register_asks_the_budget():
    operations = keyed(*(("a", "write", number, number) for number in range(1_000)))
    registers = zones.Registers(model_named("register"), operations, Budget())
    with pytest.raises(BudgetSpent):
        registers.decide(range(1_000), Budget(work=900))


def test_what_a_register_holds_is_told_of_beforehand_and_given_back():
    model = model_named("register")
    operations = simulated(Random(2), SPECIFICATIONS["register"], operations=50, processes=2, unique=True)
    needed_mb = zones.OPERATION_BYTES * len(operations) / 1e6
    for work in (
        lambda budget: zones.decide(model, operations, budget),
        lambda budget: zones.Registers(model, operations, budget).decide(range(len(operations)), budget),
    ):
        budget = Budget(megabytes=needed_mb * 1.01)
        assert isinstance(work(budget), Valid)
        assert budget.held == 0
        with pytest.raises(BudgetSpent):
            work(Budget(megabytes=needed_mb))


def test_what_nobody_wrote_is_shown_by_the_read_alone():
    nested, alike = ("array", ("array", 1), 2), ("array", 2)
    for value in (nested, alike, "b", 7):
        calls = [("a", "write", "a", "a"), ("a", "read", None, "a"), ("a", "read", None, value)]
        assert linearizability.check("register", keyed(*calls)).refutation == [2]
        assert linearizability.check("register", keyed(*calls, ("b", "read", None, None))).refutation == [2]


def test_a_circle_is_shown_by_few_of_its_readers():
    puts = [("a", "cas", ("array", 1, 2), None), ("a", "cas", ("array", 2, 1), None)]
    operations = keyed(*puts, *(("a", "read", None, 1 + at % 2) for at in range(20)))
    assert zones.decide(model_named("cas-register"), operations, Budget()) == Invalid([0, 1])


def test_another_models_functions_of_the_same_names_are_no_registers():
    one, other = ("array", "x", 1), ("array", "x", 2)
    operations = replace(keyed(("a", "write", one, one), ("a", "read", other, other)), key=None)
    outcome = linearizability.check("multi-register", operations, algorithm="zones")
    assert "undecided: zones doesn't apply: it is no register; 0 of 2 operations are explained" in outcome.reason


def test_what_is_no_registers_work_is_told_of_whoever_is_asked():
    for argument in (7, ("array", 1), ("list", 1, 2), ("array", 1, 2, 3), None):
        f = "cas" if argument else "wriet"
        operations = replace(keyed(("a", "write", 1, 1), ("a", f, argument, argument)), key=None)
        for algorithm in (None, "zones", "absorption"):
            with pytest.raises(MalformedOperation, match="operation 1: "):
                linearizability.check("cas-register", operations, algorithm=algorithm)
