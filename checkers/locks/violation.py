"""What a story of the lock service's members can violate."""

from __future__ import annotations

from typing import NamedTuple


class Violation(NamedTuple):
    """What was violated, by id, and a sentence."""

    id: str
    text: str
