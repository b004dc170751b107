"""What is it worth to read and judge small files several at a time, before they are told of?

    python -m benchmarks.small_files

The files are 60 histories of a register, 100 operations of 10 clients each, correct or with an answer that nobody
wrote, which is found in no time. They are judged by one process: each right after it was read, and told of right after
that (the baseline), and a megabyte of them at a time, in turn; what is printed are medians.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.reading_speed import register_rows
from keelhaul.harness.check_files import READ_AHEAD_BYTES, check_files, question

FILES, OPERATIONS = 60, 100
REPEATS = 15


def main() -> None:
    """Print a line for reading and one for checking, of each kind."""
    print(f"small files: {FILES} of {OPERATIONS} operations; one by one and several at a time")
    for verdict in ("valid", "invalid"):
        with TemporaryDirectory() as folder:
            paths = list(written(Path(folder), is_wrong=verdict == "invalid"))
            pairs = ((spent(paths, 0, verdict), spent(paths, READ_AHEAD_BYTES, verdict)) for _ in range(REPEATS))
            alone, together = zip(*pairs, strict=True)
        for column, name in enumerate(("read", "checked")):
            one, many = (median(times[column] for times in measured) for measured in (alone, together))
            print(f"  {verdict:<8} {name:<8} {one:6.2f} ms {many:6.2f} ms, {one / many:.2f} times")


def written(folder: Path, *, is_wrong: bool) -> Iterator[Path]:
    """Write the files, and yield their paths."""
    for number in range(FILES):
        rows = list(register_rows(Random(number), OPERATIONS, 10, 5))
        if is_wrong:
            last = max(at for at, row in enumerate(rows) if (row["type"], row["f"]) == ("ok", "read"))
            rows[last]["value"] = -1
        path = folder / f"{number}.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)))
        yield path


def spent(paths: list[Path], ahead_bytes: int, verdict: str) -> tuple[float, float]:
    """Return the milliseconds that all took to read, and to check."""
    asked = question("register", budget_s=60, budget_mb=4000)
    records = list(check_files(paths, asked, ahead_bytes=ahead_bytes))
    assert {record["verdict"] for record in records} == {verdict}, "it was made so"
    return sum(record["parse_ns"] for record in records) / 1e6, sum(record["check_ns"] for record in records) / 1e6


if __name__ == "__main__":
    main()
