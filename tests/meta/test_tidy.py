"""Sizes, docstrings and names: what keeps the code readable is looked at, too."""

from __future__ import annotations

import ast
from pathlib import PurePosixPath

import pytest

MODULE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "tools", "base"}
"""Names under which anything could be kept, so that nothing can be found."""


def too_long(source):
    """Say which module and which functions are over the limits."""
    lines = source.text.count("\n")
    found = [f"{source.place}: {lines} lines, at most {MODULE_LINES_MAX}"] if lines > MODULE_LINES_MAX else []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1
            if length > FUNCTION_LINES_MAX:
                found.append(f"{source.place}: {node.name} has {length} lines, at most {FUNCTION_LINES_MAX}")
    return found


def undocumented(source):
    """Say what is public and has no docstring, and which protocols' methods do more than promise."""
    if not source.text.strip():
        return []
    tree = source.tree
    found = [] if ast.get_docstring(tree) else [f"{source.place}: the module"]
    for place, node, in_protocol in _public(tree, "", False):
        if not ast.get_docstring(node):
            found.append(f"{source.place}: {place}")
        elif in_protocol and not _only_promises(node):
            found.append(f"{source.place}: {place}: a protocol's method is its docstring and `...`")
    return found


def _public(node, prefix, in_protocol):
    """Yield (name, node, is a protocol's method) of what others can see: not what lies inside functions."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or child.name.startswith("_"):
            continue
        is_class = isinstance(child, ast.ClassDef)
        yield f"{prefix}{child.name}", child, in_protocol and not is_class
        if is_class:
            yield from _public(child, f"{prefix}{child.name}.", _is_protocol(child))


def _is_protocol(node):
    return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)


def _only_promises(node):
    return len(node.body) == 2 and ast.unparse(node.body[1]) == "..."


def drawer(source):
    """Say whether the file has a name under which anything could be kept."""
    parts = [part.removesuffix(".py") for part in PurePosixPath(source.place).parts]
    return [f"{source.place}: {part} says nothing" for part in parts if part in DRAWERS]


def test_nothing_is_too_long(everything):
    assert [found for source in everything for found in too_long(source)] == []


def test_everything_public_is_documented(sources):
    assert [found for source in sources for found in undocumented(source)] == []


def test_every_test_module_says_what_it_is_about(everything):
    silent = [source.place for source in everything if source.text.strip() and not ast.get_docstring(source.tree)]
    assert silent == []


def test_no_drawers(everything):
    assert [found for source in everything for found in drawer(source)] == []


# --- the alarms


def test_a_long_module_and_a_long_function_are_found(planted):
    assert len(too_long(planted("nodes/x.py", "x = 1\n" * 601))) == 1
    assert too_long(planted("nodes/x.py", "x = 1\n" * 600)) == []
    for kind in ("def", "async def"):
        body = f"{kind} f():\n" + "    x = 1\n" * 70
        assert len(too_long(planted("nodes/x.py", body))) == 1
        assert too_long(planted("nodes/x.py", body.removesuffix("    x = 1\n"))) == []


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("x = 1\n", "the module"),
        ('"""M."""\ndef f():\n    pass\n', "f"),
        ('"""M."""\nasync def f():\n    pass\n', "f"),
        ('"""M."""\nclass A:\n    pass\n', "A"),
        ('"""M."""\nclass A:\n    """A."""\n    def f(self):\n        pass\n', "A.f"),
        ('"""M."""\nclass A:\n    """A."""\n    @property\n    def f(self):\n        return 1\n', "A.f"),
        ('"""M."""\nclass A(Protocol):\n    """A."""\n    def f(self):\n        ...\n', "A.f"),
        ('"""M."""\nclass A:\n    """A."""\n    class B:\n        pass\n', "A.B"),
    ],
)
def test_what_is_not_documented_is_found(planted, text, where):
    assert undocumented(planted("nodes/x.py", text)) == [f"nodes/x.py: {where}"]


def test_a_protocol_that_does_something_is_found(planted):
    text = '"""M."""\nclass A(Protocol):\n    """A."""\n    def f(self):\n        """Do."""\n        return 1\n'
    assert len(undocumented(planted("nodes/x.py", text))) == 1
    assert undocumented(planted("nodes/x.py", text.replace("return 1", "..."))) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        '"""M."""\ndef _f():\n    pass\n',
        '"""M."""\nclass _A:\n    def f(self):\n        pass\n',
        '"""M."""\nclass A:\n    """A."""\n    def __init__(self):\n        pass\n    def _f(self):\n        pass\n',
        '"""M."""\ndef f():\n    """Do."""\n    def g():\n        pass\n',
    ],
)
def test_what_is_private_needs_no_docstring(planted, text):
    assert undocumented(planted("nodes/x.py", text)) == []


@pytest.mark.parametrize("place", ["harness/utils.py", "nodes/common/log.py", "tests/helpers.py"])
def test_a_drawer_is_found(planted, place):
    assert len(drawer(planted(place, ""))) == 1
