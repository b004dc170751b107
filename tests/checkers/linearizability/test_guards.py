"""Every guard of the algorithms is needed: without it, some history gets a wrong answer.

An algorithm leaves out what need not be tried, and refuses what it isn't made for. What it looks at before it does so
are its guards. Here each is taken out of the source in turn, the rest is loaded as a module of its own, and the
comparison with the oracle has to fail. Where that takes long to happen by chance, the table says from which draw on.

Not in the table is what only saves time, without which answers are the same, later; and a few for which no history that
shows it is known.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from keelhaul.checkers.history import History, Row
from keelhaul.checkers.linearizability import breadth, engine, inclusion, online, tokens, versions, zones
from keelhaul.checkers.linearizability.budget import Budget, BudgetSpent
from keelhaul.checkers.linearizability.operations import Operations
from keelhaul.checkers.linearizability.portfolio import ALGORITHMS
from keelhaul.checkers.linearizability.result import Answer, NotApplicable, Valid
from keelhaul.checkers.linearizability.timeline import Timeline
from keelhaul.checkers.models.model import Model
from keelhaul.checkers.models.registry import model_named
from keelhaul.checkers.verdict import Verdict
from tests.checkers.linearizability.test_online import LIKES, ROOM, rows_of
from tests.oracle.brute import linearizable
from tests.oracle.differential import Case, drawn, models_of, problem
from tests.oracle.specifications import SPECIFICATIONS

FOLDER = Path(__file__).parents[3] / "checkers" / "linearizability"
DRAWS = 3_000
BROADLY = 10_000
WORK_MAX = 100_000
ENDLESS_S = 1.0
"""Processor time after which a small history is said to take for ever: without some guards it does, or spends all of
WORK_MAX."""


WRONG = AssertionError, ArithmeticError, LookupError, TypeError, ValueError, TimeoutError, BudgetSpent
"""What else than a wrong answer shows that a guard is missing."""
Rows = Sequence[tuple[str, int, str, Any]]
KINDS = ("invoke", "ok")


class Guard(NamedTuple):
    """A piece of a file's source, and what is left when the guard in it is gone. `first` is the draw to begin with, of
    the models named or of all that the file is for; `rows` are a history that shows it, where draws don't."""

    file: str
    guard: str
    without: str
    first: int = 0
    models: tuple[str, ...] = ()
    rows: Rows = ()


def in_turn(*done: tuple[str, str]) -> Rows:
    """Return a history of a store's gets, of what they show, and of changes, one after the other."""
    return [(kind, 0, f, text if (f, kind) != ("get", "invoke") else None) for f, text in done for kind in KINDS]


def with_open(*changes: tuple[str, Any], done: Sequence[tuple[str, Any]]) -> Rows:
    """Return a register's history: changes that stay open, and then what is done, one after the other."""
    begun = [("invoke", process, f, value) for process, (f, value) in enumerate(changes, start=1)]
    return [*begun, *((kind, 0, f, value) for f, value in done for kind in KINDS)]


SCARCE = with_open(
    ("cas", [2, 4]),
    ("write", 2),
    ("cas", [3, 1]),
    ("cas", [2, 1]),
    ("cas", [1, 4]),
    ("write", 3),
    done=[("read", 1), ("cas", [1, 4]), ("read", 2)],
)
"""The 1 comes from the 2 or from the 3, with as many of the open ones; but then a read needs the 2."""
LESS_SPENT: Rows = [
    *with_open(("cas", [2, 3]), ("write", 2), ("cas", [2, 1]), ("cas", [1, 2]), ("cas", [2, 1]), done=[]),
    ("invoke", 8, "write", 1),
    ("invoke", 7, "read", 3),
    ("ok", 7, "read", 3),
    ("ok", 8, "write", 1),
    ("invoke", 7, "cas", [1, 2]),
    ("invoke", 8, "read", 3),
    ("ok", 8, "read", 3),
    ("ok", 7, "cas", [1, 2]),
]
"""The write of 1 needn't be used for the first 3, if the open ones are: but then they are missing for the second."""
THRIFTIER: Rows = [
    *with_open(("write", 3), ("cas", [3, 2]), ("write", 1), ("cas", [3, 1]), done=[]),
    ("invoke", 7, "cas", [2, 3]),
    ("ok", 7, "cas", [2, 3]),
    ("invoke", 7, "cas", [1, 2]),
    ("invoke", 6, "write", 2),
    ("invoke", 5, "read", 1),
    ("ok", 7, "cas", [1, 2]),
    ("invoke", 7, "read", 1),
    ("ok", 5, "read", 1),
    ("ok", 6, "write", 2),
    ("ok", 7, "read", 1),
]
"""The 1 is put by the cas from 3 or, what is met later and takes less, by the write; but another 1 is needed."""
SHORTER = with_open(
    ("cas", [2, 1]),
    ("write", 2),
    ("cas", [4, 2]),
    ("write", 4),
    done=[("write", 3), ("read", 1), ("read", 4)],
)
"""The 1 comes from the 2 that is written, or from the 4; but that is read later."""
DRAWN_OR_SWAPPED: Rows = [
    *with_open(("write", 2), ("write", 1), ("write", 1), done=[]),
    ("invoke", 4, "read", 1),
    ("invoke", 5, "read", 2),
    ("invoke", 6, "cas", [1, 2]),
    ("ok", 6, "cas", [1, 2]),
    *((kind, 0, "read", 1) for kind in KINDS),
    ("ok", 5, "read", 2),
    ("ok", 4, "read", 1),
]
"""It takes both open writes of 1: one for the cas, one for the last read."""
OVERWRITTEN: Rows = [
    *with_open(("write", 2), done=[]),
    ("invoke", 2, "write", 1),
    ("invoke", 3, "read", None),
    ("ok", 3, "read", 2),
    ("ok", 2, "write", 1),
    *((kind, 0, "read", 2) for kind in KINDS),
]
"""The write of 1 has room only in front of the open one."""
PUT_BACK: Rows = [
    *with_open(("cas", [None, 2]), ("write", None), done=[]),
    ("invoke", 3, "read", None),
    ("invoke", 4, "write", 3),
    ("ok", 3, "read", 2),
    ("ok", 4, "write", 3),
    *((kind, 0, "read", 2) for kind in KINDS),
]
"""The write of 3 has room only at the start, in front of a write of what is there already: 2 is left for good."""


TO_TABLE = "\n        if row < last:\n            at_row"

GUARDS = [
    # --- engine.py: what is pending
    Guard("engine", "known = max(self._furthest, -1 if", "known = min(self._furthest, -1 if"),
    Guard("engine", "stuck.number if known == self._furthest else None", "stuck.number"),
    Guard("engine", "self._numbers[number] for number in opened]", "self._numbers[number] for number in opened[:0]]"),
    Guard("engine", "operations.invoked[invoked] < row:", "True:"),
    Guard("engine", "if not discharged & bit and state in after(state, action):", "if after(state, action):"),
    Guard(
        "engine", "if not discharged & bit or (not used & bit and window.changes[action]):", "if not discharged & bit:"
    ),
    Guard("engine", "if configuration.discharged & returning.bit:", "if True:"),
    Guard(
        "engine",
        "like = pending.action, bool(configuration.discharged & pending.bit)",
        "like = pending.action, True",
        models=("key-value",),
        rows=LIKES,
    ),
    Guard("engine", "if not configuration.used & pending.bit and like not in likes:", "if like not in likes:"),
    Guard("engine", "if self._transitions.kinds[choice.action] is Kind.BLIND:", "if True:"),
    Guard(
        "engine",
        "self._total = [kind in (Kind.TOTAL, Kind.BLIND) for kind in kinds]",
        "self._total = [True for kind in kinds]",
    ),
    Guard("engine", "& supply.field < len(supply.numbers):", "& supply.field >= 0:"),
    # --- engine.py: dominance
    Guard("engine", "not less_used & ~used\n                and ", ""),
    Guard("engine", "not discharged & ~more_discharged\n                and ", ""),
    Guard("engine", "(drawn | guards) - less_drawn & guards == guards", "True"),
    # --- breadth.py
    Guard("breadth", "if way[0] & lacks_room:", "if False:"),
    Guard("breadth", "if may_be_late and not way[0] & bit:", "if False:"),
    Guard("breadth", "if may_be_late:\n", "if False:\n", 13_000),
    Guard("breadth", "if less & spent == less and other[1] <= count:", "if other[1] <= count:"),
    Guard("breadth", "if more & spent == spent and others", "if others"),
    Guard(
        "breadth",
        "if other is not None and other[1] <= count:\n            self._leave_out(drawn, other)\n",
        "if other is not None and other[1] <= count:\n",
        rows=SCARCE,
    ),
    Guard(
        "breadth",
        "== less and other[1] <= count:\n                self._leave_out(drawn, other)\n",
        "== less and other[1] <= count:\n",
        rows=LESS_SPENT,
    ),
    Guard("breadth", "self._leave_out(others.pop(more)[2], way)", "del others[more]", rows=THRIFTIER),
    Guard("breadth", "if ((drawn | guards) - better[2]) & guards != guards:", "if False:", rows=SCARCE),
    Guard("breadth", "self._is_complete = False\n        ways.sort", "ways.sort", 13_000),
    Guard("breadth", "self._is_complete = False\n                return self", "return self"),
    Guard("breadth", "if not self._is_complete:", "if False:", rows=SCARCE),
    Guard("breadth", "is_denied=bool(self._denied << bits & spent)", "is_denied=False"),
    Guard("breadth", "seen_by << self._bits | needed_by, supply, available", "needed_by, supply, available"),
    Guard(
        "breadth", "seen_by << self._bits | needed_by, supply, available", "seen_by << self._bits, supply, available"
    ),
    Guard("breadth", "free = likes & ~spent", "free = likes", 7_000),
    Guard("breadth", "if taken < available:", "if True:"),
    Guard("breadth", "likes | needed_by, supply", "needed_by, supply"),
    Guard("breadth", "needed_by |= returning.bit", "pass"),
    Guard("breadth", "expected_by = 1 << 2 * self._bits\n", "pass\n"),
    Guard("breadth", "expected_by |= masks[place]", "pass"),
    Guard("breadth", "self._around(put)[0] | self._writes, seen_by", "self._around(put)[0], seen_by"),
    Guard("breadth", "self._visit(value, self._writes, 0)", "self._visit(value, 0, 0)", rows=PUT_BACK),
    Guard("breadth", "self._denied & ~masks[3 * value + 3]", "self._denied", 9_000),
    Guard("breadth", "not (must_use or spent & lacks_room)", "not spent & lacks_room", 2_000),
    Guard("breadth", "if not step.finds_room_in(value))", ")"),
    # --- zones.py
    Guard("zones", "len(source_of) < len(put_at) or ", ""),
    Guard("zones", "map(source_of.__getitem__, ", "map(lambda value: source_of.get(value, INITIAL), "),
    Guard("zones", "if kinds[at] == READ:", "if False:"),
    # --- clusters.py
    Guard("clusters", "if row < invoked[cluster]:", "if False:"),
    Guard("clusters", "elif row != OPEN:\n            at_row", "else:\n            at_row"),
    Guard("clusters", "if blocks.last_at[INITIAL] != INITIAL else []", "if False else []"),
    Guard("clusters", "if puts and not puts[0] and first[0] != OPEN:", "if False:"),
    Guard("clusters", " and first[0] != OPEN:", ":"),
    Guard("clusters", "at_row[row] = put", "at_row[last] = put"),
    Guard("clusters", f"[at if at > put else put]{TO_TABLE}", f"[at]{TO_TABLE}"),
    Guard("clusters", "if first[cluster] < latest:", "if False:"),
    Guard("clusters", "if row > latest:", "if True:", models=("register",)),
    Guard("clusters", "if row < latest:", "if False:"),
    Guard("clusters", "if row < earliest:", "if False:"),
    Guard("clusters", "if at > latest_at:", "if True:", 11_000, ("cas-register",)),
    Guard("clusters", "if joined < led.count(True):", "if False:"),
    Guard("clusters", "is not None and led[put] and", "is not None and", 13_000, ("cas-register",)),
    Guard("clusters", "led[put] and not led[before]", "led[put]"),
    Guard("clusters", "if first[cluster] != OPEN]", "]"),
    Guard("clusters", "if before is None:", "if False:"),
    Guard("clusters", "if rival is not None:", "if False:"),
    Guard("clusters", "if first[before] == OPEN and before in follows:", "if False:"),
    # --- staleness.py
    Guard("staleness", "elif denies:\n                    continue\n", "elif False:\n                    continue\n"),
    Guard("staleness", "if over < before and end != OPEN:", "if over < before:"),
    Guard("staleness", "elif until.get(left, NEVER) < end:", "else:", 3_900, ("cas-register",)),
    Guard("staleness", "if another is not None or over == NEVER:", "if True:"),
    Guard("staleness", "(another is None or invoked[another] < pairs.over)", "another is None"),
    Guard(
        "staleness", "(another is None or invoked[another] < pairs.over)", "another and invoked[another] < pairs.over"
    ),
    Guard("staleness", "if self._is_source(later, needed):", "if False:"),
    Guard("staleness", "                if returned[later] != OPEN:\n                    return None\n", ""),
    Guard("staleness", "pairs.over = returned[at]", "pass"),
    Guard("staleness", " if pairs.count > spare else None", ""),
    Guard("staleness", "if invoked[other] < over:", "if False:"),
    Guard("staleness", "elif operations.failed and operations.failed[other]:", "elif False:"),
    Guard("staleness", "if returned[other] < row:", "if True:"),
    Guard("staleness", "if left != needed:", "if True:"),
    Guard("staleness", 'if f == "cas":', "if False:"),
    # --- texts.py
    Guard("texts", "elif returned[longest_at] < invoked[at]:", "else:"),
    Guard("texts", 'elif name != "put" or argument[at] in puts:', 'elif name != "put":'),
    Guard("texts", "for at in shows.pop(None) if returned[at] != OPEN", "for at in shows.pop(None)"),
    Guard("texts", "        del appends[text]\n", "        pass\n"),
    Guard("texts", "if not start or not text.startswith(before):", "if not start:"),
    Guard(
        "texts",
        "if begun:\n",
        "if False:\n",
        rows=in_turn(("append", "a"), ("get", "a"), ("append", "b"), ("get", "b")),
    ),
    Guard(
        "texts",
        "if nothing and operations.result[nothing[-1]] else None",
        "",
        rows=in_turn(("get", ""), ("put", "a"), ("append", "b"), ("get", "ab"), ("get", "b")),
    ),
    Guard("texts", "if returned[at] < row:", "if False:"),
    Guard("texts", "if at > latest:", "if True:"),
    Guard(
        "texts",
        "shown |= {",
        "{",
        rows=[
            ("invoke", 1, "put", "p"),
            *in_turn(("get", "p"), ("put", "q"), ("get", "p")),
            ("ok", 1, "put", "p"),
        ],
    ),
    Guard("texts", "shown.add(other)", "pass", rows=in_turn(("append", "a"), ("append", "b"), ("get", "ba"))),
    Guard(
        "texts",
        "    if any(map(str.startswith, ordered[1:], ordered)):\n        return None\n",
        "",
        rows=in_turn(
            ("put", "a"), ("append", "bc"), ("append", "d"), ("get", "abcd"), ("append", "b"), ("append", "c")
        ),
    ),
    Guard("texts", "leads = written.count(argument[at])", "leads = 1"),
    Guard(
        "texts",
        "leads = sum(map(text.startswith, written)) if text else 1",
        "leads = 1",
        62_446,
    ),
    Guard(
        "texts",
        "if any(map(text.startswith, map(argument.__getitem__, puts))):",
        "if False:",
        rows=in_turn(("append", "a"), ("append", "b"), ("get", "ab"), ("put", "a"), ("get", "a")),
    ),
    Guard(
        "texts",
        "_NAMES.issuperset(map(f.__getitem__, positions))\n        and ",
        "",
        rows=[
            *in_turn(("append", "a"), ("get", "a")),
            ("invoke", 0, "get", None),
            *((kind, 1, "delete", "a") for kind in KINDS),
            ("ok", 0, "get", ""),
        ],
    ),
    Guard(
        "texts",
        "    if ordered and not ordered[0]:\n        return None\n",
        "",
        rows=in_turn(("put", ""), ("get", "")),
    ),
    # --- outlook.py
    Guard("outlook", "if discharged & coming.bit:", "if False:"),
    Guard("outlook", "and not configuration.used & one.bit", "and not configuration.discharged & one.bit"),
    Guard(
        "outlook",
        "return pending + [supply.action for supply in window.supplies if is_blind[supply.action]]",
        "return pending",
    ),
    Guard("outlook", "self._arriving[arriving][0] <= at:", "self._arriving[arriving][0] <= turn:"),
    Guard("outlook", "bisect_left(self._arriving, (turn + 1, -1))", "len(self._arriving)"),
    Guard("outlook", " or self._begun_anew(begun, state, coming.action)", ""),
    # --- fifo.py
    Guard("fifo", "if found.repeated is not None:", "if False:"),
    Guard("fifo", "if found.nothing and found.open_dequeues and found.staying:", "if False:"),
    Guard("fifo", "elif dequeues.setdefault(result, at) != at:", "elif dequeues.setdefault(result, at) < 0:"),
    Guard("fifo", "min(in_by, out_by)", "in_by"),
    Guard("fifo", "if dequeues:\n", "if False:\n"),
    Guard("fifo", "if moment >= until:", "if False:"),
    Guard("fifo", "if place >= 0 and moment < ends[place]:", "if False:"),
    Guard("fifo", "if free[number] == len(ends):", "if True:"),
    # --- inclusion.py, chain.py, tokens.py
    Guard("inclusion", "if growth.repeated is not None:", "if False:"),
    Guard("inclusion", "len(values) < len(shown) - 1 or ", ""),
    Guard("inclusion", " or not values <= self.puts.keys()", ""),
    Guard("inclusion", "elif operations.returned[at] != OPEN:", "else:"),
    Guard("chain", "if returned[at] < latest:", "if False:"),
    Guard("chain", "if invoked[at] > latest:", "if True:"),
    Guard("tokens", "if token[before] == token[after]:", "if False:"),
    Guard("tokens", "if returned[at] != OPEN), key", "), key"),
    # --- ownership.py, permits.py
    Guard("ownership", "if operations.invoked[after] < operations.returned[before]:", "if False:"),
    Guard("ownership", "elif returned[at] != OPEN:\n                held = at", "else:\n                held = at"),
    Guard("ownership", "elif returned[at] != OPEN:\n            return", "else:\n            return"),
    Guard("ownership", "after.start < before.end or ", ""),
    Guard("ownership", " or (tokens and token[after.acquire] <= token[before.acquire])", ""),
    Guard("permits", "if any(count not in (None, 1) for count in operations.argument)", "if False"),
    Guard("permits", "invoked[arrived] < row:", "True:"),
    Guard("permits", "if not possible:", "if False:"),
    Guard(
        "permits",
        "heappush(pending[takes[arrived]], (returned[arrived], arrived))",
        "heappush(pending[takes[arrived]], (-returned[arrived], arrived))",
    ),
    # --- front.py
    Guard("front", "if not discharged & pending.bit and state in self", "if not discharged & pending.bit and self"),
    Guard("front", "if discharged & returning.bit:", "if True:"),
    Guard("front", "if used & returning.bit or returning.kind is Kind.OBSERVER:", "if True:"),
    Guard(
        "front",
        "for pending in self._pending if pending.kind in (Kind.TOTAL, Kind.BLIND))",
        "for pending in self._pending)",
    ),
    Guard(
        "front",
        "if reached == state and not (blind and pending is returning):",
        "if reached == state:",
        0,
        ("register",),
        ROOM,
    ),
    Guard("front", "if drawn >> supply.shift & _FIELD >= supply.count:", "if False:"),
    Guard("front", "if used & pending.bit or pending.kind is Kind.OBSERVER:", "if pending.kind is Kind.OBSERVER:"),
    Guard(
        "front",
        "like = pending.action, bool(discharged & pending.bit)",
        "like = pending.action, True",
        0,
        ("key-value",),
        LIKES,
    ),
    Guard("front", "pending.returned < other.returned", "False"),
    Guard("front", "if using is returning:", "if False:"),
    Guard("front", "if self._model.successors(reached, pending.action):", "if False:"),
    Guard("front", "not less_used & ~used\n                and ", ""),
    Guard("front", "not discharged & ~more_discharged\n                and ", ""),
    Guard("front", "if used & ~other[0] or other[1] & ~discharged or ", "if used & ~other[0] or "),
    Guard(
        "front",
        "\n                and (drawn | guards) - less_drawn & guards == guards",
        "",
        0,
        ("cas-register",),
        DRAWN_OR_SWAPPED,
    ),
    Guard(
        "front", "discharged | (overwritten if blind else 0), drawn", "discharged, drawn", 0, ("register",), OVERWRITTEN
    ),
    Guard("front", " or (other[2] | guards) - drawn & guards != guards", "", 0, ("cas-register",), SHORTER),
]


@contextmanager
def without(guard: Guard) -> Iterator[ModuleType]:
    """Load the file without the guard."""
    source = (FOLDER / f"{guard.file}.py").read_text()
    assert source.count(guard.guard) == 1, f"{guard.file}.py has {source.count(guard.guard)} of {guard.guard!r}"
    module = ModuleType(f"keelhaul.checkers.linearizability.{guard.file}_without")
    sys.modules[module.__name__] = module  # dataclasses look their module up
    try:
        exec(compile(source.replace(guard.guard, guard.without), f"{guard.file}_without.py", "exec"), module.__dict__)
        yield module
    finally:
        del sys.modules[module.__name__]


@contextmanager
def limited() -> Iterator[None]:
    """Raise TimeoutError in what doesn't end."""

    def stop(*_: object) -> None:
        raise TimeoutError("it doesn't end")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, ENDLESS_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def decided_by(algorithm: str, module: ModuleType | None) -> Callable[[Case, int], str | None]:
    """Return what says what is wrong with an algorithm's answer."""
    decide = ALGORITHMS[algorithm] if module is None else module.decide
    return lambda case, seed: problem(decide, case, WORK_MAX)[1]


def broadly_by(module: ModuleType) -> Callable[[Case, int], str | None]:
    """Return what says what is wrong with what breadth.py answers; if it answers nothing, that isn't wrong."""

    def decide(model: Model, operations: Operations, budget: Budget) -> Answer:
        timeline = Timeline(model.initial, operations, budget)
        found = module.decide(timeline, budget) if timeline.returns else Valid([])
        return NotApplicable("thrift doesn't decide it") if found is None else found

    return lambda case, seed: problem(decide, case, WORK_MAX)[1]


def hurry(module: ModuleType) -> None:
    """Have it follow next to nothing in haste, for small histories have few ways."""
    module.HASTY_WAYS, module.HASTY_DETOURS = 1, (0, 1)


def of_rows(name: str, rows: Rows) -> Case:
    """Take a history as it is written."""
    history = History.of(Row(at, at, *row) for at, row in enumerate(rows))
    return Case(name, model_named(name), Operations.from_history(history))


def followed_by(case: Case, seed: int) -> str | None:
    """Say what is wrong with the verdict online."""
    checker = online.Online(case.model, failed_cas="observe" if case.operations.failed else "ignore")
    for row in rows_of(Random(seed), case.operations):
        checker.take(*row)
    expected = Verdict.VALID if linearizable(SPECIFICATIONS[case.name], case.operations) else Verdict.INVALID
    found = checker.finish()
    return None if found is expected else f"{found}, not {expected}"


def first_wrong(names: list[str], wrong: Callable[[Case, int], str | None], first: int, count: int) -> int | None:
    """Return the first draw that gets a wrong answer, or none at all."""
    for seed in range(first, first + count):
        try:
            with limited():
                found = wrong(drawn(names[seed % len(names)], seed), seed)
        except WRONG as error:
            found = repr(error)
        if found is not None:
            return seed
    return None


def look(guard: Guard, monkeypatch: pytest.MonkeyPatch, count: int = DRAWS) -> int | None:
    """Return the first draw that shows that the guard is missing."""
    with without(guard) as module:
        if guard.file == "front":
            monkeypatch.setattr(online, "Front", module.Front)
            monkeypatch.setattr(online, "TooManyWays", module.TooManyWays)
            if guard.rows:
                return 0 if followed_by(of_rows(guard.models[0], guard.rows), 0) else None
            return first_wrong(list(SPECIFICATIONS), followed_by, guard.first, count)
        if guard.file == "outlook":
            monkeypatch.setattr(engine, "Outlook", module.Outlook)
            return first_wrong(["key-value", "list"], decided_by("engine", None), guard.first, count)
        if guard.file == "breadth":
            hurry(module)
            if guard.rows:
                return 0 if broadly_by(module)(of_rows("cas-register", guard.rows), 0) else None
            return first_wrong(["cas-register"], broadly_by(module), guard.first, count)
        if guard.file == "clusters":
            monkeypatch.setattr(zones, "clusters", module)
            names = [*guard.models] or models_of("zones")
            return first_wrong(names, decided_by("zones", None), guard.first, count)
        if guard.file == "chain":
            monkeypatch.setattr(tokens, "clash_of", module.clash_of)
            monkeypatch.setattr(inclusion, "clash_of", module.clash_of)
            return first_wrong(models_of("inclusion"), decided_by("inclusion", None), guard.first, count)
        if guard.file == "texts":
            monkeypatch.setattr(versions, "texts", module)
            if guard.rows:
                case = of_rows("key-value", guard.rows)
                return first_wrong(["key-value"], lambda *_: decided_by("versions", None)(case, 0), 0, 1)
            return first_wrong(models_of("versions"), decided_by("versions", None), guard.first, count)
        names = [*guard.models] or models_of(guard.file)
        if guard.rows:
            return 0 if decided_by(guard.file, module)(of_rows(names[0], guard.rows), 0) else None
        return first_wrong(names, decided_by(guard.file, module), guard.first, count)


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: f"{guard.file}: {guard.guard[:60]}")
def test_without_the_guard_an_answer_is_wrong(guard, monkeypatch):
    assert look(guard, monkeypatch) is not None


@pytest.mark.parametrize(
    "guard", [guard for guard in GUARDS if guard.rows], ids=lambda guard: f"{guard.file}: {guard.guard[:60]}"
)
def test_with_the_guard_the_history_that_shows_it_is_judged_rightly(guard, monkeypatch):
    assert look(guard._replace(without=guard.guard), monkeypatch) is None


@pytest.mark.parametrize("haste", [(breadth.HASTY_WAYS, breadth.HASTY_DETOURS), (1, (0, 1))])
def test_breadth_agrees_with_the_oracle(haste, monkeypatch):
    """No algorithm of its own: absorption.py asks it, but only about what takes long."""
    monkeypatch.setattr(breadth, "HASTY_WAYS", haste[0])
    monkeypatch.setattr(breadth, "HASTY_DETOURS", haste[1])
    assert first_wrong(["cas-register", "register"], broadly_by(breadth), 0, BROADLY) is None


@pytest.mark.parametrize("haste", [(breadth.HASTY_WAYS, breadth.HASTY_DETOURS), (1, (0, 1))])
def test_breadth_nearly_always_decides(haste, monkeypatch):
    """What was begun in haste is begun anew."""
    monkeypatch.setattr(breadth, "HASTY_WAYS", haste[0])
    monkeypatch.setattr(breadth, "HASTY_DETOURS", haste[1])
    cases = [drawn("cas-register", seed) for seed in range(1_000)]
    timelines = [Timeline(case.model.initial, case.operations, Budget()) for case in cases]
    found = [breadth.decide(timeline, Budget()) for timeline in timelines if timeline.returns]
    assert found.count(None) < len(found) // 50
