"""The workload `files`: clients of the lock service's small files, with caches and notices (LC-10, LC-11, LC-12).

Values are [path, details]. Permanent files f1, f2, … are written and read; ephemeral ones e1, e2, … are visited: opened
by who hasn't, closed by who has. No contents are written twice.

    write   [path, {"contents"}] → {"contents", "instance", "generation"}
    read    [path, {}] → {"contents", "instance", "generation", "cached"}
    visit   [path, {}] → {"did": "enter" or "leave"}
    close   [null, {}]                                            ends the session

Any completion may hold `heard` (checkers/locks/notices.py) and `sessions_over` (checkers/locks/sessions.py).
"""

from __future__ import annotations

from typing import NamedTuple

from keelhaul.checkers.locks.cached import CoherentFiles
from keelhaul.checkers.locks.notices import NoticesInOrder
from keelhaul.checkers.locks.sessions import SessionsLast
from keelhaul.workloads.draws import Draws
from keelhaul.workloads.generator import Context, Emission, Generator, Happening, Nothing, Wanted
from keelhaul.workloads.lasting import LastingClient
from keelhaul.workloads.lock.calls import MS
from keelhaul.workloads.lock.file_client import FileClient
from keelhaul.workloads.lock.stopping import Stopping
from keelhaul.workloads.workload import Workload, WorkloadKind, weighted

FUNCTIONS = weighted({"read": 7, "write": 2, "visit": 1})


class FileFunctions:
    """What the interpreter must know of the operations."""

    def reads_only(self, f: str) -> bool:
        """Only a read changes nothing."""
        return f == "read"


class FileOperations(NamedTuple):
    """Reads, writes and visits of random files. Operation number n writes "wn"."""

    files: tuple[str, ...]
    ephemeral: tuple[str, ...]
    draws: Draws
    emitted: int = 0

    def ask(self, context: Context) -> Emission | Nothing:
        """Emit the next operation now."""
        bits, which = divmod(self.draws.bits(), len(FUNCTIONS))
        f, number = FUNCTIONS[which], self.emitted + 1
        paths = self.files if f == "write" else self.ephemeral if f == "visit" else (*self.files, *self.ephemeral)
        details = {"contents": f"w{number}"} if f == "write" else {}
        rest = self._replace(draws=self.draws.next(), emitted=number)
        return Emission(Wanted(f, [paths[bits % len(paths)], details], context.time_ns), rest)

    def update(self, context: Context, event: Happening) -> Generator:
        """Nothing depends on what came of it."""
        return self


def make(options: dict[str, int], draws: Draws) -> Workload:
    """Build the workload over so many permanent and ephemeral files."""
    files = tuple(f"f{number}" for number in range(1, options["files"] + 1))
    ephemeral = tuple(f"e{number}" for number in range(1, options["ephemeral"] + 1))

    def client(process: int, thread: int, nodes: tuple[str, ...]) -> LastingClient:
        return Stopping(FileClient(f"p{process}", nodes, thread, options["patience_ms"] * MS))

    return Workload(
        name="files",
        protocols=FileFunctions(),
        operations=FileOperations(files, ephemeral, draws),
        finals=(
            *(Wanted("read", [path, {}], 0) for path in (*files, *ephemeral)),
            Wanted("write", [files[0], {"contents": "after the heal"}], 0),
        ),
        checkers={
            "coherent-files": CoherentFiles(frozenset(ephemeral)),
            "notices-in-order": NoticesInOrder(),
            "sessions-last": SessionsLast(),
        },
        farewell=Wanted("close", [None, {}], 0),
        clients=client,
    )


FILES = WorkloadKind(
    name="files",
    does="reads, from caches too, and writes of small files, and ephemeral files that come and go with their sessions",
    systems=("lock", "lock-on-paxos"),
    options={"files": 4, "ephemeral": 3, "patience_ms": 1500},
    make=make,
)
