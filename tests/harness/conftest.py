"""Runs that are made and judged, in a store of the test's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from keelhaul.harness.console import Quiet
from keelhaul.harness.run import Finished, execute


class Listening(Quiet):
    """Keeps what it is told."""

    def __init__(self):
        self.sentences = []

    def said(self, sentence):
        self.sentences.append(sentence)


@dataclass(frozen=True)
class Store:
    """A store, and what was said while things were run into it."""

    folder: Path
    observer: Listening

    def run(self, scenario, **more) -> Finished:
        return execute(scenario, self.folder, self.observer, **more)


@pytest.fixture
def listening():
    return Listening()


@pytest.fixture
def runs(tmp_path, listening):
    """Make and judge runs: `runs.run(scenario)`."""
    return Store((tmp_path / "store").resolve(), listening)
