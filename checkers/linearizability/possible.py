"""What the state could have been at the operation that can't be placed.

It is found by asking: with an observer of some state in the operation's place, would what was invoked by its return be
linearizable? So the answer is as sure as a verdict, and the order that comes with it is one of the longest partial
linearizations. Only states that an operation leaves need asking for. Where a model doesn't know them (`Model.leaves`),
where there are too many or it takes too much work, what is found is of the refutation alone, whose orders are few.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from keelhaul.checkers.linearizability.actions import actions_of
from keelhaul.checkers.linearizability.budget import Budget, BudgetSpent
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.result import Answer, Invalid, Valid
from keelhaul.checkers.models.model import ILLEGAL, Action, Kind, Model
from keelhaul.checkers.models.sizes import size_of

STATES_MAX: Final = 64
"""States that are asked for."""
RUNS_MAX: Final = 5_000
"""Beginnings of runs of the refutation that are tried."""
RUN_BYTES: Final = 250
"""What it costs to remember one of them, about, apart from the state and the order."""
PROBE: Final = "is it"
"""The function of the observer that takes the operation's place, for models without one."""

Decide = Callable[[Model, Operations, Budget], Answer]


class Possible(NamedTuple):
    """A state that the operation could have met. `source` is what left it, None for the initial state; `sure` unless
    that is open, or was under way until after."""

    state: Hashable
    source: int | None
    sure: bool


@dataclass(frozen=True, slots=True)
class Scene:
    """The operation that can't be placed (`stuck`) in a part of a history. All numbers are positions in the part."""

    model: Model
    operations: Operations
    actions: Sequence[Action]
    stuck: int

    @property
    def row(self) -> int:
        """Where the operation returned: what was invoked later is no matter."""
        return self.operations.returned[self.stuck]

    def before(self) -> Iterator[int]:
        """Iterate over what was invoked before the operation returned, other than itself."""
        for at, invoked in enumerate(self.operations.invoked):
            if invoked < self.row and at != self.stuck:
                yield at

    def changes(self) -> list[int]:
        """List those of them that may have changed something."""
        return [at for at in self.before() if self.model.kind(self.actions[at]) is not Kind.OBSERVER]

    def possible(self, state: Hashable, order: Sequence[int]) -> Possible:
        """Return the state as it is at the end of `order`."""
        changes = (at for at in reversed(order) if self.model.kind(self.actions[at]) is not Kind.OBSERVER)
        source = next(changes, None)
        return Possible(state, source, source is None or self.operations.returned[source] < self.row)


class Found(NamedTuple):
    """`possible` are all the states that the operation could have met, given everything (`exact`) or given the
    refutation alone; `prefix` is a longest partial linearization before it."""

    possible: list[Possible]
    prefix: list[int]
    exact: bool


def possible_states(scene: Scene, core: Sequence[int], decide: Decide, budget: Budget) -> Found:
    """Find out what the operation could have met; `decide` decides parts, `core` is the refutation."""
    found = None
    asking = budget.share(2)
    with suppress(BudgetSpent):
        found = _asked(scene, decide, asking)
    budget.account(asking)
    return found or _tried(scene, core, budget)


def _asked(scene: Scene, decide: Decide, budget: Budget) -> Found | None:
    """Ask for each state that some operation leaves; None if there are none, or too many, or one can't be decided."""
    budget.spend(len(scene.operations))
    states = _candidates(scene)
    if not states or len(states) > STATES_MAX:
        return None
    found: list[Possible] = []
    longest: list[int] = []
    cut, positions = scene.operations.until(scene.row)
    place = positions.index(scene.stuck)
    for state in states:
        budget.spend(len(positions))
        answer = decide(*_probed(scene.model, cut, place, state), budget)
        if isinstance(answer, Valid):
            order = [positions[at] for at in answer.order]
            before = order[: order.index(scene.stuck)]
            longest = max(longest, before, key=len)
            found.append(scene.possible(state, before))
        elif not isinstance(answer, Invalid):
            return None
    return Found(_sure_first(found), longest, True) if found else None


def _candidates(scene: Scene) -> list[Hashable]:
    """List the states that something left which certainly wasn't replaced before, but that the operation denies."""
    model, invoked, returned = scene.model, scene.operations.invoked, scene.operations.returned
    leaves = model.leaves
    if leaves is None:
        return []
    changes = scene.changes()
    over = [at for at in changes if returned[at] < invoked[scene.stuck]]
    replaced = max((invoked[at] for at in over), default=-1)
    states = [] if over else [model.initial]
    states += [leaves(scene.actions[at]) for at in changes if returned[at] > replaced]
    denied = scene.actions[scene.stuck]
    return [state for state in dict.fromkeys(states) if not model.successors(state, denied)]


def _probed(model: Model, cut: Operations, place: int, state: Hashable) -> tuple[Model, Operations]:
    """Put an observer of the state in the operation's place."""
    f, argument, result = list(cut.f), list(cut.argument), list(cut.result)
    if model.family == "register":
        f[place], argument[place], result[place] = "read", None, state
    else:
        f[place], argument[place], result[place] = PROBE, state, None
        model = _with_probe(model)
    failed = None if cut.failed is None else [is_so and at != place for at, is_so in enumerate(cut.failed)]
    failed = failed if failed and any(failed) else None
    return model, replace(cut, f=f, argument=argument, result=result, failed=failed)


def _with_probe(model: Model) -> Model:
    """Return the model with one more observer."""

    def step(state: Hashable, action: Action) -> Any:
        if action.f != PROBE:
            return model.step(state, action)
        after = state if state == action.argument else ILLEGAL
        return after if not model.nondeterministic else () if after is ILLEGAL else (after,)

    def kind(action: Action) -> Kind:
        return Kind.OBSERVER if action.f == PROBE else model.kind(action)

    return replace(model, step=step, kinds=kind, functions=(), problem=None, family="")


def _tried(scene: Scene, core: Sequence[int], budget: Budget) -> Found:
    """Find the states at the ends of all runs of the refutation that hold what had returned before the operation; none
    if there are too many runs, for then there may be others."""
    model, operations = scene.model, scene.operations
    others = [at for at in core if at != scene.stuck]
    cut, kept = operations.select(others).until(scene.row)
    positions = [others[at] for at in kept]
    actions = actions_of(model, cut, budget)
    needed = sum(1 << at for at, row in enumerate(cut.returned) if row < operations.invoked[scene.stuck])
    found: dict[Hashable, tuple[int, ...]] = {}
    runs: dict[tuple[int, Hashable], tuple[int, ...]] = {(0, model.initial): ()}
    todo = list(runs)
    while todo:
        if len(runs) > RUNS_MAX:
            return Found([], [], False)
        placed, state = todo.pop()
        order = runs[placed, state]
        budget.spend(1 + len(actions) // 16)
        if placed & needed == needed and len(found.get(state, ())) <= len(order):
            found[state] = order
        deadline = OPEN
        for at, invoked in enumerate(cut.invoked):
            if invoked > deadline:
                break
            if not placed >> at & 1:
                deadline = min(deadline, cut.returned[at])
                budget.spend()
                for after in model.successors(state, actions[at]):
                    if (placed | 1 << at, after) not in runs:
                        budget.hold(RUN_BYTES + size_of(after) + size_of(order))
                        runs[placed | 1 << at, after] = (*order, at)
                        todo.append((placed | 1 << at, after))
    placed_orders = {state: [positions[at] for at in order] for state, order in found.items()}
    possible = [scene.possible(state, order) for state, order in placed_orders.items()]
    return Found(_sure_first(possible), max(placed_orders.values(), key=len, default=[]), False)


def _sure_first(possible: list[Possible]) -> list[Possible]:
    return sorted(possible, key=lambda item: not item.sure)
