"""docs/rules.md has every rule and section that the code cites, each once, and names files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RULES = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
CITED = re.compile(
    r"\b(?:[GAELFMT]\d+|C1|N\d|S[1-7]|SN\d|AP\d+|LR1|RI-?\d+|R-[A-Z]+\d*|M?PX-\d+|MP\d+|LS\d|LK-[A-Z]|LC-\d+)\b"
)
SECTIONS = re.compile(r"rules\.md §(\d+\.\d+)")
DEFINED = re.findall(r"^\| ([A-Z][A-Z0-9-]*|[12][ab]) \|", RULES, re.MULTILINE)
CITING = sorted(
    path
    for pattern in ("nodes/**/*.py", "checkers/*.py", "checkers/locks/*.py", "workloads/**/*.py")
    for path in ROOT.glob(pattern)
)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", CITING, ids=name)
def test_every_rule_and_section_that_is_cited_exists(path):
    text = path.read_text(encoding="utf-8")
    assert set(CITED.findall(text)) <= set(DEFINED)
    for section in SECTIONS.findall(text):
        assert f"## §{section} " in RULES


def test_the_citations_are_found():
    cited = {rule for path in CITING for rule in CITED.findall(path.read_text(encoding="utf-8"))}
    assert {"E3", "C1", "F8", "AP2", "L6", "R-INFO"} <= cited
    assert CITED.findall("F1–F4, RI-11 and (R-INFO); not UTF8, n1, RAFT or CRC32") == ["F1", "F4", "RI-11", "R-INFO"]


def test_no_rule_is_there_twice():
    assert sorted(DEFINED) == sorted(set(DEFINED))


RAFT = {"G": 10, "A": 5, "E": 10, "L": 7, "F": 8, "AP": 2, "S": 7, "SN": 7, "M": 11, "T": 6, "RI-": 14}
LAST = RAFT | {"PX-": 7, "MP": 12, "MPX-": 7, "LS": 6, "LC-": 14}


@pytest.mark.parametrize(("letters", "last"), LAST.items())
def test_the_numbers_have_no_gaps(letters, last):
    assert [rule for rule in DEFINED if re.fullmatch(rf"{letters}\d+", rule)] == [
        f"{letters}{number}" for number in range(1, last + 1)
    ]


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:nodes|checkers|harness|tests)/[\w/]+\.py)`", RULES))))
def test_its_files_exist(path):
    assert (ROOT / path).exists()
