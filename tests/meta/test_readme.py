"""The README tells the truth: its find is found, word for word, and its commands exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def keelhaul(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from keelhaul.harness.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


def in_one_line(text: str) -> str:
    return " ".join(text.split())


def test_the_find_is_what_the_readme_shows(tmp_path):
    block = re.search(r"^\$ \S*keelhaul (run [^\n]*--mutant[^\n]*)\n(.*?)^\$ ", README, re.MULTILINE | re.DOTALL)
    assert block, "the README shows a find: a run with --mutant, and what it says"
    arguments = block[1].split()
    arguments[1] = str(ROOT / arguments[1])
    found = keelhaul(*arguments, "--store", str(tmp_path), "--quiet", cwd=tmp_path)
    assert found.returncode == 1, found.stderr
    shown = in_one_line(block[2].split("…")[0])
    assert len(shown) > 100, "it shows the verdict and its reason"
    assert shown in in_one_line(found.stdout)
    replayed = keelhaul("replay", "latest", "--store", str(tmp_path), cwd=tmp_path)
    assert replayed.returncode == 0, replayed.stdout
    assert "the same history, byte for byte" in in_one_line(replayed.stdout)
    assert "the same history, byte for byte" in README


@pytest.mark.parametrize("target", re.findall(r"^make (\w+)", README, re.MULTILINE))
def test_its_make_targets_exist(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("page", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_its_links_lead_somewhere(page):
    assert (ROOT / page).exists()


@pytest.mark.parametrize(
    "command", sorted(set(re.findall(r"keelhaul (run|torture|check|replay|list|doctor|clean)\b", README)))
)
def test_its_commands_exist(command, tmp_path):
    assert keelhaul(command, "--help", cwd=tmp_path).returncode == 0
