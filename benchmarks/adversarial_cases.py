"""Histories that are hard on a checker, by family and number; all drawn from fixed seeds.

Hard are: values that repeat under much concurrency, many unknown outcomes, answers that were changed, long histories of
either, objects that no special algorithm knows, models of one's own whose states branch, values that are long, and
failures whose refutation or explanation costs more than the verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from itertools import islice, zip_longest
from random import Random
from typing import Any, NamedTuple

from benchmarks import drawn
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.models.model import ILLEGAL, Action, Model
from keelhaul.checkers.models.registry import model_named


class Case(NamedTuple):
    """A history to be judged. Both are made in the process that judges."""

    name: str
    model: Callable[[], Model]
    make: Callable[[], Operations]


def cases(count: int) -> list[Case]:
    """Return so many, of all families in turn."""
    in_turn = zip_longest(*(family() for family in FAMILIES))
    return list(islice((case for turn in in_turn for case in turn if case is not None), count))


def _case(name: str, model: str | Callable[[], Model], draw: Callable[..., Operations], **sizes: Any) -> Case:
    said = ", ".join(f"{key} {value:,}" if type(value) is int else f"{key} {value}" for key, value in sizes.items())
    make_model = (lambda: model_named(model)) if isinstance(model, str) else model
    return Case(f"{name}: {said}", make_model, lambda: draw(Random(f"{name}/{said}"), **sizes))


def _registers() -> Iterator[Case]:
    for count, clients, info in (
        (1_000, 40, 0.0),
        (10_000, 100, 0.0),
        (10_000, 100, 0.05),
        (2_000, 200, 0.02),
        (100_000, 30, 0.01),
        (100_000, 300, 0.0),
        (5_000, 1_000, 0.0),
        (300_000, 10, 0.0),
    ):
        for domain, cas, mutated in ((2, 0.0, 3), (5, 0.3, 3), (3, 0.1, 20)):
            sizes = {"count": count, "clients": clients, "domain": domain, "cas": cas, "info": info, "mutated": mutated}
            yield _case("register, repeated", "cas-register", drawn.register, **sizes)


def _circles() -> Iterator[Case]:
    """Compare-and-set round a circle of values: each is wanted by many, and a read tells little."""

    def draw(random: Random, count: int, clients: int, values: int, info: float, mutated: int) -> Operations:
        held = [0]

        def invoke(number: int, process: int) -> tuple[str, Any]:
            if random.random() < 0.1:
                return "read", None
            value = random.randrange(values)
            return "cas", ("array", value, (value + 1) % values)

        def act(f: str, argument: Any) -> tuple[bool, Any]:
            if f == "cas":
                if held[0] != argument[1]:
                    return (True, "failed") if random.random() < 0.3 else (False, None)
                held[0] = argument[2]
            return True, held[0] if f == "read" else argument

        found = drawn.without_failed(drawn.recorded(random, count, clients, invoke, act, info))
        return drawn.mutate(random, found, mutated)

    for count, clients, values in ((500, 30, 3), (3_000, 60, 4), (3_000, 12, 3), (30_000, 30, 6), (120_000, 20, 8)):
        for info, mutated in ((0.0, 2), (0.1, 2), (0.05, 0)):
            sizes = {"count": count, "clients": clients, "values": values, "info": info, "mutated": mutated}
            yield _case("cas in circles", "cas-register:0", draw, **sizes)


def _open() -> Iterator[Case]:
    """Most outcomes are unknown."""
    for count, clients, info in ((300, 10, 0.5), (2_000, 20, 0.5), (20_000, 20, 0.3), (100_000, 10, 0.5)):
        for domain, cas in ((3, 0.2), (10, 0.5), (None, 0.2)):
            sizes = {"count": count, "clients": clients, "domain": domain, "cas": cas, "info": info, "mutated": 2}
            yield _case("register, mostly unknown", "cas-register", drawn.register, **sizes)


def _unique() -> Iterator[Case]:
    """Long histories that are decided without a search: what costs is to prepare them, and to tell what is wrong."""
    for count, clients in ((100_000, 30), (300_000, 1_000), (1_000_000, 30)):
        for cas, mutated in ((0.0, 0), (0.0, 5), (0.3, 1)):
            sizes = {"count": count, "clients": clients, "cas": cas, "mutated": mutated}
            yield _case("register, unique", "cas-register", drawn.register, **sizes)


def _simulated(
    random: Random, act: drawn.Object, invoke: drawn.Draw, sizes: dict[str, Any], changed: Callable[[Any], Any]
) -> Operations:
    """Record an object, then change some answers."""
    found = drawn.recorded(random, sizes["count"], sizes["clients"], invoke, act, sizes.get("info", 0.0))
    told = [at for at, row in enumerate(found.returned) if row != OPEN and changed(found.result[at]) is not None]
    result: list[Any] = list(found.result)
    late = told[-max(1, len(told) // 3) :]
    for at in random.sample(late, min(sizes.get("mutated", 0), len(late))):
        result[at] = changed(result[at])
    found.result = result
    return found


def _counters() -> Iterator[Case]:
    def draw(random: Random, **sizes: Any) -> Operations:
        held = [0]

        def invoke(number: int, process: int) -> tuple[str, Any]:
            f = random.choice(("add", "add", "increment", "decrement", "read", "add-and-get"))
            return f, random.randrange(1, 1 + sizes["steps"]) if f.startswith("add") else None

        def act(f: str, argument: Any) -> tuple[bool, Any]:
            held[0] += {"read": 0, "increment": 1, "decrement": -1}.get(f, argument)
            return True, held[0] if f in ("read", "add-and-get") else argument

        def changed(result: Any) -> Any:
            return result + 1 if type(result) is int else None

        return _simulated(random, act, invoke, sizes, changed)

    for count, clients, info in ((500, 30, 0.0), (3_000, 20, 0.1), (20_000, 8, 0.0), (150_000, 5, 0.0), (400, 16, 0.4)):
        for steps, mutated in ((1, 2), (1_000, 2), (5, 0)):
            sizes = {"count": count, "clients": clients, "info": info, "steps": steps, "mutated": mutated}
            yield _case("counter", "counter", draw, **sizes)


def _collections() -> Iterator[Case]:
    """Queues, stacks, lists, and sets, with values that repeat."""

    def draw(random: Random, kind: str, **sizes: Any) -> Operations:
        held: list[Hashable] = []
        put, take = {"stack": ("push", "pop"), "fifo-queue": ("enqueue", "dequeue"), "list": ("append", "read")}[kind]

        def invoke(number: int, process: int) -> tuple[str, Any]:
            puts = random.random() < (0.9 if kind == "list" else 0.5)
            return (put, random.randrange(sizes["values"])) if puts else (take, None)

        def act(f: str, argument: Any) -> tuple[bool, Any]:
            if f == put:
                held.append(argument)
                return True, argument
            if f == "read":
                return True, ("array", *held[-sizes["values"] :]) if sizes["count"] > 1_000 else ("array", *held)
            return True, None if not held else held.pop(-1 if kind == "stack" else 0)

        def changed(result: Any) -> Any:
            if kind == "list":
                return (*result, 0) if type(result) is tuple else None
            return (result + 1) % sizes["values"] if type(result) is int else None

        return _simulated(random, act, invoke, sizes, changed)

    for count, clients, info in ((400, 30, 0.0), (2_000, 10, 0.1), (20_000, 20, 0.0), (120_000, 6, 0.0)):
        for kind in ("fifo-queue", "stack", "list"):
            for values, mutated in ((3, 1), (50, 2), (3, 0)):
                sizes = {"count": count, "clients": clients, "info": info, "values": values, "mutated": mutated}
                yield _case(kind, kind, draw, kind=kind, **sizes)


def _sets() -> Iterator[Case]:
    def draw(random: Random, **sizes: Any) -> Operations:
        held: set[int] = set()

        def invoke(number: int, process: int) -> tuple[str, Any]:
            f = random.choice(("add", "remove", "contains", "add", "remove", "read" if sizes["reads"] else "contains"))
            return f, None if f == "read" else random.randrange(sizes["values"])

        def act(f: str, argument: Any) -> tuple[bool, Any]:
            if f == "read":
                return True, ("array", *sorted(held))
            if f == "contains":
                return True, ("boolean", argument in held)
            (held.add if f == "add" else held.discard)(argument)
            return True, argument

        def changed(result: Any) -> Any:
            return ("boolean", not result[1]) if type(result) is tuple and result[0] == "boolean" else None

        return _simulated(random, act, invoke, sizes, changed)

    for count, clients, info in ((400, 30, 0.0), (2_000, 12, 0.2), (20_000, 20, 0.0), (120_000, 10, 0.0)):
        for values, reads, mutated in ((4, True, 1), (200, False, 3), (60, True, 0)):
            sizes = {"count": count, "clients": clients, "info": info, "values": values, "reads": reads}
            yield _case("set", "set", draw, **sizes, mutated=mutated)


def _permits() -> Iterator[Case]:
    """Semaphores whose permits are taken several at a time."""

    def draw(random: Random, permits: int, **sizes: Any) -> Operations:
        left, mine = [permits], dict[int, int]()

        def invoke(number: int, process: int) -> tuple[str, Any]:
            if process in mine:
                return "release", mine.pop(process)
            mine[process] = random.randrange(1, 1 + max(1, permits // 3))
            return "acquire", mine[process]

        def act(f: str, argument: Any) -> tuple[bool, Any]:
            after = left[0] + (argument if f == "release" else -argument)
            if not 0 <= after <= permits:
                return False, None
            left[0] = after
            return True, argument

        found = drawn.recorded(random, sizes["count"], sizes["clients"], invoke, act)
        arguments = list(found.argument)
        for at in random.sample(range(len(arguments) // 2, len(arguments)), sizes["mutated"]):
            arguments[at] += 1
        found.argument = arguments
        return found

    for count, clients in ((300, 20), (2_000, 30), (20_000, 12), (120_000, 8)):
        for permits, mutated in ((9, 2), (60, 1), (1_000, 0)):
            sizes = {"count": count, "clients": clients, "permits": permits, "mutated": mutated}
            yield _case("semaphore", f"semaphore:{permits}", draw, **sizes)


def _multi_registers() -> Iterator[Case]:
    def draw(random: Random, **sizes: Any) -> Operations:
        names = [f"r{number}" for number in range(sizes["registers"])]
        held = dict.fromkeys(names, 0)

        def invoke(number: int, process: int) -> tuple[str, Any]:
            chosen = random.sample(names, min(3, len(names)))
            micros = [
                ("array", "w", name, random.randrange(3)) if random.random() < 0.4 else ("array", "r", name, None)
                for name in chosen
            ]
            return "txn", ("array", *micros)

        def act(f: str, argument: Any) -> tuple[bool, Any]:
            told = []
            for _, kind, name, value in argument[1:]:
                if kind == "w":
                    held[name] = value
                told.append(("array", kind, name, held[name]))
            return True, ("array", *told)

        def changed(result: Any) -> Any:
            if type(result) is not tuple or result[-1][1] == "w":
                return None
            return (*result[:-1], (*result[-1][:3], (result[-1][3] + 1) % 3))

        return _simulated(random, act, invoke, sizes, changed)

    for count, clients, info in ((300, 20, 0.0), (2_000, 10, 0.1), (20_000, 12, 0.0), (100_000, 5, 0.0)):
        for registers, mutated in ((2, 1), (6, 2), (40, 1)):
            sizes = {"count": count, "clients": clients, "info": info, "registers": registers, "mutated": mutated}
            first = ", ".join(f'"r{number}": 0' for number in range(registers))
            yield _case("multi-register", f"multi-register:{{{first}}}", draw, **sizes)


def _texts() -> Iterator[Case]:
    """A store of texts that get long, told apart or not."""

    def draw(random: Random, unique: bool, **sizes: Any) -> Operations:
        held = [""]

        def invoke(number: int, process: int) -> tuple[str, Any]:
            chance = random.random()
            if chance < 0.4:
                return "get", None
            if chance < 0.4 + sizes["puts"]:
                return "put", f"<{number if unique else number % 7}>"
            return "append", f"<{number if unique else number % 7}>" + "x" * sizes["long"]

        def act(f: str, argument: Any) -> tuple[bool, Any]:
            held[0] = held[0] if f == "get" else argument if f == "put" else held[0] + argument
            return True, held[0] if f == "get" else argument

        def changed(result: Any) -> Any:
            return f"{result}?" if result else None

        return _simulated(random, act, invoke, sizes, lambda result: changed(result) if result != "" else None)

    for count, clients, puts, long in (
        (1_000, 20, 0.0, 5),
        (2_000, 30, 0.0, 200),
        (1_500, 10, 0.02, 5_000),
        (20_000, 20, 0.02, 20),
        (100_000, 10, 0.05, 3),
    ):
        for unique, mutated in ((True, 1), (False, 1), (False, 0)):
            sizes = {"count": count, "clients": clients, "puts": puts, "long": long, "mutated": mutated}
            yield _case("texts", "key-value", draw, unique=unique, **sizes)


def _branching_step(states: int) -> Callable[[Any, Action], Any]:
    def step(state: int, action: Action) -> Any:
        if action.f == "stir":
            return tuple((state * 7 + turn * action.argument + 1) % states for turn in range(6))
        return (state,) if action.outcome == "open" or action.result == state % 97 else ()

    return step


def _growing_step(state: Any, action: Action) -> Any:
    if action.f == "put":
        return (*state, action.argument)
    return state if action.outcome == "open" or action.result == len(state) else ILLEGAL


def _own_models() -> Iterator[Case]:
    """Models of somebody's own: every operation leaves six states, or states grow without end."""

    def draw(random: Random, kind: str, **sizes: Any) -> Operations:
        held = [0]

        def invoke(number: int, process: int) -> tuple[str, Any]:
            changes = random.random() < 0.7
            return (("stir" if kind == "branching" else "put") if changes else "look"), random.randrange(9)

        def act(f: str, argument: Any) -> tuple[bool, Any]:
            if f == "stir":
                held[0] = (held[0] * 7 + random.randrange(6) * argument + 1) % sizes["states"]
            held[0] += f == "put"
            return True, held[0] % 97 if kind == "branching" and f == "look" else held[0]

        def changed(result: Any) -> Any:
            return (result + 1) % 97 if type(result) is int else None

        return _simulated(random, act, invoke, sizes, changed)

    for count, clients, states in ((200, 10, 1_000), (1_000, 20, 100_000), (20_000, 4, 10_000_000), (100_000, 3, 500)):
        for kind, mutated in (("branching", 1), ("growing", 1), ("branching", 0)):
            branching = kind == "branching"
            model = Model(name=kind, step=_branching_step(states), initial=0, nondeterministic=True)
            if not branching:
                model = Model(name=kind, step=_growing_step, initial=())
            sizes = {"count": count, "clients": clients, "states": states, "mutated": mutated}
            yield _case(f"own model, {kind}", lambda model=model: model, draw, kind=kind, **sizes)


def _one_hard_key() -> Iterator[Case]:
    """Many easy objects and a hard one among them."""

    def draw(random: Random, keys: int, each: int, hard: int, clients: int) -> Operations:
        easy = drawn.keyed(random, keys, each, 5)
        one = drawn.register(random, hard, clients, domain=3, cas=0.1, mutated=2)
        columns = [[*ours, *theirs] for ours, theirs in zip(_columns(easy), _columns(one), strict=True)]
        spread = max(1, 2 * keys * each // (2 * hard))
        rows = [("easy", row) for row in easy.invoked] + [("hard", row * spread) for row in one.invoked]
        ends = [("easy", row) for row in easy.returned] + [
            ("hard", row if row == OPEN else row * spread) for row in one.returned
        ]
        events = sorted({*rows, *(end for end in ends if end[1] != OPEN)}, key=lambda event: (event[1], event[0]))
        place = {event: at for at, event in enumerate(events)}
        f, argument, result, process = columns
        key: list[Hashable] = [*(easy.key or ()), *["hard"] * len(one)]
        invoked, returned = [place[row] for row in rows], [place.get(row, OPEN) for row in ends]
        whole = Operations(f, argument, result, invoked, returned, process, range(len(f)), key=key)
        found = whole.select(sorted(range(len(f)), key=invoked.__getitem__))
        found.index = range(len(f))
        return found

    for keys, each, hard, clients in ((1_000, 20, 3_000, 200), (10, 10_000, 20_000, 100), (20_000, 5, 2_000, 100)):
        yield _case("one hard key", "cas-register", draw, keys=keys, each=each, hard=hard, clients=clients)


def _columns(operations: Operations) -> list[list[Any]]:
    return [[*operations.f], [*operations.argument], [*operations.result], [*operations.process]]


def _huge_values() -> Iterator[Case]:
    """Values of a hundred thousand items, written again and again."""

    def draw(random: Random, count: int, clients: int, items: int, kinds: int) -> Operations:
        values = [("array", *range(number, number + items)) for number in range(kinds)]
        found = drawn.register(random, count, clients, domain=kinds, mutated=2)
        found.argument = [None if value is None else values[value] for value in found.argument]
        found.result = [None if value is None else values[value] for value in found.result]
        return found

    for count, clients, items, kinds in ((2_000, 30, 10_000, 3), (500, 60, 100_000, 5), (10_000, 100, 1_000, 40)):
        yield _case("huge values", "register", draw, count=count, clients=clients, items=items, kinds=kinds)


def _growing() -> Iterator[Case]:
    """Lists and sets that only grow, with many long answers."""

    def draw(random: Random, is_set: bool, changes: int, **sizes: Any) -> Operations:
        found = drawn.growing(random, sizes["count"], sizes["clients"], is_set=is_set, reads=sizes["reads"])
        result: list[Any] = list(found.result)
        reads = [at for at, told in enumerate(result) if type(told) is tuple and len(told) > 2]
        for at in reads[-changes:] if changes else ():
            result[at] = (*result[at][:-2], result[at][-1])
        found.result = result
        return found

    for count, clients, reads in ((1_000, 30, 0.5), (5_000, 100, 0.3), (100_000, 30, 0.0005)):
        for is_set in (False, True):
            for changes in (0, 1):
                model = "grow-only-set" if is_set else "list"
                sizes = {"count": count, "clients": clients, "reads": reads}
                yield _case(f"{model}, long answers", model, draw, is_set=is_set, changes=changes, **sizes)


def _locks() -> Iterator[Case]:
    """Locks that are given to two at once, late in a long history."""

    def draw(random: Random, count: int, clients: int, tokens: bool, named: bool) -> Operations:
        found = drawn.lock(random, count, clients, tokens=tokens)
        releases = [at for at, f in enumerate(found.f) if f == "release"]
        left_out = releases[-max(2, len(releases) // 10)]
        found = found.select([at for at in range(len(found)) if at != left_out])
        found.index = range(len(found))
        if not named:
            found.argument = [None] * len(found)
        return found

    for count, clients in ((1_000, 30), (20_000, 300), (150_000, 20)):
        for model in ("mutex", "owner-mutex", "fenced-lock", "reentrant-mutex"):
            sizes = {"count": count, "clients": clients, "tokens": model == "fenced-lock"}
            yield _case(model, model, draw, **sizes, named=model != "mutex")


FAMILIES = (
    _registers,
    _circles,
    _open,
    _unique,
    _counters,
    _collections,
    _sets,
    _permits,
    _multi_registers,
    _texts,
    _own_models,
    _one_hard_key,
    _huge_values,
    _growing,
    _locks,
)
