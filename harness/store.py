"""The store: one folder a run, written as the run goes, so that nothing recorded is ever lost.

    store/SCENARIO/TIME-SEED/   scenario.toml  plan.json  history.jsonl  verdict.json  report.html  run.log  nodes/n1/…
    store/current  store/latest  store/SCENARIO/latest       links; `current` from a run's start, `latest` from its end

`history.jsonl` is only ever appended to, whole lines at a time: a harness that is killed leaves a prefix that can be
judged. Everything else is written beside its place and then moved there, so that nobody ever sees half of it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from keelhaul.checkers.checker import NodeTrace
from keelhaul.checkers.history import Row
from keelhaul.harness import codec
from keelhaul.harness.validation import UsageError, shown

HISTORY, SCENARIO, PLAN, VERDICT, REPORT, LOG = (
    "history.jsonl",
    "scenario.toml",
    "plan.json",
    "verdict.json",
    "report.html",
    "run.log",
)


def new_run_folder(store: Path, scenario: str, seed: int) -> Path:
    """Make and return a new run's folder; UsageError if there can't be one. Its time is UTC; a second run within the
    same millisecond gets a suffix."""
    try:
        store.mkdir(parents=True, exist_ok=True)
        ignore = store / ".gitignore"
        if not ignore.exists():
            write_whole(ignore, b"*\n")
        return _new_folder(store / scenario, seed)
    except OSError as error:
        raise UsageError([f"{error.filename or store}: no run can be stored there: {error.strerror}"]) from None


def _new_folder(parent: Path, seed: int) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3] + "Z"
    suffix = 0
    while True:
        folder = parent / (f"{stamp}-{seed}" if suffix == 0 else f"{stamp}-{seed}-{suffix}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            suffix += 1
        else:
            return folder.resolve()


def link(store: Path, folder: Path, *names: str) -> None:
    """Point the links (such as "latest", "raft-register/latest") at a run, each in one atomic move."""
    for name in names:
        place = store / name
        temporary = place.with_name(f".{place.name}-{os.getpid()}")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(os.path.relpath(folder, place.parent.resolve()))
        temporary.replace(place)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is either not there or complete."""
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


class HistoryWriter:
    """Appends rows to `history.jsonl` and keeps them. `flush` writes what is buffered in one call, whole lines only."""

    BUFFERED_ROWS_MAX = 256

    def __init__(self, path: Path) -> None:
        self.rows: list[Row] = []
        self._pending: list[bytes] = []
        self._digest = hashlib.sha256()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def append(self, time_ns: int, type_: str, process: int | str, f: str, value: Any, error: Any = None) -> Row:
        """Record one row; it gets the next index."""
        row = Row(len(self.rows), time_ns, type_, process, f, value, error)
        self.rows.append(row)
        self._pending.append(codec.encode_row(row))
        if len(self._pending) >= self.BUFFERED_ROWS_MAX:
            self.flush()
        return row

    def flush(self) -> None:
        """Hand everything to the operating system."""
        if self._pending:
            data = b"".join(self._pending)
            self._pending.clear()
            self._digest.update(data)
            written = os.write(self._file, data)
            while written < len(data):  # a nearly full disk takes a part; the rest must follow or fail loudly
                written += os.write(self._file, data[written:])

    def sha256(self) -> str:
        """Return the digest of all that was flushed."""
        return self._digest.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.flush()
        finally:
            os.close(self._file)


def read_verdict(folder: Path) -> dict[str, Any]:
    """Return what `verdict.json` holds; an empty object if there is none. UsageError if it isn't one of ours."""
    path = folder / VERDICT
    if not path.is_file():
        return {}
    try:
        found = codec.decode(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError([f"{path}: can't be read: {error}"]) from None
    if not isinstance(found, dict):
        raise UsageError([f"{path}: {shown(found)} isn't a verdict record"])
    problems = [
        f"{path}: {name}: {shown(found[name])} isn't {what}"
        for name, (what, fits) in _VERDICT_FIELDS.items()
        if name in found and not fits(found[name])
    ]
    if problems:
        raise UsageError(problems)
    return found


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


_VERDICT_FIELDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "verdict": ("valid, invalid or unknown", ("valid", "invalid", "unknown").__contains__),
    "reasons": ("a list of sentences", _are_texts),
    "crashes": ("a list of sentences", _are_texts),
    "history_sha256": ("a digest", lambda value: isinstance(value, str)),
    "interrupted": ("true or false", lambda value: isinstance(value, bool)),
}
"""Those fields that are read again, what they hold, and whether a value fits."""


def write_traces(folder: Path, traces: tuple[NodeTrace, ...]) -> None:
    """Write each node's `trace.jsonl`."""
    for trace in traces:
        place = folder / "nodes" / trace.node
        place.mkdir(parents=True, exist_ok=True)
        write_whole(place / "trace.jsonl", b"".join(codec.encode_line(record) for record in trace.records))


def read_traces(folder: Path, nodes: tuple[str, ...]) -> tuple[NodeTrace, ...] | None:
    """Read the nodes' traces; None if any of them isn't there. ValueError if one is damaged."""
    paths = {node: folder / "nodes" / node / "trace.jsonl" for node in nodes}
    if not nodes or not all(path.is_file() for path in paths.values()):
        return None
    return tuple(NodeTrace(node, codec.read_trace(path)) for node, path in paths.items())


def sha256_of(path: Path) -> str:
    """Return the digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_folder(path: str, store: Path) -> Path:
    """Return the run's folder that a person means by a path, or by "latest"; UsageError if there is none."""
    folder = (store / "latest") if path == "latest" and not os.path.exists(path) else Path(path)
    if folder.name == HISTORY:
        folder = folder.parent
    if not os.path.exists(folder):  # unlike Path.exists, this takes any text
        raise UsageError(
            [f"{path}: no such run" + ("; nothing has run yet in " + str(store) if path == "latest" else "")]
        )
    return folder.resolve()


def find_run(path: str, store: Path) -> Path:
    """Return the folder that a person means; UsageError if it holds no history."""
    folder = find_folder(path, store)
    if not (folder / HISTORY).is_file():
        raise UsageError([f"{folder}: there is no {HISTORY} in it"])
    return folder
