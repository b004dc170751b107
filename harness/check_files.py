"""Judging recorded histories as files: read one, check it against a model, verify the proof, make a record of it.

A file that can't be read, or whose operations aren't the model's, is a problem of that file only: its record says so,
in its place among the others.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from keelhaul.checkers import formats
from keelhaul.checkers.formats import FormatError, Recorded
from keelhaul.checkers.levels import Levels, judge
from keelhaul.checkers.linearizability import portfolio
from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import FailedCas, MalformedOperation, Operations
from keelhaul.checkers.linearizability.outcome import Outcome, check
from keelhaul.checkers.models.model import Model
from keelhaul.checkers.models.registry import model_named
from keelhaul.checkers.verdict import Verdict, merge
from keelhaul.harness import memory, store
from keelhaul.harness.garbage import no_cycle_collection
from keelhaul.harness.spread import Died, in_turn, over_processes
from keelhaul.harness.validation import UsageError

READ_AHEAD_BYTES: Final = 1 << 20
"""Of small files, so much is read before the first of them is judged: in memory, some ten megabytes."""
TOGETHER_S: Final = 0.005
"""Verdicts that were found within this time are told of together."""
Record: TypeAlias = "dict[str, Any]"
Tell: TypeAlias = Callable[[], Record]
"""Makes the record of what was found: a refutation small, the reason in words, the proof verified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of each file. `format_name` None: found out; `algorithm` None: chosen."""

    model: Model
    format_name: str | None = None
    failed_cas: FailedCas = "ignore"
    budget_s: float
    budget_mb: float
    jobs: int = 1
    verify: bool = False
    algorithm: str | None = None
    levels: bool = False
    """Whether to find the strongest level of consistency that holds, too."""


def question(model: str, **options: Any) -> Question:
    """Return the question that options ask; UsageError tells all that is wrong with them."""
    problems = []
    known: Model | None = None
    try:
        known = model_named(model)
    except ValueError as error:
        problems.append(f"--model: {error}")
    try:
        if options.get("algorithm") is not None:
            portfolio.named(options["algorithm"])
    except ValueError as error:
        problems.append(f"--algorithm: {error}")
    if problems or known is None:
        raise UsageError(problems)
    return Question(model=known, **options)


def check_files(
    paths: list[Path], question: Question, *, ahead_bytes: int = READ_AHEAD_BYTES
) -> Iterator[dict[str, Any]]:
    """Yield a record for each file, in order; `problem` in it says why it couldn't be judged. UsageError before the
    first if any of them isn't there. Of several files, each is one process's; of one, its parts are dealt out.

    One process reads up to `ahead_bytes` of small files before it judges the first of them, and tells of those for
    which that takes no time (TOGETHER_S) when all of them are judged: reading, judging and telling push each other's
    code out of the processor's caches, which is up to a fifth of each (benchmarks/small_files.py).
    """
    missing = [f"{printable(path)}: no such file" for path in paths if not _file_of(path).is_file()]
    if missing:
        raise UsageError(missing)
    if len(paths) == 1 or question.jobs == 1:
        found: Iterator[dict[str, Any] | Died] = _check_all(paths, question, ahead_bytes)
    else:
        each = replace(question, jobs=1)
        found = in_turn(question.jobs, [partial(_check_alone, path, each) for path in paths])
    for path, record in zip(paths, found, strict=True):
        if isinstance(record, Died):
            record = _not_judged(f"{printable(path)}: the process that judged it died: {record}")
        yield {"file": printable(path), **record}


def read_file(path: Path, format_name: str | None = None) -> Recorded:
    """Read a history from a file or a run's folder. FormatError if it can't be read."""
    file = _file_of(path)
    try:
        if file.stat().st_size > formats.BYTES_MAX:
            raise FormatError(f"it is longer than {formats.BYTES_MAX} bytes", 1, 1)
        return formats.read(file.read_bytes(), format_name)
    except OSError as error:
        raise FormatError(f"it can't be read: {error.strerror}", 1, 1) from None


def printable(path: Path) -> str:
    """Return a path as text, whatever bytes its name is made of."""
    return os.fsencode(path).decode(errors="replace")


def _file_of(path: Path) -> Path:
    return path / store.HISTORY if path.is_dir() else path


def _check_all(paths: list[Path], question: Question, ahead_bytes: int) -> Iterator[Record]:
    """Judge files in this process, and yield their records."""
    sizes = [*map(_size, paths)]
    first = 0
    while first < len(paths):
        end, size = first + 1, sizes[first]
        while end < len(paths) and size + sizes[end] <= ahead_bytes:
            size += sizes[end]
            end += 1
        with no_cycle_collection():
            yield from _in_batches(deque([_read(path, question) for path in paths[first:end]]))
        first = end


def _in_batches(read: deque[Callable[[], Tell]]) -> Iterator[Record]:
    """Judge what was read, and yield a record of each, no later than when one that takes longer is judged, too."""
    waiting: deque[Tell] = deque()
    began_s = time.monotonic()
    while read:
        try:
            waiting.append(read.popleft()())
        except BaseException:  # An interrupt, above all: what was found by then is told of.
            yield from (tell() for tell in waiting)
            raise
        if not read or time.monotonic() - began_s >= TOGETHER_S:
            while waiting:
                yield waiting.popleft()()
            began_s = time.monotonic()


def _size(path: Path) -> int:
    try:
        return _file_of(path).stat().st_size
    except OSError:
        return 0  # Whoever reads it says so.


def _check_alone(file: Path, question: Question) -> dict[str, Any]:
    with no_cycle_collection():
        return _read(file, question)()()


def _read(file: Path, question: Question) -> Callable[[], Tell]:
    """Read a file, and return what judges it."""
    started_ns = time.monotonic_ns()
    try:
        recorded = read_file(file, question.format_name)
        operations = recorded.operations(failed_cas=question.failed_cas, keys=question.model.keys)
    except FormatError as error:
        problem = f"{printable(file)}:{error.line}:{error.column}: {error.problem}"
        return lambda: partial(_not_judged, problem)
    except MalformedOperation as error:
        malformed = _malformed(file, question, error)
        return lambda: partial(_not_judged, malformed)
    parse_ns, is_empty = time.monotonic_ns() - started_ns, not len(recorded)

    def judge() -> Tell:
        try:
            checked = _checked(operations, question, time.monotonic)
        except MalformedOperation as error:
            return partial(_not_judged, _malformed(file, question, error))
        return partial(tell, checked)

    def tell(checked: _Checked) -> Record:
        try:
            record = checked.told(question)
        except MalformedOperation as error:
            return _not_judged(_malformed(file, question, error))
        if is_empty:
            record |= {"verdict": "unknown", "reason": "there is no operation in it"}
        return {"parse_ns": parse_ns, **record}

    return judge


def _malformed(file: Path, question: Question, error: MalformedOperation) -> str:
    return f"{printable(file)}: this is no history of a {question.model.name}: {error}"


def _not_judged(problem: str) -> dict[str, Any]:
    return {"verdict": "unknown", "reason": problem, "problem": problem}


def judged(operations: Operations, question: Question, clock: Callable[[], float] = time.monotonic) -> Record:
    """Check, explain, verify. `check_ns` is for the verdict and what proves it; `explain_ns` for making a refutation
    small and telling the reason in words. One violated key settles the verdict, so others are only looked at for
    whether they can be read."""
    return _checked(operations, question, clock).told(question)


def _checked(operations: Operations, question: Question, clock: Callable[[], float]) -> _Checked:
    """Find the verdict, and what proves it."""
    started_ns = time.monotonic_ns()
    budget = Budget(seconds=question.budget_s, megabytes=question.budget_mb, clock=clock, memory=memory.resident_mb)
    found = judge(question.model, operations, budget=budget) if question.levels else None
    outcome = _check(operations, question, budget) if found is None else found.outcome
    _ = outcome.witness
    return _Checked(operations, outcome, found, time.monotonic_ns() - started_ns)


class _Checked(NamedTuple):
    """What was found."""

    operations: Operations
    outcome: Outcome
    levels: Levels | None
    check_ns: int

    def told(self, question: Question) -> Record:
        """Explain and verify it. MalformedOperation if what was left unjudged can't be read."""
        operations, outcome, found, check_ns = self
        started_ns = time.monotonic_ns()
        if outcome.left:
            portfolio.demand_shape(question.model, operations)
        reason, refutation = outcome.reason, outcome.refutation
        record: Record = {
            "verdict": outcome.verdict.value,
            "reason": reason,
            "algorithm": outcome.algorithm,
            "operations": len(operations),
            "check_ns": check_ns,
            "explain_ns": time.monotonic_ns() - started_ns,
        }
        if found is not None:
            record |= {"strongest": found.strongest, "levels": _levels_as_json(found), "levels_reason": found.reason}
        if question.verify and outcome.verdict is not Verdict.UNKNOWN:
            record["verified"] = outcome.problem() is None
        if outcome.witness is not None:
            record["witness"] = outcome.witness
        if refutation is not None:
            record["refutation"] = refutation
        return record


def _check(operations: Operations, question: Question, budget: Budget) -> Outcome:
    spread = over_processes(question.jobs) if question.jobs > 1 else None
    return check(question.model, operations, budget=budget, algorithm=question.algorithm, spread=spread, every=False)


def _levels_as_json(found: Levels) -> dict[str, Any]:
    return {
        level: {"verdict": one.verdict.value, "reason": one.reason, "operations": [*one.operations]}
        for level, one in found.of.items()
    }


def sentence(record: dict[str, Any]) -> str:
    """Say in a line or more what a record says."""
    took = f"{record['operations']} operations, {record['algorithm']}, {record['check_ns'] / 1e6:.1f} ms"
    proof = {True: ", proof verified", False: ", PROOF NOT VERIFIED", None: ""}[record.get("verified")]
    reason = f"\n  {record['reason']}" if record["reason"] else ""
    levels = f"\n  {record['levels_reason']}" if "levels_reason" in record else ""
    return f"{record['file']}: {record['verdict']} ({took}{proof}){reason}{levels}"


def worst(verdicts: Iterable[str]) -> str:
    """Return the verdict of several histories together."""
    return merge(map(Verdict, verdicts)).value
