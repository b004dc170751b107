"""Histories for other people's checkers: EDN as Knossos and Elle read it, JSON as Porcupine's Go structs take it.

What goes out is what a verdict rests on: processes, functions, values, and which row came before which. An operation
without a known outcome ends in an info, and a process that went on after one goes on under a new number, since to
Knossos it is busy for ever.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterator
from typing import Any, Final

from keelhaul.checkers.formats.edn_values import MICRO_OPERATIONS
from keelhaul.checkers.formats.recorded import DEFAULT_F, Recorded
from keelhaul.checkers.linearizability.operations import OPEN, Operations
from keelhaul.checkers.values import thaw

EXPORTS: Final = ("edn", "porcupine")
KEYS_SHOWN_MAX: Final = 10
_KEYWORD = re.compile(r"[A-Za-z*!_?$%&=<>][\w.*+!\-?$%&=<>#]*", re.ASCII)
_UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")


class ExportError(ValueError):
    """The history has something that the other format can't say; the message names it."""


def on_key(recorded: Recorded, key: str) -> Recorded:
    """Return the operations on one of several independent objects, without its key, which is given as JSON.

    ExportError if there is none such.
    """
    if recorded.operations().key is None:
        raise ExportError("this history has no keys, so none can be chosen")
    texts = [json.dumps(thaw(argument[1])) for argument in recorded.argument]
    chosen = [at for at, text in enumerate(texts) if text == key]
    if not chosen:
        some = [*dict.fromkeys(texts)][:KEYS_SHOWN_MAX]
        raise ExportError(f"no operation is on key {key} (some that there are: {', '.join(some)})")
    failed = set(recorded.failed)
    return Recorded(
        f=[recorded.f[at] for at in chosen],
        argument=[recorded.argument[at][2] for at in chosen],
        result=[recorded.result[at] and recorded.result[at][2] for at in chosen],
        invoked=[recorded.invoked[at] for at in chosen],
        returned=[recorded.returned[at] for at in chosen],
        process=[recorded.process[at] for at in chosen],
        failed=[position for position, at in enumerate(chosen) if at in failed],
        rows=recorded.rows,
    )


def to_edn(recorded: Recorded) -> Iterator[str]:
    """Yield a line for each row. ExportError if a function can't be a keyword."""
    invokes = {row: at for at, row in enumerate(recorded.invoked)}
    completes = {row: at for at, row in enumerate(recorded.returned) if row != OPEN}
    failed = set(recorded.failed)
    processes = _processes(recorded)
    rows = [(row in invokes, invokes.get(row, completes.get(row, 0))) for row in sorted({**completes, **invokes})]
    rows += [(False, at) for at, row in enumerate(recorded.returned) if row == OPEN]
    for number, (is_invocation, at) in enumerate(rows):
        kind = "fail" if at in failed else "info" if recorded.returned[at] == OPEN else "ok"
        value = recorded.result[at] if kind == "ok" and not is_invocation else recorded.argument[at]
        yield _row(number, "invoke" if is_invocation else kind, processes[at], recorded.f[at], value)


def to_porcupine(operations: Operations) -> Iterator[str]:
    """Yield the lines of a JSON array that decodes into []porcupine.Operation.

    `Input` is {"f", "value"}, and "key" where there are several objects. `Output` is {"ok": true, "value"},
    {"ok": false} for a comparison that failed, null where the outcome is unknown; `Return` is then behind everything.
    """
    end = max((row for row in operations.returned if row != OPEN), default=-1)
    end = max(end, operations.invoked[-1] if len(operations) else 0) + 1
    opening = "["
    for at in range(len(operations)):
        open_, failed = operations.returned[at] == OPEN, operations.failed is not None and operations.failed[at]
        asked = {"f": operations.f[at], "value": thaw(operations.argument[at])}
        if operations.key is not None:
            asked["key"] = thaw(operations.key[at])
        answered = {"ok": False} if failed else {"ok": True, "value": thaw(operations.result[at])}
        record = {
            "ClientId": operations.process[at],
            "Input": asked,
            "Call": operations.invoked[at],
            "Output": None if open_ else answered,
            "Return": end if open_ else operations.returned[at],
        }
        try:
            yield opening + json.dumps(record, ensure_ascii=False, allow_nan=False)
        except ValueError as error:
            raise ExportError(f"row {operations.invoked[at]}: JSON has no such number") from error
        opening = ","
    yield "]" if opening == "," else "[]"


def _processes(recorded: Recorded) -> list[int]:
    """Return each operation's process, under a number by which nothing follows an operation that stays open."""
    names: list[int] = []
    current: dict[int, int] = {}
    busy: set[int] = set()
    unused = max(recorded.process, default=0) + 1
    for process, returned in zip(recorded.process, recorded.returned, strict=True):
        name = current.setdefault(process, max(process, 0))
        if name in busy:
            name = current[process] = unused
            unused += 1
        if returned == OPEN:
            busy.add(name)
        names.append(name)
    return names


def _row(index: int, kind: str, process: int, f: str, value: Hashable) -> str:
    if not _KEYWORD.fullmatch(f):
        raise ExportError(f"the function {f!r} can't be an EDN keyword")
    text = _transaction(value) if f == DEFAULT_F else _edn(thaw(value))
    return f"{{:index {index}, :type :{kind}, :process {process}, :f :{f}, :value {text}}}"


def _transaction(value: Any) -> str:
    """Write a transaction: micro-operations begin with keywords."""
    micros = thaw(value)
    if not isinstance(micros, list):
        return _edn(micros)
    return "[" + " ".join(map(_micro, micros)) + "]"


def _micro(micro: Any) -> str:
    if not isinstance(micro, list) or not micro or micro[0] not in MICRO_OPERATIONS:
        return _edn(micro)
    return "[" + " ".join([f":{micro[0]}", *map(_edn, micro[1:])]) + "]"


def _edn(value: Any) -> str:
    """Write a JSON value."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return "[" + " ".join(map(_edn, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_edn(name)} {_edn(item)}" for name, item in value.items()) + "}"
    if isinstance(value, float) and value - value != 0:
        return "##NaN" if value != value else "##Inf" if value > 0 else "##-Inf"
    return repr(value)


def _text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return '"' + _UNREADABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", escaped) + '"'
