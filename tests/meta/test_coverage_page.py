"""docs/protocol-coverage.md is what its generator makes of the files as they are, and the chapters that claim to be
complete are."""

from __future__ import annotations

import pytest

from tests.meta import coverage_page
from tests.meta.coverage_page import PAGE, Rule, cited_in, coverage, gaps, page, prose_of, rules_in

LISTED = """
## §3.6 Locks
| rule | in short |
|---|---|
| LK-B | nobody passes |
| A1 | something |

## Planted bugs
| R-X1 | not a rule of a protocol |
"""


def rule(id):
    return Rule(id, "§1.1 any", "§1")


def test_the_page_is_what_the_generator_makes():
    assert PAGE.read_text(encoding="utf-8") == page(), "make docs writes it anew"


def test_in_a_complete_chapter_every_rule_has_code_and_a_test_or_a_reason():
    text = (coverage_page.ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    rules = [rule for rule in rules_in(text) if rule.chapter in coverage_page.STRICT]
    assert gaps(rules, coverage(rules)) == []


def test_reasons_are_given_for_rules_that_exist():
    text = (coverage_page.ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    assert set(coverage_page.NOT_APPLICABLE) <= {rule.id for rule in rules_in(text)}


def test_rules_are_found_with_their_section():
    assert rules_in(LISTED) == [Rule("LK-B", "§3.6 Locks", "§3"), Rule("A1", "§3.6 Locks", "§3")]


@pytest.mark.parametrize(
    ("id", "source", "is_test", "found"),
    [
        ("LK-B", "# as LK-B says", False, True),
        ("LK-B", '"""The grant rule (LK-B, LK-D)."""', False, True),
        ("LK-B", "def test_lk_b_nobody_passes(): ...", True, True),
        ("LK-B", "def test_lk_b_nobody_passes(): ...", False, False),
        ("LS6", "def test_step_3_ls6_a_full_lease(): ...", True, True),
        ("E3", "def test_e3_one_vote(): ...", True, True),
        ("E3", "def test_node_e3_is_paused(): ...", True, False),
        ("E1", "# E10 and E11", False, False),
        ("RI-1", "# RI-10", False, False),
        ("RI1", "# RI-1", False, False),
        ("PX-1", "# MPX-1", False, False),
        ("E3", "E3 = 4", False, False),
    ],
)
def test_a_citation_is_the_number_in_prose_or_in_a_tests_name(id, source, is_test, found):
    assert (id in cited_in(source, [rule(id)], is_test=is_test)) is found


def test_prose_is_comments_and_strings():
    assert prose_of("x = 1  # why\ny = 'text'\n") == "# why\n'text'"


def test_a_rule_without_a_test_is_a_gap_and_one_with_a_reason_is_none(monkeypatch):
    covered = {"LK-B": (["a.py"], []), "A1": ([], [])}
    monkeypatch.setattr(coverage_page, "NOT_APPLICABLE", {"A1": "there is nothing of the kind"})
    assert gaps(rules_in(LISTED), covered) == ["§3.6 Locks: no test cites LK-B"]
