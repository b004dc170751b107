"""Work dealt to several processes: what `--jobs` means for the independent parts of a history, and for files.

Each worker is a fork: it sees all that was read so far without anything being sent to it, and sends its answers back.
They come in the order in which they would have come from one process. A worker that dies leaves `Died` in their place.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import TypeVar

from keelhaul.checkers.linearizability.portfolio import Decided, DecideSome, Spread
from keelhaul.checkers.linearizability.result import Unknown

Answer = TypeVar("Answer")


class Died(Exception):
    """The process that was to answer ended without doing so."""


def over_processes(jobs: int) -> Spread:
    """Return what decides parts by as many processes, for `check(…, spread=…)`. What deciding a part raises is raised;
    of several errors, the one that one process would have met first. A part whose process died is unknown."""

    def spread(decide: DecideSome, sizes: Sequence[int]) -> list[Decided]:
        hands = [hand for hand in dealt(sizes, jobs) if hand]
        answers = [*in_turn(jobs, [_attempt(decide, hand) for hand in hands])]
        raised = [(hand[0], answer) for hand, answer in zip(hands, answers, strict=True) if _is_error(answer)]
        if raised:
            error = min(raised, key=lambda item: item[0])[1]
            assert isinstance(error, Exception), "only those were listed"
            raise error
        found: dict[int, Decided] = {}
        for hand, answer in zip(hands, answers, strict=True):
            if isinstance(answer, list):
                found |= dict(zip(hand, answer, strict=True))
            else:
                found |= {part: (Unknown(f"its process died: {answer}", 0, sizes[part]), "none") for part in hand}
        return [found[part] for part in range(len(sizes))]

    return spread


def _attempt(decide: DecideSome, hand: Sequence[int]) -> Callable[[], list[Decided] | Exception]:
    def attempt() -> list[Decided] | Exception:
        try:
            return decide(hand)
        except Exception as error:
            return error

    return attempt


def _is_error(answer: object) -> bool:
    return isinstance(answer, Exception) and not isinstance(answer, Died)


def dealt(sizes: Sequence[int], hands: int) -> list[list[int]]:
    """Deal numbered pieces of these sizes about evenly: the largest first, to whom has least. Each hand ascends."""
    found: list[list[int]] = [[] for _ in range(hands)]
    loads = [0] * hands
    for piece in sorted(range(len(sizes)), key=lambda piece: -sizes[piece]):
        least = loads.index(min(loads))
        found[least].append(piece)
        loads[least] += sizes[piece]
    return [sorted(hand) for hand in found]


def in_turn(jobs: int, tasks: Sequence[Callable[[], Answer]]) -> Iterator[Answer | Died]:
    """Do independent tasks by up to `jobs` processes and yield what they return, in order. They must not raise."""
    workers = min(jobs, len(tasks))
    if workers < 2:
        yield from (task() for task in tasks)
        return
    connections: list[Connection] = []
    processes: list[BaseProcess] = []
    try:
        for first in range(workers):
            connection, process = _start(tasks[first::workers])
            connections.append(connection)
            processes.append(process)
        for number in range(len(tasks)):
            try:
                yield connections[number % workers].recv()
            except EOFError:
                yield Died(f"exit code {_exit_code(processes[number % workers])}")
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _start(tasks: Sequence[Callable[[], Answer]]) -> tuple[Connection, BaseProcess]:
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)

    def work() -> None:
        receiving.close()
        for task in tasks:
            sending.send(task())

    process = context.Process(target=work, daemon=True)
    process.start()
    sending.close()  # so that the other end is at its end when the process is
    return receiving, process


def _exit_code(process: BaseProcess) -> int | None:
    process.join()
    return process.exitcode
