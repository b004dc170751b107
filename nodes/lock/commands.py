"""From a client's request to a command of the machine: what each request needs, and of which shape. Nothing that gets
past here can make the machine fail (G10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keelhaul.nodes.errors import ErrorCode
from keelhaul.nodes.events import Body
from keelhaul.nodes.lock.files import CONTENTS_CHARS_MAX
from keelhaul.nodes.lock.locks import MODES
from keelhaul.nodes.replicated_log import Command, MalformedCommand
from keelhaul.nodes.state_machines.json_values import INTEGER_BITS_MAX

NAME_CHARS_MAX = 256
SHOWN_MAX = 40

_Shape = tuple[str, Callable[[Any], bool]]


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= NAME_CHARS_MAX


def _is_number(value: Any) -> bool:
    return type(value) is int and value >= 0 and value.bit_length() < INTEGER_BITS_MAX


def _is_sequencer(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and _is_name(value[0])
        and value[1] in MODES
        and _is_number(value[2])
    )


_NAME: _Shape = (f"a string of 1 to {NAME_CHARS_MAX} characters", _is_name)
_NUMBER: _Shape = ("a whole number from 0 on", _is_number)
_MODE: _Shape = (" or ".join(MODES), lambda value: value in MODES)
_OPTIONAL_NUMBER: _Shape = ("a whole number from 0 on, or null", lambda value: value is None or _is_number(value))
_CONTENTS: _Shape = (
    f"a string of up to {CONTENTS_CHARS_MAX} characters",
    lambda value: isinstance(value, str) and len(value) <= CONTENTS_CHARS_MAX,
)
_SEQUENCER: _Shape = ("[lock, mode, token], or null", lambda value: value is None or _is_sequencer(value))
_FLAG: _Shape = ("true or false", lambda value: type(value) is bool)

_IN_SESSION = {"epoch": _NUMBER, "session": _NUMBER, "seq": _NUMBER, "acked": _NUMBER}
FIELDS: dict[str, dict[str, _Shape]] = {
    "open_session": {"nonce": _NAME},
    "keep_alive": {"epoch": _NUMBER, "session": _NUMBER, "heard": _NUMBER},
    "close_session": _IN_SESSION,
    "acquire": {**_IN_SESSION, "lock": _NAME, "mode": _MODE, "wait": _FLAG},
    "cancel_wait": {**_IN_SESSION, "lock": _NAME, "of": _NUMBER},
    "release": {**_IN_SESSION, "lock": _NAME, "token": _NUMBER},
    "open": {**_IN_SESSION, "path": _NAME, "create": _FLAG, "ephemeral": _FLAG},
    "close": {**_IN_SESSION, "path": _NAME},
    "set_contents": {
        **_IN_SESSION,
        "path": _NAME,
        "contents": _CONTENTS,
        "if_generation": _OPTIONAL_NUMBER,
        "sequencer": _SEQUENCER,
    },
    "delete": {**_IN_SESSION, "path": _NAME},
    "get": {"epoch": _NUMBER, "session": _NUMBER, "path": _NAME},
    "children": {"epoch": _NUMBER, "session": _NUMBER, "path": _NAME},
    "check_sequencer": {
        "epoch": _NUMBER,
        "session": _NUMBER,
        "lock": _NAME,
        "owner": _NUMBER,
        "mode": _MODE,
        "token": _NUMBER,
    },
}
READS = ("check_sequencer", "get", "children")
CHANGES = ("set_contents", "delete", "open")
"""What makes cached copies of a file wrong."""


def command_of(body: Body) -> Command:
    """Make a command of a request; MalformedCommand says what is wrong with it, all at once."""
    kind = body["type"]
    fields = FIELDS.get(kind)
    if fields is None:
        known = ", ".join(FIELDS)
        raise MalformedCommand(ErrorCode.NOT_SUPPORTED, f"no such request: {kind[:SHOWN_MAX]!r}; there are {known}")
    wrong = [f"{name} is {shape}" for name, (shape, fits) in fields.items() if not fits(body.get(name))]
    if wrong:
        raise MalformedCommand(ErrorCode.MALFORMED_REQUEST, f"{kind}: {'; '.join(wrong)}")
    return [kind, *(body[name] for name in fields)]
