"""Numbered errors of client requests, as Maelstrom numbers them, and what each one says of the operation.

*Definite*: it did not and never will take effect (a client records `fail`). *Indefinite*: nobody knows (`info`).
Rule R-INFO (docs/rules.md §0.2): once a leader has appended an entry, only ok or an indefinite error may be reported,
until that index is known to hold something else.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class ErrorCode(IntEnum):
    """Codes below 1000 are Maelstrom's; its clients take any code from 1000 on as indefinite."""

    TIMEOUT = 0
    NOT_SUPPORTED = 10
    TEMPORARILY_UNAVAILABLE = 11
    MALFORMED_REQUEST = 12
    CRASH = 13
    ABORT = 14
    KEY_DOES_NOT_EXIST = 20
    PRECONDITION_FAILED = 22
    UNKNOWN_OUTCOME = 1000


DEFINITE = frozenset(
    {
        ErrorCode.NOT_SUPPORTED,
        ErrorCode.TEMPORARILY_UNAVAILABLE,
        ErrorCode.MALFORMED_REQUEST,
        ErrorCode.ABORT,
        ErrorCode.KEY_DOES_NOT_EXIST,
        ErrorCode.PRECONDITION_FAILED,
    }
)


def is_definite(code: int) -> bool:
    """Say whether an operation that ended with this code certainly never takes effect; unknown codes are indefinite."""
    return code in DEFINITE


def error_body(code: ErrorCode, text: str, **more: Any) -> dict[str, Any]:
    """Make an error's body; the sender adds `in_reply_to`. `leader=NAME` tells the client where to go instead."""
    return {"type": "error", "code": int(code), "text": text, **more}
