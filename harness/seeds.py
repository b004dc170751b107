"""Randomness: one master seed, split into named streams, so that removing one consumer doesn't reshuffle the others."""

from __future__ import annotations

from random import Random

from keelhaul.workloads.draws import Draws


def stream(seed: int, name: str) -> Random:
    """Return the generator of that name. A string seeds `Random` the same way under every hash seed and version."""
    return Random(f"{seed}/{name}")


def draws(seed: int, name: str) -> Draws:
    """Return the pure stream of that name."""
    return Draws.named(f"{seed}/{name}")
