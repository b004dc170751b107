"""What a history is split into: its keys, and the parts that the model tells apart."""

from keelhaul.checkers.linearizability import Call, Model, split
from keelhaul.checkers.linearizability.operations import Operations


def parts(model, calls, keyed=False):
    found = split.split(model, Operations.of(calls, keyed=keyed))
    return [(key, list(positions)) for key, positions in found]


def calls_of(*arguments):
    """Those with a key are [key, argument], and are answered with it."""
    answers = [[argument[0], None] if isinstance(argument, list) else None for argument in arguments]
    return [Call(0, "add", argument, answers[at], at, at + 0.5) for at, argument in enumerate(arguments)]


def by_first(action):
    """The first letter tells the part; "*" touches all of them."""
    return None if action.argument == "*" else action.argument[0]


PLAIN = Model(name="plain", step=lambda state, action: state)
PARTED = Model(name="parted", step=lambda state, action: state, partition=by_first)


def test_without_keys_and_parts_it_is_one():
    assert parts(PLAIN, calls_of("a", "b")) == [(None, [0, 1])]


def test_parts_are_told_apart_however_many_are_asked_for_at_once(monkeypatch):
    monkeypatch.setattr(split, "STRIDE", 2)
    assert parts(PARTED, calls_of("a1", "b1", "a2", "c1", "a3")) == [("a", [0, 2, 4]), ("b", [1]), ("c", [3])]


def test_what_touches_all_parts_keeps_them_together():
    assert parts(PARTED, calls_of("a1", "b1", "*")) == [(None, [0, 1, 2])]


def test_keys_are_split_and_within_each_its_parts_unless_something_touches_all_of_that_key():
    calls = calls_of(["x", "a1"], ["y", "a1"], ["x", "b1"], ["y", "*"], ["x", "a2"], ["y", "b1"])
    assert parts(PARTED, calls, keyed=True) == [(("x", "a"), [0, 4]), ("y", [1, 3, 5]), (("x", "b"), [2])]
    assert parts(PLAIN, calls, keyed=True) == [("x", [0, 2, 4]), ("y", [1, 3, 5])]


def test_of_many_operations_positions_are_kept_in_less_memory(monkeypatch):
    monkeypatch.setattr(split, "SMALL", 2)
    found = split.split(PLAIN, Operations.of(calls_of(["x", 1], ["y", 1], ["x", 2]), keyed=True))
    assert [(key, type(positions).__name__, list(positions)) for key, positions in found] == [
        ("x", "array", [0, 2]),
        ("y", "array", [1]),
    ]
