"""What must come out the same every time calls nothing that doesn't: no clock, no global random, no order of sets.

Looked at are nodes (but for the host, which is where the world begins), nemesis, checkers, workloads, and of the
harness the simulation and what it shares with live runs.
"""

from __future__ import annotations

import ast

import pytest

DETERMINISTIC = (
    "nodes/",
    "nemesis/",
    "checkers/",
    "workloads/",
    "harness/simulation/",
    "harness/interpreter.py",
    "harness/conductor.py",
    "harness/seeds.py",
    "harness/judge.py",
)
CLOCKS = {"time", "datetime", "secrets", "uuid"}
ORDERLESS = {"id", "hash"}
THE_WORLD = {"open", "input", "print", "exec", "eval", "compile", "__import__", "globals", "vars"}
KEEP_ORDER = {"list", "tuple", "enumerate", "iter", "reversed", "zip", "map", "filter", "next", "dict"}
"""Functions that hand a set's order on. `sorted`, `len`, `min`, `max`, `sum`, `any`, `all` and `set` don't."""


def is_deterministic(place):
    return place.startswith(DETERMINISTIC) and not place.startswith("nodes/host/")


def wrong_calls(source):
    """Say what a file uses that differs from run to run."""
    finder = _Finder()
    finder.visit(source.tree)
    return [f"{source.place}:{line}: {what}" for line, what in sorted(finder.found)]


class _Finder(ast.NodeVisitor):
    """Walks a file. `sets` are the names and attributes that hold sets, as far as the file itself says so."""

    def __init__(self):
        self.found = set()
        self.sets = set()

    def visit_Module(self, node):
        for part in ast.walk(node):  # twice: what is assigned below may be used above
            if isinstance(part, ast.Assign) and self._is_set(part.value):
                self.sets.update(filter(None, map(_name, part.targets)))
            elif isinstance(part, ast.AnnAssign | ast.arg) and _is_set_type(part.annotation):
                self.sets.add(part.arg if isinstance(part, ast.arg) else _name(part.target))
        self.generic_visit(node)

    def _note(self, node, what):
        self.found.add((node.lineno, what))

    def visit_Import(self, node):
        for alias in node.names:
            if alias.name.split(".")[0] in CLOCKS | {"random"}:
                self._note(node, f"import {alias.name}")

    def visit_ImportFrom(self, node):
        if node.module in CLOCKS:
            self._note(node, f"from {node.module} import")
        if node.module == "random" and [alias.name for alias in node.names] != ["Random"]:
            self._note(node, "the global generator: take a Random that was passed in")

    def visit_Call(self, node):
        name = node.func.id if isinstance(node.func, ast.Name) else None
        if name in ORDERLESS | THE_WORLD:
            self._note(node, f"{name}()")
        if name == "Random" and not node.args:
            self._note(node, "Random() without a seed")
        if name in KEEP_ORDER:
            for argument in node.args:
                self._order_of(argument)
        if isinstance(node.func, ast.Attribute):
            if node.func.attr == "join":
                for argument in node.args:
                    self._order_of(argument)
            if node.func.attr == "pop" and not node.args and self._is_set(node.func.value):
                self._note(node, "pop() of a set")
        self.generic_visit(node)

    def visit_For(self, node):
        self._order_of(node.iter)
        self.generic_visit(node)

    def visit_Starred(self, node):
        self._order_of(node.value)
        self.generic_visit(node)

    def _comprehension(self, node):
        for part in node.generators:
            self._order_of(part.iter)
        self.generic_visit(node)

    visit_ListComp = visit_DictComp = _comprehension

    def visit_GeneratorExp(self, node):
        self._comprehension(node)

    def _order_of(self, node):
        if self._is_set(node):
            self._note(node, "the order of a set")

    def _is_set(self, node):
        if isinstance(node, ast.Set | ast.SetComp):
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("set", "frozenset"):
            return True
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor):
            return self._is_set(node.left) or self._is_set(node.right)
        return _name(node) in self.sets


def _name(node):
    """A name, or an attribute of anything, as a name of its own kind; None for other expressions."""
    if isinstance(node, ast.Name):
        return node.id
    return f".{node.attr}" if isinstance(node, ast.Attribute) else None


def _is_set_type(annotation):
    base = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return isinstance(base, ast.Name) and base.id in ("set", "frozenset", "Set")


def test_what_must_be_deterministic_uses_nothing_that_is_not(sources):
    watched = [source for source in sources if is_deterministic(source.place)]
    assert len(watched) > 40
    assert [wrong for source in watched for wrong in wrong_calls(source)] == []


@pytest.mark.parametrize(
    "text",
    [
        "import time",
        "import datetime",
        "from time import monotonic_ns",
        "from datetime import datetime",
        "import random",
        "from random import choice",
        "from random import Random, shuffle",
        "import uuid",
        "def f(x):\n    return id(x)",
        "def f(x):\n    return hash(x) % 7",
        "def f(x):\n    return sorted(x, key=lambda y: hash(y))",
        "generator = Random()",
        "print('x')",
        "with open('x') as f:\n    pass",
        "for x in {1, 2}:\n    pass",
        "for x in set(y):\n    pass",
        "def f(y):\n    return [x for x in {z for z in y}]",
        "def f(y):\n    return list(frozenset(y))",
        "def f(y):\n    return ', '.join(set(y))",
        "def f(y):\n    found = set(y)\n    return [*found]",
        "def f(y):\n    found = {z for z in y} | {1}\n    return tuple(found)",
        "def f(y):\n    found: set[str] = y\n    return next(iter(found))",
        "def f(found: set[str]):\n    return {x: 1 for x in found}",
        "def f(found: frozenset[str], more):\n    for x in found - more:\n        pass",
        "class A:\n    def f(self):\n        self.names = set()\n    def g(self):\n        return list(self.names)",
        "class A:\n    names: set[str]\n    def f(self, names):\n        return max(x for x in names)",
        "def f(y):\n    found = set(y)\n    return found.pop()",
    ],
)
def test_what_differs_from_run_to_run_is_found(planted, text):
    assert wrong_calls(planted("nodes/x.py", text)) != []


@pytest.mark.parametrize(
    "text",
    [
        "from random import Random\ngenerator = Random('7/network')",
        "def f(y):\n    return sorted({x for x in y})",
        "def f(x, y):\n    return x in {1, 2} and len(set(y)) == 3",
        "def f(y):\n    found = set(y)\n    found.add(3)\n    return 3 in found",
        "def f(y):\n    for x in dict.fromkeys(y):\n        pass",
        "def f(values):\n    return values.pop()",
        "def f(x):\n    return x.id, x.hash",
    ],
)
def test_what_does_not_is_not(planted, text):
    assert wrong_calls(planted("nodes/x.py", text)) == []


def test_the_host_is_where_the_world_begins():
    assert is_deterministic("nodes/raft/log.py")
    assert not is_deterministic("nodes/host/tcp.py")
    assert not is_deterministic("harness/live.py")
