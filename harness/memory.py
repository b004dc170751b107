"""How much memory this process holds: what a limit on memory is compared with."""

from __future__ import annotations

import os
import resource
import sys
from typing import Final

MEGABYTE: Final = 1_000_000
_STATM = "/proc/self/statm"
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


def resident_mb() -> float:
    """Return the process's resident size. Where the system doesn't tell it, the largest that it has been."""
    try:
        with open(_STATM, "rb") as file:
            return int(file.read().split()[1]) * _PAGE / MEGABYTE
    except OSError:
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return largest / MEGABYTE if sys.platform == "darwin" else largest * 1024 / MEGABYTE
