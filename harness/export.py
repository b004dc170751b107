"""Recorded histories out of the store, or out of anybody's file, into what other checkers read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from keelhaul.checkers.formats import FormatError
from keelhaul.checkers.formats.export import ExportError, on_key, to_edn, to_porcupine
from keelhaul.harness.check_files import printable, read_file
from keelhaul.harness.validation import UsageError


def export(
    path: Path,
    target: str,
    format_name: str | None = None,
    failed_cas: Literal["ignore", "observe"] = "ignore",
    key: str | None = None,
) -> Iterator[str]:
    """Yield the lines of the history in a file or in a run's folder. UsageError if it can't be read, or not be said
    in the other format."""
    try:
        recorded = read_file(path, format_name)
        chosen = recorded if key is None else on_key(recorded, key)
        if target == "edn":
            yield from to_edn(chosen)
        else:
            yield from to_porcupine(chosen.operations(failed_cas=failed_cas))
    except FormatError as error:
        raise UsageError([f"{printable(path)}:{error.line}:{error.column}: {error.problem}"]) from None
    except ExportError as error:
        raise UsageError([f"{printable(path)}: {error}"]) from None
