"""Which processes count as leftovers. That they are really ended: tests/processes/test_leftovers.py."""

from __future__ import annotations

import pytest

from keelhaul.harness.environments.leftovers import HostProcess, is_orphan

COMMAND = ("python", "-P", "-m", "keelhaul.nodes.host", "--name", "n1", "--cluster", "r", "--harness-pid", "100")


@pytest.mark.parametrize(
    ("parent", "command", "expected"),
    [
        (100, COMMAND, False),
        (1, COMMAND, True),
        (99, COMMAND, True),
        (1, COMMAND[:-2], False),
        (1, COMMAND[:-1], False),
        (1, (*COMMAND[:-1], "abc"), False),
        (1, ("bash", "-c", " ".join(COMMAND)), False),
        (1, ("grep", "keelhaul.nodes.host", "--harness-pid", "100"), False),
        (1, ("",), False),
    ],
)
def test_only_a_host_whose_true_parent_is_not_its_harness_is_an_orphan(parent, command, expected):
    assert is_orphan(HostProcess(7, parent, command)) is expected
