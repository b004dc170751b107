"""Who may import what: the arrows between the packages, and the few files that know a library.

harness → everything; workloads → checkers, nodes; nemesis, checkers, nodes → nothing of the others
"""

from __future__ import annotations

import ast
import sys
from fnmatch import fnmatch

import pytest

ARROWS = {
    "nodes": {"nodes"},
    "nemesis": {"nemesis"},
    "checkers": {"checkers"},
    "workloads": {"workloads", "checkers", "nodes"},
    "harness": {"harness", "workloads", "checkers", "nemesis", "nodes"},
}

HARMLESS = {
    "__future__", "abc", "array", "bisect", "collections", "contextlib", "copy", "dataclasses", "difflib", "enum",
    "fractions", "functools", "hashlib", "heapq", "itertools", "json", "math", "operator", "random", "re", "statistics",
    "string", "struct", "traceback", "types", "typing", "zlib",
}  # fmt: skip
"""What may be imported where nothing may touch the world. (`random`: see test_determinism.py.)"""
MORE_STANDARD_LIBRARY = {"nodes/registry.py": {"importlib"}}
"""Systems are imported by name, when they are asked for."""

LIBRARIES = {
    "networkx": ["nemesis/topology.py"],
    "msgspec": ["harness/codec.py"],
    "tomli_w": ["harness/scenario.py"],
    "click": ["harness/cli/*.py"],
    "rich": ["harness/console.py", "harness/torture_console.py", "harness/summary.py"],
    "anyio": ["harness/live.py", "harness/live_lasting.py", "harness/run.py", "harness/environments/*.py"],
    "docker": ["harness/environments/container*.py", "harness/environments/images.py", "harness/doctor.py"],
}
"""Where each library may be imported; anywhere else is a mistake."""
LIBRARIES |= dict.fromkeys(("requests", "urllib3"), LIBRARIES["docker"])  # docker's exceptions are theirs
ONLY_INSIDE_FUNCTIONS = {"networkx", "docker", "requests", "urllib3", "anyio"}
HEADS_THAT_MAY = {"anyio": ["harness/live.py", "harness/live_lasting.py", "harness/environments/*.py"]}
"""Heavy libraries are imported where they are used, except in files that are themselves imported so."""


def imports(tree):
    """Yield (dotted name, is at the head of the file, line)."""
    inside = {id(node) for function in functions(tree) for node in ast.walk(function)}
    for node in ast.walk(tree):
        at_head = id(node) not in inside
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, at_head, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: an import relative to the folder"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", at_head, node.lineno


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)]


def may_touch_the_world(place):
    return place.startswith(("harness/", "nodes/host/"))


def allowed_in(place, patterns):
    return any(fnmatch(place, pattern) for pattern in patterns)


def wrong_imports(source):
    """Say what a file imports and may not."""
    place, package = source.place, source.place.split("/")[0]
    found = []
    for name, at_head, line in imports(source.tree):
        top, *rest = name.split(".")
        where = f"{place}:{line}: {name}"
        if top == "keelhaul":
            if rest[0] not in ARROWS[package]:
                found.append(f"{where}: {package} may not know {rest[0]}")
        elif top in LIBRARIES:
            if not allowed_in(place, LIBRARIES[top]):
                found.append(f"{where}: only {', '.join(LIBRARIES[top])} may import {top}")
            elif at_head and top in ONLY_INSIDE_FUNCTIONS and not allowed_in(place, HEADS_THAT_MAY.get(top, [])):
                found.append(f"{where}: {top} is imported inside the function that uses it")
        elif top not in sys.stdlib_module_names:
            found.append(f"{where}: no library that we know")
        elif not may_touch_the_world(place) and top not in HARMLESS | MORE_STANDARD_LIBRARY.get(place, set()):
            found.append(f"{where}: {package} doesn't touch the world")
    return found


def test_nothing_imports_what_it_may_not(sources):
    assert [wrong for source in sources for wrong in wrong_imports(source)] == []


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("nodes/raft/x.py", "from keelhaul.checkers.history import Row"),
        ("nodes/raft/x.py", "def f():\n    import keelhaul.harness.codec"),
        ("nodes/x.py", "from keelhaul import harness"),
        ("nemesis/x.py", "from keelhaul.nodes.events import Body"),
        ("checkers/x.py", "from keelhaul.nemesis.plan import Plan"),
        ("checkers/x.py", "from keelhaul.workloads.register import make"),
        ("workloads/x.py", "from keelhaul.nemesis.plan import Plan"),
        ("workloads/x.py", "from keelhaul.harness import seeds"),
        ("nodes/x.py", "import os"),
        ("nodes/raft/x.py", "from pathlib import Path"),
        ("nodes/raft/x.py", "import asyncio.streams"),
        ("nodes/raft/x.py", "def f():\n    import time"),
        ("nodes/host/x.py", "import msgspec"),
        ("nemesis/x.py", "import socket"),
        ("checkers/x.py", "import importlib"),
        ("checkers/x.py", "import networkx"),
        ("workloads/x.py", "import threading"),
        ("nemesis/topology.py", "import networkx"),
        ("nemesis/planner.py", "def f():\n    from networkx import circulant_graph"),
        ("harness/store.py", "import msgspec.json"),
        ("harness/store.py", "import click"),
        ("harness/torture.py", "from rich.console import Console"),
        ("harness/simulation/x.py", "import anyio"),
        ("harness/run.py", "import anyio"),
        ("harness/run.py", "def f():\n    import docker"),
        ("harness/environments/containers.py", "import docker"),
        ("harness/x.py", "import numpy"),
    ],
)
def test_a_wrong_import_is_found(planted, place, text):
    assert len(wrong_imports(planted(place, text))) == 1


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("nodes/raft/x.py", "from keelhaul.nodes.events import Body\nfrom random import Random"),
        ("nodes/host/x.py", "import asyncio, os, time"),
        ("nemesis/topology.py", "def f():\n    from networkx import circulant_graph"),
        (
            "workloads/x.py",
            "from keelhaul.checkers.checker import Checker\nfrom keelhaul.nodes.errors import ErrorCode",
        ),
        ("harness/environments/container_engine.py", "def f():\n    import docker.errors"),
        ("harness/codec.py", "import msgspec"),
    ],
)
def test_a_right_import_is_not(planted, place, text):
    assert wrong_imports(planted(place, text)) == []


def test_an_import_relative_to_the_folder_is_refused(planted):
    with pytest.raises(AssertionError, match="relative"):
        wrong_imports(planted("nodes/x.py", "from . import events"))
