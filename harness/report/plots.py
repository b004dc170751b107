"""The data that the page's script draws: operations, faults, rates, on one time axis.

Every text goes into one table of strings, because ten thousand operations repeat few of them; values are sent as the
text to be shown, so that no integer loses digits in a JavaScript number. Times are numbers: nanoseconds are exact for
104 days.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import Any

from keelhaul.checkers.history import History, Operation
from keelhaul.harness.report.faults import Band
from keelhaul.harness.report.wording import printable, shown

OPERATIONS_DRAWN_MAX = 10_000
"""More can neither be read nor drawn at once; the tables and the rates cover all."""

_EXACT_MAX = 2**53 - 1
_BUCKETS_MAX = 600
_OUTCOMES = ("ok", "fail", "info")


def drawn(operations: Sequence[Operation], named: Mapping[int, bool]) -> list[Operation]:
    """Return the operations to be drawn: all; or OPERATIONS_DRAWN_MAX in a row, around the first that a verdict is
    about, and the other named ones. `named` is as for `plot_data`."""
    if len(operations) <= OPERATIONS_DRAWN_MAX:
        return list(operations)
    central = {row for row, is_central in named.items() if is_central} or named.keys()
    first = next((at for at, operation in enumerate(operations) if operation.invoked in central), 0)
    begin = max(0, min(first - OPERATIONS_DRAWN_MAX // 2, len(operations) - OPERATIONS_DRAWN_MAX))
    end = begin + OPERATIONS_DRAWN_MAX
    return [operation for at, operation in enumerate(operations) if begin <= at < end or operation.invoked in named]


def plot_data(
    history: History, shown_operations: Sequence[Operation], bands: Sequence[Band], named: Mapping[int, bool]
) -> Any:
    """Return what report.js expects, as JSON. `named` holds the row of each named operation's invocation, and whether
    the verdict is about it."""
    span_ns = _time(history.rows[-1].time if history.rows else 0)
    kinds = list(dict.fromkeys(band.kind for band in bands))
    strings = _Strings()
    lane_of, lanes = _lanes(shown_operations)
    return {
        "span_ns": span_ns,
        "operations": [
            _operation(operation, lane_of[operation.process], _mark(operation, named), strings)
            for operation in shown_operations
        ],
        "lanes": lanes,
        "kinds": [printable(kind) for kind in kinds],
        "bands": [_band(band, kinds, span_ns) for band in bands if band.start_ns is not None],
        "rates": rates(history.operations, span_ns),
        "strings": strings.listed,
    }


class _Strings:
    """Each text once, by number."""

    def __init__(self) -> None:
        self.listed: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        if text not in self._numbers:
            self._numbers[text] = len(self.listed)
            self.listed.append(text)
        return self._numbers[text]


def _operation(operation: Operation, lane: int, mark: int, strings: _Strings) -> list[int]:
    texts = (str(operation.process), printable(operation.f), shown(operation.value))
    after = (shown(operation.result), shown(operation.error))
    return [
        lane,
        *map(strings.number, texts),
        _OUTCOMES.index(operation.outcome),
        *map(strings.number, after),
        _time(operation.invoked_ns),
        -1 if operation.completed_ns is None else _time(operation.completed_ns),
        operation.invoked,
        -1 if operation.completed is None else operation.completed,
        mark,
    ]


def _mark(operation: Operation, named: Mapping[int, bool]) -> int:
    return {None: 0, False: 1, True: 2}[named.get(operation.invoked)]


def _band(band: Band, kinds: list[str], span_ns: int) -> Mapping[str, Any]:
    assert band.start_ns is not None
    return {
        "kind": kinds.index(band.kind),
        "start": _time(band.start_ns),
        "end": span_ns if band.end_ns is None else _time(band.end_ns),
        "what": band.what,
        "outcome": band.outcome,
    }


def _time(time_ns: int) -> int:
    return min(time_ns, _EXACT_MAX)


def _lanes(operations: Sequence[Operation]) -> tuple[dict[int, int], list[str]]:
    """Give every process a lane, and a retired process's lane to its successor: otherwise a run with many timeouts
    would be taller than any screen. Returns lane by process, and each lane's name."""
    spans = _spans(operations)
    free: list[tuple[float, int]] = []
    members: list[list[int]] = []
    for process, (start_ns, end_ns) in spans.items():
        if free and free[0][0] <= start_ns:
            lane = heapq.heappop(free)[1]
        else:
            lane = len(members)
            members.append([])
        members[lane].append(process)
        heapq.heappush(free, (end_ns, lane))
    members.sort()
    return {process: lane for lane, own in enumerate(members) for process in own}, [_lane_name(own) for own in members]


def _spans(operations: Sequence[Operation]) -> dict[int, tuple[int, float]]:
    """Return each process's first invocation and last completion, in order of the first."""
    spans: dict[int, tuple[int, float]] = {}
    for operation in operations:
        start_ns, _ = spans.get(operation.process, (operation.invoked_ns, 0))
        end_ns = float("inf") if operation.completed_ns is None else operation.completed_ns
        spans[operation.process] = (start_ns, end_ns)
    return spans


def _lane_name(processes: list[int]) -> str:
    return str(processes[0]) if len(processes) == 1 else f"{processes[0]}, {processes[1]}…"


def rates(operations: Sequence[Operation], span_ns: int) -> dict[str, Any]:
    """Return completions per second of each outcome, in buckets of a second, or longer ones in a long run. Operations
    that never completed are in none. A short rest at the end is no bucket: its rate would say nothing."""
    bucket_ns = 1_000_000_000
    while span_ns / bucket_ns > _BUCKETS_MAX:
        bucket_ns *= 2
    count = max(1, round(span_ns / bucket_ns)) if operations else 0
    counts = {outcome: [0] * count for outcome in _OUTCOMES}
    for operation in operations:
        if operation.completed_ns is not None and operation.completed_ns // bucket_ns < count:
            counts[operation.outcome][operation.completed_ns // bucket_ns] += 1
    seconds = [max(1, min(bucket_ns, span_ns - at * bucket_ns)) / 1_000_000_000 for at in range(count)]
    series = {outcome: [n / length for n, length in zip(of, seconds, strict=True)] for outcome, of in counts.items()}
    return {"bucket_ns": bucket_ns, "series": series}
