"""The search on histories whose answer is plain to see, its bound, and the rule that drops configurations."""

from itertools import product
from random import Random

import pytest

from keelhaul.checkers.linearizability.search import Exhausted, Linearized, Search, Stuck, search
from keelhaul.checkers.models.register import Register

REGISTER = Register()


@pytest.fixture
def answer(build):
    """Searches a history of one key "a"; rows without the key: (type, process, f, value)."""

    def run(*rows, work_max=100_000, model=REGISTER):
        history = build(*((kind, process, f, ["a", value]) for kind, process, f, value in rows))
        (steps,) = model.partition(history.operations).values()
        return search(model, steps, work_max)

    return run


def done(process, f, value, result=None):
    return [("invoke", process, f, value), ("ok", process, f, result if f == "read" else value)]


def opened(process, f, value):
    return [("invoke", process, f, value), ("info", process, f, value)]


def test_the_order_that_is_found_is_told(answer):
    found = answer(
        ("invoke", 0, "write", 1),
        ("invoke", 1, "write", 2),
        ("ok", 1, "write", 2),
        ("ok", 0, "write", 1),
        *done(2, "read", None, 2),
    )
    assert isinstance(found, Linearized)
    assert found.order == (0, 1, 2)


def test_the_step_that_cannot_be_placed_is_told(answer):
    found = answer(
        *done(0, "write", 1), *done(0, "read", None, 1), *done(0, "read", None, 2), *done(0, "read", None, 1)
    )
    assert isinstance(found, Stuck)
    assert found.step == 2


SAYS = {True: Linearized, False: Stuck}

THRICE = [*done(0, "read", None, 1), *done(0, "write", 2)] * 2 + done(0, "read", None, 1)
TWO_TWOS = [*done(0, "write", 1), *done(0, "read", None, 2), *done(0, "write", 3), *done(0, "read", None, 2)]

PLAIN = {
    "reading what was written": (True, [*done(0, "write", 1), *done(1, "read", None, 1)]),
    "reading null at first": (True, done(0, "read", None, None)),
    "a stale read": (False, [*done(0, "write", 1), *done(0, "write", 2), *done(1, "read", None, 1)]),
    "a lost write": (False, [*done(0, "write", 1), *done(1, "read", None, None)]),
    "a value from nowhere": (False, done(0, "read", None, 3)),
    "one is not true": (False, [*done(0, "write", 1), *done(0, "read", None, True)]),
    "false is not null": (False, done(0, "read", None, False)),
    "one is one point zero": (True, [*done(0, "write", 1), *done(0, "read", None, 1.0)]),
    "lists are equal by value": (True, [*done(0, "write", [1, {}]), *done(0, "read", None, [1, {}])]),
    "two reads disagree on the order of writes": (
        False,
        [
            ("invoke", 0, "write", 1),
            ("invoke", 1, "write", 2),
            *done(2, "read", None, 1),
            *done(2, "read", None, 2),
            *done(2, "read", None, 1),
            ("ok", 0, "write", 1),
            ("ok", 1, "write", 2),
        ],
    ),
    "a read sees a write under way": (
        True,
        [("invoke", 0, "write", 1), *done(1, "read", None, 1), *done(1, "read", None, 1), ("ok", 0, "write", 1)],
    ),
    "and then no longer": (
        False,
        [("invoke", 0, "write", 1), *done(1, "read", None, 1), *done(1, "read", None, None), ("ok", 0, "write", 1)],
    ),
    "touching is overlapping": (
        True,
        [("invoke", 0, "write", 1), ("invoke", 1, "read", None), ("ok", 0, "write", 1), ("ok", 1, "read", None)],
    ),
    "a cas that found what was there": (
        True,
        [*done(0, "write", 1), *done(0, "cas", [1, 2]), *done(0, "read", None, 2)],
    ),
    "a cas that found what was not there": (False, [*done(0, "write", 1), *done(0, "cas", [2, 3])]),
    "two cas that both won": (
        False,
        [
            *done(0, "write", 1),
            ("invoke", 1, "cas", [1, 2]),
            ("invoke", 2, "cas", [1, 3]),
            ("ok", 1, "cas", [1, 2]),
            ("ok", 2, "cas", [1, 3]),
        ],
    ),
    "an open write that took effect late": (
        True,
        [*opened(1, "write", 1), *done(0, "write", 2), *done(0, "read", None, 2), *done(0, "read", None, 1)],
    ),
    "an open write can't take effect twice": (
        False,
        [*opened(1, "write", 1), *done(0, "read", None, 1), *done(0, "write", 2), *done(0, "read", None, 1)],
    ),
    "two open writes can": (
        True,
        [*opened(1, "write", 1), *opened(2, "write", 1), *THRICE[:6]],
    ),
    "but not thrice": (
        False,
        [*opened(1, "write", 1), *opened(2, "write", 1), *THRICE],
    ),
    "an open write isn't there before it was invoked": (False, [*done(0, "read", None, 1), *opened(1, "write", 1)]),
    "a failed write never was": (
        False,
        [("invoke", 1, "write", 1), ("fail", 1, "write", 1), *done(0, "read", None, 1)],
    ),
    "open cas make a chain": (
        True,
        [*opened(1, "cas", [None, 1]), *opened(2, "cas", [1, 2]), *opened(3, "cas", [2, 3]), *done(0, "read", None, 3)],
    ),
    # The shorter way to 2 uses the write that the last read needs: the longer one must not be forgotten for it.
    "the longer way keeps what is needed later": (
        True,
        [*opened(1, "write", 2), *opened(2, "cas", [1, 2]), *TWO_TWOS],
    ),
    "and here neither is left": (
        False,
        [*opened(1, "write", 2), *opened(2, "cas", [1, 2]), *TWO_TWOS, *TWO_TWOS[4:]],
    ),
    "two supplies expire at different rows": (
        True,
        [*opened(1, "write", 1), *opened(2, "write", 2), *done(0, "read", None, 1), *done(0, "read", None, 2)],
    ),
    "what is used up stays so to its last row": (
        False,
        [
            *opened(1, "write", 1),
            *opened(2, "write", 2),
            *done(0, "read", None, 2),
            *done(0, "write", 3),
            *done(0, "read", None, 1),
            *done(0, "read", None, 2),
        ],
    ),
}


@pytest.mark.parametrize(("valid", "rows"), PLAIN.values(), ids=PLAIN)
def test_plain_cases(answer, valid, rows):
    assert isinstance(answer(*rows), SAYS[valid])


def failed(process, value):
    return [("invoke", process, "cas", value), ("fail", process, "cas", value)]


OBSERVED = {
    "it did not hold that": (True, [*done(0, "write", 1), *failed(0, [2, 3])]),
    "but it did": (False, [*done(0, "write", 1), *failed(0, [1, 3])]),
    "unless an open write came first": (True, [*opened(1, "write", 9), *done(0, "write", 1), *failed(0, [1, 3])]),
    "which then must be overwritten": (
        False,
        [*opened(1, "write", 9), *done(0, "write", 1), *failed(0, [1, 3]), *done(0, "read", None, 1)],
    ),
}


@pytest.mark.parametrize(("valid", "rows"), OBSERVED.values(), ids=OBSERVED)
def test_a_failed_cas_observes_if_it_is_told_to(answer, valid, rows):
    assert isinstance(answer(*rows, model=Register(failed_cas="observe")), SAYS[valid])
    assert isinstance(answer(*rows), Linearized)


def hard(clients):
    """Writes that all overlap, then a read of a value that nobody wrote: every order must be tried."""
    return [
        *(("invoke", client, "write", client) for client in range(clients)),
        *(("ok", client, "write", client) for client in range(clients)),
        *done(99, "read", None, -1),
    ]


def test_the_search_ends_when_its_allowance_is_spent(answer):
    found = answer(*hard(14), work_max=5000)
    assert isinstance(found, Exhausted)
    assert 5000 < found.work < 5100
    assert found.step < 14
    assert found.returned == found.step


def test_the_same_allowance_is_spent_at_the_same_place(answer):
    assert answer(*hard(10), work_max=3000) == answer(*hard(10), work_max=3000)
    whole = answer(*hard(6))
    assert isinstance(whole, Stuck)
    assert answer(*hard(6), work_max=whole.work) == whole
    assert isinstance(answer(*hard(6), work_max=whole.work - 1), Exhausted)


def test_open_writes_of_one_value_cost_no_more_than_one(answer):
    def work(count):
        rows = [row for process in range(count) for row in opened(100 + process, "write", 1)]
        for _ in range(10):
            rows += [*done(0, "write", 2), *done(0, "read", None, 2), *done(0, "cas", [2, 3])]
        found = answer(*rows, *done(0, "read", None, 1))
        assert isinstance(found, Linearized)
        return found.work

    assert work(200) == work(1)


def test_open_writes_that_nobody_can_notice_cost_nothing(answer):
    def work(count):
        rows = [row for process in range(count) for row in opened(100 + process, "write", 1000 + process)]
        for _ in range(10):
            rows += [*done(0, "write", 2), *done(0, "read", None, 2), *done(0, "cas", [2, 3])]
        return answer(*rows).work

    assert work(200) == work(0)


def test_a_configuration_is_dropped_exactly_if_another_used_no_more_of_anything(build):
    random = Random(5)
    for _ in range(200):
        sizes = [random.randint(1, 4) for _ in range(random.randint(1, 4))]
        rows = [
            ("invoke", 10 * value + at, "write", ["a", value]) for value, size in enumerate(sizes) for at in range(size)
        ]
        (steps,) = REGISTER.partition(build(*rows).operations).values()
        run = Search(REGISTER, steps, work_max=10**9)
        shifts = [supply.shift for supply in run._supplies.values()]
        vectors = list(product(*(range(size + 1) for size in sizes)))
        for _ in range(20):
            front, kept = {}, []
            for vector in random.choices(vectors, k=6):
                used = sum(count << shift for count, shift in zip(vector, shifts, strict=True))
                dominated = any(all(a <= b for a, b in zip(other, vector, strict=True)) for other in kept)
                assert run._admit(front, (None, 0), used, None) is not dominated
                if not dominated:
                    kept = [o for o in kept if not all(a <= b for a, b in zip(vector, o, strict=True))] + [vector]
            assert len(front[None, 0]) == len(kept)
