"""Whatever may take long asks the budget: the preparations, the proof's parts put together, a refutation made small,
the reason in words. A clock of the tests' own goes on at each look."""

import tracemalloc
from array import array
from contextlib import nullcontext
from dataclasses import replace
from itertools import count
from random import Random

import pytest

from benchmarks.drawn import lock, queue, register
from keelhaul.checkers import linearizability
from keelhaul.checkers.linearizability import (
    Call,
    Operations,
    absorption,
    clusters,
    engine,
    fifo,
    orders,
    ownership,
    refute,
    sparing,
    staleness,
    texts,
    verify,
    versions,
    zones,
)
from keelhaul.checkers.linearizability import budget as budget_module
from keelhaul.checkers.linearizability import split as split_module
from keelhaul.checkers.linearizability.actions import actions_of
from keelhaul.checkers.linearizability.budget import LOOK_EVERY_S, PIECE, UNIT_S, Budget, BudgetSpent
from keelhaul.checkers.linearizability.clusters import ROWS_MAX
from keelhaul.checkers.linearizability.explain import first_out_of_place
from keelhaul.checkers.linearizability.outcome import merged
from keelhaul.checkers.linearizability.placing import STRIDE
from keelhaul.checkers.linearizability.portfolio import ALGORITHMS, decide
from keelhaul.checkers.linearizability.refute import minimise
from keelhaul.checkers.linearizability.result import Unknown, Valid
from keelhaul.checkers.linearizability.split import SPLIT_IN_UNIT, split
from keelhaul.checkers.models.registry import model_named
from keelhaul.checkers.models.transitions import Transitions
from keelhaul.checkers.verdict import Verdict
from tests.checkers.linearizability.test_registers import keyed
from tests.oracle.differential import BEGUN, models_of
from tests.oracle.draws import simulated, with_keys
from tests.oracle.specifications import SPECIFICATIONS

LOOKS = 40
"""As many looks until the time is over."""


class Clock:
    """Goes on by one at each look, and counts them."""

    def __init__(self):
        self.looks = 0

    def __call__(self):
        self.looks += 1
        return float(self.looks)


def drawn(name, operations=400, mutations=0, seed=1):
    random = Random(f"asking/{name}/{seed}")
    sizes = {"operations": operations, "processes": 6, "info": 0.01, "domain": 3}
    return simulated(random, SPECIFICATIONS[name], mutations=mutations, **sizes)


def violated(name, operations=300):
    """Draw until one isn't linearizable; return the model, the history, and the whole of it as a refutation."""
    model = model_named(BEGUN.get(name, name))
    for seed in range(50):
        operations_drawn = drawn(name, operations, mutations=3, seed=seed)
        if linearizability.check(model, operations_drawn).verdict is Verdict.INVALID:
            return model, operations_drawn
    raise AssertionError("none is")


@pytest.fixture
def spent():
    """Returns what says whether a piece of work asks a budget that is far too small for it."""

    def run(work, units=20):
        with pytest.raises(BudgetSpent):
            work(Budget(work=units))

    return run


def test_actions_ask(spent):
    model, operations = model_named("counter"), drawn("counter")
    spent(lambda budget: actions_of(model, operations, budget))


def test_splitting_asks_also_when_the_actions_are_made(spent):
    model, operations = model_named("set"), drawn("set", 3_000)
    spent(lambda budget: split(model, operations, budget))
    spent(lambda budget: split(model, operations, budget), units=len(operations) + 1)


def test_the_engine_asks_before_its_search(spent):
    model, operations = model_named("counter"), drawn("counter", 3_000)
    spent(lambda budget: engine.decide(model, operations, budget), units=len(operations) + 1)


def test_asking_a_model_again_asks(spent):
    model = linearizability.Model(name="mine", step=lambda state, action: (state or 0) + 1)

    def again(budget):
        transitions = Transitions(model, [linearizability.Action("add")], spend=budget.spend)
        state = transitions.initial
        for _ in range(100):
            (state,) = transitions.after(state, 0)
        transitions.ask_again()

    spent(again, units=50)


def test_asking_a_model_what_kinds_there_are_asks(spent):
    model, actions = model_named("counter"), [linearizability.Action("add", at) for at in range(100)]
    spent(lambda budget: Transitions(model, actions, spend=budget.spend), units=50)


def test_putting_parts_together_asks(spent):
    random = Random(1)
    parts = [simulated(random, SPECIFICATIONS["register"], operations=60, mutations=0) for _ in range(5)]
    outcome = linearizability.check("register", with_keys(random, parts))
    spent(lambda budget: merged(outcome.operations, outcome.parts, budget.spend))


def test_what_may_be_left_out_asks(spent):
    model, operations = violated("counter")
    whole = sparing.Whole(model, operations, actions_of(model, operations), range(len(operations)))
    last = max(at for at in whole.positions if operations.f[at] == "read")
    spent(lambda budget: list(sparing.lacking(whole, [last], budget.spend)))


def test_trying_orders_asks(spent):
    model, operations = violated("counter")
    kept = range(len(operations))
    whole = sparing.Whole(model, operations, actions_of(model, operations), kept)
    spent(lambda budget: orders.has_legal_order(whole, kept, verify.WORK_MAX, budget.spend), units=2_000)


def test_looking_for_the_first_out_of_place_asks(spent):
    model, operations = violated("counter")
    spent(lambda budget: first_out_of_place(model, operations, range(len(operations)), budget))


@pytest.mark.parametrize("name", SPECIFICATIONS)
@pytest.mark.parametrize("units", [1, 500, 5_000, 50_000])
def test_a_refutation_that_was_not_made_small_is_one_all_the_same(name, units):
    model, operations = violated(name, 40)
    outcome = linearizability.check(model, operations)
    part = outcome.invalid[0]
    operations = operations.select(part.positions)
    core = minimise(model, operations, part.answer, Budget(work=units), decide)
    assert verify.problem_with_refutation(model, operations, core) in (None, "there are too many orders to try")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_looks_at_the_clock_often(algorithm):
    """A thousand operations that cost as much as nobody expects: the first looks say so, and then it is over."""
    for name in models_of(algorithm)[:3]:
        clock = Clock()
        budget = Budget(seconds=LOOKS, clock=clock)
        operations = drawn(name, 5_000)
        linearizability.check(model_named(BEGUN.get(name, name)), operations, budget=budget, algorithm=algorithm)
        assert clock.looks <= LOOKS + 10


@pytest.mark.parametrize("name", ["counter", "cas-register", "mutex", "fifo-queue"])
def test_once_the_time_is_over_nothing_takes_long_any_more(name):
    model, operations = violated(name)
    clock = Clock()
    budget = Budget(seconds=1_000_000, clock=clock)
    outcome = linearizability.check(model, operations, budget=budget)
    assert outcome.verdict is Verdict.INVALID
    clock.looks += 10_000_000  # nobody works meanwhile, so it doesn't count
    budget.seconds = 0
    looks = clock.looks
    assert outcome.reason
    assert outcome.refutation
    assert clock.looks < looks + 30
    assert outcome.problem() in (None, "there are too many orders to try")


def test_what_time_will_not_suffice_for_is_not_begun():
    model, operations = model_named("counter"), drawn("counter", 3_000)
    late = Budget(seconds=3_000 * UNIT_S, clock=lambda: 0.0)
    with pytest.raises(BudgetSpent):
        actions_of(model, operations, late)
    assert late.spent == 0
    assert len(actions_of(model, operations, Budget(seconds=6_300 * UNIT_S, clock=lambda: 0.0))) == 3_000


def test_what_is_over_before_the_next_look_is_begun():
    units, late = int(LOOK_EVERY_S / UNIT_S), Budget(seconds=1, clock=count().__next__)
    late.foresee(units - 1)
    with pytest.raises(BudgetSpent, match="1 s"):
        late.foresee(units)


@pytest.mark.parametrize("of", [lambda whole: whole, lambda whole: whole.part(5), lambda whole: whole.aside(5).part(5)])
def test_the_last_bit_of_the_time_is_not_worked_in(of):
    """And no more is left out of a piece of a piece."""
    now = 0.0
    whole = Budget(seconds=1, clock=lambda: now)
    now = 0.9
    piece = of(whole)
    now = 0.969
    piece.look()
    now = 0.971
    with pytest.raises(BudgetSpent, match="1 s"):
        piece.look()


def test_to_put_a_linearization_together_takes_time_too():
    """The last of the units: what was found is not told when it is too late."""
    model, operations, budget = model_named("cas-register"), drawn("cas-register", 3_000), Budget()
    assert isinstance(absorption.decide(model, operations, budget), Valid)
    late = absorption.decide(model, operations, Budget(work=budget.spent - STRIDE // 2))
    assert isinstance(late, Unknown)


def test_large_states_count_as_memory_when_a_reason_is_looked_for():
    """Of five appends, each of 20,000 characters, the runs are some hundred, and some ten megabytes."""
    texts = [letter * 20_000 for letter in "abcde"]
    calls = [Call(at, "append", text, None, 0.0, 1.0) for at, text in enumerate(texts)]
    calls += [Call(9, "get", None, "".join(texts[:count]), at, at + 1.0) for count, at in ((5, 2.0), (4, 4.0))]
    outcome = linearizability.check("key-value", calls, budget=Budget(megabytes=2))
    assert outcome.refutation
    tracemalloc.start()
    try:
        assert outcome.reason.startswith("process 9's get")
        assert tracemalloc.get_traced_memory()[1] < 6_000_000
    finally:
        tracemalloc.stop()


def test_time_in_which_nobody_works_counts_for_nothing():
    model, operations = violated("counter")
    clock = Clock()
    outcome = linearizability.check(model, operations, budget=Budget(seconds=50_000, clock=clock))
    clock.looks += 1_000_000
    assert len(outcome.refutation) < 30


def test_many_small_parts_ask():
    """None of them is long enough to ask by itself."""
    random, clock = Random(1), Clock()
    parts = [simulated(random, SPECIFICATIONS["register"], operations=3, mutations=0) for _ in range(2_000)]
    outcome = linearizability.check("register", with_keys(random, parts), budget=Budget(seconds=4_500, clock=clock))
    assert outcome.verdict is Verdict.UNKNOWN
    assert any(isinstance(part.answer, Unknown) for part in outcome.parts)


@pytest.mark.parametrize("algorithm", ["zones", "engine"])
def test_memory_is_counted_from_the_preparations_on_and_given_back(algorithm):
    operations = drawn("register", 5_000)
    operations.argument = [at if f == "write" else None for at, f in enumerate(operations.f)]
    budget = Budget(megabytes=0.4)
    outcome = linearizability.check("register", operations, budget=budget, algorithm=algorithm)
    assert outcome.verdict is Verdict.UNKNOWN
    assert "0.4 MB" in outcome.reason
    assert budget.held == 0


@pytest.mark.parametrize(("name", "cas"), [("register", 0.0), ("cas-register", 0.3)])
def test_each_pass_over_a_register_asks_the_last_one_too(name, cas):
    model, operations, budget = model_named(name), register(Random(1), 300, 5, cas=cas), Budget()
    assert isinstance(zones.decide(model, operations, budget), Valid)
    for work in range(1, budget.spent, 7):
        with pytest.raises(BudgetSpent):
            zones.decide(model, operations, Budget(work=work))


def test_each_pass_over_a_queue_asks_the_last_one_too():
    model, operations, budget = model_named("fifo-queue"), queue(Random(1), 300, 5), Budget()
    assert isinstance(fifo.decide(model, operations, budget), Valid)
    for work in range(1, budget.spent, 7):
        with pytest.raises(BudgetSpent):
            fifo.decide(model, operations, Budget(work=work))


def test_pieces_are_counted_one_by_one():
    budget = Budget(work=PIECE + 10)
    seen = []
    with pytest.raises(BudgetSpent):
        seen.extend(budget.over(range(3 * PIECE), 3 * PIECE))
    assert seen == [*range(PIECE)]
    for size in (0, 7, PIECE, PIECE + 8):
        budget, things = Budget(), iter(range(size))
        assert [*budget.over(things, size, 4)] == [*range(size)]
        assert budget.spent == size // 4


def test_what_is_fetched_from_memory_is_asked_for_window_by_window():
    positions, columns = range(0, 5 * clusters.WINDOW, 2), [Fetched(), Fetched()]
    budget, seen = Budget(work=clusters.WINDOW + 10), []
    with pytest.raises(BudgetSpent):
        seen.extend(clusters._near(positions, columns, budget))
    assert seen == [*positions[: clusters.WINDOW]]
    assert [column.fetched for column in columns] == [[slice(0, positions[clusters.WINDOW - 1])]] * 2
    assert [*clusters._near(positions, columns, Budget())] == [*positions]

    far, column = [0, *range(10**6, 10**6 + clusters.WINDOW)], Fetched()
    assert [*clusters._near(far, [column], Budget())] == far
    assert column.fetched[0] == slice(0, clusters.SPAN_MAX)

    budget, column = Budget(), Fetched()
    assert [*clusters._near(range(5), [column], budget)] == [*range(5)]
    assert (budget.spent, column.fetched) == (5, [])


class Fetched:
    """A column that notes what is asked of it."""

    def __init__(self):
        self.fetched = []

    def __getitem__(self, what):
        self.fetched.append(what)


def test_registers_are_not_begun_without_time_for_what_comes_later():
    """To make their tables can't be interrupted."""
    operations = register(Random(1), 20_000, 5)
    model, least_s = model_named("register"), len(operations) * UNIT_S / zones.FORESEEN
    for seconds, expected in ((0.9, BudgetSpent), (1.1, None)):
        for work, more_s in (
            (lambda budget: zones.decide(model, operations, budget), len(operations) * zones.LET_GO_S),
            (lambda budget: zones.Registers(model, operations, budget), 0.0),
        ):
            budget = Budget(seconds=seconds * (least_s + more_s), clock=lambda: 0.0)
            with nullcontext() if expected is None else pytest.raises(expected):
                work(budget)


@pytest.mark.parametrize(
    ("name", "algorithm", "expected"),
    [
        ("register", zones, ["reads", "puts", "clusters"]),
        ("fifo-queue", fifo, ["operations", "puts", "puts"]),
        ("owner-mutex", ownership, ["operations", "zones", "zones"]),
        ("cas-register", staleness, ["operations"]),
    ],
    ids=lambda what: what if isinstance(what, str) else "",
)
def test_each_pass_is_gone_over_with_the_budget(name, algorithm, expected, monkeypatch):
    """So that none of them is endless where there are millions."""
    counts, over, near = [], Budget.over, clusters._near

    def counted(budget, things, count, *each):
        counts.append(count)
        return over(budget, things, count, *each)

    monkeypatch.setattr(Budget, "over", counted)
    monkeypatch.setattr(clusters, "_near", lambda positions, *given: counted_near(len(positions), positions, *given))

    def counted_near(count, *given):
        counts.append(count)
        return near(*given)

    draw = {"fifo-queue": queue, "owner-mutex": lock}.get(name, register)
    operations = draw(Random(1), 300, 5)
    algorithm.decide(model_named(name), operations, Budget())
    named = {
        "operations": len(operations),
        "reads": operations.f.count("read"),
        "puts": operations.f.count("write") + operations.f.count("enqueue"),
        "clusters": operations.f.count("write") + 1,
        "zones": operations.f.count("acquire"),
    }
    assert counts == [named[what] for what in expected]


def test_each_pass_over_cas_is_gone_over_with_the_budget():
    """Open ones, of which the last was read: so all of them took effect, and stand in one block."""
    count = 50
    calls = [Call(0, "write", 0, 0, 0.0, 1.0)]
    calls += [Call(at, "cas", [at - 1, at], None, 2.0 * at, None) for at in range(1, count + 1)]
    calls.append(Call(0, "read", None, count, 2.0 * count + 1, 2.0 * count + 2))
    budget, operations = Budget(), Operations.of(calls)
    assert isinstance(zones.decide(model_named("cas-register"), operations, budget), Valid)
    reads, returned, needed, heads, puts = 1, 1, count - 1, 1, count + 1
    in_order = heads + puts
    assert budget.spent == len(operations) + reads + returned + needed + heads + puts + in_order


def test_a_long_text_is_gone_over_with_the_budget(monkeypatch):
    for module in (budget_module, texts):
        monkeypatch.setattr(module, "PIECE", 3)
    model, budget = model_named("key-value"), Budget()
    done = [("append", "a", "a"), ("get", None, "a"), ("append", "b", "b"), ("get", None, "ab")]
    rows = [Call(0, *call, 2.0 * at, 2.0 * at + 1) for at, call in enumerate(done)]
    assert isinstance(versions.decide(model, Operations.of(rows), budget), Valid)
    assert budget.spent == len(rows) * 3, "once for all, and for each of two passes over more than a piece"


def test_clusters_are_not_formed_without_time_for_what_comes_later(monkeypatch):
    operations, late, kinds_of = register(Random(1), 20_000, 5), [], zones._kinds_of
    monkeypatch.setattr(zones, "_kinds_of", lambda *given: (kinds_of(*given), late.append(True))[0])
    monkeypatch.setattr(zones, "islice", lambda *_: pytest.fail("the table was begun"))
    with pytest.raises(BudgetSpent):
        zones.decide(model_named("register"), operations, Budget(seconds=1, clock=lambda: 0.9699 * len(late)))


@pytest.mark.parametrize("which", [1, 2])
def test_the_table_of_rows_is_not_gone_over_without_time_for_it(which, monkeypatch):
    """Neither to make it, when the readers are taken in, nor to list what is in it, when it is made."""
    operations, passes, near = register(Random(1), 20_000, 5), [], clusters._near
    operations.invoked = array("q", [at * ROWS_MAX - 1 for at in range(len(operations))])
    operations.returned = array("q", [row + 1 for row in operations.invoked])
    operations.f, operations.argument = ["write"] * len(operations), range(len(operations))

    def counted(*of):
        passes.append(of)
        assert len(passes) <= which, "the table was begun"
        return near(*of)

    monkeypatch.setattr(clusters, "_near", counted)
    monkeypatch.setattr(clusters, "filter", lambda *_: pytest.fail("the table was gone over"), raising=False)
    budget = Budget(seconds=1, clock=lambda: 0.967 * (len(passes) == which))
    with pytest.raises(BudgetSpent):
        zones.decide(model_named("register"), operations, budget)
    assert len(passes) == which


def test_a_store_is_not_split_nor_a_register_taken_out_without_time_for_it(monkeypatch):
    size = 30_000
    calls = keyed(*(("a", "write", at, at) for at in range(size)), ("b", "write", 0, 0))
    model, registers = model_named("register"), zones.Registers(model_named("register"), calls, Budget())
    for units, work in (
        (len(calls) // SPLIT_IN_UNIT, lambda budget: split(model, calls, budget)),
        (size // zones.TAKEN, lambda budget: registers.decide(range(size), budget)),
    ):
        late = Budget(seconds=0.97 * units * UNIT_S, clock=lambda: 0.0)
        with monkeypatch.context() as patch:
            patch.setattr(zones, "taker", lambda _: pytest.fail("it was begun"))
            patch.setattr(split_module, "defaultdict", lambda _: pytest.fail("it was begun"))
            with pytest.raises(BudgetSpent):
                work(late)
    seen, decide = [], clusters.decide
    monkeypatch.setattr(clusters, "decide", lambda *of: (seen.append(of[-1].seconds), decide(*of))[1])
    budget = Budget(seconds=1, clock=lambda: 0.0)
    before = budget.seconds
    registers.decide(range(size), budget)
    assert (seen, budget.seconds) == ([before - size * zones.LET_GO_S], before)


def test_what_was_seen_is_looked_for_piece_by_piece(monkeypatch):
    monkeypatch.setattr(budget_module, "PIECE", 5)
    operations, looked = keyed(*(("a", "write", at, at) for at in range(50)), ("a", "read", None, 7)), []
    model = model_named("register")
    watched = replace(model, kinds=lambda action: (looked.append(action), model.kinds(action))[1])
    search = refute._Minimiser(watched, operations, Budget(work=12), None)
    search._whole = search._whole._replace(actions=actions_of(model, operations))
    search.best = [50]
    with pytest.raises(BudgetSpent):
        search.with_what_was_seen()
    assert 0 < len(looked) < 20


def test_time_is_left_to_let_go_of_what_was_made(monkeypatch):
    operations, seen, decide = register(Random(1), 1_000, 5), [], clusters.decide
    monkeypatch.setattr(clusters, "decide", lambda *of: (seen.append(of[-1].seconds), decide(*of))[1])
    budget = Budget(seconds=1, clock=lambda: 0.0)
    before = budget.seconds
    assert isinstance(zones.decide(model_named("register"), operations, budget), Valid)
    assert seen == [before - 1_000 * zones.LET_GO_S]
    assert budget.seconds == before
    with pytest.raises(BudgetSpent), budget.reserving(0.5):
        budget.foresee(int(0.5 / UNIT_S))
    budget.foresee(int(0.5 / UNIT_S))
    with Budget().reserving(1) as nothing:
        assert nothing is None, "without a limit nothing is left out"


def test_a_store_for_which_there_is_no_time_is_undecided():
    calls = [Call(0, "write", [key, at], [key, at], 2.0 * at, 2.0 * at + 1) for at in range(20_000) for key in "a"]
    calls.append(Call(1, "write", ["b", 0], ["b", 0], 0.0, 1.0))
    budget = Budget(seconds=0.9 * len(calls) * UNIT_S / zones.FORESEEN, clock=lambda: 0.0)
    assert linearizability.check("register", calls, keyed=True, budget=budget).verdict is Verdict.UNKNOWN
