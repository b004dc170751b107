"""The command line, in this process: arguments in, exit code and output out."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest

from keelhaul.harness import scenario
from keelhaul.harness.cli import run_command_line


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """The object that is the last line on standard output."""
        return json.loads(self.out.splitlines()[-1])


@pytest.fixture
def keelhaul(capsys, tmp_path, monkeypatch):
    """Run a command in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KEELHAUL_STORE", raising=False)

    def keelhaul(*arguments):
        code = run_command_line([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return keelhaul


@pytest.fixture
def tiny(small, tmp_path):
    """A scenario file of two and a half simulated seconds."""
    path = tmp_path / "tiny.toml"
    path.write_text(scenario.dump(replace(small, name="tiny", time_limit_s=2.5)))
    return path
