"""Locks and permits.

    mutex            acquire, release: whoever may release
    owner-mutex      acquire, release by the holder only
    reentrant-mutex  the same; the holder may acquire it again, and holds it until each acquire was released
    read-write-lock  acquire-read, release-read, acquire-write, release-write: many readers or one writer
    semaphore        acquire, release of n permits (none given: 1)
    fenced-lock      an owner-mutex; acquire → a token, a whole number from 0 up that is larger than all before
    fencing-token    acquire → such a token, and nothing else: for leases, which end without a release

Who does it is the argument, if there is one (a client's name outlives its processes), else the process. The locks of
one history that have names are independent objects: values are then [lock, argument].

A try that came back empty-handed is recorded as failed, so an acquire that is ok got the lock. An open acquire of a
fenced lock got some token: the next one is larger by 2 at least. That is all that is known, and all that `step` says.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from keelhaul.checkers.models.model import ILLEGAL, Action, Bounded, Keys, Model, Step, Words
from keelhaul.checkers.models.shapes import answers_count, is_whole
from keelhaul.checkers.values import show

NO_TOKEN = -1
READERS_MAX = 8
"""Readers that may or may not be there, all of whose choices are listed."""
EXCLUSIVE = ("acquire", "release")
SHARED = ("acquire-read", "release-read", "acquire-write", "release-write")


def owner_of(action: Action) -> Hashable:
    """Return who acts."""
    return action.argument if action.argument is not None else ("process", action.process)


def step_mutex(state: bool, action: Action) -> Any:
    """Return whether it is held after the action."""
    takes = action.f == "acquire"
    return takes if state is not takes else ILLEGAL


def step_owner_mutex(state: Hashable, action: Action) -> Any:
    """Return who holds it after the action, None for nobody."""
    owner = owner_of(action)
    if action.f == "acquire":
        return owner if state is None else ILLEGAL
    return None if state == owner else ILLEGAL


def step_reentrant_mutex(state: tuple[Hashable, int], action: Action) -> Any:
    """Return who holds it after the action, and how many times."""
    holder, times = state
    if times and holder != owner_of(action):
        return ILLEGAL
    if action.f == "acquire":
        return owner_of(action), times + 1
    if not times:
        return ILLEGAL
    return (holder, times - 1) if times > 1 else (None, 0)


def step_read_write_lock(state: tuple[Hashable, tuple[Hashable, ...]], action: Action) -> Any:
    """Return the writer, None for nobody, and the readers after the action."""
    writer, readers = state
    owner = owner_of(action)
    if action.f == "acquire-write":
        return (owner, ()) if writer is None and not readers else ILLEGAL
    if action.f == "release-write":
        return (None, ()) if writer is not None and writer == owner else ILLEGAL
    if action.f == "acquire-read":
        if writer is not None or owner in readers:
            return ILLEGAL
        return None, tuple(sorted((*readers, owner), key=repr))
    if owner not in readers:
        return ILLEGAL
    return None, tuple(reader for reader in readers if reader != owner)


def step_semaphore(permits: int) -> Step:
    """Return the step of a semaphore with so many permits; its state is how many are left."""

    def step(state: int, action: Action) -> Any:
        count = 1 if action.argument is None else action.argument
        after = state - count if action.f == "acquire" else state + count
        return after if 0 <= after <= permits else ILLEGAL

    return step


def step_fenced_lock(state: tuple[Hashable, int], action: Action) -> Any:
    """Return who holds it after the action, None for nobody, and the least that the last token can have been."""
    holder, last = state
    owner = owner_of(action)
    if action.f == "release":
        return (None, last) if holder is not None and holder == owner else ILLEGAL
    token = _token(last, action)
    return ILLEGAL if holder is not None or token is ILLEGAL else (owner, token)


def step_fencing_token(state: int, action: Action) -> Any:
    """Return the least that the last token can have been, after the action."""
    return _token(state, action)


def _token(last: int, action: Action) -> Any:
    if action.outcome == "open":
        return last + 1
    return action.result if action.result > last else ILLEGAL


def _leaves_held(action: Action) -> Hashable:
    return action.f == "acquire"


def _leaves_owner(action: Action) -> Hashable:
    return owner_of(action) if action.f == "acquire" else None


def _tells_times(action: Action, after: Sequence[Action]) -> Sequence[tuple[Hashable, int]]:
    """Nobody can tell apart how many times it is held if that is more often than it is given back."""
    held = [(owner_of(action), times) for times in range(1, len(after) + 2)]
    return held if action.f == "acquire" else [(None, 0), *held]


def _tells_shared(action: Action, after: Sequence[Action]) -> Sequence[tuple[Hashable, tuple[Hashable, ...]]] | None:
    """A writer is alone. Readers that don't give it back allow for less than if they weren't there."""
    owner = owner_of(action)
    if action.f == "acquire-write":
        return [(owner, ())]
    if action.f == "release-write":
        return [(None, ())]
    others = dict.fromkeys(owner_of(other) for other in after if other.f == "release-read")
    others.pop(owner, None)
    if len(others) > READERS_MAX:
        return None
    reading: list[tuple[Hashable, ...]] = [(owner,) if action.f == "acquire-read" else ()]
    for other in others:
        reading += [(*readers, other) for readers in reading]
    return [(None, tuple(sorted(readers, key=repr))) for readers in reading]


def _tells_fenced(action: Action, after: Sequence[Action]) -> Sequence[tuple[Hashable, int]]:
    """Once it is free, the least token allows for most."""
    return [(owner_of(action), action.result) if action.f == "acquire" else (None, NO_TOKEN)]


def _tells_semaphore(permits: int) -> Callable[[Action, Sequence[Action]], Sequence[Hashable]]:
    def told(action: Action, after: Sequence[Action]) -> Sequence[Hashable]:
        count = 1 if action.argument is None else int(str(action.argument))
        return range(permits - count + 1) if action.f == "acquire" else range(count, permits + 1)

    return told


def _tells_token(action: Action, after: Sequence[Action]) -> Sequence[int]:
    return [action.result]


def _one(action: Action) -> int:
    return 1 if action.f == "acquire" else -1


def _permits(action: Action) -> int:
    """Return by how many more permits are taken."""
    return _one(action) * (1 if action.argument is None else int(str(action.argument)))


def _never(needed: Action, change: Action) -> bool:
    """Tokens that grow still grow when some of them are left out."""
    return False


def _problem_semaphore(action: Action) -> str | None:
    count = action.argument
    if count is None or (is_whole(count) and count > 0):
        return None
    return f"{action.f} takes a number of permits, not {show(count)}"


def _problem_token(action: Action) -> str | None:
    return answers_count(action, "a token, a whole number from 0 up") if action.f == "acquire" else None


def _name(action: Action) -> str:
    return action.f


def _claim(action: Action) -> str:
    return f"got token {show(action.result)}" if is_whole(action.result) else "succeeded"


def _who(owner: Any) -> str:
    return f"process {owner[1]}" if isinstance(owner, tuple) and owner[0] == "process" else show(owner)


def _held_by(owner: Hashable) -> str:
    return "be free" if owner is None else f"be held by {_who(owner)}"


def _needs_owner(action: Action) -> str:
    return "the lock to be free" if action.f == "acquire" else f"the lock to be held by {_who(owner_of(action))}"


def _needs_mutex(action: Action) -> str:
    return f"the lock to be {'free' if action.f == 'acquire' else 'held'}"


def _needs_semaphore(action: Action) -> str:
    count = 1 if action.argument is None else action.argument
    permits = "a permit" if count == 1 else f"{count} permits"
    return f"{permits} to be {'left' if action.f == 'acquire' else 'taken'}"


def _state_mutex(state: bool) -> str:
    return "be held" if state else "be free"


def _state_times(state: tuple[Hashable, int]) -> str:
    return _held_by(state[0]) + (f" {state[1]} times" if state[1] > 1 else "")


def _state_shared(state: tuple[Hashable, tuple[Hashable, ...]]) -> str:
    writer, readers = state
    return f"be read by {', '.join(map(_who, readers))}" if readers else _held_by(writer)


def _state_fenced(state: tuple[Hashable, int]) -> str:
    return _held_by(state[0]) + ("" if state[1] < 0 else f" after token {state[1]}")


def _state_token(state: int) -> str:
    return "have given out no token" if state < 0 else f"have given out token {state} last"


def _needs_token(action: Action) -> str:
    return f"all tokens before to be less than {show(action.result)}"


def _needs_fenced(action: Action) -> str:
    if action.f != "acquire" or action.outcome == "open":
        return _needs_owner(action)
    return f"the lock to be free and {_needs_token(action)}"


def _state_semaphore(state: int) -> str:
    return f"have {state} permits left"


def _words(**others: Any) -> Words:
    return Words(noun="the lock", name=_name, claim=_claim, **others)


def mutex() -> Model:
    """Return a lock that anybody may release."""
    words = _words(state=_state_mutex, needs=_needs_mutex)
    return Model(
        name="mutex",
        step=step_mutex,
        initial=False,
        functions=EXCLUSIVE,
        words=words,
        frozen=True,
        keys=Keys.MAYBE,
        family="mutex",
        leaves=_leaves_held,
        bounded=Bounded(_one, 0, 1),
    )


def owner_mutex() -> Model:
    """Return a lock that its holder releases."""
    words = _words(state=_held_by, needs=_needs_owner)
    return _owned("owner-mutex", step_owner_mutex, None, EXCLUSIVE, words, "owner-mutex", leaves=_leaves_owner)


def reentrant_mutex() -> Model:
    """Return a lock that its holder may acquire again."""
    words = _words(state=_state_times)
    return _owned("reentrant-mutex", step_reentrant_mutex, (None, 0), EXCLUSIVE, words, tells=_tells_times)


def read_write_lock() -> Model:
    """Return a lock with many readers or one writer."""
    words = _words(state=_state_shared)
    return _owned("read-write-lock", step_read_write_lock, (None, ()), SHARED, words, tells=_tells_shared)


def semaphore(permits: int = 1) -> Model:
    """Return a semaphore with so many permits; ValueError if that is less than one."""
    if not is_whole(permits) or permits < 1:
        raise ValueError(f"a semaphore has 1 permit or more, not {permits!r}")
    return Model(
        name="semaphore",
        step=step_semaphore(permits),
        initial=permits,
        functions=EXCLUSIVE,
        problem=_problem_semaphore,
        words=Words(noun="the semaphore", state=_state_semaphore, needs=_needs_semaphore),
        frozen=True,
        keys=Keys.MAYBE,
        family="semaphore",
        tells=_tells_semaphore(permits),
        bounded=Bounded(_permits, 0, permits),
    )


def fenced_lock() -> Model:
    """Return a lock that its holder releases, and whose tokens grow."""
    words = _words(state=_state_fenced, needs=_needs_fenced)
    initial = (None, NO_TOKEN)
    family, problem = "fenced-lock", _problem_token
    return _owned("fenced-lock", step_fenced_lock, initial, EXCLUSIVE, words, family, problem, tells=_tells_fenced)


def fencing_token() -> Model:
    """Return what gives out tokens that grow."""
    return Model(
        name="fencing-token",
        step=step_fencing_token,
        initial=NO_TOKEN,
        functions=("acquire",),
        problem=_problem_token,
        words=_words(state=_state_token, needs=_needs_token),
        frozen=True,
        keys=Keys.MAYBE,
        family="fencing-token",
        notices=_never,
        tells=_tells_token,
    )


def _owned(
    name: str,
    step: Step,
    initial: Hashable,
    functions: tuple[str, ...],
    words: Words,
    family: str = "",
    problem: Any = None,
    leaves: Callable[[Action], Hashable] | None = None,
    tells: Callable[[Action, Sequence[Action]], Sequence[Hashable] | None] | None = None,
) -> Model:
    return Model(
        name=name,
        step=step,
        initial=initial,
        by_process=True,
        functions=functions,
        problem=problem,
        words=words,
        frozen=True,
        keys=Keys.MAYBE,
        family=family,
        leaves=leaves,
        tells=tells,
    )
