"""The generic engine: any model, any history; exponential in concurrency at worst, linear where little is in doubt.

**Just in time** (after Lowe, 2016). Returns are passed in order, and nothing is placed before a return needs it. A
*configuration* is what one beginning of an order comes to: the state, which pending operations have been used, and how
often each kind of open operation was. At a return, a configuration that has discharged the returning operation goes on;
one that has not is extended by one operation after another until it has. Complete: in any linearization, what stands
before the returning operation and is not placed yet may be placed now, and what stands behind it can wait.

**Used and discharged.** A pending operation that returns has to stand somewhere, but where it makes no difference it is
enough to know that there was room for it. So each configuration has two sets: `used`, whose effect is in the state, and
`discharged`, which have room. What is discharged and not used may still be used later; it then stands there instead.
Room is found for free:

* where an operation leaves the state as it is (all observers that are content, a write of what is there already);
* in front of a blind write, for all pending operations that are total: nobody sees what they did.

When an operation returns that is discharged and not used, there is a choice: it is used there and then, or never.

**What need not be tried**, each without losing an order:

* *Observers* are never used: they change nothing, and get their room as soon as the state allows it.
* *Likes.* Of pending operations with the same action, both discharged or both not, the one that returns first is used:
  whoever used the other may swap the two.
* *Open operations are counted*, by action: which of them took effect makes no difference, and they have no deadline.
* *Dominance.* At the same return and state, a configuration that has used no more and discharged no less, and used no
  more open operations of any action, can do all that another can. The other is dropped.
* *What leads nowhere*, where the model says from which states an answer can't be reached any more (outlook.py).

**Depth first, one step at a time.** Extensions that make the returning operation legal are tried first, the others only
when it is come back to a configuration. What was tried is remembered, so nothing is tried twice; the search is over
when it passes the last return, or when nothing is left to come back to. The return that was reached at best is what
could not be explained.

For a nondeterministic model, each state that an operation may leave is an extension of its own.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from keelhaul.checkers.linearizability.actions import numbered_actions
from keelhaul.checkers.linearizability.budget import Budget, BudgetSpent
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.linearizability.outlook import Outlook
from keelhaul.checkers.linearizability.result import Answer, Invalid, Unknown, Valid
from keelhaul.checkers.models.model import Kind, Model
from keelhaul.checkers.models.transitions import Transitions

PREFIXES_MAX: Final = 10
"""Partial linearizations that are kept."""
COMPARED_MAX: Final = 64
"""Configurations with the same return and state that a new one is compared with, the latest first."""
TRIED_BYTES: Final = 250
"""What it costs to remember that a configuration was tried, about; more where many operations are pending."""
PLACE_BYTES: Final = 180
"""What it costs to remember the first one with its return and state, about."""
STACKED_BYTES: Final = 240
"""What it costs to be able to come back to a configuration, about."""
EXTENSIONS_BYTES: Final = 600
"""And to what is left to try, once that was done."""
OPERATION_BYTES: Final = 600
"""What it costs to prepare an operation, about."""

Path: TypeAlias = "tuple[int, Path] | None"
"""What found room or was used, last first. Where an operation is in it twice, the later place is its place."""


class Configuration(NamedTuple):
    """One beginning of an order. `turn` counts the returns that were passed; `used`, `discharged` have a bit per
    pending operation; `drawn` has a field per kind of open operation."""

    turn: int
    state: int
    used: int
    discharged: int
    drawn: int
    path: Path


class Pending(NamedTuple):
    """A pending operation that will return; sorts by its return."""

    returned: int
    number: int
    bit: int
    action: int


class Supply:
    """Open operations with one action: `numbers` were invoked so far, and are used in that order."""

    __slots__ = ("action", "field", "numbers", "shift")

    def __init__(self, action: int, shift: int, field: int) -> None:
        self.action, self.shift, self.field = action, shift, field
        self.numbers: list[int] = []


def decide(model: Model, operations: Operations, budget: Budget) -> Answer:
    """Decide one part. ModelError if the model breaks a promise (models/transitions.py)."""
    held = budget.held
    budget.hold(OPERATION_BYTES * len(operations))
    try:
        distinct, numbers = numbered_actions(model, operations, budget)
        transitions = Transitions(model, distinct, budget.hold, budget.spend)
        search = _Search(model, operations, numbers, transitions, budget)
        try:
            answer = search.run()
            transitions.ask_again()
        except BudgetSpent as error:
            answer = search.unknown(f"the budget of {error.limit} was spent")
        return answer
    finally:
        budget.held = held


class _Search:
    """The walk, depth first. The window always stands at the turn of the configuration that is being extended."""

    def __init__(
        self, model: Model, operations: Operations, numbers: list[int], transitions: Transitions, budget: Budget
    ) -> None:
        self._operations = operations
        self._transitions = transitions
        self._budget = budget
        self._window = Window(operations, numbers, transitions.kinds, budget)
        self._outlook = None if model.reaches is None else Outlook(model, transitions, self._window, budget)
        self._tried: set[tuple[int, int, int, int, int]] = set()
        # `used`, `discharged` and `drawn` take four bytes for thirty bits.
        self._tried_bytes = TRIED_BYTES + (2 * self._window.bits + self._window.guards.bit_length()) // 7
        self._latest: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
        self._stack: list[tuple[Configuration, Iterator[Configuration] | None]] = []
        self._furthest = -1
        self._prefixes: list[Path] = []

    def run(self) -> Answer:
        """Search until it is decided; BudgetSpent otherwise."""
        turns = len(self._window.returns)
        if not turns:
            return Valid([])
        found: Configuration | None = self._settled(Configuration(0, self._transitions.initial, 0, 0, 0, None))
        while found is not None:
            if found.turn == turns:
                return Valid(_order(found.path))
            found = self._extended(found) or self._next_untried()
        return self._invalid()

    def _extended(self, configuration: Configuration) -> Configuration | None:
        """Return the first extension of a new configuration. Its iterator is dear in memory and mostly never asked
        again, so it isn't kept."""
        if self._outlook is not None and not self._outlook.is_open(configuration):
            return None
        if not self._is_new(configuration):
            return None
        extended = next(self._extensions(configuration), None)
        if extended is None:
            return None
        self._budget.held += STACKED_BYTES
        self._stack.append((configuration, None))
        return self._settled(extended)

    def _next_untried(self) -> Configuration | None:
        """Return the next extension of the latest configuration that has one."""
        while self._stack:
            configuration, extensions = self._stack.pop()
            self._window.move_to(configuration.turn)
            if extensions is None:
                self._budget.held += EXTENSIONS_BYTES
                extensions = self._extensions(configuration)
            extended = next(extensions, None)
            if extended is None:
                self._budget.held -= STACKED_BYTES + EXTENSIONS_BYTES
            else:
                self._stack.append((configuration, extensions))
                return self._settled(extended)
        return None

    def _settled(self, configuration: Configuration) -> Configuration:
        """Give room to whatever leaves the state as it is, and pass the returns about which there is no choice."""
        turn, state, used, discharged, drawn, path = configuration
        window, after, turns = self._window, self._transitions.after, len(self._window.returns)
        if turn < turns:
            window.move_to(turn)
        unsettled: Sequence[Pending] = window.pending
        while turn < turns:
            for _, number, bit, action in unsettled:
                if not discharged & bit and state in after(state, action):
                    discharged |= bit
                    path = (number, path)
            self._budget.spend(len(unsettled) + 1)
            _, _, bit, action = window.returns[turn]
            if not discharged & bit or (not used & bit and window.changes[action]):
                break
            used, discharged, turn = used & ~bit, discharged & ~bit, turn + 1
            if turn < turns:
                window.move_to(turn)
                unsettled = window.arrived[turn]
        self._note(turn, path)
        return Configuration(turn, state, used, discharged, drawn, path)

    def _extensions(self, configuration: Configuration) -> Iterator[Configuration]:
        """Yield what is one operation further: first where the returning operation is legal, then the rest. If that has
        room already, it may return unused; otherwise it is used in this turn, for there is no later one."""
        after, state = self._transitions.after, configuration.state
        returning = self._window.returns[configuration.turn]
        if configuration.discharged & returning.bit:
            discharged = configuration.discharged & ~returning.bit
            yield configuration._replace(turn=configuration.turn + 1, discharged=discharged)
            configuration = configuration._replace(discharged=discharged)
        rest = []
        for choice in self._choices(configuration):
            self._budget.spend()
            for reached in after(state, choice.action):
                if reached == state:
                    continue  # not using it is as good
                if choice is returning or after(reached, returning.action):
                    yield self._use(configuration, choice, reached)
                else:
                    rest.append((choice, reached))
        for choice, reached in rest:
            self._budget.spend()
            yield self._use(configuration, choice, reached)

    def _choices(self, configuration: Configuration) -> list[Pending | Supply]:
        """List what may be used next: the returning operation, the other pending ones by their return, open ones."""
        window = self._window
        likes: set[tuple[int, bool]] = set()
        chosen: list[Pending | Supply] = []
        for pending in window.pending:
            like = pending.action, bool(configuration.discharged & pending.bit)
            if not configuration.used & pending.bit and like not in likes:
                likes.add(like)
                if window.changes[pending.action]:
                    chosen.append(pending)
        for supply in window.supplies:
            if configuration.drawn >> supply.shift & supply.field < len(supply.numbers):
                chosen.append(supply)
        return chosen

    def _use(self, configuration: Configuration, choice: Pending | Supply, reached: int) -> Configuration:
        """Return the configuration after the effect of one operation."""
        turn, _, used, discharged, drawn, path = configuration
        if self._transitions.kinds[choice.action] is Kind.BLIND:
            for pending in self._window.pending:
                if self._window.total & pending.bit & ~discharged:
                    path = (pending.number, path)
            discharged |= self._window.total
        if isinstance(choice, Supply):
            number = choice.numbers[drawn >> choice.shift & choice.field]
            return Configuration(turn, reached, used, discharged, drawn + (1 << choice.shift), (number, path))
        bit = choice.bit
        return Configuration(turn, reached, used | bit, discharged | bit, drawn, (choice.number, path))

    def _is_new(self, configuration: Configuration) -> bool:
        """Remember a configuration, unless one that was tried can do as much."""
        turn, state, used, discharged, drawn, _ = configuration
        exact = (turn, state, used, discharged, drawn)
        if exact in self._tried:
            return False
        latest = self._latest.get((turn, state))
        if latest is None:
            self._budget.held += PLACE_BYTES
            latest = self._latest[turn, state] = []
        self._budget.spend(len(latest) + 1)
        guards = self._window.guards
        for less_used, more_discharged, less_drawn in latest:
            # A guard bit above each field survives the subtraction exactly where that field has drawn no more.
            if (
                not less_used & ~used
                and not discharged & ~more_discharged
                and (drawn | guards) - less_drawn & guards == guards
            ):
                return False
        self._budget.held += self._tried_bytes
        if len(self._transitions.known) > self._transitions.tell_at:
            self._transitions.tell()
        self._tried.add(exact)
        if len(latest) == COMPARED_MAX:
            del latest[0]
        latest.append((used, discharged, drawn))
        return True

    def _note(self, turn: int, path: Path) -> None:
        if turn > self._furthest:
            self._furthest = turn
            self._prefixes = [path]
        elif turn == self._furthest and len(self._prefixes) < PREFIXES_MAX:
            self._prefixes.append(path)

    def _invalid(self) -> Invalid:
        # Whoever looks ahead doesn't come as far as he could.
        known = max(self._furthest, -1 if self._outlook is None else self._outlook.latest)
        stuck = self._window.returns[known]
        core = bisect_left(self._operations.invoked, stuck.returned)
        prefixes = sorted(map(_order, self._prefixes), key=len, reverse=True)
        return Invalid(range(core), stuck.number if known == self._furthest else None, prefixes)

    def unknown(self, reason: str) -> Unknown:
        """Say how far it came."""
        returns = self._window.returns
        turn = max(self._furthest, 0)
        window = None
        if turn < len(returns):
            self._window.move_to(turn)
            first = min(pending.number for pending in self._window.pending)
            window = self._operations.invoked[first], returns[turn].returned
        return Unknown(reason, turn, len(returns), window)


class Window:
    """The operations that are pending at a turn, that is, just before a return; it moves to and fro."""

    def __init__(self, operations: Operations, numbers: Sequence[int], kinds: Sequence[Kind], budget: Budget) -> None:
        self.returns, self.arrived, self._opened = _turns(operations, numbers, kinds, budget)
        """`returns`: what returns at each turn. `arrived`: what was invoked since the turn before and will return."""
        self.bits = max((pending.bit for pending in self.returns), default=0).bit_length()
        """How many operations are pending at most."""
        self.pending: list[Pending] = []
        self.total = 0
        """The bits of pending operations that are total."""
        self._total = [kind in (Kind.TOTAL, Kind.BLIND) for kind in kinds]
        self.changes = [kind is not Kind.OBSERVER for kind in kinds]
        """Whether an action, by number, may ever be used."""
        sizes = Counter(numbers[number] for opened in self._opened for number in opened)
        self.supplies: list[Supply] = []
        """Those of which something was invoked."""
        self._supplies: dict[int, Supply] = {}
        self.guards = shift = 0
        for action, size in sizes.items():
            width = size.bit_length()
            self._supplies[action] = Supply(action, shift, (1 << width) - 1)
            self.guards |= 1 << (shift + width)
            shift += width + 1
        self._numbers = numbers
        self._turn = -1
        if self.returns:
            self.move_to(0)

    def move_to(self, turn: int) -> None:
        """Make pending what is pending at `turn`."""
        while self._turn < turn:
            if self._turn >= 0:
                self._leave(self.returns[self._turn])
            self._turn += 1
            for pending in self.arrived[self._turn]:
                self._enter(pending)
            for number in self._opened[self._turn]:
                self._draw_on(number)
        while self._turn > turn:
            for number in reversed(self._opened[self._turn]):
                self._take_back(number)
            for pending in self.arrived[self._turn]:
                self._leave(pending)
            self._turn -= 1
            self._enter(self.returns[self._turn])

    def arriving(self) -> Iterator[list[int]]:
        """Yield the actions that are invoked since the turn before; of what is open, those that may change it."""
        for pending, opened in zip(self.arrived, self._opened, strict=True):
            yield [one.action for one in pending] + [self._numbers[number] for number in opened]

    def _draw_on(self, number: int) -> None:
        supply = self._supplies[self._numbers[number]]
        if not supply.numbers:
            self.supplies.append(supply)
        supply.numbers.append(number)

    def _take_back(self, number: int) -> None:
        supply = self._supplies[self._numbers[number]]
        supply.numbers.pop()
        if not supply.numbers:
            self.supplies.pop()

    def _enter(self, pending: Pending) -> None:
        insort(self.pending, pending)
        if self._total[pending.action]:
            self.total |= pending.bit

    def _leave(self, pending: Pending) -> None:
        del self.pending[bisect_left(self.pending, pending)]
        self.total &= ~pending.bit


def _turns(
    operations: Operations, numbers: Sequence[int], kinds: Sequence[Kind], budget: Budget
) -> tuple[list[Pending], list[list[Pending]], list[list[int]]]:
    """Return what returns at each turn, by row, and what is invoked between it and the return before: what will return,
    and what stays open and may change something. Bits are given out as they get free."""
    returned = operations.returned
    by_return = sorted((row, number) for number, row in enumerate(returned) if row != OPEN)
    pending: dict[int, Pending] = {}
    returns: list[Pending] = []
    arrived: list[list[Pending]] = []
    opened: list[list[int]] = []
    free: list[int] = []
    made = invoked = 0
    for row, returning in by_return:
        budget.spend()
        arrived.append([])
        opened.append([])
        while invoked < len(operations) and operations.invoked[invoked] < row:
            if returned[invoked] != OPEN:
                if not free:
                    free.append(1 << made)
                    made += 1
                pending[invoked] = Pending(returned[invoked], invoked, free.pop(), numbers[invoked])
                arrived[-1].append(pending[invoked])
            elif kinds[numbers[invoked]] is not Kind.OBSERVER:
                opened[-1].append(invoked)
            invoked += 1
        returns.append(pending.pop(returning))
        free.append(returns[-1].bit)
    return returns, arrived, opened


def _order(path: Path) -> list[int]:
    """Put a path in order; of two places, the later one counts."""
    places: dict[int, None] = {}
    while path is not None:
        places.setdefault(path[0])
        path = path[1]
    return list(places)[::-1]
