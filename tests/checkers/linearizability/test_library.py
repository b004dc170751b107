"""The checker as a library: its page's examples run, and importing it imports nothing but itself and Python's own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[3] / "docs" / "linearizability.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
IMPORTED = """
import sys
before = set(sys.modules)
from keelhaul.checkers import levels, linearizability
import json
print(json.dumps(sorted(set(sys.modules) - before)))
"""
LATER = """
import sys
before = set(sys.modules)
from keelhaul.checkers import linearizability
found = set(sys.modules) - before
outcome = linearizability.check("register", [linearizability.Call(1, "read", None, 7, 0, 1)])
assert outcome.reason and outcome.refutation == [0] and outcome.problem() is None
print(*sorted(found))
"""


@pytest.mark.parametrize("example", EXAMPLES, ids=["calls", "model"])
def test_the_examples_run(example):
    exec(compile(example, "docs/linearizability.md", "exec"), {})


def test_it_stands_alone():
    command = [sys.executable, "-c", IMPORTED]
    imported = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
    ours = [name for name in imported if name.startswith("keelhaul.")]
    assert "keelhaul.checkers.linearizability" in ours
    assert [name for name in ours if not name.startswith("keelhaul.checkers")] == []
    others = {name.partition(".")[0] for name in imported} - {"keelhaul"}
    assert others <= sys.stdlib_module_names
    assert not others & {"asyncio", "multiprocessing", "socket", "subprocess", "threading", "unittest"}, "nothing heavy"


def test_what_only_a_message_or_an_explanation_needs_is_not_imported_before():
    command = [sys.executable, "-c", LATER]
    imported = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    assert "keelhaul.checkers.linearizability.portfolio" in imported
    later = {f"keelhaul.checkers.linearizability.{name}" for name in ("explain", "possible", "refute", "verify")}
    assert not {"json", "difflib", "unittest", *later} & set(imported)
