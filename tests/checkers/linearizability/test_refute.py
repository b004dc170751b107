"""Refutations are small: of failures of a thousand operations, half have eight operations or fewer. Of small failures,
they are as small as any can be of which whatever else happened makes nothing legal. What may begin one."""

from dataclasses import replace
from itertools import combinations
from random import Random
from statistics import median

import pytest

from benchmarks.drawn import lock
from benchmarks.faulty_objects import OBJECTS, WAYS, recorded
from benchmarks.refutations import invalid
from keelhaul.checkers import linearizability
from keelhaul.checkers.linearizability import orders, sparing, verify
from keelhaul.checkers.linearizability.actions import actions_of
from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.counterexamples import grown
from keelhaul.checkers.linearizability.operations import Operations
from keelhaul.checkers.linearizability.portfolio import decide
from keelhaul.checkers.linearizability.refute import minimise
from keelhaul.checkers.models.registry import model_named
from keelhaul.checkers.verdict import Verdict
from tests.oracle.brute import extensible, linearizable, refutes
from tests.oracle.differential import drawn
from tests.oracle.draws import simulated
from tests.oracle.specifications import SPECIFICATIONS

TEXT = "abcdefghijkl"
OPERATIONS = 1_000
FAILURES = 5
KINDS = {
    "register, unique values": ("register", {"unique": True}),
    "register, five values": ("cas-register", {"domain": 5}),
    "counter": ("counter", {}),
    "lock with readers": ("read-write-lock", {}),
    "lock that may be taken again": ("reentrant-mutex", {}),
    "lock with an owner": ("owner-mutex", {}),
}


def failures(kind):
    """Draw histories of a thousand operations that have no linearization, and check them."""
    name, drawn_of = KINDS[kind]
    found, seed = [], 0
    while len(found) < FAILURES and seed < 60:
        random = Random(f"refute/{kind}/{seed}")
        seed += 1
        sizes = {"operations": OPERATIONS, "processes": 5, "info": 0.005, "mutations": 3}
        operations = simulated(random, SPECIFICATIONS[name], **sizes, **drawn_of)
        outcome = linearizability.check(model_named(name), operations)
        if outcome.verdict is Verdict.INVALID:
            found.append(outcome)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_half_of_the_refutations_have_eight_operations_or_fewer(kind):
    outcomes = failures(kind)
    assert len(outcomes) == FAILURES
    sizes = [len(outcome.refutation) for outcome in outcomes]
    assert median(sizes) <= 8, sizes
    assert [outcome.problem() for outcome in outcomes] == [None] * FAILURES


@pytest.mark.parametrize("name", ["stack", "multi-register, of five", "fifo-queue"])
def test_what_goes_wrong_with_few_values_or_registers_is_shown_by_them(name):
    outcomes = list(invalid(name, 5, 3, 400))
    assert len(outcomes) == 3
    assert max(len(outcome.refutation) for outcome in outcomes) <= 4
    assert [outcome.problem() for outcome in outcomes] == [None] * 3


def test_a_large_candidate_has_more_beginnings_to_try():
    """A set of five values that was read as it had been a while ago; two operations show it."""
    name = "set"
    history = recorded(Random(f"refutations/{name}/10/50"), OBJECTS[name], OPERATIONS, 10, "stale")
    outcome = linearizability.check(name, history)
    assert len(outcome.refutation) <= 4
    assert outcome.problem() is None


@pytest.mark.parametrize(
    ("name", "seed", "most"),
    [
        ("grow-only-set", 1, 3),  # An add that a read doesn't show, before one that it does.
        ("list", 0, 2),  # Reads that contradict each other.
        ("write-once", 16, 2),  # One long read, and one long before it that was told another value.
        ("key-value", 6, 3),  # Twice the same text, and a delete in between: what is in the way of an order.
    ],
)
def test_with_thirty_clients_hardly_more_is_shown_than_what_contradicts_itself(name, seed, most):
    way = WAYS[seed % len(WAYS)]
    history = recorded(Random(f"refutations/{name}/30/{seed}"), OBJECTS[name], OPERATIONS, 30, way)
    outcome = linearizability.check(name, history, budget=Budget(work=500_000))
    assert len(outcome.refutation) <= most
    assert outcome.problem() is None


def test_a_core_grows_by_what_an_order_has_overlooked():
    """The read of 1 between the writes of 2 and 3 is in the way of an order that has the last read see 1, too, and then
    so is the write of 3; what reads 4 isn't."""
    model = model_named("register")
    history = operations_of(
        ("write", 1, 1, 0, 20),
        ("write", 4, 4, 2, 3),
        ("read", None, 4, 4, 5),
        ("write", 2, 2, 6, 7),
        ("read", None, 1, 8, 9),
        ("write", 3, 3, 10, 11),
        ("read", None, 1, 12, 13),
    )
    whole = sparing.Whole(model, history, actions_of(model, history), range(len(history)))
    assert grown(whole, 6, None, 8, lambda units: None) == [4, 5, 6]
    assert verify.problem_with_refutation(model, history, [4, 5, 6]) is None
    assert grown(whole, 6, None, 2, lambda units: None) == [], "it would be too large"
    assert grown(whole, 4, None, 8, lambda units: None) == [], "that has an order"


def test_of_texts_a_core_is_looked_for_from_a_get_on():
    """From the beginning on, it takes more than there is: puts begin anew again and again."""
    history = recorded(Random("refutations/key-value/10/9"), OBJECTS["key-value"], OPERATIONS, 10, "lost")
    outcome = linearizability.check("key-value", history)
    assert len(outcome.refutation) <= 4
    assert outcome.problem() is None


def test_looking_for_a_core_in_one_way_leaves_something_for_the_others():
    """Of a counter with many changes under way, a core from what told its value costs too much to find; but what can't
    matter is left out."""
    history = recorded(Random("refutations/counter/10/1"), OBJECTS["counter"], OPERATIONS, 10, "lost")
    outcome = linearizability.check("counter", history, budget=Budget(work=500_000))
    assert outcome.verdict is Verdict.INVALID
    assert len(outcome.refutation) < OPERATIONS
    assert outcome.problem() is None


def test_what_an_algorithm_chose_is_there_if_there_is_no_time_for_less():
    """Two reads of a set that don't contain each other, and what they show; not all of the history."""
    name = "grow-only-set"
    history = recorded(Random(f"refutations/{name}/30/0"), OBJECTS[name], OPERATIONS, 30, "answer")
    answer = replace(linearizability.check(name, history).invalid[0].answer, plainest=())
    found = minimise(model_named(name), history, answer, Budget(work=40_000), decide)
    assert sorted(found) == sorted(answer.core)
    assert len(found) < OPERATIONS // 5


def choices(operations):
    """List all choices of the operations, small ones first."""
    positions = range(len(operations))
    return [list(core) for size in positions for core in combinations(positions, size + 1)]


@pytest.mark.parametrize("name", SPECIFICATIONS)
def test_nothing_that_is_added_back_makes_what_is_accepted_legal(name):
    """Of all choices of the operations, the verifier accepts those that no other operations make legal; of locks, also
    such that what is left out makes up for itself. It may miss one, where what is loose could not be there in the order
    that it would have to; but hardly ever."""
    accepted = missed = 0
    for seed in range(60):
        case = drawn(name, seed, 6)
        for core in choices(case.operations):
            found = verify.problem_with_refutation(case.model, case.operations, core) is None
            right = refutes(SPECIFICATIONS[name], case.operations, core)
            assert right or not found, (seed, core)
            accepted += found
            missed += not found and not extensible(SPECIFICATIONS[name], case.operations, core)
    assert accepted > 50
    assert missed < accepted / 10


def test_extensible_is_what_some_choice_of_the_rest_makes_legal():
    names = list(SPECIFICATIONS)
    for seed in range(120):
        name = names[seed % len(names)]
        operations = drawn(name, seed, 5).operations
        legal = [core for core in choices(operations) if linearizable(SPECIFICATIONS[name], operations.select(core))]
        for core in choices(operations):
            expected = any(set(core) <= set(larger) for larger in legal)
            assert extensible(SPECIFICATIONS[name], operations, core) is expected, (name, seed, core)


@pytest.mark.parametrize("name", SPECIFICATIONS)
def test_a_small_failure_has_a_refutation_as_small_as_can_be(name):
    """One operation more where what a read claims to have seen is put back, for the reader; rarely elsewhere."""
    larger = failures_seen = 0
    for seed in range(150):
        case = drawn(name, seed, 7)
        outcome = linearizability.check(case.model, case.operations)
        if outcome.verdict is Verdict.INVALID:
            ways = choices(case.operations)
            least = next(len(core) for core in ways if not extensible(SPECIFICATIONS[name], case.operations, core))
            assert len(outcome.refutation) <= least + 1, seed
            larger += len(outcome.refutation) > least
            failures_seen += 1
    assert failures_seen > 5
    assert larger <= failures_seen / (2 if name.endswith("register") else 5)


@pytest.mark.parametrize(("name", "most"), [("mutex", 2), ("semaphore", 8)])
def test_of_permits_those_are_shown_that_are_too_many(name, most):
    """Where one or two are asked for at once, it is not only their number that counts; half of them are small."""
    found = []
    for seed in range(16):
        sizes = {"operations": 300, "processes": 6, "info": 0.005, "mutations": 1}
        operations = simulated(Random(f"refute/permits/{seed}"), SPECIFICATIONS[name], **sizes)
        outcome = linearizability.check(model_named("semaphore:2" if name == "semaphore" else name), operations)
        if outcome.verdict is Verdict.INVALID:
            found.append(len(outcome.refutation))
            assert outcome.problem() is None, seed
    assert len(found) > 6
    assert (max if name == "mutex" else median)(found) <= most


def test_permits_are_counted_from_any_moment_on():
    """When the lock is released four times, there were as many acquires, but two of them came too early for that: it
    can't have been held more than once when the first of the four was invoked."""
    model = model_named("mutex")
    history = operations_of(
        ("acquire", None, None, 2, 3),
        ("release", None, None, 4, 100),
        ("acquire", None, None, 5, 6),
        ("acquire", None, None, 7, 101),
        ("acquire", None, None, 8, 102),
        ("release", None, None, 10, 11),
        ("release", None, None, 20, 21),
        ("release", None, None, 30, 31),
        ("release", None, None, 40, 41),
    )
    outcome = linearizability.check(model, history)
    assert list(outcome.refutation) == [5, 8]
    assert outcome.problem() is None
    assert verify.problem_with_refutation(model, history, [7, 8]) == "it has a legal order"
    assert verify.problem_with_refutation(model, history.select([0, 1, 3, 4, 5, 6, 7, 8]), [4, 7]) is None
    assert verify.problem_with_refutation(model, history.select([0, 3, 4, 5, 8]), [3, 4]) == "it has a legal order"


def test_a_number_may_begin_anywhere_within_its_bounds():
    """A lock that is held at first: it may be released once."""
    mutex = model_named("mutex")
    model = replace(mutex, initial=True, bounded=mutex.bounded._replace(least=-1, most=0))
    history = operations_of(("release", None, None, 0, 1), ("release", None, None, 2, 3), ("acquire", None, None, 4, 5))
    assert verify.problem_with_refutation(model, history.select([0]), [0]) == "it has a legal order"
    assert verify.problem_with_refutation(model, history, [0, 1]) is None
    assert verify.problem_with_refutation(model, history.select([2]), [0]) is None


def operations_of(*rows):
    """Take (function, argument, result, invoked, returned), in order of invocation."""
    f, argument, result, invoked, returned = (list(column) for column in zip(*rows, strict=True))
    numbers = list(range(len(rows)))
    return Operations(f, argument, result, invoked, returned, numbers, numbers)


def test_a_value_that_clashes_with_itself_is_named_once():
    operations = operations_of(("dequeue", None, None, 0, 1), ("dequeue", None, 2, 2, 3), ("enqueue", 2, 2, 4, 5))
    outcome = linearizability.check("fifo-queue", operations)
    assert outcome.invalid[0].answer.core == [1, 2]
    assert outcome.problem() is None


def test_a_core_begins_with_what_tells_the_state():
    operations = operations_of(
        ("add", 5, 5, 0, 1), ("read", None, 5, 2, 3), ("add", 2, 2, 4, 5), ("read", None, 5, 6, 7)
    )
    model = model_named("counter")
    assert verify.problem_with_refutation(model, operations, [1, 2, 3]) is None
    assert verify.problem_with_refutation(model, operations, [1, 3]) == "it has a legal order"


def test_what_is_left_out_may_have_happened_or_not():
    operations = operations_of(("add", 5, 5, 0, 1), ("add", 2, 2, 2, 3), ("read", None, 5, 4, 5))
    model = model_named("counter")
    assert verify.problem_with_refutation(model, operations, [1, 2]) is None, "2 or 7"
    assert verify.problem_with_refutation(model, operations, [0, 2]) == "it has a legal order", "5 or 7"
    assert verify.problem_with_refutation(model, operations, [2]) == "it has a legal order"


def test_it_happened_within_its_interval_if_at_all():
    operations = operations_of(("add", 2, 2, 0, 1), ("read", None, 0, 2, 3), ("read", None, 2, 4, 5))
    assert verify.problem_with_refutation(model_named("counter"), operations, [1, 2]) is None


def test_all_that_may_come_after_an_anchor_is_told_of():
    """What is loose, too."""
    after = []
    counter = model_named("counter")

    def tells(action, following):
        after.extend(other.f for other in following)
        return counter.tells(action, following)

    operations = operations_of(("read", None, 0, 0, 1), ("add", 2, 2, 2, 3), ("read", None, 7, 4, 5))
    assert verify.problem_with_refutation(replace(counter, tells=tells), operations, [0, 2]) is None
    assert "add" in after


def test_what_overlaps_the_beginning_may_stand_on_either_side_of_it():
    operations = operations_of(("add", 2, 2, 0, 5), ("read", None, 2, 1, 2), ("read", None, 2, 6, 7))
    assert verify.problem_with_refutation(model_named("counter"), operations, [0, 1, 2]) is not None


def test_what_cannot_lead_to_any_answer_is_not_tried():
    """Of a dozen loose appends, not every order: a text that no get's begins with is of no use, whoever wrote it."""
    written = len(TEXT)
    appends = [("append", text, None, at, 100 + at) for at, text in enumerate(TEXT)]
    gets = [("get", None, TEXT, 200, 201), ("get", None, TEXT[:-1], 202, 203)]
    model, operations = model_named("key-value"), operations_of(*appends, *gets)
    core, loose, units = [written, written + 1], range(written), []
    whole = sparing.Whole(model, operations, actions_of(model, operations), range(len(operations)))
    assert orders.has_legal_order(whole, core, written**3, units.append, None, loose) is False
    assert sum(units) < written**3
    assert verify.problem_with_refutation(model, operations, core) is None


def test_where_values_are_left_out_a_core_begins_with_nothing_in_it():
    """A queue with a value that is put in only if there is no other: it tells the state, but not that without it."""
    queue = model_named("fifo-queue")

    def step(state, action):
        if action.f != "begin":
            return queue.step(state, action)
        return linearizability.ILLEGAL if state else (action.argument,)

    def about(action):
        return action.result if action.f == "dequeue" else action.argument

    def tells(action, after):
        return [(action.argument,)] if action.f == "begin" else None

    model = replace(queue, step=step, about=about, tells=tells, functions=(), problem=None, kinds={}, family="")
    operations = operations_of(
        ("begin", 1, 1, 0, 1), ("enqueue", 2, 2, 2, 3), ("dequeue", None, 1, 4, 5), ("dequeue", None, 2, 6, 7)
    )
    assert linearizability.check(model, operations).verdict is Verdict.VALID
    assert verify.problem_with_refutation(model, operations, [0, 1, 3]) is not None


@pytest.mark.parametrize("name", ["owner-mutex", "fenced-lock"])
def test_of_a_lock_that_is_taken_twice_by_one_of_many_that_wait_the_two_are_shown(name):
    """All have waited for it most of the time, so nearly anything may stand beside either."""
    whole = lock(Random(name), 1_000, 30, tokens=name == "fenced-lock")
    released = [at for at, f in enumerate(whole.f) if f == "release"][-50]
    outcome = linearizability.check(name, whole.select([at for at in range(len(whole)) if at != released]))
    assert outcome.problem() is None
    first, second = (outcome.refutation or [])[-2:]
    assert len(outcome.refutation) == 2
    assert whole.process[first] == whole.process[second] == whole.process[released]
    assert first < released < second
