"""What groups agree on: a value that is chosen once, and who leads.

    write-once       propose  v  → the value that was chosen, v or another
                     read        → the value that was chosen, null if none was yet
    leader-election  campaign    → the term that was won, a whole number from 0 up, larger than all before
                     resign        by the leader
                     leader      → [term, leader], or null if there is none

Who campaigns and resigns is the argument, if there is one (a node's name), else the process. An open campaign won some
term: the next one is larger by 2 at least.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from keelhaul.checkers.models.model import ILLEGAL, Action, Keys, Kind, Model, Words
from keelhaul.checkers.models.shapes import answers_count, is_list, is_whole, items, needs_something
from keelhaul.checkers.values import show


def step_write_once(state: Hashable, action: Action) -> Any:
    """Return the value that is chosen after the action, None for none."""
    after = state if action.f == "read" or state is not None else action.argument
    return after if action.outcome == "open" or action.result == after else ILLEGAL


def kind_write_once(action: Action) -> Kind:
    """Reads observe; an open proposal is always possible."""
    if action.f == "read":
        return Kind.OBSERVER
    return Kind.TOTAL if action.outcome == "open" else Kind.UPDATE


NO_TERM = -1
Leadership = tuple[int, bool, Hashable]
"""The least that the last term can have been, whether that is known to be it, and the leader."""


def step_election(state: Leadership, action: Action) -> Any:
    """Return who leads in which term after the action."""
    term, known, leader = state
    if action.f == "leader":
        return state if action.outcome == "open" else _told(state, action.result)
    who = action.argument if action.argument is not None else action.process
    if action.f == "resign":
        return (term, known, None) if leader is not None and leader == who else ILLEGAL
    if action.outcome == "open":
        return term + 1, False, who
    return (action.result, True, who) if action.result > term else ILLEGAL


def _told(state: Leadership, told: Hashable) -> Any:
    """Return the state after somebody was told who leads: what was not known of the term is known now."""
    term, known, leader = state
    if told is None or leader is None:
        return state if told is leader else ILLEGAL
    told_term, told_leader = items(told)
    if told_leader != leader or not isinstance(told_term, int):
        return ILLEGAL
    if known:
        return state if told_term == term else ILLEGAL
    return (told_term, True, leader) if told_term >= term else ILLEGAL


def _tells_write_once(action: Action, after: Sequence[Action]) -> tuple[Hashable, ...] | None:
    return (action.result,)


def _tells_election(action: Action, after: Sequence[Action]) -> tuple[Leadership, ...]:
    """Who won or is told of a leader knows the term, too. Where there is none, the least term allows for most."""
    if action.f == "campaign":
        return ((action.result, True, action.argument if action.argument is not None else action.process),)
    if action.f == "resign" or action.result is None:
        return ((NO_TERM, True, None),)
    term, leader = items(action.result)
    return ((int(str(term)), True, leader),)


def _problem_write_once(action: Action) -> str | None:
    return None if action.f == "read" else needs_something(action)


def _problem_election(action: Action) -> str | None:
    if action.f == "campaign":
        return answers_count(action, "a term, a whole number from 0 up")
    if action.f == "resign" or action.outcome != "ok" or action.result is None:
        return None
    told = items(action.result) if is_list(action.result) else ()
    if len(told) == 2 and is_whole(told[0]):
        return None
    return f"leader answers [term, leader] or null, not {show(action.result)}"


def _claim_write_once(action: Action) -> str:
    return "found nothing chosen" if action.result is None else f"returned {show(action.result)}"


def _needs_write_once(action: Action) -> str:
    if action.f == "read":
        return "nothing to be chosen" if action.result is None else f"{show(action.result)} to be chosen"
    return (
        f"{show(action.result)} to be chosen, or nothing"
        if action.result == action.argument
        else (f"{show(action.result)} to be chosen")
    )


def _state_write_once(state: Hashable) -> str:
    return "have chosen nothing" if state is None else f"have chosen {show(state)}"


def _claim_election(action: Action) -> str:
    if action.f == "campaign":
        return f"won term {show(action.result)}"
    return f"returned {show(action.result)}" if action.f == "leader" else "succeeded"


def _state_election(state: Leadership) -> str:
    term, known, leader = state
    when = "" if term < 0 else f" in term {term}" if known else f" in a term of {term} or more"
    return f"be led by {'nobody' if leader is None else show(leader)}{when}"


def write_once(initial: Hashable = None) -> Model:
    """Return a register that is written once: all proposals and reads agree on the value."""
    words = Words(noun="the group", claim=_claim_write_once, state=_state_write_once, needs=_needs_write_once)
    return Model(
        name="write-once",
        step=step_write_once,
        initial=initial,
        kinds=kind_write_once,
        functions=("propose", "read"),
        problem=_problem_write_once,
        words=words,
        frozen=True,
        keys=Keys.MAYBE,
        family="write-once",
        tells=_tells_write_once,
    )


def leader_election() -> Model:
    """Return an election: at most one leader a term, and terms grow."""
    return Model(
        name="leader-election",
        step=step_election,
        initial=(NO_TERM, True, None),
        by_process=True,
        functions=("campaign", "resign", "leader"),
        problem=_problem_election,
        words=Words(noun="the group", claim=_claim_election, state=_state_election),
        frozen=True,
        keys=Keys.MAYBE,
        tells=_tells_election,
    )
