"""Recorded histories in other people's formats, and ours: text in, operations out.

    recorded = read(data)                      # bytes; the format is found out
    operations = recorded.operations()         # what the checkers take

| format       | what                                                                | file           |
|--------------|---------------------------------------------------------------------|----------------|
| `edn`        | maps in a vector or one after another: Jepsen, Knossos, Elle         | `edn_rows.py`  |
| `json`       | objects, one a line, in an array or one after another: ours, elle-cli | `json_rows.py` |
| `text-log`   | Jepsen's log and history.txt                                        | `text_log.py`  |

Each format is a reader that yields rows; `recorded.py` joins them to operations, the same way for all. Everything that
is read is untrusted: its size and depth are bounded, the work is linear in its length, and a FormatError tells line and
column. No reader touches a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from keelhaul.checkers.formats.edn_rows import EdnRows
from keelhaul.checkers.formats.errors import FormatError, error_at
from keelhaul.checkers.formats.json_rows import JsonRows
from keelhaul.checkers.formats.recorded import Recorded, Rows, pair
from keelhaul.checkers.formats.text_log import TextLogRows

__all__ = ["BYTES_MAX", "FORMATS", "FormatError", "Recorded", "detect", "read"]

FORMATS: Final[dict[str, Callable[[str], Rows]]] = {"edn": EdnRows, "json": JsonRows, "text-log": TextLogRows}
BYTES_MAX: Final = 2_000_000_000
"""A history that is longer isn't read; ten million operations are a tenth of it."""

_BEGINNING = re.compile(r"(?:[\s,]++|;[^\n]*+)*+(.?)[\s,]*+(.?)[\s,]*+(.?)", re.DOTALL)


def read(data: bytes, format_name: str | None = None) -> Recorded:
    """Read a history; None detects the format. FormatError if it can't be read; KeyError for an unknown name."""
    text = _decode(data)
    return pair(FORMATS[format_name or detect(text)](text))


def detect(text: str) -> str:
    """Return the name of the format that the text's first characters are of.

    Maps and objects begin with a brace, in a vector or not; what comes next is a quotation mark only in JSON. Comments
    and lists are only in EDN. All else is a log.
    """
    found = _BEGINNING.match(text)
    assert found is not None, "all of it may be missing"
    first, second, third = found.groups()
    if text.lstrip().startswith(";") and first in "([{#":
        return "edn"
    if first == "[":
        first, second = second, third
        if first in ("]", ""):
            return "json"
    if first == "{":
        return "json" if second in ('"', "}") else "edn"
    return "edn" if first in ("(", "#") and first else "text-log"


def _decode(data: bytes) -> str:
    if len(data) > BYTES_MAX:
        raise FormatError(f"it is longer than {BYTES_MAX} bytes", 1, 1)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(errors="replace")
        raise error_at(before, len(before), f"the byte 0x{data[error.start]:02x} isn't UTF-8") from None
