"""Python's search for reference cycles, spared to what makes millions of small values and hardly a cycle."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_cycle_collection() -> Iterator[None]:
    """Don't search for reference cycles in here.

    To be left only when the values are gone: the first search after it walks through all that are still there.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
