"""Guards that drawn histories don't show to be needed, each with a history that does; as test_guards.py with the rest.

Most are about the order in which answers tell of things, which a correct object never contradicts, or about the core of
a refutation where several things have to come together.
"""

from dataclasses import replace

import pytest

from keelhaul.checkers.linearizability import engine, fifo, inclusion, ownership, versions, zones
from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.result import Invalid, NotApplicable, Valid
from keelhaul.checkers.models.registry import model_named
from tests.checkers.linearizability.test_guards import WORK_MAX, Guard, without
from tests.oracle.differential import Case, problem


def history(*rows):
    """Make columns of (f, argument, result, invoked, returned), in the order of invocation; lists are arrays."""
    f, argument, result, invoked, returned = (list(column) for column in zip(*rows, strict=True))
    result = [("array", *value) if isinstance(value, list) else value for value in result]
    return Operations(f, argument, result, invoked, returned, list(range(len(f))), list(range(len(f))))


TURNED = history(
    ("append", 1, None, 0, 2),
    ("append", 2, None, 1, 3),
    ("read", None, [1, 2], 4, 5),
    ("append", 3, None, 6, 7),
    ("read", None, [2, 1, 3], 8, 9),
)
APART = history(
    ("add", 1, None, 0, 9),
    ("add", 2, None, 1, 10),
    ("add", 3, None, 2, 11),
    ("read", None, [1], 3, 7),
    ("read", None, [2, 3], 4, 8),
)
READ_BEFORE = history(
    ("read", None, [], 0, 1),
    ("append", 2, None, 2, 3),
    ("append", 1, None, 4, 5),
    ("read", None, [1, 2], 6, 7),
)
"""The second read shows what time forbids; the first shows nothing."""

DEADLINES = history(
    ("enqueue", "b", None, 0, 9),
    ("enqueue", "a", None, 1, 2),
    ("enqueue", "x", None, 3, 6),
    ("enqueue", "y", None, 4, 5),
    ("enqueue", "z", None, 10, 11),
    ("dequeue", None, None, 12, OPEN),
    ("dequeue", None, "y", 13, 14),
    ("dequeue", None, None, 15, OPEN),
    ("dequeue", None, "x", 16, 19),
    ("dequeue", None, "z", 17, 18),
)
"""The first open dequeue has to take a, which is in front of y, though not of what went in next; the second one b."""
FEW = history(
    ("enqueue", 1, None, 0, 1),
    ("enqueue", 2, None, 2, 3),
    ("enqueue", 3, None, 4, 5),
    ("dequeue", None, None, 6, OPEN),
    ("dequeue", None, 3, 7, 8),
)
"""One open dequeue for two values. Without the first of them, it would do."""
LATE = history(
    ("enqueue", 1, None, 0, 1),
    ("enqueue", 2, None, 2, 3),
    ("enqueue", 3, None, 4, 5),
    ("dequeue", None, None, 6, OPEN),
    ("dequeue", None, 3, 7, 8),
    ("dequeue", None, None, 9, OPEN),
)
"""The same; another one comes too late."""

WRITTEN_BACK = history(
    ("write", 1, None, 0, 1),
    ("write", None, None, 2, 3),
    ("read", None, None, 4, 5),
)
"""There is at last what there was at first."""
HEAD_LAST = history(
    ("read", None, 1, 0, 5),
    ("cas", ("array", 1, 2), None, 1, 2),
    ("write", 1, None, 3, 4),
)
"""The cas returned before the 1 was written; who reads that was called before."""
MEMBER_LAST = history(
    ("write", 1, None, 0, 1),
    ("read", None, 2, 2, 7),
    ("cas", ("array", 2, 3), None, 3, 4),
    ("cas", ("array", 1, 2), None, 5, 6),
)
"""The same of the 2, behind another one."""
FAR = 1_000
"""A row that a few operations reach if most are of other objects."""
CALLED_EARLY = history(
    ("read", None, 2, 0, FAR + 3),
    ("write", 1, None, 1, 2),
    ("write", 2, None, FAR + 1, FAR + 2),
)
"""The 2 was read by what was called before the 1 was written."""
READ_LATE = history(
    ("write", 1, None, 0, 1),
    ("write", 2, None, FAR, FAR + 3),
    ("read", None, 1, FAR + 1, FAR + 2),
)
"""The 1 was read after the 2 was called, and before that has to stand."""

OPEN_CAS = history(
    ("cas", ("array", 5, 6), None, 0, OPEN),
    ("write", 1, None, FAR, FAR + 1),
)
"""There never was a 5."""
AT_FIRST = history(
    ("write", 1, None, 0, 1),
    ("write", 2, None, FAR, FAR + 1),
)
"""The smaller bound of the first is the first row."""
TO_BOUNDS = "\n        if row < last:\n            bounds"

DELETE = ("delete", None, None, 0, 1)
"""With a delete, no glance will do, and versions are told apart."""
TWICE = history(
    ("put", "a", None, 0, 5),
    ("append", "b", None, 1, 6),
    ("put", "c", None, 2, 7),
    ("get", None, "ab", 3, 8),
    ("get", None, "cb", 4, 9),
)
FORKED = history(
    DELETE,
    ("put", "a", None, 2, 12),
    ("append", "b", None, 3, 13),
    ("append", "c", None, 4, 14),
    ("append", "d", None, 5, 15),
    ("get", None, "abc", 6, 16),
    ("get", None, "acbd", 7, 17),
)
SHORTER = history(
    DELETE,
    ("put", "a", None, 2, 12),
    ("append", "b", None, 3, 13),
    ("append", "c", None, 4, 14),
    ("append", "d", None, 5, 15),
    ("get", None, "abc", 6, 16),
    ("get", None, "ad", 7, 17),
)
HALF = history(
    DELETE,
    ("put", "a", None, 2, 3),
    ("append", "bc", None, 4, 5),
    ("get", None, "abc", 6, 7),
    ("get", None, "ab", 8, 9),
)
TWO_WAYS = history(
    DELETE,
    ("put", "a", None, 2, 3),
    ("append", "bc", None, 4, 5),
    ("get", None, "abc", 6, 7),
    ("append", "b", None, 8, 9),
    ("append", "c", None, 10, 11),
)
NOTHING = history(DELETE, ("put", "", None, 2, 3), ("get", None, "", 4, 5))

GUARDS = [
    (
        Guard("inclusion", "shown[: len(smaller)] == smaller if self.ordered else smaller_values <= values", "True"),
        "list",
        TURNED,
    ),
    (
        Guard(
            "inclusion",
            "shown[: len(smaller)] == smaller if self.ordered else smaller_values <= values",
            "smaller_values <= values",
        ),
        "list",
        TURNED,
    ),
    (Guard("inclusion", "if not contained:", "if False:"), "grow-only-set", APART),
    (Guard("inclusion", " if argument[clash[0]] in result[at][1:])", ")"), "list", READ_BEFORE),
    (Guard("zones", "or initial in source_of:", "or False:"), "register", WRITTEN_BACK),
    (
        Guard("clusters", "first[head], max(head, last_at[head])", "first[head], last_at[head]"),
        "cas-register",
        HEAD_LAST,
    ),
    (Guard("clusters", "if at < member:", "if False:"), "cas-register", MEMBER_LAST),
    (
        Guard("clusters", f"[at if at > put else put]{TO_BOUNDS}", f"[at]{TO_BOUNDS}"),
        "register",
        CALLED_EARLY,
    ),
    (Guard("clusters", "bounds[put] = row", "bounds[put] = last"), "register", READ_LATE),
    (
        Guard("clusters", "elif row != OPEN:\n            bounds", "else:\n            bounds"),
        "cas-register",
        OPEN_CAS,
    ),
    (Guard("clusters", "return order[bisect_left(order, 0, key=bound) :]", "return order"), "cas-register", OPEN_CAS),
    (Guard("clusters", "bisect_left(order, 0, key=bound)", "bisect_left(order, 1, key=bound)"), "register", AT_FIRST),
    (Guard("fifo", "or value.out_by < first_out[-1].out_by", "or True"), "fifo-queue", DEADLINES),
    (Guard("fifo", " or value.out_by < first_out[-1].out_by", ""), "fifo-queue", DEADLINES),
    (Guard("fifo", "if lacking is not None:", "if False:"), "fifo-queue", FEW),
    (Guard("fifo", " or invoked[dequeues[place]] > deadline", ""), "fifo-queue", LATE),
    (Guard("versions", "if change in self.shown_by:", "if False:"), "key-value", TWICE),
    (Guard("versions", "if seen is not None and not _fits(text, seen):", "if False:"), "key-value", FORKED),
    (Guard("versions", "seen.longest.startswith(text) and ", ""), "key-value", SHORTER),
    (Guard("versions", " and len(text) in seen.ends", ""), "key-value", HALF),
    (Guard("versions", "if any(map(str.startswith", "if False and any(map(str.startswith"), "key-value", TWO_WAYS),
    (Guard("versions", "if ordered and not ordered[0]:", "if False:"), "key-value", NOTHING),
]


@pytest.mark.parametrize(("guard", "name", "operations"), GUARDS, ids=lambda value: getattr(value, "guard", ""))
def test_without_the_guard_an_answer_is_wrong(guard, name, operations, monkeypatch):
    def found(one):
        with without(one) as module:
            decide = module.decide
            if one.file == "clusters":
                monkeypatch.setattr(zones, "clusters", module)
                decide = zones.decide
            return problem(decide, case, WORK_MAX)[1]

    case = Case(name, model_named(name), operations)
    try:
        wrong = found(guard)
    except LookupError as error:
        wrong = repr(error)
    assert wrong is not None
    assert found(guard._replace(without=guard.guard)) is None


@pytest.mark.parametrize("name", ["owner-mutex", "fenced-lock"])
def test_owners_without_a_name_are_processes(name):
    """The oracle's locks don't know who acts: the engine has to do."""
    tokens = [3, None] if name == "fenced-lock" else [None, None]
    for processes, kind in (([1, 1], Valid), ([1, 2], Invalid)):
        operations = Operations(["acquire", "release"], [None] * 2, tokens, [0, 2], [1, 3], processes, [0, 1])
        for algorithm in (ownership, engine):
            assert isinstance(algorithm.decide(model_named(name), operations, Budget()), kind)


@pytest.mark.parametrize(
    ("algorithm", "name", "initial"),
    [
        (fifo, "fifo-queue", (1,)),
        (inclusion, "list", (1,)),
        (inclusion, "grow-only-set", (1,)),
        (versions, "key-value", "a"),
    ],
)
def test_what_is_not_empty_at_first_is_left_to_others(algorithm, name, initial):
    model = replace(model_named(name), initial=initial)
    assert isinstance(algorithm.decide(model, history(("read", None, [], 0, 1)), Budget()), NotApplicable)
