"""The register: its steps, what it can't read, and until when open operations are of use."""

import pytest

from keelhaul.checkers.models.model import ILLEGAL, NEVER, MalformedOperation
from keelhaul.checkers.models.register import Register

REGISTER = Register()


@pytest.mark.parametrize(
    ("state", "action", "after"),
    [
        (None, ("read", None), None),
        (None, ("read", 1), ILLEGAL),
        (1, ("read", 1), 1),
        (1, ("read", None), ILLEGAL),
        (1, ("write", 2), 2),
        (1, ("write", None), None),
        (1, ("cas", 1, 3), 3),
        (2, ("cas", 1, 3), ILLEGAL),
        (None, ("cas", None, 3), 3),
        (1, ("failed cas", 1, 3), ILLEGAL),
        (2, ("failed cas", 1, 3), 2),
    ],
)
def test_the_sequential_register(state, action, after):
    assert REGISTER.step(state, action) == after


def actions(model, history):
    return {
        key: [(step.action, step.observes, step.returns) for step in steps]
        for key, steps in model.partition(history.operations).items()
    }


def test_operations_are_split_by_key_and_what_says_nothing_is_left_out(build):
    history = build(
        ("invoke", 0, "read", ["a", None]),
        ("ok", 0, "read", ["a", 7]),
        ("invoke", 0, "write", ["b", [1]]),
        ("ok", 0, "write", ["b", [1]]),
        ("invoke", 0, "cas", ["a", [7, True]]),
        ("ok", 0, "cas", ["a", [7, True]]),
        ("invoke", 0, "write", ["a", 1]),
        ("fail", 0, "write", ["a", 1]),
        ("invoke", 0, "cas", ["a", [8, 9]]),
        ("fail", 0, "cas", ["a", [8, 9]]),
        ("invoke", 0, "read", ["a", None]),
        ("fail", 0, "read", ["a", None]),
        ("invoke", 0, "read", ["c", None]),
        ("info", 0, "read", ["c", None]),
        ("invoke", 1, "write", ["a", 5]),
        ("info", 1, "write", ["a", 5]),
        ("invoke", 2, "cas", ["a", [5, 6]]),
    )
    expected = {
        "a": [
            (("read", 7), True, 1),
            (("cas", 7, ("boolean", True)), False, 5),
            (("write", 5), False, None),
            (("cas", 5, 6), False, None),
        ],
        "b": [(("write", ("array", 1)), False, 3)],
    }
    assert actions(REGISTER, history) == expected
    expected["a"].insert(2, (("failed cas", 8, 9), True, 9))
    assert actions(Register(failed_cas="observe"), history) == expected


def test_keys_are_json_values(build):
    rows = [(kind, 0, "write", [key, 0]) for key in (1, True) for kind in ("invoke", "ok")]
    history = build(*rows)
    assert len(REGISTER.partition(history.operations)) == 2


MALFORMED = {
    "no pair": [("invoke", 0, "read", "a")],
    "nothing": [("invoke", 0, "write", None)],
    "three": [("invoke", 0, "write", ["a", 1, 2])],
    "a cas of one value": [("invoke", 0, "cas", ["a", 1]), ("ok", 0, "cas", ["a", 1])],
    "a cas of three values": [("invoke", 0, "cas", ["a", [1, 2, 3]])],
    "a read without a value": [("invoke", 0, "read", ["a", None]), ("ok", 0, "read", None)],
    "a read of another key": [("invoke", 0, "read", ["a", None]), ("ok", 0, "read", ["b", None])],
    "an unknown function": [("invoke", 0, "append", ["a", 1])],
    "no json": [("invoke", 0, "write", ["a", b"1"])],
}


@pytest.mark.parametrize("rows", MALFORMED.values(), ids=MALFORMED)
def test_what_cannot_be_read_is_named_by_its_row(build, rows):
    before = [("invoke", 5, "read", ["a", None]), ("ok", 5, "read", ["a", None])]
    with pytest.raises(MalformedOperation, match=r"^row [23]: "):
        REGISTER.partition(build(*before, *rows).operations)


def expiries(model, history):
    return {
        step.action: step.expires
        for steps in model.partition(history.operations).values()
        for step in steps
        if step.returns is None
    }


def opened(process, f, argument):
    return [("invoke", process, f, ["a", argument])]


def done(f, argument, result=None):
    return [("invoke", 0, f, ["a", argument]), ("ok", 0, f, ["a", argument if f != "read" else result])]


def test_an_open_update_is_of_use_until_its_value_is_expected_for_the_last_time(build):
    history = build(
        *opened(1, "write", 1),
        *opened(2, "write", 2),
        *opened(3, "write", 3),
        *opened(4, "cas", [9, 4]),
        *done("read", None, 1),
        *done("cas", [2, 8]),
        *done("read", None, 4),
        *done("read", None, 1),
    )
    assert expiries(REGISTER, history) == {("write", 1): 11, ("write", 2): 7, ("write", 3): NEVER, ("cas", 9, 4): 9}


def test_an_open_cas_passes_the_need_on(build):
    history = build(
        *opened(1, "write", 1),
        *opened(2, "cas", [1, 2]),
        *opened(3, "cas", [2, 3]),
        *opened(4, "write", 4),
        *opened(5, "cas", [4, 5]),
        *done("read", None, 3),
    )
    useful = dict.fromkeys([("write", 1), ("cas", 1, 2), ("cas", 2, 3)], 6)
    assert expiries(REGISTER, history) == {**useful, ("write", 4): NEVER, ("cas", 4, 5): NEVER}


def test_an_open_cas_that_comes_too_late_passes_nothing_on(build):
    history = build(*opened(1, "write", 1), *done("read", None, 2), *opened(2, "cas", [1, 2]))
    assert expiries(REGISTER, history) == {("write", 1): NEVER, ("cas", 1, 2): 2}


def test_a_ring_of_open_cas_needs_nothing_by_itself(build):
    history = build(*opened(1, "cas", [1, 2]), *opened(2, "cas", [2, 1]), *done("read", None, 3))
    assert expiries(REGISTER, history) == {("cas", 1, 2): NEVER, ("cas", 2, 1): NEVER}
    history = build(*opened(1, "cas", [1, 2]), *opened(2, "cas", [2, 1]), *done("read", None, 2))
    assert expiries(REGISTER, history) == {("cas", 1, 2): 3, ("cas", 2, 1): 3}


def test_beside_an_observed_failed_cas_everything_open_is_of_use(build):
    failed = [("invoke", 0, "cas", ["a", [1, 2]]), ("fail", 0, "cas", ["a", [1, 2]])]
    history = build(*opened(1, "write", 1), *failed, *done("read", None, None))
    assert expiries(REGISTER, history) == {("write", 1): NEVER}
    assert expiries(Register(failed_cas="observe"), history) == {("write", 1): 4}
