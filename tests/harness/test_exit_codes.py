"""Exit codes: what other programs rely on."""

from __future__ import annotations

import pytest

from keelhaul.harness.exit_codes import of_run, of_runs


@pytest.mark.parametrize(("verdict", "code"), [("valid", 0), ("invalid", 1), ("unknown", 2)])
def test_a_run(verdict, code):
    assert of_run(verdict, interrupted=False) == code
    assert of_run(verdict, interrupted=True) == 130


@pytest.mark.parametrize(
    ("verdict", "interrupted", "harness_failed", "code"),
    [
        ("valid", False, False, 0),
        ("unknown", False, False, 2),
        ("unknown", False, True, 255),
        ("unknown", True, True, 130),
        ("valid", True, False, 130),
        ("invalid", False, False, 1),
        ("invalid", True, True, 1),
        ("invalid", False, True, 1),
    ],
)
def test_over_many_runs_a_violation_outranks_everything(verdict, interrupted, harness_failed, code):
    assert of_runs(verdict, interrupted=interrupted, harness_failed=harness_failed) == code
