"""A key-value store: read, write, compare-and-set, as in Maelstrom's `lin-kv`; and append and delete, for texts.

A command is a list of JSON values: ["read", key], ["write", key, value], ["cas", key, expected, new],
["append", key, text], ["delete", key]. Deterministic; touches nothing else.
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

from keelhaul.nodes.errors import ErrorCode, error_body
from keelhaul.nodes.events import Body
from keelhaul.nodes.replicated_log import Command, MalformedCommand
from keelhaul.nodes.state_machines.json_values import is_plain, is_same, problem_of

_FIELDS = {
    "read": ("key",),
    "write": ("key", "value"),
    "cas": ("key", "from", "to"),
    "append": ("key", "value"),
    "delete": ("key",),
}
_DIGEST_MASK = (1 << 48) - 1
KEY_CHARS_MAX = 256
TEXT_CHARS_MAX = 100_000
"""What appends may make of a text: an answer with it has to fit into a message."""
SHOWN_MAX = 40
"""Characters of what a client sent that an error's text repeats: the answer must fit into a message too."""


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
    if not is_key(body["key"]):
        raise MalformedCommand(
            ErrorCode.MALFORMED_REQUEST, "a key is a whole number of up to 64 bits or a string of up to 256 characters"
        )
    for name in names[1:]:
        problem = problem_of(body[name])
        if problem is not None:
            raise MalformedCommand(ErrorCode.MALFORMED_REQUEST, f"{name} {problem}")
    if kind == "append" and not isinstance(body["value"], str):
        raise MalformedCommand(ErrorCode.MALFORMED_REQUEST, "only a text can be appended")
    return [kind, *(body[name] for name in names)]


def is_key(key: Any) -> bool:
    """Say whether it is a whole number of up to 64 bits or a string of up to `KEY_CHARS_MAX` characters."""
    # true is a number to Python, and the same key as 1.
    return len(key) <= KEY_CHARS_MAX if isinstance(key, str) else type(key) is int and is_plain(key)


class KeyValue:
    """The store: values by key; a key that was never written reads as None."""

    def __init__(self) -> None:
        self._values: dict[str | int, Any] = {}
        self._weights: dict[str | int, int] = {}  # each pair's part of the digest
        self._digest = 0

    def command_of(self, body: Body) -> Command:
        """Make a command of a request's body; MalformedCommand if it isn't one."""
        return command_of(body)

    def reads_only(self, command: Command) -> bool:
        """Only a read never changes anything."""
        return bool(command[0] == "read")

    def apply(self, index: int, command: Command) -> Body:
        """Carry out a command; return the reply's body."""
        kind, key = command[0], command[1]
        if kind == "read":
            return self.read(command)
        if kind == "write":
            self._set(key, command[2])
        elif kind == "delete":
            self._drop(key)
        elif kind == "append":
            return self._append(key, command[2])
        elif not is_same(self._values.get(key), command[2]):
            return error_body(ErrorCode.PRECONDITION_FAILED, "the value isn't the expected one")
        else:
            self._set(key, command[3])
        return {"type": f"{kind}_ok"}

    def read(self, command: Command) -> Body:
        """Answer a read."""
        return {"type": "read_ok", "value": self._values.get(command[1])}

    def snapshot(self) -> list[list[Any]]:
        """Return all pairs of key and value, in the order in which the keys were first written."""
        return [[key, value] for key, value in self._values.items()]

    def restore(self, image: list[list[Any]]) -> None:
        """Take the pairs in place of everything (SN4)."""
        self._values = {key: value for key, value in image}
        self._weights = {key: _weight(key, value) for key, value in image}
        self._digest = sum(self._weights.values()) & _DIGEST_MASK

    @property
    def digest(self) -> int:
        """The sum of a checksum of each pair: kept up to date by every change, the same in any order of changes."""
        return self._digest

    def _append(self, key: str | int, text: str) -> Body:
        before = self._values.get(key)
        if not isinstance(before, str | None):
            return error_body(ErrorCode.PRECONDITION_FAILED, "the value isn't a text")
        if len(before or "") + len(text) > TEXT_CHARS_MAX:
            return error_body(ErrorCode.PRECONDITION_FAILED, f"a text has up to {TEXT_CHARS_MAX} characters")
        self._set(key, (before or "") + text)
        return {"type": "append_ok"}

    def _set(self, key: str | int, value: Any) -> None:
        weight = _weight(key, value)
        self._digest = (self._digest - self._weights.get(key, 0) + weight) & _DIGEST_MASK
        self._values[key], self._weights[key] = value, weight

    def _drop(self, key: str | int) -> None:
        self._digest = (self._digest - self._weights.pop(key, 0)) & _DIGEST_MASK
        self._values.pop(key, None)


def _weight(key: str | int, value: Any) -> int:
    return crc32(f"{key!a} {value!a}".encode())
