"""Exit codes, in one place. They are Jepsen's, except that over many runs invalid is never masked by unknown."""

from __future__ import annotations

VALID, INVALID, UNKNOWN = 0, 1, 2
INTERRUPTED = 130
USAGE = 254
HARNESS_FAILED = 255

OF_VERDICT = {"valid": VALID, "invalid": INVALID, "unknown": UNKNOWN}


def of_run(verdict: str, *, interrupted: bool) -> int:
    """Return a run's exit code."""
    return INTERRUPTED if interrupted else OF_VERDICT[verdict]


def of_runs(verdict: str, *, interrupted: bool, harness_failed: bool) -> int:
    """Return the exit code of many runs: a violation found outranks everything else that happened."""
    if verdict == "invalid":
        return INVALID
    if interrupted:
        return INTERRUPTED
    return HARNESS_FAILED if harness_failed else OF_VERDICT[verdict]


def of_files(verdict: str, *, unreadable: bool, unproven: bool) -> int:
    """Return the exit code of many histories: a violation outranks what else happened, even to other files.

    `unproven`: a proof of ours didn't verify, so no verdict can be trusted.
    """
    if unproven:
        return HARNESS_FAILED
    if verdict == "invalid":
        return INVALID
    return USAGE if unreadable else OF_VERDICT[verdict]
