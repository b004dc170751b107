"""`keelhaul --help` is quick because it imports next to nothing. What it imports is looked at; time isn't."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("rich", "msgspec", "anyio", "networkx", "docker", "tomli_w", "multiprocessing", "concurrent.futures")
PROGRAM = """
import sys, json, io, contextlib
from keelhaul.harness.cli import run_command_line
with contextlib.redirect_stdout(io.StringIO()):
    code = run_command_line(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]))
"""


def modules(*arguments):
    """The exit code, and the modules that were imported by the end."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("arguments", [("--help",), ("run", "--help"), ("torture", "--help"), ("check", "--help")])
def test_help_imports_nothing_heavy(arguments):
    code, imported = modules(*arguments)
    assert code == 0
    assert [name for name in HEAVY if name in imported] == []


def test_the_list_of_heavy_modules_would_show():
    """The alarm: a command that does something imports some of them."""
    code, imported = modules("check", "nowhere")
    assert code == 254
    assert "msgspec" in imported
