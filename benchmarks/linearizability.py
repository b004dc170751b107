"""How quickly are histories decided, how much memory does it take, and how does a textbook's search do on them?

    python -m benchmarks.linearizability [--quick]

The time is the processor's for the verdict and its proof, from columns in memory, up to the first key that is violated,
as the textbook's; a refutation made small and the reason in words come on top where they are asked for. What is over
soon is done several times, and both times are medians; `first` is ours the first time, when nothing is in the
processor's caches. The memory is what the process grows by then, at most. The baseline is textbook.py in the same
interpreter on the same history, with a limit of its own; where it is not done by then, the ratio is one that is surely
exceeded. Histories are drawn from fixed seeds.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from statistics import geometric_mean, median
from typing import NamedTuple

from benchmarks import drawn
from benchmarks.textbook import textbook
from keelhaul.checkers import formats, linearizability
from keelhaul.checkers.linearizability import Budget, Model, Operations, Outcome
from keelhaul.checkers.models.registry import model_named
from keelhaul.harness.memory import resident_mb

BASELINE_S = 2.0
QUICK_BASELINE_S = 0.2
BASELINE_OPERATIONS_MAX = 100_000
REPEATS, REPEATED_S = 15, 0.2
"""What takes less than this in all is repeated up to so many times."""
RECORDED = Path("../shared/histories/porcupine")
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Row(NamedTuple):
    """One history to be measured. `wanted` is the limit that the project sets itself, in words."""

    name: str
    model: str
    make: Callable[[], Operations]
    wanted: str = ""


class Measured(NamedTuple):
    """What became of one."""

    verdict: str
    algorithm: str
    operations: int
    first_s: float
    spent_s: float
    grown_mb: float
    baseline: bool | None
    baseline_s: float

    @property
    def ratio(self) -> float:
        """The baseline's time by ours."""
        return self.baseline_s / self.spent_s


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="small histories, a short limit for the baseline")
    run(quick=options.parse_args().quick)


def run(*, quick: bool) -> None:
    """Measure and print; `quick` leaves out what takes long."""
    limit_s = QUICK_BASELINE_S if quick else BASELINE_S
    print(f"linearizability: the verdict and its proof, beside a textbook's search with {limit_s:g} s")
    times = f"{'first ms':>9} {'ms':>9} {'us/op':>7}"
    print(f"  {'':<44} {'verdict':<8} {'algorithm':<11} {times} {'MB':>6} {'textbook':>11} {'ratio':>9}")
    for title, rows in sections(quick):
        print(f"  {title}")
        measured = [measure(row, limit_s) for row in rows]
        for row, one in zip(rows, measured, strict=True):
            print(f"    {line(row, one)}", flush=True)
        if len(rows) > 1:
            total_s = sum(one.spent_s for one in measured)
            ratios = [one.ratio for one in measured if one.baseline_s]
            ratio = f"{geometric_mean(ratios):>9.1f} geometric mean" if ratios else ""
            print(f"    {'together':<42} {total_s * 1000:>39.1f} {'':>26} {ratio}".rstrip())


def line(row: Row, one: Measured) -> str:
    """Put one into a line of the table."""
    done = one.baseline is not None
    base = f"{'' if done else '>'}{one.baseline_s * 1000:.1f}" if one.baseline_s else "-"
    ratio = f"{'' if done else '>'}{one.ratio:.1f}" if one.baseline_s else "-"
    each_us = one.spent_s / max(1, one.operations) * 1e6
    times = f"{one.first_s * 1000:>9.2f} {one.spent_s * 1000:>9.2f} {each_us:>7.2f}"
    figures = f"{times} {one.grown_mb:>6.0f} {base:>11} {ratio:>9}"
    return f"{row.name:<42} {one.verdict:<8} {one.algorithm:<11} {figures}  {row.wanted}".rstrip()


def measure(row: Row, limit_s: float) -> Measured:
    """Decide one history, and have the textbook try."""
    model, operations = model_named(row.model), row.make()
    gc.collect()
    gc.disable()
    before_mb = resident_mb()
    forget_peak()
    outcome, first_s = decided(model, operations)
    grown_mb = max(0.0, peak_mb() - before_mb)
    verdict, algorithm = outcome.verdict.value, outcome.algorithm
    del outcome
    spent_s = several_times(lambda: decided(model, operations)[1], first_s)
    gc.enable()
    baseline, baseline_s = None, 0.0
    if len(operations) <= BASELINE_OPERATIONS_MAX:
        baseline, baseline_s = textbook(model, operations, limit_s)
        told = {True: "valid", False: "invalid", None: verdict}[baseline]
        assert verdict in (told, "unknown"), f"{row.name}: {verdict}, but the textbook says {told}"
        baseline_s = several_times(lambda: textbook(model, operations, limit_s)[1], baseline_s)
    return Measured(verdict, algorithm, len(operations), first_s, spent_s, grown_mb, baseline, baseline_s)


def decided(model: Model, operations: Operations) -> tuple[Outcome, float]:
    """Return what became of it, and the processor's time that it took."""
    start_s = time.process_time()
    budget = Budget(seconds=60, clock=time.process_time)
    outcome = linearizability.check(model, operations, budget=budget, every=False)
    _ = outcome.verdict, outcome.witness
    return outcome, time.process_time() - start_s


def several_times(time_it: Callable[[], float], first_s: float) -> float:
    """Return the median of several times, if that is over soon, or else the first."""
    times = [first_s]
    while len(times) < REPEATS and sum(times) < REPEATED_S:
        times.append(time_it())
    return median(times)


def forget_peak() -> None:
    """Have the system count the largest size anew, where it can."""
    try:
        CLEAR.write_text("5")
    except OSError:
        return


def peak_mb() -> float:
    """Return the largest size since then; the size of now where the system doesn't tell."""
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return resident_mb()
    return next(int(found.split()[1]) * 1024 / 1e6 for found in lines if found.startswith("VmHWM"))


def sections(quick: bool) -> Iterator[tuple[str, list[Row]]]:
    """Yield the parts of the table."""
    yield from recorded()
    yield "one register, every value written once", list(unique(quick))
    yield "one register, five values, a tenth cas", list(repeated(quick))
    yield "many registers, every value written once", list(many(quick))
    yield "other objects, 1,000 clients", list(others(quick))


def recorded() -> Iterator[tuple[str, list[Row]]]:
    """Yield the logs that others recorded, if they are there."""
    etcd, kv = sorted(RECORDED.glob("etcd/*.log")), sorted(RECORDED.glob("kv/*.txt"))
    if etcd:
        yield "etcd, recorded by Jepsen", [Row(path.stem, "cas-register", _read(path, "observe")) for path in etcd]
    if kv:
        yield "key-value store, Porcupine's", [Row(path.stem, "key-value", _read(path, "ignore")) for path in kv]


def _read(path: Path, failed_cas: linearizability.FailedCas) -> Callable[[], Operations]:
    model = model_named("cas-register" if failed_cas == "observe" else "key-value")
    return lambda: formats.read(path.read_bytes()).operations(failed_cas=failed_cas, keys=model.keys)


def unique(quick: bool) -> Iterator[Row]:
    """Yield registers whose values tell everything."""
    for count in (1_000, 10_000) if quick else (1_000, 10_000, 100_000, 1_000_000):
        for clients in (5, 30, 1_000):
            for info, cas in ((0.0, 0.0), (0.05, 0.0), (0.0, 0.2)):
                if count == 1_000_000 and (cas or clients == 30):
                    continue
                name = f"{count:>9,} operations, {clients:>5,} clients, {info:.0%} info, {cas:.0%} cas"
                yield Row(name, "cas-register", _register(count, clients, info=info, cas=cas), "0.8 us/op")


def repeated(quick: bool) -> Iterator[Row]:
    """Yield registers whose values repeat."""
    for count in (1_000,) if quick else (1_000, 10_000):
        for clients in (5, 10, 30, 100):
            for info in (0.0, 0.01, 0.05):
                for mutated in (0, 5):
                    kind = "mutated" if mutated else "valid"
                    name = f"{count:>7,} operations, {clients:>3} clients, {info:.0%} info, {kind}"
                    make = _register(count, clients, info=info, cas=0.1, domain=5, mutated=mutated)
                    yield Row(name, "cas-register", make, "10 s" if clients == 100 else "3 s")


def _register(
    count: int, clients: int, *, info: float, cas: float, domain: int | None = None, mutated: int = 0
) -> Callable[[], Operations]:
    random = Random(f"{count}/{clients}/{info}/{cas}/{domain}/{mutated}")
    return lambda: drawn.register(random, count, clients, domain=domain, cas=cas, info=info, mutated=mutated)


def many(quick: bool) -> Iterator[Row]:
    """Yield stores of registers."""
    for keys, each in ((100, 100),) if quick else ((1_000, 1_000), (10_000, 100)):
        name = f"{keys * each:>9,} operations, {keys:>6,} keys, 5 clients each"
        yield Row(name, "register", lambda keys=keys, each=each: drawn.keyed(Random(keys), keys, each, 5), "1 s")


def others(quick: bool) -> Iterator[Row]:
    """Yield queues, locks, lists and sets."""
    clients = 1_000
    for count in (10_000,) if quick else (10_000, 100_000):
        makes: dict[str, tuple[str, Callable[[Random], Operations]]] = {
            "queue": ("fifo-queue", lambda random, count=count: drawn.queue(random, count, clients)),
            "owner's lock": ("owner-mutex", lambda random, count=count: drawn.lock(random, count, clients)),
            "fenced lock": (
                "fenced-lock",
                lambda random, count=count: drawn.lock(random, count, clients, tokens=True),
            ),
            "list": (
                "list",
                lambda random, count=count: drawn.growing(random, count, clients, is_set=False, reads=20 / count),
            ),
            "grow-only set": (
                "grow-only-set",
                lambda random, count=count: drawn.growing(random, count, clients, is_set=True, reads=20 / count),
            ),
        }
        for name, (model, make) in makes.items():
            yield Row(f"{name}, {count:,} operations", model, lambda make=make: make(Random(1)))


if __name__ == "__main__":
    main()
