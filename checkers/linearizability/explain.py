"""Why no order exists, in words and as data: which operation could not be placed, and what the state could be instead.

The search tells at whose return it got stuck and no more, so that the common case stays cheap. Here it is run again up
to that point, this time noting every state that some order passes through while the operation was under way. And this
time no open operation is left out or expires: it can't explain the stuck one, but the state that it would have made is
one that could have been met, and a sentence that says "could only" must not forget it. Where that is too much work, the
search is repeated as it was, and the sentence no longer says "only".
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

from keelhaul.checkers.history import Operation
from keelhaul.checkers.linearizability.search import Path, Search, Spent, Stuck, returns_of, unrolled
from keelhaul.checkers.models.model import Model, Step
from keelhaul.checkers.values import show, thaw

PREFIX_MAX = 10
"""Operations of the longest explained prefix that go into the details."""
POSSIBLE_MAX = 50
"""Values that go into the details."""
PENDING_MAX = 50
"""Pending operations that go into the details."""
CONDITIONS_MAX = 3
"""Values with a condition that go into the sentence."""
WORK_MAX = 1_000_000
"""Units of work (see search.py) that may be spent on open operations which the search itself left out."""
CANDIDATES_MAX = 1000
"""Configurations among which the longest prefix is looked for."""


class Possible(NamedTuple):
    """A state that the operation could have met. `source` is the step that puts it there, None for the initial state;
    `sure` if some order of what returned has it, otherwise an open or concurrent step must take effect for it."""

    state: Hashable
    source: int | None
    sure: bool


class Explanation(NamedTuple):
    """A sentence or two, and JSON for the report."""

    sentence: str
    details: dict[str, Any]


def explain(model: Model, key: Hashable, steps: Sequence[Step], stuck: Stuck) -> Explanation:
    """Explain why the part of the history that belongs to `key` isn't linearizable."""
    possible, exact = _possible(model, steps, stuck)
    step = steps[stuck.step]
    operation = step.operation
    assert step.returns is not None, "only what returned can be out of place"
    before = [other for other in steps if other.operation.invoked < step.returns]
    origin = model.origin(step, before)
    sentence = (
        f"key {name_key(key)}: {operation.named()} {model.outcome(step)}, but given all that had completed before it "
        f"did, {model.noun} could {'only ' if exact else ''}hold {_in_words(model, steps, possible)}."
    )
    prefix = _longest_prefix(stuck)
    details = {
        "key": thaw(key),
        "operation": as_json(operation),
        "possible": [_possible_as_json(steps, item) for item in possible[:POSSIBLE_MAX]],
        "pending": [as_json(other.operation) for other in _pending(steps, stuck)[:PENDING_MAX]],
        "prefix": [as_json(steps[number].operation) for number in prefix[-PREFIX_MAX:]],
        "prefix_length": len(prefix),
    }
    return Explanation(f"{sentence} {origin}".rstrip(), details)


def name_key(key: Hashable) -> str:
    """Name a key in a sentence; a plain name needs no quotes."""
    return key if isinstance(key, str) and key.isidentifier() else show(key)


def as_json(operation: Operation) -> dict[str, Any]:
    """Describe an operation for the report."""
    return {
        "process": operation.process,
        "f": operation.f,
        "value": operation.value,
        "outcome": operation.outcome,
        "result": operation.result,
        "invoked": operation.invoked,
        "completed": operation.completed,
    }


class _Recorder(Search):
    """A search that notes each state it comes to, and how, while `noting`."""

    noting = False
    noted: dict[Hashable, Path]

    def _reach(self, state: Hashable, mask: int, used: int, path: Path) -> None:
        if self.noting:
            self.noted.setdefault(state, path)
        super()._reach(state, mask, used, path)


def _possible(model: Model, steps: Sequence[Step], stuck: Stuck) -> tuple[list[Possible], bool]:
    """List the states that some order passes through between the stuck step's invocation and its return, and say
    whether these are all."""
    row = steps[stuck.step].returns
    assert row is not None, "only what returned can be out of place"
    lasting = [step if step.returns is not None else step._replace(expires=row) for step in steps]
    try:
        return _passed_through(_Recorder(model, lasting, WORK_MAX), steps, stuck), True
    except Spent:
        return _passed_through(_Recorder(model, steps, stuck.work), steps, stuck), False


def _passed_through(run: _Recorder, steps: Sequence[Step], stuck: Stuck) -> list[Possible]:
    run.noted = {}
    settled: dict[Hashable, Path] = {}
    for row, number in returns_of(steps):
        if row > steps[stuck.step].operation.invoked:
            run.noting = True
            for (state, _), kept in run.front.items():
                settled.setdefault(state, kept[0][1])
        run.pass_return(row, number)
        if number == stuck.step:
            break
    sure = [Possible(state, _source(steps, path), True) for state, path in settled.items()]
    other = [(state, path) for state, path in run.noted.items() if state not in settled]
    return sure + [Possible(state, _source(steps, path), False) for state, path in other]


def _source(steps: Sequence[Step], path: Path) -> int | None:
    """Find the last step on the path that is no observer."""
    while path is not None and steps[path[0]].observes:
        path = path[1]
    return None if path is None else path[0]


def _in_words(model: Model, steps: Sequence[Step], possible: Sequence[Possible]) -> str:
    sure = [item for item in possible if item.sure]
    shown = [show(item.state) for item in sure]
    words = shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"
    if len(sure) == 1 and sure[0].source is not None:
        words = f"{words}, put in by {steps[sure[0].source].operation.named()}"
    conditional = [_condition_in_words(model, steps, item) for item in possible if not item.sure]
    if not conditional:
        return words
    named = "; or ".join(conditional[:CONDITIONS_MAX])
    more = len(conditional) - CONDITIONS_MAX
    return f"{words} (or {named}{f'; and so on, {more} more' if more > 0 else ''})"


def _condition_in_words(model: Model, steps: Sequence[Step], item: Possible) -> str:
    assert item.source is not None, "the initial state needs no condition"
    step = steps[item.source]
    kind = "open" if step.returns is None else "concurrent"
    return f"{show(item.state)}, if the {kind} {model.name(step)} by process {step.operation.process} took effect"


def _possible_as_json(steps: Sequence[Step], item: Possible) -> dict[str, Any]:
    source = None if item.source is None else as_json(steps[item.source].operation)
    return {"value": thaw(item.state), "source": source, "sure": item.sure}


def _pending(steps: Sequence[Step], stuck: Stuck) -> list[Step]:
    """List what was open or under way, besides it, when the stuck step returned."""
    row = steps[stuck.step].returns
    assert row is not None, "only what returned can be out of place"
    return [
        step
        for number, step in enumerate(steps)
        if number != stuck.step and step.operation.invoked < row and (step.returns is None or step.returns > row)
    ]


def _longest_prefix(stuck: Stuck) -> list[int]:
    """Return the longest order that explains all that returned before the stuck step."""
    return max((unrolled(path) for _, path in stuck.before[:CANDIDATES_MAX]), key=len)[::-1]
