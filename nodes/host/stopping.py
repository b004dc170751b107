"""How a host ends. It has no way to end gently, because a node must be able to end at any instruction anyway.

The codes follow BSD's sysexits.h, so that a person who sees one can look it up.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

EXIT_CORRUPT_LOG = 65
EXIT_NODE_FAILED = 70
"""The node's own code raised: a bug of the system under test, or of the host."""
EXIT_STORAGE_FAILED = 74
EXIT_ADDRESS_TAKEN = 75
"""The only one after which trying again, with another port, makes sense."""


def crash(code: int, reason: str) -> NoReturn:
    """End the process at once; `reason` goes to stderr first."""
    print(reason, file=sys.stderr, flush=True)
    os._exit(code)
