"""A client that stops at the worst moment: between deciding to act and acting, for longer than its lease lasts.

A garbage collection, a suspended laptop or a debugger do that to real programs. The client inside has looked at its
clock, found its lease good, and said what to send; nothing leaves, and nothing that arrives is looked at, until the
pause is over. Then what it had decided is done first, and only then does it see what time it is. A lease can't protect
against this, however it is counted; only the resource can, by looking at tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

from keelhaul.nodes.events import Body
from keelhaul.workloads.lasting import Act, Wake


class Pause(NamedTuple):
    """Stop for so long; the acts that follow wait until then."""

    duration_ns: int


StoppingAct: TypeAlias = Act | Pause


class Inner(Protocol):
    """A lasting client that may also ask for a pause."""

    def invoke(self, now_ns: int, f: str, value: Any) -> list[StoppingAct]:
        """Begin an operation."""
        ...

    def answered(self, now_ns: int, request: int, body: Body) -> list[StoppingAct]:
        """A node answered."""
        ...

    def lost(self, now_ns: int, request: int, *, sent: bool) -> list[StoppingAct]:
        """No answer will come."""
        ...

    def woken(self, now_ns: int) -> list[StoppingAct]:
        """The time that was named last has come."""
        ...


class Stopping:
    """Runs a client and carries its pauses out."""

    def __init__(self, inner: Inner) -> None:
        self._inner = inner
        self._until_ns: int | None = None
        self._decided: list[StoppingAct] = []
        self._missed: list[Callable[[int], list[StoppingAct]]] = []

    def invoke(self, now_ns: int, f: str, value: Any) -> list[Act]:
        """Begin an operation."""
        return self._happened(now_ns, lambda at_ns: self._inner.invoke(at_ns, f, value))

    def answered(self, now_ns: int, request: int, body: Body) -> list[Act]:
        """A node answered."""
        return self._happened(now_ns, lambda at_ns: self._inner.answered(at_ns, request, body))

    def lost(self, now_ns: int, request: int, *, sent: bool) -> list[Act]:
        """No answer will come."""
        return self._happened(now_ns, lambda at_ns: self._inner.lost(at_ns, request, sent=sent))

    def woken(self, now_ns: int) -> list[Act]:
        """Go on after a pause, or let the client inside look at the clock."""
        if self._until_ns is None:
            return self._carry_out(now_ns, self._inner.woken(now_ns))
        if now_ns < self._until_ns:
            return [Wake(self._until_ns)]
        self._until_ns = None
        decided, self._decided = self._decided, []
        acts = self._carry_out(now_ns, decided)
        missed, self._missed = self._missed, []
        for handle in [*missed, self._inner.woken]:
            acts += self._happened(now_ns, handle)
        return acts

    def _happened(self, now_ns: int, handle: Callable[[int], list[StoppingAct]]) -> list[Act]:
        if self._until_ns is not None:
            self._missed.append(handle)
            return []
        return self._carry_out(now_ns, handle(now_ns))

    def _carry_out(self, now_ns: int, acts: list[StoppingAct]) -> list[Act]:
        """Pass acts on up to a pause, and keep the rest."""
        done: list[Act] = []
        for position, act in enumerate(acts):
            if isinstance(act, Pause):
                self._until_ns = now_ns + act.duration_ns
                self._decided = acts[position + 1 :]
                return [*done, Wake(self._until_ns)]
            done.append(act)
        return done
