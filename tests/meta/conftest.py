"""The source files that meta tests look at."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("nodes", "nemesis", "checkers", "workloads", "harness")


@dataclass(frozen=True)
class Source:
    """A file by its place in the repository, for instance nodes/raft/log.py, and its text."""

    place: str
    text: str

    @property
    def tree(self):
        return ast.parse(self.text)


def read(*folders):
    """All Python files below these folders, in order."""
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return tuple(Source(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in paths)


@pytest.fixture(scope="session")
def sources():
    """The five packages."""
    found = read(*PACKAGES)
    assert len(found) > 80, "the packages are where they were"
    return found


@pytest.fixture(scope="session")
def everything():
    """The five packages, the tests and the benchmarks."""
    return read(*PACKAGES, "tests", "benchmarks", "docker")


@pytest.fixture
def planted():
    """Make a source file: `planted("nodes/x.py", text)`."""
    return Source
