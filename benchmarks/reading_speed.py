"""How quickly are histories read, in each format, and followed online? At least 100,000 operations a second to read.

The histories are those of a register with 10 clients, its values written once or drawn from five. The baseline is the
standard library's JSON parser on the same rows as one array: it makes plain objects out of text, in C, and nothing of
them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from random import Random

from keelhaul.checkers.formats import read
from keelhaul.checkers.linearizability.online import Online
from keelhaul.checkers.models.registers import register

OPERATIONS = 50_000
REPEATS = 3
Row = dict[str, object]


def main() -> None:
    """Print one line a format and kind of values."""
    print(f"reading: {OPERATIONS} operations of 10 clients, best of {REPEATS}")
    for kind, domain in (("unique", None), ("five values", 5)):
        rows = list(register_rows(Random(1), OPERATIONS, 10, domain))
        array = json.dumps(rows).encode()
        baseline_s = best_s(lambda data=array: json.loads(data))
        for name, data in documents(rows).items():
            spent_s = best_s(lambda data=data: read(data).operations())
            print(
                f"  {kind:<12} {name:<22} {OPERATIONS / spent_s:>9,.0f} operations a second, "
                f"{len(data) / spent_s / 1e6:4.0f} MB/s, {spent_s / baseline_s:.1f} times json.loads"
            )
        spent_s = best_s(lambda rows=rows: follow(rows))
        print(f"  {kind:<12} {'followed online':<22} {OPERATIONS / spent_s:>9,.0f} operations a second")


def register_rows(random: Random, operations: int, processes: int, domain: int | None) -> Iterator[Row]:
    """Yield what a correct register's clients record."""
    underway: dict[int, Row] = {}
    held: int | None = None
    index = started = 0
    while started < operations or underway:
        process = random.randrange(processes)
        row = underway.pop(process, None)
        if row is None:
            if started == operations:
                continue
            started += 1
            f = random.choice(("read", "write"))
            value = None if f == "read" else started if domain is None else random.randrange(domain)
            row = underway[process] = {"type": "invoke", "process": process, "f": f, "value": value}
        elif row["f"] == "read":
            row = row | {"type": "ok", "value": held}
        else:
            held = row["value"]
            row = row | {"type": "ok"}
        yield {"index": index, "time": index * 1000, **row}
        index += 1


def documents(rows: list[Row]) -> dict[str, bytes]:
    """Write the history in each format."""
    return {
        "JSON Lines": "\n".join(map(json.dumps, rows)).encode(),
        "JSON Lines with keys": "\n".join(json.dumps(row | {"value": ["x", row["value"]]}) for row in rows).encode(),
        "EDN": "\n".join(map(edn, rows)).encode(),
        "EDN with keys": "\n".join(edn(row | {"value": f"[1 {nil(row['value'])}]"}) for row in rows).encode(),
        "text log": "\n".join(map(logged, rows)).encode(),
    }


def edn(row: Row) -> str:
    """Write a row as Jepsen does."""
    return (
        f"{{:type :{row['type']}, :f :{row['f']}, :value {nil(row['value'])}, :time {row['time']}, "
        f":process {row['process']}, :index {row['index']}}}"
    )


def logged(row: Row) -> str:
    """Write a row as Jepsen's log does."""
    return f"INFO  jepsen.util - {row['process']}\t:{row['type']}\t:{row['f']}\t{nil(row['value'])}"


def nil(value: object) -> object:
    """Write null in EDN."""
    return "nil" if value is None else value


def follow(rows: list[Row]) -> None:
    """Check the rows as if they were being recorded."""
    online = Online(register())
    for number, row in enumerate(rows):
        online.take(number, row["type"], row["process"], row["f"], row["value"])
    assert online.found is None, "the register is correct"


def best_s(work) -> float:
    """Return the processor's time for the quickest of some runs."""
    spent = []
    for _ in range(REPEATS):
        start_s = time.process_time()
        work()
        spent.append(time.process_time() - start_s)
    return min(spent)
