"""Requests to a register that can be written once: propose a value, read the one that was chosen.

{"type": "propose", "key": k, "value": v}  →  {"type": "propose_ok", "value": the chosen one, maybe another's}
{"type": "read", "key": k}                 →  {"type": "read_ok", "value": the chosen one, null if there is none}
"""

from __future__ import annotations

from typing import Any

from keelhaul.nodes.errors import ErrorCode
from keelhaul.nodes.events import Body
from keelhaul.nodes.replicated_log import MalformedCommand
from keelhaul.nodes.state_machines.json_values import problem_of
from keelhaul.nodes.state_machines.key_value import SHOWN_MAX, is_key


def proposal_of(body: Body) -> tuple[Any, Any]:
    """Return key and value of a request, None as the value of a read; MalformedCommand if it is neither."""
    kind = body["type"]
    if kind not in ("propose", "read"):
        text = f"no such request: {kind[:SHOWN_MAX]!r}; there are propose, read"
        raise MalformedCommand(ErrorCode.NOT_SUPPORTED, text)
    key = body.get("key")
    if not is_key(key):
        raise MalformedCommand(
            ErrorCode.MALFORMED_REQUEST, "a key is a whole number of up to 64 bits or a string of up to 256 characters"
        )
    if kind == "read":
        return key, None
    value = body.get("value")
    if value is None:
        raise MalformedCommand(ErrorCode.MALFORMED_REQUEST, "propose needs a value that isn't null")
    problem = problem_of(value)
    if problem is not None:
        raise MalformedCommand(ErrorCode.MALFORMED_REQUEST, f"value {problem}")
    return key, value
