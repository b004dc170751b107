"""Random mutations: what fraction of small changes to the protocols do unit tests and a short soak notice?

    python -m benchmarks.mutation --state mutation.json               150 mutants, for as long as it takes
    python -m benchmarks.mutation --state mutation.json --for 480     about eight minutes of it; again to go on
    python -m benchmarks.mutation --state mutation.json --report      what is known so far
    python -m benchmarks.mutation --state mutation.json --tests-only  the soak of those that pass is left for later
    python -m benchmarks.mutation --state mutation.json --again       those that survived, against today's tests
    python -m benchmarks.mutation --state mutation.json --unchanged   the program as it is: it must survive

Mutants are drawn once, from all mutations of the three packages alike (`mutation_sites.py`), and kept in the state's
file by name; later calls go on where the last one stopped, with the tests of the working tree as it is then. Each runs
in a copy of the tree: first the unit tests of its package, which end at the first failure, then, if those let it pass,
50 seeds of the soak. What takes much longer than the unchanged program is noticed as well: somebody would wait for it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.mutation_sites import Mutation, mutations
from benchmarks.soak import SOAKED

ROOT = Path(__file__).parent.parent
IMPORTED = ("harness", "nodes", "nemesis", "checkers", "workloads", "docker")
COPIED = (*IMPORTED, "tests", "benchmarks", "scenarios", "docs", "pyproject.toml")
TESTS = {
    "raft": ("tests/nodes/raft", "tests/benchmarks/test_protocol_cost.py"),
    "paxos": ("tests/nodes/paxos", "tests/benchmarks/test_protocol_cost.py"),
    "lock": ("tests/nodes/lock", "tests/nodes/raft/test_service.py", "tests/workloads/lock"),
}
"""Of each package, as far as they exist; those of the changed file come first, those named in SLOW last."""
SLOW = ("exploration", "schedules")
SOAKS = {"raft": ("raft",), "paxos": ("paxos", "synod"), "lock": ("lock",)}
SEEDS = 50
TESTS_S, SOAK_S = 100, 400
"""Limits for one mutant, of processor time: several times what the unchanged program takes."""
PATIENCE = 10
"""So many times longer by the clock: the machine may be busy."""
MEMORY_BYTES = 3 * 1024**3
SURVIVED = "survived"
PASSED_TESTS = "passed tests"
"""Not soaked yet."""


def sources(packages: Sequence[str]) -> dict[str, str]:
    """Return the packages' files and their text."""
    paths = [path for package in packages for path in sorted((ROOT / "nodes" / package).rglob("*.py"))]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}


def drawn(count: int, seed: int) -> list[str]:
    """Draw mutants by name, grouped by package."""
    names = [each.name for file, text in sources(tuple(TESTS)).items() for each in mutations(file, text)]
    return sorted(Random(f"{seed}/mutation").sample(names, count), key=lambda name: list(TESTS).index(package_of(name)))


def package_of(name: str) -> str:
    """Return the package of a mutant, or of a file."""
    return name.split("/")[1]


class State:
    """What is known of each mutant: None, or how it ended. Kept in a file, whole, after each of them."""

    def __init__(self, path: Path, count: int, seed: int) -> None:
        self._path = path
        if path.exists():
            self.results: dict[str, dict[str, Any] | None] = json.loads(path.read_text(encoding="utf-8"))
        else:
            self.results = dict.fromkeys(drawn(count, seed))
            self._save()

    def note(self, name: str, result: dict[str, Any]) -> None:
        """Keep a result."""
        self.results[name] = result
        self._save()

    def _save(self) -> None:
        beside = self._path.with_name(f"{self._path.name}.new")
        beside.write_text(json.dumps(self.results, indent=1, ensure_ascii=False), encoding="utf-8")
        beside.replace(self._path)

    def open_mutants(self, *, again: bool, tests_only: bool) -> list[str]:
        """Return those that haven't run to their end; with `again` those that survived, too."""
        ends = {PASSED_TESTS: not tests_only, SURVIVED: again}
        return [name for name, result in self.results.items() if result is None or ends.get(result["end"], False)]


def make_tree(folder: Path) -> None:
    """Copy what a mutant needs, and let `keelhaul` be imported from there."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    (folder / "links" / "keelhaul").mkdir(parents=True)
    for package in IMPORTED:
        (folder / "links" / "keelhaul" / package).symlink_to(folder / package)


def run_mutant(mutation: Mutation, *, tests_only: bool) -> dict[str, Any]:
    """Run one mutant in a tree of its own; return how it ended."""
    began_s = time.monotonic()
    end, told = _judge(package_of(mutation.file), mutation, tests_only=tests_only)
    return {"end": end, "line": mutation.line, "told": told, "seconds": round(time.monotonic() - began_s)}


def _judge(package: str, mutation: Mutation | None, *, tests_only: bool = False) -> tuple[str, str]:
    """Return how it ended, and what said so."""
    with TemporaryDirectory(prefix="mutant-") as made:
        folder = Path(made)
        make_tree(folder)
        if mutation is not None:
            changed = folder / mutation.file
            changed.write_text(mutation.applied(changed.read_text(encoding="utf-8")), encoding="utf-8")
        noticed = _by_tests(folder, package, Path(mutation.file).stem if mutation is not None else "")
        if noticed is not None:
            return noticed
        return (PASSED_TESTS, "") if tests_only else _by_soak(folder, package)


def _by_tests(folder: Path, package: str, module: str) -> tuple[str, str] | None:
    tests = _tests(folder, package, module)
    if tests:
        # -p no:…: nothing that isn't needed to run tests one after the other.
        command = ["-m", "pytest", "-x", "-q", "--no-header", "--tb=no", "-p", "no:xdist", *tests]
        code, output = _run(folder, command, TESTS_S)
        if code != 0:
            return _end(code, "tests"), _last_line(output, "FAILED", "ERROR")
    return None


def _by_soak(folder: Path, package: str) -> tuple[str, str]:
    for system in SOAKS[package]:
        if system in SOAKED:
            code, output = _run(folder, ["-m", "benchmarks.mutation_soak", system, str(SEEDS)], SOAK_S)
            if code != 0:
                return _end(code, "soak"), _last_line(output, "seed")
    return SURVIVED, ""


def _end(code: int | None, by: str) -> str:
    return f"killed by {by}" if code is not None else f"killed by time, in {by}"


def _tests(folder: Path, package: str, module: str) -> list[str]:
    files = [
        file for place in TESTS[package] for file in (sorted((folder / place).rglob("test_*.py")) or [folder / place])
    ]
    own = f"test_{module}"
    files = [file for file in files if file.is_file()]
    return [str(file) for file in sorted(files, key=lambda file: (file.stem.endswith(SLOW), file.stem != own))]


def _run(folder: Path, arguments: list[str], limit_s: int) -> tuple[int | None, str]:
    """Run Python in a mutant's tree; return its exit code, None if it took too long, and what it said."""
    environment = {**os.environ, "PYTHONPATH": f"{folder / 'links'}:{folder}", "PYTHONDONTWRITEBYTECODE": "1"}
    with (folder / "output").open("w+") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=partial(_limit, limit_s),
        )
        try:
            code: int | None = process.wait(PATIENCE * limit_s)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        output.seek(0)
        return None if code == -signal.SIGXCPU else code, output.read()


def _limit(seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))


def _last_line(output: str, *beginnings: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(beginnings)]
    return (telling or lines or [""])[-1][:300]


def run_all(state: State, *, jobs: int, seconds: float, again: bool, tests_only: bool) -> None:
    """Run what is open, some at a time, and begin nothing new after so many seconds."""
    present = {each.name: each for file, text in sources(tuple(TESTS)).items() for each in mutations(file, text)}
    began_s = time.monotonic()
    waiting = iter(state.open_mutants(again=again, tests_only=tests_only))
    with ThreadPoolExecutor(jobs) as pool:
        running: dict[Future[dict[str, Any]], str] = {}
        while True:
            while len(running) < jobs and time.monotonic() - began_s < seconds and (name := next(waiting, None)):
                if name in present:
                    running[pool.submit(run_mutant, present[name], tests_only=tests_only)] = name
                else:
                    state.note(name, {"end": "gone", "line": 0, "told": "the code is no longer there", "seconds": 0})
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                name = running.pop(future)
                state.note(name, future.result())
                print(f"{name}: {future.result()}", flush=True)


def report(state: State) -> Iterator[str]:
    """Yield what is known: the fraction that was noticed, by what, and who survived."""
    known = {name: result for name, result in state.results.items() if result is not None}
    ends = Counter(result["end"] for result in known.values())
    judged = {name: result for name, result in known.items() if result["end"] not in ("gone", PASSED_TESTS)}
    killed = sum(result["end"] != SURVIVED for result in judged.values())
    yield f"{len(state.results)} mutants drawn, {len(judged)} run, {killed} killed ({killed / max(len(judged), 1):.0%})"
    for package in TESTS:
        of_package = [result["end"] != SURVIVED for name, result in judged.items() if package_of(name) == package]
        yield f"  nodes/{package}: {sum(of_package)} of {len(of_package)}"
    yield from (f"  {end}: {count}" for end, count in sorted(ends.items()))
    for name, result in judged.items():
        if result["end"] == SURVIVED:
            yield f"  survived: line {result['line']}: {name}"


def main() -> None:
    """Run, or report."""
    parser = argparse.ArgumentParser(description="Random mutations of the protocols, against tests and a short soak.")
    parser.add_argument("--state", required=True, type=Path, help="the file that keeps what was drawn and found")
    parser.add_argument("--count", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--for", dest="seconds", type=float, default=float("inf"), help="begin nothing after so long")
    parser.add_argument("--again", action="store_true", help="also those that survived")
    parser.add_argument("--tests-only", action="store_true", help="no soak for now")
    parser.add_argument("--unchanged", action="store_true", help="only see that the unchanged program survives")
    parser.add_argument("--report", action="store_true", help="only say what is known")
    given = parser.parse_args()
    if given.unchanged:
        with ThreadPoolExecutor(given.jobs) as pool:
            for package, ended in zip(TESTS, pool.map(lambda package: _judge(package, None), TESTS), strict=True):
                print(package, *ended, flush=True)
        return
    state = State(given.state, given.count, given.seed)
    if not given.report:
        run_all(state, jobs=given.jobs, seconds=given.seconds, again=given.again, tests_only=given.tests_only)
    print("\n".join(report(state)))


if __name__ == "__main__":
    main()
