"""What the mutation tool changes: every operator, constant and condition, one at a time, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from benchmarks.mutation import TESTS, drawn, sources
from benchmarks.mutation_sites import mutations

ROOT = Path(__file__).parents[2]


def changes(source):
    return [mutation.applied(source) for mutation in mutations("f.py", source)]


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("a < b", ["(a <= b)", "(a >= b)"]),
        ("a == b", ["(a != b)"]),
        ("a is None", ["(a is not None)"]),
        ("a not in b", ["(a in b)"]),
        ("a + b", ["(a - b)"]),
        ("a // b", ["(a * b)"]),
        ("a += b", ["a -= b"]),
        ("a and b", ["(a or b)"]),
        ("not a", ["(a)"]),
        ("a = 3", ["a = 4", "a = 2"]),
        ("a = 0", ["a = 1"]),
        ("a = True", ["a = False"]),
        ("min(a, b)", ["max(a, b)"]),
        ("if a: b", ["if True: b", "if False: b"]),
        ("while a: b", ["while False: b"]),
        ("a if b else c", ["a if True else c", "a if False else c"]),
        ("[a for a in b if a]", ["[a for a in b if True]", "[a for a in b if False]"]),
    ],
)
def test_each_kind_of_change(source, changed):
    assert changes(source) == changed


def test_a_chain_changes_one_comparison_at_a_time():
    assert changes("a < b <= c") == ["(a <= b <= c)", "(a >= b <= c)", "(a < b < c)", "(a < b > c)"]


@pytest.mark.parametrize(
    "source",
    [
        '"text"',
        'f"{a + 1}"',
        "assert a < b",
        "def f(a: tuple[int, 3]) -> 4: ...",
        "a: TypeAlias = tuple[1, 2]",
        "class C(b[1]): ...",
    ],
)
def test_what_is_left_alone(source):
    assert changes(source) == []


def test_it_counts_bytes_not_characters():
    assert changes('a = "→", 1') == ['a = "→", 2', 'a = "→", 0']


def test_a_name_outlives_edits_elsewhere():
    source = "def f(a):\n    return a < 1\n"
    before = [mutation.name for mutation in mutations("f.py", source)]
    after = [mutation.name for mutation in mutations("f.py", f"import x\n\n\n{source}\nb = 2\n")]
    assert before == after[: len(before)]


def test_names_are_unique():
    names = [mutation.name for mutation in mutations("f.py", "def f(a):\n    a = 1\n    return 1, 1\n")]
    assert len(set(names)) == len(names) == 6


def test_mutations_of_the_protocols_are_programs():
    files = sources(tuple(TESTS))
    for file, source in files.items():
        for mutation in mutations(file, source)[::20]:
            changed = mutation.applied(source)
            assert changed != source
            ast.parse(changed)


def test_the_draw_is_the_seeds():
    assert drawn(150, 1) == drawn(150, 1)
    assert len(set(drawn(150, 1))) == 150
    assert drawn(150, 1) != drawn(150, 2)
