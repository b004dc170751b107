"""How long does it take to import the checker of linearizability as a library? Under 50 ms.

Beside it: the same interpreter with nothing to do, in turn with it. Medians; what is compiled is kept in a folder of
its own, as it is where a library is installed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from statistics import median
from tempfile import TemporaryDirectory

REPEATS = 15
IMPORT = "from keelhaul.checkers import linearizability"


def main() -> None:
    """Print one line."""
    with TemporaryDirectory() as folder:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = folder
        spent_s(IMPORT, environment)
        pairs = [(spent_s("pass", environment), spent_s(IMPORT, environment)) for _ in range(REPEATS)]
    nothing_ms, import_ms = (median(column) * 1000 for column in zip(*pairs, strict=True))
    print(f"importing: {import_ms - nothing_ms:.1f} ms ({import_ms:.1f} ms; {nothing_ms:.1f} ms without it)")


def spent_s(program: str, environment: dict[str, str]) -> float:
    """Run a program and return how long that took."""
    started_s = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    return time.perf_counter() - started_s


if __name__ == "__main__":
    main()
