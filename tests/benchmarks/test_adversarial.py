"""What benchmarks of budgets rest on."""

import pytest

from benchmarks import adversarial


def test_a_process_that_is_too_large_is_refused(monkeypatch):
    """Its size would count for each that it begins: all would be unknown at once, and nothing measured."""
    monkeypatch.setattr(adversarial, "resident_mb", lambda: 0.6 * adversarial.LIMIT_MB)
    with pytest.raises(AssertionError, match="this process's size"):
        adversarial.run(0)
