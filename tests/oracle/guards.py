"""The conditions on which absorption.py may leave things out, each with a history on which it matters.

`test_guards.py` deletes them one after the other. The histories are drawn by seed, and were found by drawing: the first
one on which the search without the guard said something else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from random import Random
from types import ModuleType
from typing import Any, Final, NamedTuple

from keelhaul.checkers.linearizability import absorption, reasons, timeline
from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.result import Answer
from keelhaul.checkers.models.model import Model
from keelhaul.checkers.models.registry import model_named
from tests.oracle.differential import Case, drawn
from tests.oracle.draws import simulated
from tests.oracle.specifications import SPECIFICATIONS

Decide = Callable[[Model, Operations, Budget], Answer]
WORK_MAX: Final = 200_000


class Guard(NamedTuple):
    """What stands in a module, what is left without the guard, and a history that goes wrong then."""

    name: str
    module: ModuleType
    text: str
    without: str
    case: Callable[[], Case]


def written(*rows: tuple[str, Any, int, int]) -> Case:
    """Make a history of (function, value, invocation, return); a "denial" is a cas that failed."""
    f, values, invoked, returned = (list(column) for column in zip(*rows, strict=True))
    numbers = list(range(len(rows)))
    operations = Operations(
        f=["cas" if name == "denial" else name for name in f],
        argument=[None if name == "read" else _frozen(value) for name, value in zip(f, values, strict=True)],
        result=[value if name == "read" else None for name, value in zip(f, values, strict=True)],
        invoked=invoked,
        returned=returned,
        process=numbers,
        index=numbers,
        failed=[name == "denial" for name in f] if "denial" in f else None,
    )
    return Case("cas-register", model_named("cas-register"), operations)


def _frozen(value: Any) -> Any:
    return ("array", *value) if isinstance(value, tuple) else value


def overwritten(returned: int) -> Case:
    """Make a history in which a write of 2 has room only in front of a second write of 1, which returns at this row:
    what is read in the end was put by a cas from 1, and 2 returned before."""
    return written(
        ("write", 1, 0, 1),
        ("write", 2, 2, 9),
        ("write", 1, 3, returned),
        ("cas", (1, 0), 4, 5),
        ("read", 0, 10, 11),
    )


def longer(name: str, seed: int) -> Case:
    """Draw a history longer than those that the oracle is asked about, for some guards seldom matter."""
    random = Random(f"{name}/longer/{seed}")
    operations = simulated(
        random,
        SPECIFICATIONS[name],
        operations=random.choice((8, 12, 16, 24)),
        processes=random.choice((2, 3, 4, 6)),
        info=random.choice((0.0, 0.1, 0.3)),
        domain=random.choice((1, 2, 3)),
        mutations=random.choice((0, 1, 2)),
        observe=random.random() < 0.5,
    )
    return Case(name, model_named(name), operations)


def without(guard: Guard) -> Decide:
    """Return absorption.py's `decide` as it would be without the guard."""
    changed = _module(guard.module, guard.text, guard.without)
    if guard.module is absorption:
        search = changed
    else:
        search = _module(absorption, "", "")
        name = "Reasons" if guard.module is reasons else "Timeline"
        setattr(search, name, getattr(changed, name))
    found: Decide = search.decide
    return found


def _module(module: ModuleType, text: str, instead: str) -> ModuleType:
    source = inspect.getsource(module)
    if text:
        assert source.count(text) == 1, f"{module.__name__} has {source.count(text)} times {text!r}"
        source = source.replace(text, instead)
    copy = ModuleType(module.__name__)
    copy.__file__ = module.__file__
    exec(compile(source, str(module.__file__), "exec"), copy.__dict__)
    return copy


def told(decide: Decide, case: Case) -> str:
    """Say what becomes of a history: the kind of the answer, or that it fell over."""
    try:
        answer = decide(case.model, case.operations, Budget(work=WORK_MAX))
    except (AssertionError, KeyError, IndexError, StopIteration) as error:
        return type(error).__name__
    return type(answer).__name__


GUARDS: Final = [
    Guard(
        "who must be used now may wait for visits that others wait for",
        absorption,
        "if pending & ~done & ~writes & ~bit or (",
        "if (",
        lambda: longer("cas-register", 26),
    ),
    Guard(
        "before a cas, writing what is there may give room",
        absorption,
        "kind == CAS and writes & ~done and (value in left_by_open or masks[3 * value + 2] & ~used)",
        "False",
        lambda: overwritten(returned=20),
    ),
    Guard(
        "also an open write of it",
        absorption,
        "(value in left_by_open or masks[3 * value + 2] & ~used)",
        "masks[3 * value + 2] & ~used",
        lambda: overwritten(returned=OPEN),
    ),
    Guard(
        "or an open cas to it, behind a write of what that expects",
        absorption,
        "{*timeline.open_writes, *(put for _, put in timeline.open_cas)}",
        "{*timeline.open_writes}",
        lambda: written(
            ("cas", (None, 2), 0, 3),
            ("cas", (2, 1), 1, 5),
            ("cas", (None, 2), 2, OPEN),
            ("write", None, 4, 6),
            ("read", 1, 7, 8),
        ),
    ),
    Guard(
        "who asks for any write also rests on those that are used up",
        absorption,
        "wanted |= self._all(writes, value)",
        "wanted |= self._all(writes & ~choice.at[2], value)",
        lambda: written(
            ("cas", (None, 1), 0, 4), ("write", None, 1, 7), ("write", 1, 2, 3), ("denial", (1, None), 5, 6)
        ),
    ),
    Guard(
        "a write of what is there may be used after visits",
        absorption,
        "if value != put or pending & ~done & ~writes:",
        "if value != put:",
        lambda: longer("register", 58),
    ),
    Guard(
        "a denial that arrives has seen the value",
        absorption,
        "if room != -2 - value:\n                        done |= bit\n                        seen = True",
        "if room != -2 - value:\n                        done |= bit",
        lambda: drawn("cas-register", 33655),
    ),
    Guard(
        "a read that arrives has seen the value",
        absorption,
        "elif room == value:\n                    done |= bit\n                    seen = True",
        "elif room == value:\n                    done |= bit",
        lambda: longer("register", 35),
    ),
    Guard(
        "a value without a choice needn't be seen",
        absorption,
        "value, seen, path = put, True, (turn, number, path)",
        "value, seen, path = put, False, (turn, number, path)",
        lambda: drawn("cas-register", 2),
    ),
    Guard(
        "whoever finds room in a value has seen it",
        absorption,
        "seen = bool(room & ~writes & ~done)",
        "seen = False",
        lambda: drawn("register", 11),
    ),
    Guard(
        "a step that was no choice needn't be seen",
        absorption,
        "if bit and not (seen or (blind and (bit != returning.bit or done & bit))):",
        "if False:",
        lambda: longer("cas-register", 36),
    ),
    Guard(
        "a write that stays unused gives room where its value is there",
        absorption,
        "done, seen = done | writes, True",
        "pass",
        lambda: longer("cas-register", 4218),
    ),
    Guard(
        "what a denial denies is left for anything",
        absorption,
        "if kind == DENIAL or (put == value and waiting & denied):",
        "if put == value and waiting & denied:",
        lambda: longer("cas-register", 4),
    ),
    Guard(
        "and for a while, where a write puts it back",
        absorption,
        "if kind == DENIAL or (put == value and waiting & denied):",
        "if kind == DENIAL:",
        lambda: longer("cas-register", 5835),
    ),
    Guard(
        "an open cas waits for what it expects",
        absorption,
        "wanted[expected] = None",
        "pass",
        lambda: longer("cas-register", 298),
    ),
    Guard(
        "a cas that returned is used also where nobody waits for what it puts",
        absorption,
        "(move[1] or other in wanted)",
        "other in wanted",
        lambda: longer("cas-register", 26),
    ),
    Guard(
        "writing what is there gives room",
        absorption,
        "if writes & ~done and (move",
        "if False and (move",
        lambda: overwritten(returned=20),
    ),
    Guard(
        "a write that has room may be used all the same",
        absorption,
        "            else:\n                yield STAY\n                yield put, own, number, 0, True",
        "            else:\n                yield STAY",
        lambda: longer("register", 230),
    ),
    Guard(
        "or not be used, even if its value comes next",
        absorption,
        "                yield put, own, number, 0, True\n                yield STAY",
        "                yield put, own, number, 0, True",
        lambda: longer("register", 70),
    ),
    Guard(
        "and that the returning operation had no room",
        absorption,
        "choice.undone |= own",
        "pass",
        lambda: longer("register", 1620),
    ),
    Guard(
        "without losing what is in it already",
        absorption,
        "choice.undone |= own",
        "choice.undone = own",
        lambda: longer("cas-register", 3604),
    ),
    Guard(
        "a reason holds only with what it needs used",
        reasons,
        "not needs_used & unused",
        "True",
        lambda: longer("register", 2896),
    ),
    Guard(
        "with what it needs undone",
        reasons,
        "and not needs_undone & done",
        "",
        lambda: longer("register", 1620),
    ),
    Guard(
        "of cas that do the same, another one was used",
        reasons,
        "            choice.undone |= bit\n",
        "            pass\n",
        lambda: written(
            ("cas", (None, 2), 0, 8),
            ("write", None, 1, 2),
            ("write", 1, 3, 6),
            ("read", 2, 4, 7),
            ("cas", (None, 2), 5, 9),
        ),
    ),
    Guard(
        "a cas that was used doesn't wait for what it expects",
        reasons,
        "choice.used | used & ~writes",
        "choice.used",
        lambda: written(
            ("cas", (None, 2), 0, 5),
            ("write", 1, 1, 9),
            ("write", 2, 2, 3),
            ("cas", (1, None), 4, 8),
            ("cas", (None, 1), 6, 7),
        ),
    ),
    Guard(
        "what was used on the way had to be",
        reasons,
        "needs_used & ~arrived | passed",
        "needs_used & ~arrived",
        lambda: written(
            ("read", None, 0, 5),
            ("write", 0, 1, 9),
            ("read", 2, 2, 7),
            ("write", 1, 3, 8),
            ("cas", (1, 2), 4, 11),
            ("read", 0, 6, 10),
            ("read", 0, 12, 13),
        ),
    ),
    Guard(
        "what was not done on the way could not be used before",
        reasons,
        "needs_undone & ~arrived | passed",
        "needs_undone & ~arrived",
        lambda: written(
            ("write", 1, 0, 6),
            ("write", 0, 1, 3),
            ("cas", (0, 2), 2, 9),
            ("write", 0, 4, 5),
            ("denial", (1, 1), 7, 8),
            ("read", 0, 10, 11),
        ),
    ),
    Guard(
        "of likes, the first to return is used",
        timeline,
        "if returned[other.number] < returned[best.number]:",
        "if returned[other.number] > returned[best.number]:",
        lambda: longer("register", 539),
    ),
    Guard(
        "open operations are used after they were invoked",
        timeline,
        "return bisect_left(supply.rows, self.row(turn))",
        "return len(supply.rows)",
        lambda: longer("cas-register", 43),
    ),
    Guard(
        "a reason holds only with how many open ones were drawn",
        absorption,
        "choice.drawn = self._reasons.more(choice.drawn, drawn << supply.shift)",
        "pass",
        lambda: longer("cas-register", 12491),
    ),
    Guard(
        "and where as many were drawn",
        reasons,
        "and (drawn - needs_drawn) & guards == guards",
        "",
        lambda: longer("cas-register", 12491),
    ),
    Guard(
        "where no write may follow, if it says so",
        reasons,
        "and (any_segment or not seen)",
        "",
        lambda: longer("cas-register", 18177),
    ),
    Guard(
        "of likes, those that were used are part of the reason",
        absorption,
        "choice.used |= likes & used",
        "pass",
        lambda: longer("register", 22532),
    ),
]
