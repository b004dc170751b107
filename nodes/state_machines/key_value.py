"""A key-value store: read, write, compare-and-set, as in Maelstrom's `lin-kv`. Deterministic; touches nothing else.

A command is a list of JSON values: ["read", key], ["write", key, value], ["cas", key, expected, new].
"""

from __future__ import annotations

from typing import Any, TypeAlias

from keelhaul.nodes.errors import ErrorCode, error_body
from keelhaul.nodes.events import Body
from keelhaul.nodes.state_machines.json_values import is_plain, is_same, problem_of

Command: TypeAlias = list[Any]

_FIELDS = {"read": ("key",), "write": ("key", "value"), "cas": ("key", "from", "to")}
KEY_CHARS_MAX = 256
SHOWN_MAX = 40
"""Characters of what a client sent that an error's text repeats: the answer must fit into a message too."""


class MalformedCommand(ValueError):
    """A request that isn't a command; `code` is the error's number."""

    def __init__(self, code: ErrorCode, text: str) -> None:
        super().__init__(text)
        self.code = code


def command_of(body: Body) -> Command:
    """Make a command of a request's body; MalformedCommand if it isn't one."""
    kind = body["type"]
    names = _FIELDS.get(kind)
    if names is None:
        known = ", ".join(_FIELDS)
        raise MalformedCommand(ErrorCode.NOT_SUPPORTED, f"no such request: {kind[:SHOWN_MAX]!r}; there are {known}")
    missing = [name for name in names if name not in body]
    if missing:
        raise MalformedCommand(ErrorCode.MALFORMED_REQUEST, f"{kind} needs {', '.join(missing)}")
    if not _is_key(body["key"]):
        raise MalformedCommand(
            ErrorCode.MALFORMED_REQUEST, "a key is a whole number of up to 64 bits or a string of up to 256 characters"
        )
    for name in names[1:]:
        problem = problem_of(body[name])
        if problem is not None:
            raise MalformedCommand(ErrorCode.MALFORMED_REQUEST, f"{name} {problem}")
    return [kind, *(body[name] for name in names)]


def _is_key(key: Any) -> bool:
    # true is a number to Python, and the same key as 1.
    return len(key) <= KEY_CHARS_MAX if isinstance(key, str) else type(key) is int and is_plain(key)


class KeyValue:
    """The store: values by key; a key that was never written reads as None."""

    def __init__(self) -> None:
        self._values: dict[str | int, Any] = {}

    def apply(self, command: Command) -> Body:
        """Carry out a command; return the reply's body."""
        kind, key = command[0], command[1]
        if kind == "read":
            return {"type": "read_ok", "value": self._values.get(key)}
        if kind == "write":
            self._values[key] = command[2]
            return {"type": "write_ok"}
        if not is_same(self._values.get(key), command[2]):
            return error_body(ErrorCode.PRECONDITION_FAILED, "the value isn't the expected one")
        self._values[key] = command[3]
        return {"type": "cas_ok"}
