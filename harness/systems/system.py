"""What the harness knows of a system under test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keelhaul.checkers.checker import Checker


def _suits_all(options: dict[str, Any], members: tuple[str, ...]) -> None:
    """Options that have nothing to do with who is a member."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One system. `options` with their defaults; `check` raises ValueError for options that don't go together, `fits`
    for options that don't suit these members; `invariants` are the checkers of its nodes' traces, by name.
    `administration` are the administrator's operations that its nodes know (workloads/administrator.py)."""

    name: str
    does: str
    options: dict[str, Any]
    check: Callable[[dict[str, Any]], object]
    invariants: dict[str, Checker]
    fits: Callable[[dict[str, Any], tuple[str, ...]], object] = _suits_all
    administration: tuple[str, ...] = ()
